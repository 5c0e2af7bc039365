"""Subcommands of ``acadl``: each module has the function ``command``."""
