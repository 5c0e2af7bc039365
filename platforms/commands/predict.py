"""``acadl predict``: latencies by a fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from platforms.commands._options import json_option, print_json

if TYPE_CHECKING:
    from platforms.estimators.cross_validation import Errors

SHOWN = 20  # rows as text


@click.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False))
@click.argument("data", type=click.Path(exists=True, dir_okay=False))
@click.option("--target", "-t", metavar="COLUMN", help="Column with measured latencies, to be compared with.")
@click.option("--where", metavar="EXPR", help="Only rows for which this holds: 'device=jetson_tx2'.")
@click.option(
    "--confidence", type=click.FloatRange(0.05, 0.95), default=0.9, show_default=True,
    help="Share of layers that the bounds are to hold for.",
)  # fmt: skip
@json_option
def command(
    model: str, data: str, target: str | None, where: str | None, confidence: float, as_json: bool
) -> None:
    """Estimate the layers in the table DATA with MODEL, a file of `acadl fit`.

    With --target, rows without a positive measurement are left out, and errors are reported.
    """
    from platforms.estimators.cross_validation import errors
    from platforms.estimators.measurements import layers_of, read_measurements, read_table
    from platforms.estimators.model_file import load_model
    from platforms.messages import warn

    fitted = load_model(model)
    if target is None:
        table = read_table(data, where)
        layers, lines = layers_of(table), table.lines
        measured = None
    else:
        measured = read_measurements(data, target, None, where)
        layers, lines = measured.layers, measured.lines
    for op in fitted.unmeasured(layers):
        warn(f"{model} was fitted without layers of kind '{op}': it guesses them")
    estimate = fitted.predict(layers, confidence)
    rows: list[dict[str, Any]] = []
    for i, line in enumerate(lines):
        bounds = {"lower": float(estimate.lower[i]), "upper": float(estimate.upper[i]), "level": confidence}
        row: dict[str, Any] = {
            "line": line,
            "op": layers.ops[i],
            "predicted": float(estimate.latency[i]),
            "confidence": bounds,
        }
        if measured is not None:
            of = float(measured.latency[i])
            row |= {"measured": of, "error_percent": 100 * (float(estimate.latency[i]) / of - 1)}
        rows.append(row)
    found = None if measured is None else errors(estimate.latency, measured.latency)
    inside = None
    if measured is not None:
        within = (measured.latency >= estimate.lower) & (measured.latency <= estimate.upper)
        inside = 100 * float(within.mean())
    if as_json:
        print_json(_summary(fitted.kind, fitted.target, found, inside, rows))
    else:
        _print(rows, found, inside, confidence)


def _summary(
    kind: str, target: str, found: Errors | None, inside: float | None, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "kind": kind,
        "model_target": target,
        "mape": None if found is None else found.mape,
    }
    if found is not None:
        result |= {"median_error": found.median, "p90_error": found.p90, "bias": found.bias}
        result["inside_bounds_percent"] = inside
    return result | {"rows": rows}


def _print(rows: list[dict[str, Any]], found: Errors | None, inside: float | None, confidence: float) -> None:
    for row in rows[:SHOWN]:
        bounds = row["confidence"]
        text = f"line {row['line']:>5}  {row['op']:10} {row['predicted']:12.5g}"
        text += f"  {bounds['lower']:.5g} to {bounds['upper']:.5g}"
        if "measured" in row:
            text += f"  measured {row['measured']:.5g} ({row['error_percent']:+.1f} %)"
        click.echo(text)
    if len(rows) > SHOWN:
        click.echo(f"… and {len(rows) - SHOWN} more; --json prints all")
    if found is not None:
        click.echo(
            f"mean error {found.mape:.2f} %, median {found.median:.2f} %, 90 % within {found.p90:.2f} %, "
            f"bias {found.bias:+.2f} %; {inside:.1f} % lie within the bounds for {100 * confidence:g} %"
        )
