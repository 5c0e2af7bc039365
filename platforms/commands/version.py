"""``acadl version``: versions of everything that figures depend on."""

from __future__ import annotations

import platform

import click

from platforms.commands._options import json_option, print_json

PACKAGES = ("simpy", "networkx", "numpy", "lark", "onnx", "numba")


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Print the versions of acadl, Python and the packages that matter."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from platforms.version import version

    versions = {"acadl": version(), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = installed(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    if as_json:
        print_json(versions)
        return
    for name, text in versions.items():
        click.echo(f"{name} {text}")
