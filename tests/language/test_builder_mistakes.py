"""Wrong use of the builder from Python: a message of the project, whatever is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import acadl
from acadl.errors import AcadlError

Use = Callable[[Any], object]


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda b: b.sram("m", addresses=()), "'addresses' of sram 'm' is (); expected a start and an end"),
        (lambda b: b.sram("m", addresses=(1, 2, 3)), "a start and an end"),
        (lambda b: b.sram("m", addresses=[(0, 1), (2,)]), "a start and an end"),
        (lambda b: b.stage("s", latency=1.5), "'latency' of stage 's' is 1.5; expected a number"),
        (lambda b: b.stage("s", latency=None), "'latency' of stage 's' is None"),
        (lambda b: b.stage("s", latency={"a": 1}), "expected a number"),
        (lambda b: b.forward("ifs", 3), "3 is no end of an edge"),
        (lambda b: b.forward("ifs", []), "[] is no end of an edge"),
        (lambda b: b.forward("ifs", [None]), "is no end of an edge"),
        (lambda b: b.forward(), "an edge '->' has two ends at least"),
        (lambda b: b.instance("x", "cell"), "'x' is an instance of 'cell'; expected what template"),
        (lambda b: b.instance("x", b.template("cell"), width=2.5), "2.5 is no value of a description"),
        (lambda b: b.const("n", None), "None is no value of a description"),
        (lambda b: b.stage("no name").path and b.build(), "no name"),
        (lambda b: b.stage("s", latncy=1) and b.build(), "did you mean 'latency'"),
        (lambda b: b.build(), "fetch"),
        (lambda b: list(b.stage("s")), "'s' cannot be iterated"),
        (lambda b: "x" in b.stage("s"), "'s' cannot be iterated"),
    ],
)
def test_wrong_use_is_an_error_of_the_project(use: Use, message: str) -> None:
    builder = acadl.Builder("machine", clock="1 GHz")
    with pytest.raises(AcadlError) as caught:
        use(builder)
    hints = [f"{each.message} {each.hint}" for each in caught.value.diagnostics]
    assert message in "\n".join([str(caught.value), *hints])


def test_names_may_stand_for_parts() -> None:
    builder = acadl.Builder("machine", clock="1 GHz")
    builder.forward("ifs", ["ex", "ld"])
    assert "ifs -> {ex, ld}" in "\n".join(builder._lines())
