"""The command ``acadl``: one file per subcommand under ``platforms.commands``, imported when it is needed.

Exit status: 0 done, 1 findings (diagnostics, something that could not be done), 2 wrong usage,
130 interrupted.
"""

from __future__ import annotations

import gc
import io
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Entry point of the console script."""
    # nearly all that a command makes is needed until its end: the collector need not look so often
    gc.set_threshold(50_000, 20, 20)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what the terminal's encoding lacks
    try:
        # here, not above: an interrupt while this is being imported ends like any other
        from platforms.command_group import cli

        cli()
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("interrupted\n")
        sys.exit(130)
    raise AssertionError("unreachable: the group exits")


if __name__ == "__main__":
    main()
