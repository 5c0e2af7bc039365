"""The shared memory with the recorded requests of RTL: every acceptance and response in its cycle."""

from __future__ import annotations

from pathlib import Path

import pytest

from acadl.errors import AcadlError
from platforms.soc.replay import differences, read_recorded, replay
from platforms.soc.shared_memory import SharedMemoryParameters

DATA = Path(__file__).parents[1] / "data" / "rtl" / "gemmini_pair"
CONDITIONS = {
    "p16_p16_same_phased": SharedMemoryParameters(),
    "p16_p16_same_phased_alone0": SharedMemoryParameters(),
    "p16_p16_same_wreuse": SharedMemoryParameters(mem_latency=50, cycles_per_beat=2),
    "p16_p16_stream_phased": SharedMemoryParameters(arbitration="prio"),
    "p16_p16_tiny": SharedMemoryParameters(),
    "p16_p16_diff_loop_wreuse_cache4K": SharedMemoryParameters(
        mem_latency=50, cycles_per_beat=4, cache_bytes=4096, cache_ways=2, cache_hit_latency=10
    ),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_message_is_accepted_and_answered_in_its_cycle(name: str) -> None:
    recorded = read_recorded(str(DATA / f"trace_{name}.csv.gz"))
    messages = replay(CONDITIONS[name], recorded, (16, 16))
    assert len(messages) > 90
    assert differences(recorded, messages) == []


def test_another_arbitration_is_noticed() -> None:
    recorded = read_recorded(str(DATA / "trace_p16_p16_tiny.csv.gz"))
    assert differences(recorded, replay(SharedMemoryParameters(arbitration="prio"), recorded, (16, 16)))


@pytest.mark.parametrize(
    "text", ["", "a,b\n", "cycle,core,event,address,bytes,message_id,detail\n0,0,get,x,,,\n"]
)
def test_what_is_no_trace_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(AcadlError, match=r"trace\.csv"):
        read_recorded(str(path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mem_latency": 0}, "1 or more"),
        ({"arbitration": "fair"}, "expected rr or prio"),
        ({"response_order": "any"}, "expected percore or fifo"),
        ({"queue_depth": -1}, "not negative"),
        ({"cache_bytes": 100, "cache_hit_latency": 1}, "no whole number of sets"),
        ({"cache_bytes": 128, "cache_ways": 2}, "cache_hit_latency is 1 or more"),
    ],
)
def test_parameters_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(AcadlError, match=message):
        SharedMemoryParameters(**settings)  # type: ignore[arg-type]
