"""``acadl list``: what ships."""

from __future__ import annotations

import click

from platforms.commands._options import json_option, print_json


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List what ships: platforms, systems of several cores, networks, DRAM configurations, kinds of
    estimators."""
    from dram.configurations import all_names
    from mappings.network import network_names
    from platforms.catalog import platform_names
    from platforms.estimators.kinds import KINDS
    from platforms.soc.systems import system_names

    shipped = {
        "platforms": list(platform_names()),
        "systems": list(system_names()),
        "networks": list(network_names()),
        "dram_configs": list(all_names()),
        "estimators": list(KINDS),
    }
    if as_json:
        print_json(shipped)
        return
    for title, names in shipped.items():
        if names:
            click.echo(f"{title}: {', '.join(names)}")
