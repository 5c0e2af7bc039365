"""``docs/operators.md`` claims nothing that does not hold."""

from __future__ import annotations

import numpy as np
import pytest

import mappings
from acadl.errors import AcadlError
from benchmarks.operator_cases import CASES
from benchmarks.operators import COMMAND, PAGE, Cell, Outcome, attribute_rows, column, machines, outcome
from benchmarks.tables import table
from benchmarks.workloads import accelerators
from mappings.layers import Layer, layer_problems
from tests.mappings.oracle import reference

PLATFORMS = [name for name, _ in accelerators()]


def written(name: str) -> str:
    """What the page has between the markers."""
    page = PAGE.read_text(encoding="utf-8")
    return page.split(f"<!-- begin: {COMMAND} {name} -->")[1].split("<!-- end:")[0].strip()


def columns() -> dict[str, dict[str, str]]:
    """The table of the page: platform, operator, cell."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in written("table").splitlines()]
    return {
        name: {line[0]: line[position] for line in lines[2:]}
        for position, name in enumerate(lines[0])
        if position
    }


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_table_claims_nothing_that_does_not_hold(platform: str) -> None:
    """No result is wrong, on any platform there is; and a result that the page promises is still there."""
    found = column(platform)
    assert not [name for name, cell in found.items() if Outcome.WRONG in cell.outcomes]
    for operator, said in columns().get(platform, {}).items():
        assert found[operator].holds(said), f"{operator}: the page says {said}, found {found[operator]}"


def test_the_attributes_are_up_to_date() -> None:
    assert written("attributes") == table(list(attribute_rows()))
    assert list(columns()["oma"]) == list(CASES)


@pytest.mark.parametrize("platform", ["oma", "systolic_array", "gemmini", "axis_sa"])
def test_the_table_is_up_to_date(platform: str) -> None:
    assert columns()[platform] == {name: str(cell) for name, cell in column(platform).items()}


def test_every_case_makes_sense() -> None:
    for layers in CASES.values():
        assert not [problem for layer in layers for problem in layer_problems(layer)]


def test_a_claim_that_is_better_than_what_was_found_does_not_hold() -> None:
    cell = Cell((Outcome.EXACT, Outcome.WITHIN_ONE, Outcome.TIMED_ONLY))
    assert cell.holds("exact 1, ±1 1, cost only 1")
    assert cell.holds("±1 1, cost only 2")
    assert not cell.holds("exact 2, cost only 1")
    assert not cell.holds("exact 1, ±1 2")


def test_a_wrong_result_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping that is off by one in one number shows as ±1, by two as wrong."""
    from mappings.library import oma

    read = oma.read_output
    layer = CASES["GEMM"][0]
    for error, word in ((0, Outcome.EXACT), (1, Outcome.WITHIN_ONE), (2, Outcome.WRONG)):

        def changed(*arguments: object, error: int = error) -> object:
            output = read(*arguments).astype(int)
            output.reshape(-1)[3] += error
            return output

        monkeypatch.setattr(oma, "read_output", changed)
        assert outcome(layer, machines("oma")[0]) == word


def test_means_without_padding_are_over_what_is_there() -> None:
    """Nine ones in a 3 × 3 window of padding 1: corners see 4 of 4, or 4 of 9."""
    shape = {"op": "avgpool", "H": 3, "W": 3, "R": 3, "S": 3, "pad_h": 1, "pad_w": 1}
    x = np.full((1, 1, 3, 3), 90, np.int8)
    counted = reference(Layer(name="l", **shape), [x], None, None)
    left_out = reference(Layer(name="l", count_include_pad=False, **shape), [x], None, None)
    assert counted[0, 0].tolist() == [[40, 60, 40], [60, 90, 60], [40, 60, 40]]
    assert left_out[0, 0].tolist() == [[90] * 3] * 3


def test_an_attention_multiplies_what_its_definition_says() -> None:
    """Projections of every token, and two products per head over all keys."""
    layers = mappings.attention("a", batch=2, queries=3, past=4, width=10, heads=5, kv_heads=1, head_size=6)
    by_name = {layer.name.removeprefix("a."): layer for layer in layers}
    assert list(by_name) == ["q", "k", "v", "scores", "softmax", "context", "out"]
    tokens, keys, heads = 2 * 3, 7, 5 * 6
    assert by_name["q"].macs == by_name["out"].macs == tokens * 10 * heads
    assert by_name["k"].macs == by_name["v"].macs == tokens * 10 * 6
    assert by_name["scores"].macs == by_name["context"].macs == tokens * keys * heads
    assert by_name["softmax"].N == 2 * 5 * 3
    assert tokens + 1 == by_name["softmax"].C
    assert by_name["out"].inputs == ("a.context",)


def test_a_cross_attention_has_the_keys_of_the_other_sequence() -> None:
    layers = mappings.attention("a", queries=3, memory=11, width=8, heads=2)
    assert [layer.gemm_M for layer in layers if layer.op == "fc"] == [3, 11, 11, 3]
    assert [layer.gemm_N for layer in layers if layer.op == "gemm"] == [11, 4]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"heads": 4, "kv_heads": 3}, "4 query heads and 3 heads of keys and values"),
        ({"heads": 3}, "3 heads do not divide a width of 8; give head_size"),
    ],
)
def test_heads_that_do_not_fit_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(AcadlError, match=message):
        mappings.attention("a", queries=1, width=8, **sizes)
