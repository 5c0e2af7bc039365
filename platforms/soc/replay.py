"""Recorded requests through a shared memory: when each was offered is given, the rest is decided anew."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from acadl.errors import AcadlError
from dram.errors import TraceError
from dram.traces.lines import read_blocks
from platforms.soc.shared_memory import Message, SharedMemory, SharedMemoryParameters

COLUMNS = ("cycle", "core", "event", "address", "bytes", "message_id", "detail")
REQUESTS = ("get", "put", "put_beat")
RESPONSES = ("rdata_first", "rdata_last", "ack")


@dataclass(slots=True)
class RecordedMessage:
    """A message of a trace.

    Attributes:
        offered: First cycle in which each beat of the request was offered.
        accepted: Cycle in which each was taken.
        first, last: Of the response.
        cache: What the cache said.
    """

    core: int
    write: bool
    address: int
    size: int = 0
    offered: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    first: int = -1
    last: int = -1
    cache: str = ""


def read_recorded(path: str) -> list[RecordedMessage]:
    """The messages of a trace ``cycle,core,event,address,bytes,message_id,detail``, by their number.

    Raises:
        AcadlError: The file cannot be read, or a line makes no sense; the message has its number.
    """
    messages: dict[int, RecordedMessage] = {}
    try:
        text = "\n".join(line for block in read_blocks(path) for line in block.lines)
    except TraceError as error:
        raise AcadlError(str(error)) from error
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise AcadlError(f"{path} is no trace of requests; expected a table {','.join(COLUMNS)}")
    for row in reader:
        try:
            if row["event"] in REQUESTS:
                _add_request(messages, row)
            elif row["event"] in RESPONSES:
                _add_response(messages[int(row["message_id"])], row)
        except (KeyError, ValueError, TypeError, AttributeError):
            raise AcadlError(f"{path}, line {reader.line_num}: this is no event of a trace") from None
    return [messages[number] for number in sorted(messages)]


def _add_request(messages: dict[int, RecordedMessage], row: dict[str, str]) -> None:
    number, write = int(row["message_id"]), row["event"] != "get"
    message = messages.setdefault(number, RecordedMessage(int(row["core"]), write, int(row["address"], 16)))
    words = row["detail"].split()
    offered = next(int(word.removeprefix("offered=")) for word in words if word.startswith("offered="))
    if row["event"] == "put_beat" or not message.offered:
        message.offered.append(offered)
        message.accepted.append(int(row["cycle"]))
    if row["event"] != "put_beat":
        message.size = int(row["bytes"])
        message.cache = words[-1] if "=" not in words[-1] else ""


def _add_response(message: RecordedMessage, row: dict[str, str]) -> None:
    cycle = int(row["cycle"])
    if row["event"] != "rdata_last":
        message.first = cycle
    message.last = cycle


def replay(
    parameters: SharedMemoryParameters, recorded: Sequence[RecordedMessage], bus_bytes: Sequence[int]
) -> list[Message]:
    """The same requests, each beat offered from its recorded cycle on.

    Args:
        bus_bytes: Width of each core's port.

    Raises:
        AcadlError: A request is never taken, or never answered.
    """
    messages = [
        Message(each.core, each.write, each.address, each.size, _beats(each, bus_bytes)) for each in recorded
    ]
    queues: list[deque[int]] = [deque() for _ in bus_bytes]
    for number, each in enumerate(recorded):
        queues[each.core].append(number)
    memory = SharedMemory(parameters, len(bus_bytes))
    cycle, left = 0, len(messages)
    end = max((each.last for each in recorded), default=0) * 2 + 10_000
    while left:
        if memory.respond(cycle):
            left -= 1
        offers: list[Message | None] = []
        for queue in queues:
            number = queue[0] if queue else -1
            seen = number >= 0 and recorded[number].offered[len(messages[number].accepted)] <= cycle
            offers.append(messages[number] if seen else None)
        taken = memory.request(cycle, offers)
        if taken and len(taken.accepted) == taken.request_beats:
            queues[taken.port].popleft()
        cycle += 1
        if cycle > end:
            raise AcadlError(f"{left} messages have no answer after {end} cycles")
    return messages


def _beats(message: RecordedMessage, bus_bytes: Sequence[int]) -> int:
    return len(message.offered) if message.write else max(1, message.size // bus_bytes[message.core])


def differences(recorded: Sequence[RecordedMessage], messages: Sequence[Message]) -> list[int]:
    """Numbers of the messages that are not accepted and answered in the recorded cycles, in this order."""
    return [
        number
        for number, (theirs, ours) in enumerate(zip(recorded, messages, strict=True))
        if (theirs.accepted, theirs.first, theirs.last, theirs.cache, number)
        != (ours.accepted, ours.first, ours.last, ours.cache, ours.number)
    ]
