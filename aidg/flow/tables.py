"""What the kernel works on: machine and program as one list of integers, the state as another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acadl.errors import ProgramError, nearest
from acadl.model import (
    Architecture,
    Controller,
    FunctionalUnit,
    InstructionFetchStage,
    MemoryAccessUnit,
    MemoryInterface,
    Mover,
    PipelineStage,
)
from acadl.operations import Instruction, Operation
from acadl.routing import Route, instruction_memory, route
from aidg.flow.costs import Costs, VaryingCost
from aidg.flow.kernel import names as n
from aidg.flow.layout import Chain, chain_of, declared, storage_facts
from aidg.flow.pairs import check_pairs, check_shares
from aidg.flow.records import (
    Fixed,
    Space,
    busy_positions,
    line_record,
    line_state,
    object_record,
    reach_record,
    reached,
    storage_record,
)
from aidg.prepared import evaluate
from mappings.program import (
    Affine,
    Loop,
    LoopProgram,
    Memory,
    Node,
    Register,
    Sequence,
    Step,
    as_affine,
    concrete,
)

# Flights, parts and pending events that a machine may have at once.
LARGEST_CAPACITY = 1 << 14
WHEEL = 256
LOG_ENTRIES = 1 << 16


@dataclass(slots=True)
class Tables:
    """Machine and program for the kernel.

    Attributes:
        fixed: ``k`` of :mod:`aidg.flow.kernel`.
        size: Entries of ``m``.
        filled: What it holds at the beginning where it is not 0: positions and values.
        objects: Names of stages and units by number; likewise lines, movers, storages and loop levels.
        costs: Of the static steps whose costs vary: number of parts (of a memory access unit: duration), then
            latency and interval per visit.
        known: What has been found out about them since, for the next run.
    """

    fixed: list[int]
    size: int
    filled: list[tuple[int, list[int]]]
    objects: list[str]
    lines: list[str]
    movers: list[str]
    storages: list[str]
    levels: list[str]
    costs: dict[int, list[VaryingCost | int]]
    steps: list[Step]
    ports: list[int]
    known: dict[Any, Any] = field(default_factory=dict)

    def state(self) -> list[int]:
        """``m``, at the beginning."""
        made = [0] * self.size
        self.fill(made)
        return made

    def fill(self, zeros: Any) -> None:
        """Make what holds only zeros ``m`` at the beginning."""
        for position, values in self.filled:
            zeros[position : position + len(values)] = values

    def arrays(self) -> tuple[Any, Any]:
        """``k`` and ``m``, at the beginning, as arrays of 64-bit integers; ``k`` is the same each time."""
        import numpy as np

        if "arrays" not in self.known:
            filled = [(position, np.array(values, dtype=np.int64)) for position, values in self.filled]
            self.known["arrays"] = np.array(self.fixed, dtype=np.int64), filled
        fixed, filled = self.known["arrays"]
        state = np.zeros(self.size, dtype=np.int64)
        for position, values in filled:
            state[position : position + len(values)] = values
        return fixed, state


def build(
    arch: Architecture, program: LoopProgram, *, logged: bool = False, outside: str | None = None
) -> Tables:
    """Bind ``program`` to ``arch``.

    Raises:
        RoutingError: An instruction has no unit, or several.
        ProgramError: An address leaves its memory, a latency is negative, a storage has a state of its own.
    """
    builder = _Builder(arch, program)
    return builder.build(logged, outside)


class _Builder:
    def __init__(self, arch: Architecture, program: LoopProgram) -> None:
        self.arch = arch
        self.program = program
        self.declared = declared(arch)
        self.facts = storage_facts(arch)
        self.storages = list(self.facts)
        self.chains = {item.name: chain_of(arch, item.name) for item in arch.of_type(Controller)}
        self.lines = list(self.chains)
        stages = [item for item in arch.of_type(PipelineStage) if not isinstance(item, InstructionFetchStage)]
        self.items: list[PipelineStage | FunctionalUnit] = [*stages, *arch.of_type(FunctionalUnit)]
        self.objects = {item.name: number for number, item in enumerate(self.items)}
        self.families: dict[str, int] = {}
        self.ranges: list[int] = []
        self.range_of: dict[tuple[int, int], int] = {}
        self.routes: list[int] = []
        self.route_of: dict[tuple[int, ...], int] = {}
        self.steps: list[int] = []
        self.static: list[Step] = []
        self.operands: list[int] = []
        self.terms: list[int] = []
        self.costs: dict[int, list[VaryingCost | int]] = {}
        self.levels: dict[str, int] = {}
        self.ways: dict[tuple[object, ...], _Way] = {}
        self.classes: dict[tuple[object, ...], int] = {}
        self.memories = sorted(
            (low, high, self.storages.index(memory.name))
            for memory in arch.of_type(MemoryInterface)
            for low, high in memory.address_ranges
        )
        for low, high, storage in self.memories:
            self.ranges += (low, high, storage)

    # -- putting it together --------------------------------------------------------------------------------

    def build(self, logged: bool, outside: str | None) -> Tables:
        tape: list[int] = []
        self._walk(self.program.body, {}, tape)
        tape += (n.STOP, 0, 0, 0)
        check_pairs(tape, self.steps, self.static, self.lines)
        check_shares(self.steps, self.operands, self.lines)
        head = [0] * n.HEAD
        fixed = Fixed(head)
        space = Space()
        flights = self._flight_count()
        self._head(head, flights, logged)
        head[n.K_OUTSIDE] = -1 if outside is None else self.storages.index(outside)
        ports = self._storages(fixed, space)
        movers = self._lines_and_movers(fixed, space, flights)
        fixed.table(n.K_OBJECT, [value for item in self.items for value in object_record(item)])
        for key, values in (
            (n.K_STEP, self.steps),
            (n.K_ROUTE, self.routes),
            (n.K_OPERAND, self.operands),
            (n.K_TERM, self.terms),
            (n.K_RANGE, self.ranges),
            (n.K_TAPE, tape),
        ):
            fixed.table(key, values)
        self._state(head, space, flights, sum(movers))
        # at most: 18 + costs + operands + dependences per flight, 12 + shares per part, and all lists
        size = flights * (18 + 3 * n.MOST_VISITS + 18 * n.MOST_OPERANDS + flights) + space.size
        positions = busy_positions(head, len(self.items), len(self.lines), len(self.storages))
        head[n.K_BUSIES] = len(positions)
        fixed.table(n.K_BUSY, positions)
        head[n.M_RING] = space.zeros(n.RING * n.RING_ENTRY)
        head[n.M_BEGIN] = space.zeros(len(self.levels) + 2)
        head[n.M_CONTENT] = space.zeros(n.CONTENT)
        head[n.M_KEY] = space.zeros(size)
        beginnings = {
            n.HELD_ROW: -1, n.LAST_FLIGHT: -1, n.TICKING: -1, n.FETCH_SINCE: n.NOBODY, n.PATIENCE: n.NEVER,
            n.FREE_PART: self.first_part, n.WORKING: 1, head[n.M_WORK]: n.FETCH_EVENT,
        }  # fmt: skip
        space.filled += ((position, [value]) for position, value in beginnings.items())
        fixed.values[: n.HEAD] = head
        return Tables(
            fixed.values, space.size, space.filled, [item.name for item in self.items], self.lines,
            [mover.name for chain in self.chains.values() for mover in chain.movers], self.storages,
            list(self.levels), self.costs, self.static, ports,
        )  # fmt: skip

    def _head(self, head: list[int], flights: int, logged: bool) -> None:
        fetch = self.arch.fetch_stage
        unit, memory = instruction_memory(self.arch)
        interval = unit.initiation_interval
        width = memory.port_width
        if fetch.issue_buffer_size < width:
            raise ProgramError(
                f"the issue buffer of '{fetch.name}' is smaller than one read of '{memory.name}'"
            )
        number = self.storages.index(memory.name)
        values = {
            n.K_FLIGHTS: flights,
            n.K_WHEEL: WHEEL,
            n.K_BUFFER: fetch.issue_buffer_size,
            n.K_WIDTH: width,
            n.K_STRICT: int(fetch.in_order_issue or fetch.order == "fifo"),
            n.K_READ_LATENCY: evaluate(f"latency of '{unit.name}'", unit.latency, {}),
            n.K_READ_INTERVAL: -1 if interval is None else evaluate("initiation_interval", interval, {}),
            n.K_FETCH_STORAGE: number if self.facts[memory.name].read_latency else -1,
            n.K_OBJECTS: len(self.items),
            n.K_LINES: len(self.lines),
            n.K_MOVERS: sum(len(chain.movers) for chain in self.chains.values()),
            n.K_STORAGES: len(self.storages),
            n.K_LOG: LOG_ENTRIES if logged else 0,
            n.K_FETCH_RELEASE: fetch.release_latency,
            n.K_FETCH_REQUESTER: self.declared.get(unit.name, -1),
        }
        for key, value in values.items():
            head[key] = value

    def _flight_count(self) -> int:
        fetch = self.arch.fetch_stage
        places = fetch.issue_buffer_size + instruction_memory(self.arch)[1].port_width
        places += sum(item.capacity for item in self.items if isinstance(item, PipelineStage))
        places += sum(item.capacity for item in self.items)  # places that are kept after leaving
        for line, chain in self.chains.items():  # done when all parts are sent, while they are on their way
            if self._controller(line).completion == "sent":
                places += sum(mover.capacity for mover in chain.movers)
        if places > LARGEST_CAPACITY:
            raise ProgramError(
                f"the stages hold {places} instructions; at most {LARGEST_CAPACITY} can be evaluated"
            )
        return places + 2

    def _state(self, head: list[int], space: Space, flights: int, parts: int) -> None:
        objects = len(self.items)
        head[n.M_FLIGHT] = space.zeros(flights * n.FLIGHT)
        head[n.M_DEPENDS] = space.zeros(flights * flights)
        head[n.M_USERS] = space.zeros(objects * (flights + 1))
        head[n.M_STAYING] = space.zeros(objects * (flights + 1))
        head[n.M_FREE_FLIGHTS] = space.take([flights, *range(flights)])
        head[n.M_ALIVE] = space.zeros(flights + 1)
        head[n.M_LAST] = space.take([-1] * (4 * objects))
        head[n.M_INDEX] = space.zeros(len(self.levels) + 1)
        head[n.M_COSTS] = space.zeros(1 + 2 * n.MOST_VISITS)
        head[n.M_BUSY] = space.zeros(objects)
        jobs = 2 * flights * max(1, n.MOST_OPERANDS) + 4
        head[n.M_JOB] = space.zeros(jobs * n.JOB)
        head[n.M_OFFER] = space.zeros((jobs + head[n.K_QUEUES] + 1) * n.OFFER)
        count = parts + 2 * len(self.lines) + 2
        self.first_part = head[n.M_PART] = space.size
        head[n.K_PARTS] = count
        records = [0] * (count * n.PART)
        records[:: n.PART] = range(space.size + n.PART, space.size + (count + 1) * n.PART, n.PART)
        records[n.P_FLIGHT :: n.PART] = [-1] * count
        space.take(records)
        nodes = 8 * (flights + count) + 64 * (len(self.lines) + head[n.K_MOVERS]) + 256
        links = [0] * (nodes * n.NODE)
        links[n.X_NEXT :: n.NODE] = [*range(1, nodes), -1]
        head[n.M_NODE] = space.take(links)
        head[n.M_WHEEL] = space.take([-1] * (2 * WHEEL))
        head[n.M_OVERFLOW] = space.take([-1, -1])
        head[n.K_WORK] = 1 << (8 * (flights + count) + 255).bit_length()  # a power of two, like the wheel
        head[n.M_WORK] = space.zeros(3 * head[n.K_WORK])
        head[n.M_OUTBOX] = space.zeros(n.REQUEST * (head[n.K_QUEUES] + 1))
        head[n.M_WATCH] = space.zeros(len(self.levels) + 1)
        head[n.M_RANK] = space.zeros(2 * flights + 2 + count + 1)
        head[n.M_LOGGED] = space.zeros(4 * (head[n.K_LOG] + 1))

    def _storages(self, fixed: Fixed, space: Space) -> list[int]:
        values: list[int] = []
        counts = []
        for facts in self.facts.values():
            ports, record = storage_record(facts, space)
            values += record
            counts.append(ports)
        fixed.table(n.K_STORAGE, values)
        fixed.head[n.M_STORAGE] = space.take([-1, -1, 0, 0] * len(self.facts))
        return counts

    def _lines_and_movers(self, fixed: Fixed, space: Space, flights: int) -> list[int]:
        lines: list[int] = []
        movers: list[int] = []
        queues: list[int] = []
        reach: list[int] = []
        capacities: list[int] = []
        each = [*line_state(), *[0] * (2 * (flights + 1))]
        ports = {name: facts.storage.port_bytes for name, facts in self.facts.items()}
        fixed.head[n.M_LINE] = space.take(each * len(self.chains))
        for number, (name, chain) in enumerate(self.chains.items()):
            unit = self._controller(name)
            if sum(mover.max_request_bytes is not None for mover in chain.movers) > n.MOST_CUTS:
                raise ProgramError(f"more than {n.MOST_CUTS} movers behind '{name}' take parts apart")
            lines += line_record(unit, self.objects[name], len(movers) // n.MOVER, chain, ports)
            for place, mover in enumerate(chain.movers):
                capacities.append(mover.capacity)
                if mover.capacity > LARGEST_CAPACITY:
                    raise ProgramError(f"capacity of '{mover.name}' is too large; at most {LARGEST_CAPACITY}")
                state = space.take([0, 0, -1, 0, 0, *[0] * (mover.capacity + 1)])
                movers += self._mover(mover, chain, number, place, state, len(queues) // n.QUEUE)
                for storage, write in reached(chain, place, self.storages):
                    entries = space.zeros(1 + (mover.capacity + 1) * n.MOST_SHARES * n.ENTRY)
                    queues += (len(movers) // n.MOVER - 1, storage, write, entries)
            reach += reach_record(chain, self.storages)
        fixed.table(n.K_LINE, lines)
        fixed.table(n.K_MOVER, movers)
        fixed.table(n.K_QUEUE, queues)
        fixed.table(n.K_REACH, reach)
        fixed.head[n.K_QUEUES] = len(queues) // n.QUEUE
        return capacities

    def _controller(self, name: str) -> Controller:
        unit = self.arch.objects[name]
        assert isinstance(unit, Controller)
        return unit

    def _mover(self, mover: Mover, chain: Chain, line: int, place: int, state: int, queue: int) -> list[int]:
        return [
            mover.latency, mover.transfer_latency, mover.tail_latency, mover.initiation_interval,
            mover.capacity,
            mover.release_latency, -1 if mover.retry_interval is None else mover.retry_interval,
            mover.max_request_bytes or 0, mover.priority, self.declared[mover.name], line, place,
            int(place == len(chain.movers) - 1), state, queue,
        ]  # fmt: skip

    # -- the program ----------------------------------------------------------------------------------------

    def _walk(self, node: Node, scope: dict[str, int], tape: list[int]) -> None:
        match node:
            case Sequence(nodes):
                for child in nodes:
                    self._walk(child, scope, tape)
            case Loop(name, count, body):
                if count:
                    level = self.levels.setdefault(name, len(self.levels))
                    begin = len(tape)
                    tape += (n.BEGIN, level, 0, 0)
                    self._walk(body, scope | {name: count}, tape)
                    if len(tape) == begin + 4:
                        del tape[begin:]
                    else:
                        tape += (n.END, level, count, begin // 4 + 1)
            case Step():
                tape += (n.ROW, len(self.static), 0, 0)
                self._step(node, scope)

    def _step(self, node: Step, scope: dict[str, int]) -> None:
        operation = self.program.operations[node.operation]
        way = self._way(node, scope)
        unit = way.route.unit
        first = len(self.operands) // n.OPERAND
        reads = writes = 0
        for operand in operation.operands:
            value = node.operands[operand.name]
            if isinstance(value, (Register, Memory)):
                bits = self._operand(value, operand.direction, scope, way, node.operation)
                reads |= bits if operand.direction != "out" else 0
                writes |= bits if operand.direction != "in" else 0
        count = len(self.operands) // n.OPERAND - first
        if count > n.MOST_OPERANDS:
            raise ProgramError(
                f"'{node.operation}' has {count} operands; at most {n.MOST_OPERANDS} can be evaluated"
            )
        line = self.lines.index(unit.name) if isinstance(unit, Controller) else -1
        kind = n.CONTROLLER if line >= 0 else n.MEMORY if isinstance(unit, MemoryAccessUnit) else n.PLAIN
        prepares = int(isinstance(unit, Controller) and node.operation in unit.prepares)
        by_rows = int(isinstance(unit, Controller) and unit.parts is None)
        left = _rows(node, operation, ("out", "inout"))
        number = len(self.static)
        if way.varies:
            self.costs[number] = way.costs
        self.static.append(node)
        self.steps += (
            way.position, way.length, way.fetch, kind, line, way.parts, prepares, first, count,
            self.declared[unit.name], getattr(unit, "priority", 0), int(way.varies), reads, writes,
            by_rows, left, self._class_of(number, way, first, reads, writes, kind, line, prepares, left),
        )  # fmt: skip

    def _class_of(self, number: int, way: _Way, first: int, *others: int) -> int:
        """Steps of one class differ in addresses only; ``first``: number of their first operand."""
        shapes = [
            self.operands[position : position + n.A_CONST]
            for position in range(first * n.OPERAND, len(self.operands), n.OPERAND)
        ]
        own = number if way.varies else -1
        key = (own, id(way.route.unit), way.position, way.fetch, way.parts, *others, *map(tuple, shapes))
        return self.classes.setdefault(key, len(self.classes))

    def _way(self, node: Step, scope: dict[str, int]) -> _Way:
        operation = self.program.operations[node.operation]
        indices = dict.fromkeys(scope, 0)
        instruction = concrete(node, operation, indices, 0)
        varying = {name: value for name, value in node.operands.items() if isinstance(value, Affine)}
        key = (
            node.operation,
            instruction.read_registers,
            instruction.write_registers,
            tuple((a.bytes, a.rows, self._holder(a.start)) for a in instruction.read_addresses),
            tuple((a.bytes, a.rows, self._holder(a.start)) for a in instruction.write_addresses),
            tuple((name, value) for name, value in instruction.immediates.items() if name not in varying),
            tuple(varying.items()),
        )
        if key not in self.ways:
            self.ways[key] = self._make_way(node, instruction, varying)
        return self.ways[key]

    def _holder(self, address: int) -> int:
        return next(
            (index for index, (low, high, _) in enumerate(self.memories) if low <= address < high), -1
        )

    def _make_way(self, node: Step, instruction: Instruction, varying: Mapping[str, Affine]) -> _Way:
        arch = self.arch
        found = route(arch, instruction)
        names = arch.operations[instruction.operation].latency_names(instruction)
        costs = Costs(names, varying)
        unit = found.unit
        parts: VaryingCost | int = 0
        if isinstance(unit, Controller):
            directions = ("in",) if instruction.operation in unit.prepares else ("in", "out", "inout")
            rows = _rows(node, arch.operations[instruction.operation], directions)
            parts = rows if unit.parts is None else costs.of(f"parts of '{unit.name}'", unit.parts, 1)
        elif isinstance(unit, MemoryAccessUnit):
            parts = costs.of(f"duration of '{unit.name}'", unit.duration, 0)
        values: list[VaryingCost | int] = [parts]
        passed: list[PipelineStage | FunctionalUnit] = [*found.stages[:-1], unit]
        for item in passed:
            values += costs.visit(item)
        fetch = costs.of("latency of the fetch stage", arch.fetch_stage.latency, 0)
        if not isinstance(fetch, int):
            raise ProgramError("the latency of the fetch stage may not depend on loop indices here")
        if len(found.stages) > n.MOST_VISITS:
            raise ProgramError(f"more than {n.MOST_VISITS} stages on the way to '{unit.name}'")
        way = _Way(found, values, any(not isinstance(value, int) for value in values), fetch)
        self._route(way)
        return way

    def _route(self, way: _Way) -> None:
        record: list[int] = []
        plain = [value if isinstance(value, int) else 0 for value in way.costs]
        way.parts = plain[0]
        pairs = list(zip(plain[1::2], plain[2::2], strict=True))
        names = [*(stage.name for stage in way.route.stages), way.route.unit.name]
        visits = [*pairs[:-1], (0, 0), pairs[-1]]
        for name, (latency, gap) in zip(names, visits, strict=True):
            record += (self.objects[name], latency, gap)
        key = tuple(record)
        if key not in self.route_of:
            self.route_of[key] = len(self.routes) // n.ROUTE
            self.routes += record
        way.position, way.length = self.route_of[key], len(names)

    def _operand(
        self, value: Register | Memory, direction: str, scope: dict[str, int], way: _Way, operation: str
    ) -> int:
        """Add an operand; bits for the spaces that it lies in."""
        read, write = int(direction != "out"), int(direction != "in")
        if isinstance(value, Register):
            address, bits = self._register(value, scope, operation), 1
            record = [1, 1, 0, read, write, 0, -1]
        else:
            address = value.address
            low, high = address.bounds(scope)
            high += (value.rows - 1) * value.pitch + value.bytes
            first, bits = self._check_range(low, high, way, operation, read, write)
            record = [value.bytes, value.rows, value.pitch, read, write, 1, first]
        self.operands += (*record, *self._affine(address))
        return bits

    def _check_range(
        self, low: int, high: int, way: _Way, operation: str, read: int, write: int
    ) -> tuple[int, int]:
        covered = low
        bits = 0
        first = -1
        for number, (start, end, storage) in enumerate(self.memories):
            if start <= covered < end:
                first = number if first < 0 else first
                bits |= 1 << (1 + storage % 60)
                self._check_reach(way, storage, operation, read, write)
                covered = end
            if covered >= high:
                break
        is_alone = bits.bit_count() < 2  # only parts may lie in several memories
        if covered < high or first < 0 or not (is_alone or isinstance(way.route.unit, Controller)):
            raise ProgramError(
                f"'{operation}' reaches addresses 0x{low:x} to 0x{high:x} in its loops; no memory holds them"
                + ("" if covered < high or first < 0 else " all")
            )
        return first, bits

    def _check_reach(self, way: _Way, storage: int, operation: str, read: int, write: int) -> None:
        unit, name = way.route.unit, self.storages[storage]
        if not isinstance(unit, Controller):
            return
        chain = self.chains[unit.name]
        for wanted, reach, verb in ((read, chain.reads, "reads"), (write, chain.writes, "writes")):
            if wanted and not any(name in names for names in reach):
                raise ProgramError(
                    f"'{operation}' reaches '{name}', which no mover behind '{unit.name}' {verb}"
                )

    def _register(self, value: Register, scope: dict[str, int], operation: str) -> Affine:
        if value.index is None:
            if value.name not in self.arch.register_file_of:
                near = nearest(value.name, self.arch.register_file_of)
                raise ProgramError(f"'{operation}' uses register '{value.name}', which does not exist{near}")
            return Affine(self._register_number(value.name))
        low, high = value.index.bounds(scope)
        first, last = (self._register_number(f"{value.name}{number}") for number in (low, high))
        if last - first != high - low:
            names = f"'{value.name}{low}' to '{value.name}{high}'"
            raise ProgramError(
                f"'{operation}' runs through registers {names}, whose numbers do not follow each other"
            )
        return value.index + (first - low)

    def _register_number(self, name: str) -> int:
        """Names that differ in the number behind them alone have numbers with the same distance."""
        family = name.rstrip("0123456789")
        digits = name[len(family) :]
        if not digits or digits != str(int(digits)):
            family, digits = name, "-1"
        return (self.families.setdefault(family, len(self.families)) << 32) + int(digits) + 1

    def _affine(self, value: Affine) -> list[int]:
        """Constant, first term, terms, rotations; the terms go into their table."""
        value = as_affine(value)
        position = len(self.terms)
        for name, coefficient in value.terms:
            self.terms += (self.levels[name], coefficient)
        for rotation in value.rotations:
            inner = rotation.index
            self.terms += (rotation.scale, rotation.modulus, inner.const, len(inner.terms))
            for name, coefficient in inner.terms:
                self.terms += (self.levels[name], coefficient)
        return [value.const, position, len(value.terms), len(value.rotations)]


@dataclass(slots=True)
class _Way:
    """What static steps share that differ in addresses only."""

    route: Route
    costs: list[VaryingCost | int]
    varies: bool
    fetch: int
    position: int = 0
    length: int = 0
    parts: int = 0


def _rows(node: Step, operation: Operation, directions: tuple[str, ...]) -> int:
    """The largest number of rows of the address operands of some directions."""
    values = [
        node.operands[operand.name] for operand in operation.operands if operand.direction in directions
    ]
    return max([1, *(value.rows for value in values if isinstance(value, Memory))])
