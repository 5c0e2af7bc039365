"""Predicted events come from the kernel; the event-driven simulation is what they are held against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import acadl
import mappings
import platforms
from acadl.model import Architecture
from mappings.cases import Case, map_case
from mappings.program import LoopProgram, index, loop, memory, step
from platforms.validation.event_map import EventMap, RunEvent, read_event_map
from platforms.validation.events import NO_ID, Event, TraceError
from platforms.validation.model_events import ModelRun
from platforms.validation.run_events import run_events

TIMES = ("enter", "start", "done", "leave")
TOY = """architecture toy() {
    clock 1 GHz
    operations {
        load(d: out reg, a: in address, n: int)
        store(a: out address, n: int)
    }
    sram imem { data_width: 32 bits, addresses: 0 ..< 64 }
    sram ram { data_width: 64 bits, addresses: 64 ..< 4096, read_latency: 3, write_latency: 2 }
    registers rf { data_width: 32 bits, names: r[0 ..< 4] }
    fetch ifs { from: imem }
    execute ex { memory_unit lsu { operations: load store, latency: n } }
    ifs -> ex
    rf <=> ex.lsu <=> ram
}
"""


def product(name: str, m: int, n: int, k: int, **settings: int) -> tuple[Architecture, LoopProgram]:
    arch = platforms.load(name, **settings)
    return arch, mappings.map_layer(mappings.Layer(name="g", op="gemm", gemm_M=m, gemm_N=n, gemm_K=k), arch)


def key(events: Sequence[Event]) -> list[tuple[int, str, str, int, int, str]]:
    places = [event.place.split("#")[0].split()[0] for event in events]
    return sorted(
        (e.cycle, e.unit, e.event, e.id, e.instruction, place)
        for e, place in zip(events, places, strict=True)
    )


@pytest.mark.parametrize(
    ("name", "shape", "settings"),
    [
        ("axis_sa", (24, 16, 5), {"tile_gap": 3}),
        ("gemmini", (33, 17, 40), {}),
        ("oma", (3, 4, 5), {}),
        ("systolic_array", (12, 9, 10), {"rows": 4, "cols": 4}),
    ],
)
def test_all_times_at_all_objects_are_those_of_the_simulation(
    name: str, shape: tuple[int, int, int], settings: dict[str, int]
) -> None:
    arch, program = product(name, *shape, **settings)
    trace = acadl.simulate(arch, program, trace=True).trace
    names = sorted({t.name for record in trace for t in (*record.objects, *record.transactions)})
    runs = tuple(RunEvent(place, time, place, time, offset=7) for place in names for time in TIMES)
    mapping = EventMap("map", None, (), runs)
    assert key(ModelRun(arch, program, mapping).events()) == key(run_events(trace, mapping))


@pytest.fixture
def toy() -> tuple[Architecture, LoopProgram]:
    arch = acadl.loads(TOY)
    i = index("i")
    body = loop(
        i,
        10,
        step("load", d="r0", a=memory(64 + 16 * i, 24), n=1 + i % 3),
        step("store", a=memory(2048 + 8 * i, 16), n=2),
    )
    return arch, LoopProgram(body, arch.operations)


def seen(toy: tuple[Architecture, LoopProgram], text: str, tmp_path: Path, **more: int) -> list[Event]:
    path = tmp_path / "map.toml"
    path.write_text(f'[[run]]\nunit = "u"\nevent = "e"\n{text}')
    return ModelRun(*toy, read_event_map(path)).predict(**more).events


def test_operands_choose_number_and_locate_events(
    toy: tuple[Architecture, LoopProgram], tmp_path: Path
) -> None:
    found = seen(
        toy,
        'object = "ex.lsu"\ntime = "start"\nwhen = "n == 2 && a < 2048"\nid = "a / 16"\naddress = "a"\n',
        tmp_path,
    )
    assert [(event.id, event.address) for event in found] == [(5, "50"), (8, "80"), (11, "b0")]
    assert [event.instruction for event in found] == [2, 8, 14]
    unnumbered = seen(toy, 'object = "ex.lsu"\ntime = "start"\nid = false\n', tmp_path)
    assert {event.id for event in unnumbered} == {NO_ID} and len(unnumbered) == 20
    stores = seen(toy, 'object = "ex.lsu"\ntime = "start"\noperation = ["store", "nop"]\n', tmp_path)
    assert [event.id for event in stores] == list(range(1, 20, 2))


def test_transactions_are_events_of_a_storage(toy: tuple[Architecture, LoopProgram], tmp_path: Path) -> None:
    text = 'object = "ram"\ntime = "done"\n'
    both = seen(toy, text, tmp_path)
    reads, writes = (seen(toy, f'{text}access = "{which}"\n', tmp_path) for which in ("read", "write"))
    assert (len(reads), len(writes)) == (10 * 3, 10 * 2)
    assert key(both) == sorted(key(reads) + key(writes))
    last = seen(toy, f'{text}access = "read"\nlast = true\n', tmp_path)
    done = {event.id: event.cycle for event in reads}  # by cycle: the last one stays
    assert {event.id: event.cycle for event in last} == done and len(last) == 10


def test_what_lies_far_behind_the_end_is_not_evaluated(
    toy: tuple[Architecture, LoopProgram], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from platforms.validation import model_events

    text = 'object = "ex.lsu"\ntime = "start"\n'
    everything = seen(toy, text, tmp_path)
    monkeypatch.setattr(model_events, "SLACK_CYCLES", 0)
    some = seen(toy, text, tmp_path, until=10)
    assert some == everything[: len(some)]
    assert 0 < len(some) < len(everything) and some[-1].cycle >= 10
    path = tmp_path / "map.toml"
    path.write_text(path.read_text() + 'when = "a == 160"\nid = false\n[origin]\nunit = "u"\nevent = "e"\n')
    later, is_whole = ModelRun(*toy, read_event_map(path)).predict(10, ("u", "e"))
    assert [event.instruction for event in later] == [12] and not is_whole


def test_what_an_event_waited_for_is_told(toy: tuple[Architecture, LoopProgram], tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(
        '[[run]]\nunit = "u"\nevent = "e"\nobject = "ram"\ntime = "start"\n'
        '[[run]]\nunit = "u"\nevent = "f"\nobject = "ex.lsu"\ntime = "start"\n'
    )
    model = ModelRun(*toy, read_event_map(path))
    for event in model.events():
        for wait in model.waits(event)[:1]:
            assert wait.cycle == event.cycle
    assert model.waits(Event(3, "u", "e")) == ()


def test_an_event_that_is_not_predicted_is_explained_by_the_next_one() -> None:
    from platforms.validation.comparison import compare

    path = Path(platforms.__path__[0]) / "validation" / "maps" / "axis_sa.toml"
    model = ModelRun(*product("axis_sa", 16, 16, 16), read_event_map(path))
    events = model.events()
    surplus = Event(70, "input", "first_in", 99)
    trace = sorted([*events, surplus], key=lambda event: event.cycle)
    found = compare(events, trace, waits=model.waits).divergence
    assert found is not None and found.pair.measured == surplus and found.pair.predicted is None
    assert (found.waits[0].instruction, found.waits[0].object) == (4, "input")  # last_in of tile 4, cycle 79
    assert found.waits[0].what == "done"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('object = "ex.lsi"\ntime = "start"\n', "did you mean 'ex.lsu'"),
        ('object = "ram"\ntime = "start"\nwhen = "b > 1"\n', "there is no operand 'b'"),
        ('object = "ram"\ntime = "start"\naccess = "both"\n', "expected read or write"),
        ('object = "ram"\ntime = "start"\nid = "a / 3 + 0.5"\n', "no whole number"),
        ('object = "ram"\ntime = "start"\nid = "n % 0"\n', "has no value"),
        ('object = "ram"\ntime = "start"\nlast = 1\n', "expected true or false"),
        ('object = "ram"\ntime = "start"\noperation = [1]\n', "a text or a list of texts"),
        ('object = "ram"\ntime = "start"\n[origin]\nunit = "u"\n', "origin.event: expected a text"),
    ],
)
def test_mistakes_are_explained(
    toy: tuple[Architecture, LoopProgram], tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(TraceError) as caught:
        seen(toy, text, tmp_path)
    assert message in str(caught.value)


def test_gemmini_by_rows_tells_what_a_command_waited_for() -> None:
    arch = platforms.load("gemmini", by_rows=True)
    program = map_case(Case({"variant": "tile", "M": "32", "N": "32", "K": "32"}), arch)
    maps = Path(platforms.__file__).parent / "validation" / "maps"
    model = ModelRun(arch, program, read_event_map(maps / "gemmini.toml"))
    event = next(e for e in model.events() if (e.unit, e.event, e.instruction) == ("rs", "alloc", 24))
    turn, place, *_ = model.waits(event)
    assert (turn.other_instruction, turn.other_object) == (23, "command_path")
    assert (place.instruction, place.kind, place.other_object) == (23, "structural", "load_queue")


def test_a_saved_run_does_not_tell_operands(toy: tuple[Architecture, LoopProgram], tmp_path: Path) -> None:
    arch, program = toy
    trace = acadl.simulate(arch, program, trace=True).trace
    path = tmp_path / "map.toml"
    path.write_text('[[run]]\nunit = "u"\nevent = "e"\nobject = "ram"\ntime = "done"\naccess = "read"\n')
    with pytest.raises(TraceError, match="run 1 asks for operands"):
        run_events(trace, read_event_map(path))
    with pytest.raises(TraceError, match=r"no \[\[run\]\]s"):
        ModelRun(arch, program, EventMap("m", None, (), ())).events()
