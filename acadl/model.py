"""The object model: ACADL's classes, attributes and edges as immutable records.

Class and attribute names are those of Müller et al., "Using the Abstract Computer Architecture Description
Language to Model AI Hardware Accelerators" (MBMV 2024). ``capacity``, ``order`` and ``initiation_interval``
are additions; their defaults give the published behaviour (see ``docs/semantics.md``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeVar

from acadl.errors import Span
from acadl.expressions import Const, Expr
from acadl.operations import Operation

if TYPE_CHECKING:
    import networkx

ZERO = Const(0)
ONE = Const(1)
Order = Literal["any", "fifo"]
Completion = Literal["moved", "sent"]
Arbitration = Literal["oldest_first", "priority", "round_robin"]
Answers = Literal["any", "in_order"]


class EdgeKind(StrEnum):
    """What an edge of the architecture graph means; data edges point the way the data flow."""

    CONTAINS = "CONTAINS"
    FORWARD = "FORWARD"
    READ_DATA = "READ_DATA"
    WRITE_DATA = "WRITE_DATA"


@dataclass(frozen=True, kw_only=True)
class ACADLObject:
    """Anything that is drawn as a box. ``name`` is unique in the architecture, dotted in templates.

    Attributes:
        area: In nm²; ``None``: not said.
    """

    name: str
    doc: str = ""
    area: int | None = None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class PipelineStage(ACADLObject):
    """Holds up to ``capacity`` instructions for ``latency`` cycles each, then hands them on.

    Attributes:
        latency: Cycles per instruction; an expression over the instruction.
        initiation_interval: Cycles between two starts; ``None``: the latency (of the earlier instruction).
        capacity: Instructions inside at once.
        order: ``fifo`` hands on in program order, ``any`` whatever is ready.
        release_latency: Cycles from leaving until the place is free for the next one.
    """

    latency: Expr = ONE
    initiation_interval: Expr | None = None
    capacity: int = 1
    order: Order = "any"
    release_latency: int = 0


@dataclass(frozen=True, kw_only=True)
class ExecuteStage(PipelineStage):
    """Contains functional units. Occupied until the chosen unit is done; its own latency is paid only by
    instructions that none of its units takes (they pass through).

    Attributes:
        issue_latency: Cycles from entering until its unit may start an instruction.
    """

    issue_latency: int = 0


@dataclass(frozen=True, kw_only=True)
class InstructionFetchStage(ExecuteStage):
    """Fetches and issues. Contains one :class:`InstructionMemoryAccessUnit`.

    Attributes:
        issue_buffer_size: Instructions the issue buffer holds; at least the fetch width.
        in_order_issue: Hold younger instructions back while an older one cannot leave.
        latency: Cycles in the buffer before an instruction may be issued.
    """

    issue_buffer_size: int = 1
    in_order_issue: bool = False


@dataclass(frozen=True, kw_only=True)
class FunctionalUnit(ACADLObject):
    """Processes the instructions whose mnemonic is in ``to_process``.

    Attributes:
        to_process: Mnemonics.
        latency: Cycles from start to done; an expression over the instruction.
        initiation_interval: Cycles between two starts; ``None``: the unit is not pipelined.
        capacity: Instructions inside at once, waiting ones included.
        energy: Of one instruction, in aJ; an expression over the instruction; ``None``: not said.
    """

    to_process: frozenset[str] = frozenset()
    latency: Expr = ONE
    initiation_interval: Expr | None = None
    capacity: int = 1
    energy: Expr | None = None


@dataclass(frozen=True, kw_only=True)
class Controller(FunctionalUnit):
    """A functional unit that cuts instructions into parts and sends these through movers, one by one.

    See ``docs/semantics.md``, rules 10 and 12. Without an initiation interval it starts one per cycle.

    Attributes:
        latency: Cycles from start to ready; an expression over the instruction.
        parts: Parts of an instruction; ``None``: the largest number of rows of its address operands.
        part_interval: Cycles from one part to the next.
        turnaround: More cycles between the last part of a frame and the next frame.
        in_progress: Instructions that have begun and are not moved yet, at once; ``None``: any number.
        completion: Done after all parts have ended (``moved``) or after the last one is sent (``sent``).
        completion_latency: Cycles from then to done.
        release_latency: Cycles from leaving the controller until its place is free.
        prepares: Operations that prepare the instruction behind them.
    """

    latency: Expr = ZERO
    parts: Expr | None = None
    part_interval: int = 1
    turnaround: int = 0
    in_progress: int | None = None
    completion: Completion = "moved"
    completion_latency: int = 0
    release_latency: int = 0
    prepares: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Mover(ACADLObject):
    """A stage for parts, which reads and writes storages for them (``docs/semantics.md``, rules 11 and 13).

    Attributes:
        latency: Cycles from entering to the reads.
        transfer_latency: Cycles from the last answer to the reads to the writes.
        tail_latency: Cycles from the last answer to the writes to the end.
        initiation_interval: Cycles between two parts that enter.
        capacity: Parts that have a place at once.
        release_latency: Cycles from leaving until the place is free.
        retry_interval: Cycles until a refused request is offered again; ``None``: it waits at the head.
        max_request_bytes: Largest request, a power of two; ``None``: one port width.
        priority: Who goes first at storages with ``arbitration: priority``; the larger one.
    """

    latency: int = 0
    transfer_latency: int = 0
    tail_latency: int = 0
    initiation_interval: int = 1
    capacity: int = 1
    release_latency: int = 0
    retry_interval: int | None = None
    max_request_bytes: int | None = None
    priority: int = 0


@dataclass(frozen=True, kw_only=True)
class MemoryAccessUnit(FunctionalUnit):
    """A functional unit that reads and writes storage; ``latency`` is the address generation's.

    Attributes:
        priority: Who goes first at storages with ``arbitration: priority``; the larger one.
        duration: Cycles from start to done at least, however soon its accesses are answered; an expression
            over the instruction.
    """

    priority: int = 0
    duration: Expr = ZERO


@dataclass(frozen=True, kw_only=True)
class InstructionMemoryAccessUnit(MemoryAccessUnit):
    """Reads groups of instructions for the fetch stage that contains it."""

    latency: Expr = ZERO


@dataclass(frozen=True, kw_only=True)
class RegisterFile(ACADLObject):
    """Named registers; ``data_width`` in bits. Register names are unique in the architecture.

    Attributes:
        registers: Name to initial value.
        lanes: Elements per register; 1 is a scalar.
        read_energy, write_energy: Of one access to a register, in aJ; ``None``: not said.
    """

    data_width: int = 32
    registers: Mapping[str, int] = field(default_factory=dict)
    lanes: int = 1
    read_energy: int | None = None
    write_energy: int | None = None


@dataclass(frozen=True, kw_only=True)
class DataStorage(ACADLObject):
    """Serves accesses in transactions of up to ``port_bytes``.

    Attributes:
        data_width: Bits of a data word.
        port_width: Data words per transaction (instructions per read, in an instruction memory).
        read_write_ports: Transactions that may start together.
        max_concurrent_requests: Transactions in flight; ``None``: as many as the ports allow.
        initiation_interval: Cycles a transaction holds its port; ``None``: its latency (not pipelined).
        read_energy, write_energy: Of one transaction, in aJ; ``None``: not said.
    """

    data_width: int = 32
    port_width: int = 1
    read_write_ports: int = 1
    max_concurrent_requests: int | None = None
    initiation_interval: int | None = None
    arbitration: Arbitration = "oldest_first"
    read_ports: int | None = None
    write_ports: int | None = None
    answers: Answers = "any"
    read_energy: int | None = None
    write_energy: int | None = None

    @property
    def port_bytes(self) -> int:
        """Bytes of one transaction."""
        return max(1, self.data_width * self.port_width // 8)


@dataclass(frozen=True, kw_only=True)
class MemoryInterface(DataStorage):
    """Storage that owns addresses.

    Attributes:
        address_ranges: Half-open byte ranges ``(start, end)``; no two storages overlap.
    """

    address_ranges: tuple[tuple[int, int], ...] = ()

    def holds(self, start: int, end: int) -> bool:
        """Whether one of the ranges covers ``[start, end)``."""
        return any(low <= start and end <= high for low, high in self.address_ranges)


@dataclass(frozen=True, kw_only=True)
class SRAM(MemoryInterface):
    """On-chip memory with fixed latencies per transaction."""

    read_latency: int = 1
    write_latency: int = 1


@dataclass(frozen=True, kw_only=True)
class DRAM(MemoryInterface):
    """Off-chip memory with open rows.

    A transaction costs ``read_latency``/``write_latency`` when its row is open, ``t_RCD`` more when the bank
    has no open row, ``t_RP + t_RCD`` more when another row is open. With all three timing attributes 0 (the
    default) it is a memory of fixed latency.

    Attributes:
        banks: Banks; consecutive rows lie in consecutive banks.
        row_bytes: Bytes of a row.
        t_RCD: Activate to access, cycles.
        t_RP: Precharge, cycles.
        t_RAS: Activate to precharge, cycles; a conflict costs at least ``t_RAS`` more than a hit.
    """

    read_latency: int = 1
    write_latency: int = 1
    banks: int = 1
    row_bytes: int = 2048
    t_RCD: int = 0
    t_RP: int = 0
    t_RAS: int = 0


@dataclass(frozen=True, kw_only=True)
class CacheInterface(DataStorage):
    """A cache in front of another storage; ``cache_line_size`` in bytes."""

    write_allocate: bool = True
    write_back: bool = True
    hit_latency: int = 1
    miss_latency: int = 10
    cache_line_size: int = 64
    replacement_policy: Literal["lru", "fifo"] = "lru"


@dataclass(frozen=True, kw_only=True)
class SetAssociativeCache(CacheInterface):
    """``sets`` × ``ways`` lines."""

    sets: int = 1
    ways: int = 1


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed edge between two objects, by name."""

    source: str
    target: str
    kind: EdgeKind
    span: Span | None = field(default=None, compare=False, repr=False)


T = TypeVar("T", bound=ACADLObject)


@dataclass(frozen=True)
class Architecture:
    """An elaborated description: objects, edges and operations.

    Attributes:
        name: Name of the description.
        parameters: Resolved parameter values.
        clock_hz: Clock frequency.
        objects: Name to object, in order of declaration.
        edges: All edges, in order of declaration.
        operations: Mnemonic to declaration.
        doc: Documentation comment.
        source: SHA-256 of the description's text, imports included; empty when built in Python.
    """

    name: str
    objects: Mapping[str, ACADLObject]
    edges: tuple[Edge, ...]
    operations: Mapping[str, Operation]
    parameters: Mapping[str, int | bool | str] = field(default_factory=dict)
    clock_hz: int = 1_000_000_000
    doc: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for attribute in ("objects", "operations", "parameters"):
            object.__setattr__(self, attribute, MappingProxyType(dict(getattr(self, attribute))))

    def __repr__(self) -> str:
        return (
            f"<Architecture {self.name}: {len(self.objects)} objects, {len(self.edges)} edges, "
            f"{len(self.operations)} operations>"
        )

    def of_type(self, kind: type[T]) -> Iterator[T]:
        """Objects that are instances of ``kind``, subclasses included."""
        return (item for item in self.objects.values() if isinstance(item, kind))

    @cached_property
    def _successors(self) -> dict[tuple[str, EdgeKind], tuple[str, ...]]:
        table: dict[tuple[str, EdgeKind], list[str]] = {}
        for edge in self.edges:
            table.setdefault((edge.source, edge.kind), []).append(edge.target)
        return {key: tuple(names) for key, names in table.items()}

    @cached_property
    def _predecessors(self) -> dict[tuple[str, EdgeKind], tuple[str, ...]]:
        table: dict[tuple[str, EdgeKind], list[str]] = {}
        for edge in self.edges:
            table.setdefault((edge.target, edge.kind), []).append(edge.source)
        return {key: tuple(names) for key, names in table.items()}

    def successors(self, name: str, kind: EdgeKind) -> tuple[str, ...]:
        """Targets of the edges of ``kind`` that leave ``name``, in order of declaration."""
        return self._successors.get((name, kind), ())

    def predecessors(self, name: str, kind: EdgeKind) -> tuple[str, ...]:
        """Sources of the edges of ``kind`` that enter ``name``, in order of declaration."""
        return self._predecessors.get((name, kind), ())

    @cached_property
    def fetch_stage(self) -> InstructionFetchStage:
        """The one instruction fetch stage."""
        return next(self.of_type(InstructionFetchStage))

    @cached_property
    def in_order_of_time(self) -> bool:
        """Whether programs are evaluated in order of time (``docs/semantics.md``, rules 10 to 14)."""
        return any(needs_order_of_time(item) for item in self.objects.values())

    @cached_property
    def register_file_of(self) -> Mapping[str, RegisterFile]:
        """Register name to the file that holds it."""
        return {name: file for file in self.of_type(RegisterFile) for name in file.registers}

    def to_acadl(self) -> str:
        """The architecture as text that is read as the same one, parameters resolved.

        Raises :class:`AcadlError` for what only Python can build.
        """
        from acadl.writing import to_acadl

        return to_acadl(self)

    def _repr_svg_(self) -> str:
        """The block diagram, for notebooks."""
        from acadl.draw import notebook_svg

        return notebook_svg(self)

    @cached_property
    def graph(self) -> networkx.DiGraph:
        """The objects as nodes (attribute ``object``) and the edges with attribute ``kind``.

        Where two objects are joined by edges of several kinds, ``kinds`` lists them all.
        """
        import networkx

        graph = networkx.DiGraph(name=self.name)
        for name, item in self.objects.items():
            graph.add_node(name, object=item, type=type(item).__name__)
        for edge in self.edges:
            if graph.has_edge(edge.source, edge.target):
                graph.edges[edge.source, edge.target]["kinds"] += (str(edge.kind),)
            else:
                graph.add_edge(edge.source, edge.target, kind=str(edge.kind), kinds=(str(edge.kind),))
        return graph


def needs_order_of_time(item: ACADLObject) -> bool:
    """Whether programs are evaluated in order of time because of this object."""
    match item:
        case Controller() | Mover():
            return True
        case PipelineStage():
            return bool(item.release_latency or getattr(item, "issue_latency", 0))
        case DataStorage():
            plain = (item.arbitration, item.answers, item.read_ports, item.write_ports)
            return plain != ("oldest_first", "any", None, None)
    return False
