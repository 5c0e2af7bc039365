"""Work distribution: schedules by hand and by schedulers, layers cut into parts, pipelines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.errors import AcadlError
from mappings import Layer, load_network
from mappings.layers import layer_problems
from mappings.network import Network
from platforms.soc.chips import Chip, CorePlace
from platforms.soc.distribution import Alone, Estimator
from platforms.soc.list_scheduling import Options, by_rank, list_schedule
from platforms.soc.phases import Phase
from platforms.soc.pipelining import pipeline_schedule, stretches
from platforms.soc.planning import Planning, plan_of
from platforms.soc.prediction import predict
from platforms.soc.programs import build
from platforms.soc.schedule import Placement, Schedule
from platforms.soc.schedule_file import load_schedule, save_schedule, schedule_text
from platforms.soc.schedule_search import search
from platforms.soc.simulation import simulate
from platforms.soc.splitting import needed_rows, rows, shares, split
from tests.soc.shipped import L2

PLACE = CorePlace("a", "gemmini")
PAIR = Chip("pair", (PLACE, replace(PLACE, name="b")), L2)
MIXED = Chip("mixed", (PLACE, replace(PLACE, name="b"), CorePlace("v", "simd")), L2)
CONV = Layer(name="c1", op="conv", C=16, H=14, W=14, K=32, R=3, S=3)
RELU = Layer(name="r1", op="relu", C=32, H=12, W=12, inputs=("c1",))
NEXT = Layer(name="c2", op="conv", C=32, H=12, W=12, K=32, R=3, S=3, inputs=("r1",))


def network(*layers: Layer) -> Network:
    return Network("small", layers)


class Table(Estimator):
    """Cycles by multiply-accumulates or elements: no architecture is evaluated."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip

    def alone(self, core: int, layer: Layer) -> Alone | str:
        place = self._chip.cores[core]
        if place.operators and layer.op not in place.operators:
            return f"'{place.name}' is not given {layer.op}"
        work = layer.macs // 16 if layer.macs else layer.output_elements
        return Alone(work, layer.input_elements + layer.weight_elements, layer.output_elements)


def _grouped(layer: Layer) -> Layer:
    return replace(layer, groups=layer.C) if layer.op == "dwconv" else layer


def windows() -> st.SearchStrategy[Layer]:
    return st.builds(
        Layer, name=st.just("w"), op=st.sampled_from(["conv", "dwconv", "maxpool"]), C=st.just(8),
        K=st.just(8), H=st.integers(5, 20), W=st.integers(5, 9), R=st.integers(1, 4), S=st.integers(1, 4),
        stride_h=st.integers(1, 3), stride_w=st.integers(1, 2), pad_h=st.integers(0, 2),
        dilation_h=st.integers(1, 2), groups=st.just(1), ceil_mode=st.just(False),
    ).map(_grouped).filter(lambda layer: layer.OH > 0 and layer.OW > 0 and layer.pad_h < layer.R)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(windows(), st.integers(1, 9))
def test_tiles_compute_all_rows_from_the_rows_that_they_need(layer: Layer, wanted: int) -> None:
    parts = split(layer, wanted, "tile")
    if wanted > rows(layer):
        assert parts is None
        return
    assert parts is not None
    assert sum(part.OH for part in parts) == layer.OH
    for part, (first, last) in zip(parts, shares(layer.OH, wanted), strict=True):
        assert not layer_problems(part)
        assert last - first == part.OH and part.OW == layer.OW
        low, high = needed_rows(layer, first, last)
        assert high - low == part.H or wanted == 1  # what is not cut keeps rows that nothing reads
        # the taps of each row of the output, inside the input, lie in the rows of the part
        for row in range(first, last):
            taps = [row * layer.stride_h - layer.pad_h + r * layer.dilation_h for r in range(layer.R)]
            assert all(low <= tap < high for tap in taps if 0 <= tap < layer.H)


@pytest.mark.parametrize(
    ("layer", "how", "field"),
    [
        (replace(CONV, K=31), "channel", "K"),
        (replace(CONV, N=7), "batch", "N"),
        (RELU, "channel", "C"),
        (Layer(name="f", op="fc", gemm_M=5, gemm_N=11, gemm_K=8), "channel", "gemm_N"),
        (Layer(name="f", op="fc", gemm_M=5, gemm_N=11, gemm_K=8), "tile", "gemm_M"),
        (Layer(name="g", op="gemm", gemm_M=5, gemm_N=11, gemm_K=8, gemm_batch=6), "batch", "gemm_batch"),
    ],
)
def test_parts_are_as_equal_as_can_be(layer: Layer, how: str, field: str) -> None:
    parts = split(layer, 3, how)
    assert parts is not None
    sizes = [getattr(part, field) for part in parts]
    assert sum(sizes) == getattr(layer, field) and max(sizes) - min(sizes) <= 1
    assert sum(part.output_elements for part in parts) == layer.output_elements
    assert sum(part.macs for part in parts) == layer.macs
    assert split(layer, 100, how) is None


def test_what_cannot_be_cut_stays_whole() -> None:
    assert split(Layer(name="s", op="softmax", C=10, H=4), 2) is None
    assert split(replace(CONV, groups=2), 2) is None
    assert rows(Layer(name="t", op="transpose", C=10, H=4)) == 1


def test_the_longest_way_goes_first() -> None:
    layers = (
        replace(CONV, name="start"),
        replace(CONV, name="short", inputs=("start",), K=8),
        replace(CONV, name="long", inputs=("start",), K=64),
        replace(CONV, name="end", inputs=("long",), C=64, H=12, W=12),
    )
    net = network(*layers)
    options = Options(PAIR, net, Table(PAIR))
    assert by_rank(net, options) == ["start", "long", "end", "short"]


@st.composite
def networks(draw) -> Network:
    """Convolutions and ReLUs, each reading some before it."""
    layers: list[Layer] = []
    for number in range(draw(st.integers(1, 9))):
        before = [layer.name for layer in layers]
        inputs = tuple(draw(st.lists(st.sampled_from(before), max_size=2, unique=True))) if before else ()
        op = draw(st.sampled_from(["conv", "relu"]))
        layers.append(
            Layer(name=f"l{number}", op=op, C=8, H=12, W=12, K=8, R=3, S=3, pad_h=1, pad_w=1, inputs=inputs)
            if op == "conv"
            else Layer(name=f"l{number}", op=op, C=8, H=12, W=12, inputs=inputs)
        )
    return network(*layers)


def alone_order(chip: Chip, net: Network, schedule: Schedule) -> float:
    plan = build(chip, net, schedule, Table(chip))
    work = [sum(phase.cycles for phase in program) for program in plan.phases]
    total = predict(plan.phases, float("inf"))
    assert max(work) <= total + 1e-6
    return total


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(1, 5), st.integers(0, 3))
def test_schedules_of_generated_networks_can_be_carried_out(net: Network, tiles: int, buffer: int) -> None:
    table = Table(MIXED)
    options = Options(MIXED, net, table)
    listed = list_schedule(MIXED, net, options)
    piped = pipeline_schedule(MIXED, net, options, table, tiles=tiles, buffer=buffer)
    for schedule in (listed, piped):
        assert {placement.layer for placement in schedule.placements} == {layer.name for layer in net.layers}
        alone_order(MIXED, net, schedule)
    found = search(MIXED, net, options, table, bytes_per_cycle=16, budget=20, seed=3)
    assert found.cycles <= found.list_cycles
    assert found == search(MIXED, net, options, table, bytes_per_cycle=16, budget=20, seed=3)
    alone_order(MIXED, net, found.schedule)


def test_a_search_finds_what_the_list_does_not() -> None:
    # the longest first: 3 and 3, then 2 and 2, and the last 2 on top; 3 + 3 beside 2 + 2 + 2 is better
    layers = [replace(CONV, name="n", K=k, inputs=("none",)) for k in (48, 48, 32, 32, 32)]
    layers = [replace(layer, name=f"n{number}") for number, layer in enumerate(layers)]
    net = network(*layers)
    one = Chip("uneven", (PLACE, replace(PLACE, name="b", operators=frozenset({"conv"}))), L2)
    table = Table(one)
    options = Options(one, net, table)
    found = search(one, net, options, table, bytes_per_cycle=1e9, budget=800, seed=1)
    total = sum(options.by_layer[layer.name][0].cycles for layer in layers)
    assert found.cycles == pytest.approx(total / 2) and found.cycles < found.list_cycles


@given(st.lists(st.integers(1, 50), max_size=9), st.integers(1, 4))
def test_stretches_are_the_best(loads: list[int], count: int) -> None:
    import itertools

    found = stretches(loads, count)
    assert found == sorted(found) and max(found, default=0) < count
    sums = [sum(load for load, s in zip(loads, found, strict=True) if s == n) for n in range(count)]
    cuts = itertools.combinations_with_replacement(range(len(loads) + 1), count - 1)
    best = min(max(sum(loads[a:b]) for a, b in itertools.pairwise([0, *cut, len(loads)])) for cut in cuts)
    assert max(sums) == best


def test_tiles_let_the_next_layer_begin() -> None:
    net = network(CONV, RELU, NEXT)
    table = Table(MIXED)
    whole = pipeline_schedule(MIXED, net, Options(MIXED, net, table), table, tiles=1)
    tiled = pipeline_schedule(MIXED, net, Options(MIXED, net, table), table, tiles=4, buffer=2)
    assert {placement.layer: placement.cores for placement in tiled.placements} == {
        "c1": ("a",), "r1": ("a",), "c2": ("b",),
    } or len({placement.cores for placement in tiled.placements}) > 1  # fmt: skip
    assert alone_order(MIXED, net, tiled) < alone_order(MIXED, net, whole)


def test_a_full_buffer_holds_up_who_fills_it() -> None:
    """Producer 12 tiles of 100 cycles, consumer 12 of 300: with room for one the producer waits."""
    producer = Layer(name="p", op="relu", C=1, H=12, W=100)
    consumer = Layer(name="q", op="conv", C=1, H=12, W=100, K=48, R=1, S=1, inputs=("p",))
    net = network(producer, consumer)
    table = Table(PAIR)

    def begins(buffer: int) -> list[int]:
        schedule = Schedule(
            "pair",
            "small",
            (Placement("p", ("a",), tiles=12, buffer=buffer), Placement("q", ("b",), tiles=12)),
        )
        plan = build(PAIR, net, schedule, table)
        return [max((number for _, number in phase.after), default=-1) for phase in plan.phases[0]]

    assert begins(0) == [-1] * 12
    assert begins(1) == [-1, *range(11)]
    assert begins(3) == [-1, -1, -1, *range(9)]


def test_layers_that_would_wait_for_each_other_are_named() -> None:
    net = network(CONV, replace(NEXT, inputs=("c1",)))
    schedule = Schedule(
        "pair", "small", (Placement("c1", ("a",), tiles=6, buffer=1), Placement("c2", ("b",)))
    )
    with pytest.raises(AcadlError, match=r"layers wait for each other: c.*room for more tiles .* 1 of 'c1'"):
        build(PAIR, net, schedule, Table(PAIR))


def test_a_schedule_is_written_and_read_again(tmp_path: Path) -> None:
    net, file = network(CONV, RELU, NEXT), tmp_path / "s.json"
    first = simulate(MIXED, net, planning=Planning("pipeline", tiles=3, buffer=1))
    save_schedule(file, first.schedule)
    assert load_schedule(file, MIXED, net, Table(MIXED)) == first.schedule
    again = simulate(MIXED, net, schedule=file)
    assert again.layers == first.layers and again.total_cycles == first.total_cycles
    assert {part.tile for part in first.layers} == {0, 1, 2}
    assert json.loads(file.read_text())["layers"][0]["layer"] == "c1"


def test_all_that_is_wrong_in_a_schedule_is_said_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text(
        """{"format": "acadl schedule 1", "system": "mixed", "network": "small",
 "layers": [
  {"layer": "r1", "cores": ["v"]},
  {"layer": "c1", "cores": ["a", "bb"], "splitt": "channel"},
  {"layer": "cx1", "cores": ["a"], "tiles": 0},
  {"layer": "c1", "cores": ["b", "v2"]},
  {"layer": "c1", "cores": ["a"], "tiles": 13}
 ]}
"""
    )
    with pytest.raises(AcadlError) as caught:
        load_schedule(file, MIXED, network(CONV, RELU, NEXT), Table(MIXED))
    found = [(each.span.line, each.message) for each in caught.value.diagnostics if each.span]
    assert found == [
        (2, "layer 'c2' has no place"),
        (3, "'r1' stands before 'c1', whose result it reads"),
        (4, "'splitt' is not known; did you mean 'split'?"),
        (5, "'tiles' is a whole number from 1 to 4096"),
        (6, "'mixed' has no core 'v2'; did you mean 'v'?"),
        (7, "layer 'c1' has a place already"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1, column 2: this is no JSON"),
        ("[]", "is no schedule"),
        ('{"format": "acadl schedule 1"}', "'system' is a name"),
        (
            '{"format": "acadl schedule 1", "system": "x", "network": "small", "layers": []}',
            "not for 'mixed'",
        ),
        ("[" * 100_000, "is no schedule"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text(text)
    with pytest.raises(AcadlError, match=message):
        load_schedule(file, MIXED, network(CONV), Table(MIXED))


TEXT = schedule_text(Schedule("mixed", "small", (Placement("c1", ("a", "b"), "tile", 4, 2),)))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text(alphabet='{}[]",: 0a\\', max_size=4))
def test_damaged_schedules_are_explained(tmp_path_factory, at: int, length: int, put: str) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.json"
    file.write_text(TEXT[:at] + put + TEXT[at + length :])
    refusal = None
    try:
        load_schedule(file, MIXED, network(CONV), Table(MIXED))
    except AcadlError as error:
        refusal = str(error)
    assert refusal is None or "damaged.json" in refusal


def test_a_schedule_by_hand_leaves_nothing_out() -> None:
    with pytest.raises(AcadlError, match="no place for layer 'r1'"):
        plan_of(
            MIXED, network(CONV, RELU), Schedule("mixed", "small", (Placement("c1", ("a",)),)), Table(MIXED)
        )
    only = replace(MIXED, cores=(PLACE, replace(MIXED.cores[2], operators=frozenset({"relu"}))))
    with pytest.raises(AcadlError, match="'v' cannot run 'c1': 'v' is not given conv"):
        build(only, network(CONV), Schedule("mixed", "small", (Placement("c1", ("v",)),)), Table(only))


def test_prediction_shares_the_bandwidth() -> None:
    half = [Phase(100, read_bytes=400)]
    assert predict([half], 8) == pytest.approx(100)
    assert predict([half, half], 8) == pytest.approx(100)
    assert predict([half, half, half], 8) == pytest.approx(150)
    assert predict([half, [Phase(50, after=((0, 0),))]], 8) == pytest.approx(150)


def test_networks_of_the_zoo_can_be_planned() -> None:
    net = load_network("resnet18")
    chip = Chip("mixed", MIXED.cores, L2)
    table = Table(chip)
    options = Options(chip, net, table)
    listed = alone_order(chip, net, list_schedule(chip, net, options))
    piped = alone_order(chip, net, pipeline_schedule(chip, net, options, table, tiles=7, buffer=2))
    assert listed > 0 and piped > 0
