"""What events of a run in order of time waited for."""

from __future__ import annotations

import pytest

import acadl
import platforms
from acadl.model import Architecture
from aidg.flow.passages import flow_passages
from aidg.flow.waiting import conflict, waited_for_in_time
from aidg.timeline_causes import transactions
from mappings.cases import Case, map_case
from mappings.program import LoopProgram, Memory, loop, memory, sequence, step

ENGINE = """architecture engine(places: int = 4) {
    clock 1 GHz
    operations {
        load(dst: out address, src: in address)
        store(dst: out address, src: in address)
    }
    sram imem { data_width: 32 bits, addresses: 0 ..< 4 KiB }
    sram ram { data_width: 64 bits, read_latency: 9, addresses: 0x1000 ..< 0x2000, initiation_interval: 1 }
    sram pad { data_width: 64 bits, addresses: 0x4000 ..< 0x5000, read_ports: 1, write_ports: 1 }
    fetch ifs { issue_buffer_size: 4, from: imem }
    stage path { capacity: 4, order: fifo }
    execute loads { capacity: places, controller load { operations: load, capacity: 2 } }
    execute stores { capacity: places, controller store { operations: store } }
    mover fill { capacity: 4 }
    mover drain { capacity: 4 }
    ifs -> path -> {loads, stores}
    loads.load -> fill
    stores.store -> drain
    ram => fill => pad => drain => ram
}
"""


def tile(address: int) -> Memory:
    return memory(address, 8, rows=4, pitch=8, keep_rows=True)


def copies(arch: Architecture) -> LoopProgram:
    """Two tiles in, the first one out."""
    steps = [
        step("load", dst=tile(0x4000), src=tile(0x1000)),
        step("load", dst=tile(0x4100), src=tile(0x1100)),
        step("store", dst=tile(0x1800), src=tile(0x4000)),
    ]
    return LoopProgram(loop("t", 1, sequence(*steps)), arch.operations)


def test_a_store_waits_for_the_load_of_its_rows() -> None:
    arch = acadl.loads(ENGINE)
    first, *_ = waited_for_in_time(arch, copies(arch), 2, "stores.store", "start")
    assert (first.kind, first.other_instruction, first.other_what) == ("raw", 0, "done")
    assert first.cycle == first.other_cycle
    assert "waiting for results of loads.load, #0 load is done at loads.load" in first.text


def test_the_second_load_waits_for_the_only_place_and_the_store_behind_it_for_its_turn() -> None:
    arch = acadl.loads(ENGINE, places=1)
    program = copies(arch)
    (place, *_) = waited_for_in_time(arch, program, 1, "path", "leave")
    assert (place.kind, place.other_instruction, place.other_object) == ("structural", 0, "loads")
    turn, then, *_ = waited_for_in_time(arch, program, 2, "stores", "enter")
    assert (turn.kind, turn.other_instruction, turn.other_object) == ("structural", 1, "path")
    assert (then.instruction, then.what, then.other_instruction) == (1, "leave", 0)


def test_what_is_not_of_the_run_waits_for_nothing() -> None:
    arch = acadl.loads(ENGINE)
    assert waited_for_in_time(arch, copies(arch), 2, "nowhere", "start") == ()


@pytest.mark.parametrize("variant", ["phased", "wreuse", "loop"])
def test_links_lead_back_in_time_through_events_of_the_run(variant: str) -> None:
    arch = platforms.load("gemmini", by_rows=True, mem_latency=50)
    program = map_case(Case({"variant": variant, "M": "32", "N": "32", "K": "32"}), arch)
    ways = flow_passages(arch, program)
    places = {
        (number, name): visit
        for number, (_, way) in enumerate(ways)
        for name, visit in [*((visit.name, visit) for visit in way.visits), *transactions(way)]
    }
    kinds = set()
    for number in range(8, len(ways), 9):
        for visit in ways[number][1].visits[1:]:
            for what in ("enter", "start", "leave"):
                chain = waited_for_in_time(arch, program, number, visit.name, what)
                for link in chain:
                    at, other = (link.instruction, link.object), (link.other_instruction, link.other_object)
                    assert getattr(places[at], link.what) == link.cycle >= link.other_cycle
                    assert getattr(places[other], link.other_what) == link.other_cycle
                    assert link.kind != "forward" or link.instruction == link.other_instruction
                    if link.kind in ("raw", "waw", "war"):
                        pair = ways[link.other_instruction][0], ways[link.instruction][0]
                        assert conflict(*pair) == link.kind and link.cycle == link.other_cycle
                    kinds.add(link.kind)
    assert {"forward", "structural", "raw"} <= kinds
