"""``acadl explain``: the long form of a diagnostic."""

from __future__ import annotations

import click

from platforms.commands._options import json_option, print_json


@click.command()
@click.argument("code")
@json_option
def command(code: str, as_json: bool) -> None:
    """Say what a diagnostic such as E0201 means, with an example that is right."""
    from acadl.explaining import explain

    explanation = explain(code)
    if as_json:
        print_json(explanation.to_dict())
    else:
        click.echo(str(explanation), nl=False)
