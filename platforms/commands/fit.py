"""``acadl fit``: a model of a device from measured layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from platforms.commands._options import json_option, print_json
from platforms.commands._outputs import check_outputs
from platforms.commands.measure import Width

if TYPE_CHECKING:
    from platforms.estimators.model import Model


@click.command()
@click.argument("kind")
@click.argument("data", type=click.Path(exists=True, dir_okay=False))
@click.option("--target", "-t", required=True, metavar="COLUMN", help="Column with the measured latency.")
@click.option("--group", metavar="COLUMN", help="Rows with the same text here are never split (network).")
@click.option("--where", metavar="EXPR", help="Only rows for which this holds: 'device=jetson_tx2'.")
@click.option(
    "--representative", "widths", type=Width(), multiple=True,
    help="Width of a step that is known, for pr: c_out=16; repeatable. Otherwise widths are fitted.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything random.")
@click.option("--output", "-o", required=True, metavar="MODEL.json", help="The model is written here.")
@json_option
def command(
    kind: str,
    data: str,
    target: str,
    group: str | None,
    where: str | None,
    widths: tuple[tuple[str, int], ...],
    seed: int,
    output: str,
    as_json: bool,
) -> None:
    """Fit an estimator of KIND to the measured layers in DATA.

    KIND is roofline, refined_roofline, statistical, mixed, stepwise, pr, or auto: the one that errs least
    on rows that were left out, group by group. Columns with sizes are recognised by their names (c_in,
    c_out, h_in, k_h, …).
    """
    from platforms.estimators.fitting import fit
    from platforms.estimators.measurements import read_measurements
    from platforms.estimators.model_file import write_model
    from platforms.estimators.representatives import Representatives
    from platforms.messages import clear_progress, progress_line, warn

    check_outputs({"the model": output}, [("the table of measurements", data)])
    measured = read_measurements(data, target, group, where)
    if measured.skipped:
        warn(f"{data}: {measured.skipped} rows without a positive '{target}' are left out")
    line = progress_line()
    try:
        model = fit(
            kind,
            measured,
            where=where or "",
            group=group or "",
            seed=seed,
            known=Representatives({"": dict(widths)}) if widths else None,
            progress=None if line is None else lambda name, done, total: line(done - 1, total, name),
        )
    finally:
        clear_progress()
    write_model(model, output)
    if as_json:
        print_json(_summary(model, output))
    else:
        _print(model, output)


def _summary(model: Model, output: str) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "kind": model.kind,
        "target": model.target,
        "model": output,
        "mape": model.errors.mape,
        **{f"cross_validation_{name}": value for name, value in asdict(model.errors).items()},
        "rows": model.provenance.rows,
        "provenance": asdict(model.provenance),
    }


def _print(model: Model, output: str) -> None:
    e = model.errors
    click.echo(f"{model.kind} of {model.target}, fitted to {model.provenance.rows} rows: {output}")
    click.echo(
        f"on rows left out: mean error {e.mape:.2f} %, median {e.median:.2f} %, 90 % of the rows within "
        f"{e.p90:.2f} %, bias {e.bias:+.2f} %"
    )
