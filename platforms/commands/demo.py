"""``acadl demo``: the main job on shipped input."""

from __future__ import annotations

import click

from platforms.commands._options import json_option, print_json

NETWORK = "alexnet"
PLATFORMS = ("gemmini", "systolic_array")


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Estimate AlexNet on two shipped accelerators, layer by layer."""
    from platforms.messages import clear_progress, progress_line, warn_unmapped
    from platforms.report import print_report
    from platforms.whole_network import estimate

    reports = []
    for name in PLATFORMS:
        report = estimate(name, NETWORK, progress=progress_line())
        clear_progress()
        reports.append(report)
        warn_unmapped(report.unmapped)
        if not as_json:
            print_report(report, ())
            click.echo()
    if as_json:
        print_json({"estimates": [report.to_dict() for report in reports]})
        return
    click.echo(
        "next: acadl list; acadl estimate gemmini --network resnet18; acadl draw gemmini -o gemmini.svg"
    )
