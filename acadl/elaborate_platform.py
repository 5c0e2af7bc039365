"""Syntax tree to platform: cores with their arguments, caches, the memory, who lies on what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.elaborate_attributes import read_plain, read_word
from acadl.elaborate_evaluate import Evaluator
from acadl.elaborate_imports import SourceFile, Sources
from acadl.elaborate_instances import declared_of, split_call
from acadl.elaborate_names import Meter, Scope, TooLargeError, Watched
from acadl.elaborate_parameters import ParameterValue, bind_given
from acadl.elaborate_schema import AttributeForm, Form
from acadl.elaborate_scope import Session, expand, whole_number
from acadl.elaborate_values import Kind, Reject, Value, reject
from acadl.errors import Diagnostic, Label, Span
from acadl.platform_model import (
    CacheDeclaration,
    CoreDeclaration,
    MemoryDeclaration,
    PlatformDescription,
    Setting,
)
from acadl.suggesting import suggestion
from acadl.validate_tools import circle, cycle

MAX_CORES = 64
SIDE = "memory"  # of a core: what the platform's caches and memory take the place of

POLICIES = ("lru", "fifo", "plru_tree", "plru_mru", "random")
CACHE_FORMS: Mapping[str, AttributeForm] = {
    "sets": AttributeForm(Form.NUMBER, "sets: 512", 1, power_of_two=True),
    "ways": AttributeForm(Form.NUMBER, "ways: 8", 1),
    "cache_line_size": AttributeForm(Form.BYTES, "cache_line_size: 64 bytes", 1, power_of_two=True),
    "replacement_policy": AttributeForm(Form.WORD, "replacement_policy: lru", words=POLICIES),
    "seed": AttributeForm(Form.NUMBER, "seed: 1"),
    "write_back": AttributeForm(Form.TRUTH, "write_back: true"),
    "write_allocate": AttributeForm(Form.TRUTH, "write_allocate: true"),
    "hit_latency": AttributeForm(Form.CYCLES, "hit_latency: 10"),
    "miss_latency": AttributeForm(Form.CYCLES, "miss_latency: 10"),
    "ports": AttributeForm(Form.NUMBER, "ports: 2", 1),
    "port_size": AttributeForm(Form.BYTES, "port_size: 64 bytes"),
    "miss_registers": AttributeForm(Form.NUMBER, "miss_registers: 8"),
    "write_buffer": AttributeForm(Form.NUMBER, "write_buffer: 8"),
    "critical_word_first": AttributeForm(Form.TRUTH, "critical_word_first: true"),
    "arbitration": AttributeForm(Form.WORD, "arbitration: round_robin", words=("priority", "round_robin")),
}
MEMORY_FORMS: Mapping[str, AttributeForm] = {
    "config": AttributeForm(Form.WORD, 'config: "DDR4_2400"'),
    "channels": AttributeForm(Form.NUMBER, "channels: 2", 1, power_of_two=True),
    "request_size": AttributeForm(Form.BYTES, "request_size: 256 bytes", 1, power_of_two=True),
}
FIXED_FORMS: Mapping[str, AttributeForm] = {
    "mem_latency": AttributeForm(Form.CYCLES, "mem_latency: 10", 1),
    "cycles_per_beat": AttributeForm(Form.CYCLES, "cycles_per_beat: 1", 1),
    "arbitration": AttributeForm(Form.WORD, 'arbitration: "rr"'),
    "response_order": AttributeForm(Form.WORD, 'response_order: "percore"'),
    "queue_depth": AttributeForm(Form.NUMBER, "queue_depth: 4"),
    "cache_bytes": AttributeForm(Form.NUMBER, "cache_bytes: 4096"),
    "cache_ways": AttributeForm(Form.NUMBER, "cache_ways: 4"),
    "cache_hit_latency": AttributeForm(Form.CYCLES, "cache_hit_latency: 2"),
}
BUS_FORMS: Mapping[str, AttributeForm] = {
    "width": AttributeForm(Form.BYTES, "width: 16 bytes", 1),
    "latency": AttributeForm(Form.CYCLES, "latency: 1"),
    "lanes": AttributeForm(Form.NUMBER, "lanes: 4", 1),
    "arbitration": CACHE_FORMS["arbitration"],
}
FORMS = {"bus": BUS_FORMS, "cache": CACHE_FORMS, "dram": MEMORY_FORMS, "sram": FIXED_FORMS}
REQUEST_BYTES = 256
_NEEDED = {"bus": ("width",), "cache": ("sets", "ways"), "dram": ("config",), "sram": ("mem_latency",)}
_OWN = ("operators", "spare", "clock")  # arguments of a core that are none of its description's parameters


def elaborate_platform(
    sources: Sources,
    declaration: syntax.PlatformDeclaration,
    parameters: Mapping[str, ParameterValue],
    collector: Collector,
    watched: Watched | None = None,
) -> PlatformDescription | None:
    """The platform of the root file; ``None`` after errors, which go to ``collector``."""
    session = Session(collector, meter=Meter(watched))
    try:
        return _Platform(sources, session).run(declaration, parameters)
    except TooLargeError as error:
        hint = f"a platform has at most {MAX_CORES} cores and as many caches"
        collector.add(Diagnostic("E0803", str(error), error.span, hint))
    except Reject as rejected:
        if rejected.diagnostic is not None:
            collector.add(rejected.diagnostic)
    return None


@dataclass(slots=True)
class _Parts:
    """What is declared so far: by its name, or by name and index where it is an array."""

    cores: dict[str, CoreDeclaration] = field(default_factory=dict)
    caches: dict[str, CacheDeclaration] = field(default_factory=dict)
    memories: dict[str, MemoryDeclaration] = field(default_factory=dict)
    arrays: dict[str, dict[int, str]] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)  # names whose declaration has an error

    def names(self) -> Iterator[str]:
        """What a path may begin with."""
        yield from self.arrays
        inner = {name for array in self.arrays.values() for name in array.values()}
        yield from (name for name in (*self.cores, *self.caches, *self.memories) if name not in inner)


class _Platform:
    def __init__(self, sources: Sources, session: Session) -> None:
        self._sources, self._session = sources, session
        self._files: dict[str, str] = {}  # imported architecture to its file
        self._parts = _Parts()
        self._edges: list[tuple[syntax.EdgeChain, Scope]] = []
        self._below: dict[str, tuple[str, Span]] = {}

    def run(
        self, declaration: syntax.PlatformDeclaration, given: Mapping[str, ParameterValue]
    ) -> PlatformDescription | None:
        session, root = self._session, self._sources.root
        outer = session.scope(None)
        for item, scope in expand(root.parsed.items, outer, session):
            with session.reporting():
                self._beside(item, scope, root, declaration)
        scope = session.scope(outer)
        parameters = bind_given(declaration, given, scope, session)
        for item, inner in expand(declaration.body.items, scope, session):
            with session.reporting():
                self._statement(item, inner)
        for edge, inner in self._edges:
            with session.reporting():
                self._join(edge, inner)
        self._check(declaration)
        if session.collector.error_count:
            return None
        (memory,) = self._parts.memories.values()
        return PlatformDescription(
            name=declaration.name.text,
            cores=tuple(
                replace(core, below=self._below[core.name][0]) for core in self._parts.cores.values()
            ),
            caches=tuple(self._ordered()),
            memory=memory,
            parameters=parameters,
            clock_hz=session.clock[0] if session.clock is not None else None,
            doc=declaration.doc,
            source=self._sources.digest,
        )

    # --- beside the platform -----------------------------------------------------------------------------

    def _beside(
        self, item: syntax.Item, scope: Scope, root: SourceFile, declaration: syntax.PlatformDeclaration
    ) -> None:
        match item:
            case syntax.Import():
                self._import(item, root)
            case syntax.PlatformDeclaration():
                if item is not declaration:
                    label = Label(declaration.name.span, "the first platform")
                    hint = "a file describes one platform"
                    reject("E0601", "the file has a second platform", item.name.span, hint, (label,))
            case _:
                hint = "beside it stand imports and constants; move this to a file of its own"
                reject("E0401", "this cannot stand beside a platform", item.span, hint)

    def _import(self, item: syntax.Import, root: SourceFile) -> None:
        source = root.imports.get(item.span)
        if source is None or not source.parsed.items:
            raise Reject  # reported where files are read
        there = [i.name.text for i in source.parsed.items if isinstance(i, syntax.ArchitectureDeclaration)]
        for name in item.names:
            if name.text not in there:
                hint = suggestion(name.text, there, f"architectures of '{item.file.value}'")
                reject("E0201", f"'{item.file.value}' has no architecture '{name.text}'", name.span, hint)
            if name.text in self._files:
                reject("E0203", f"'{name.text}' is already imported", name.span)
            self._files[name.text] = source.parsed.file

    # --- statements --------------------------------------------------------------------------------------

    def _statement(self, item: syntax.Item, scope: Scope) -> None:
        match item:
            case syntax.Attribute():
                self._core(item, scope)
            case syntax.ObjectDeclaration() if item.kind.text in _NEEDED:
                self._part(item, scope)
            case syntax.EdgeChain():
                self._edges.append((item, scope))
            case syntax.Clock():
                self._clock(item, scope)
            case _:
                if isinstance(item, syntax.ObjectDeclaration):
                    self._parts.broken.add(item.declared.name.text)
                hint = "a platform has a clock, cores (`name: architecture`), caches, a memory, and edges"
                reject("E0401", "this does not belong into a platform", item.span, hint)

    def _clock(self, item: syntax.Clock, scope: Scope) -> None:
        if self._session.clock is not None:
            label = Label(self._session.clock[1], "first given here")
            reject("E0203", "the clock is given twice", item.span, None, (label,))
        self._session.clock = (_hertz(Evaluator(scope).evaluate(item.value), item.value.span), item.span)

    # --- cores -------------------------------------------------------------------------------------------

    def _core(self, item: syntax.Attribute, scope: Scope) -> None:
        declared = declared_of(item.target)
        names = self._enter(declared, scope)
        try:
            self._make_cores(item, scope, declared, names)
        except Reject:
            self._parts.broken.add(declared.name.text)
            raise

    def _make_cores(
        self, item: syntax.Attribute, scope: Scope, declared: syntax.Declared, names: list[str]
    ) -> None:
        if not isinstance(item.value, syntax.Path):
            reject(
                "E0401",
                "a core is written `name: architecture`",
                item.value.span,
                "for example `core: gemmini`",
            )
        call, sizes = split_call(item.value)
        if len(sizes) > 1 or (sizes and declared.indices):
            reject("E0303", "cores stand in arrays of one dimension", item.value.span)
        if sizes:
            count = whole_number(sizes[0], scope, "the number of cores")
            if not 1 <= count <= MAX_CORES:
                hint = f"the least number is 1, the largest one {MAX_CORES}"
                reject("E0302", f"there cannot be {count} cores", sizes[0].span, hint)
            names = self._array(declared.name.text, names[0], count, declared.span)
        core = self._argued(item.value.name, call, item.span, scope)
        for name in names:
            if len(self._parts.cores) >= MAX_CORES:
                raise TooLargeError(f"the platform has more than {MAX_CORES} cores", item.span)
            self._parts.cores[name] = replace(core, name=name)

    def _argued(
        self, name: syntax.Word, call: syntax.Call | None, span: Span, scope: Scope
    ) -> CoreDeclaration:
        """A core with its arguments, still without a name."""
        core = CoreDeclaration("", name.text, self._files.get(name.text), {}, name.span)
        settings: dict[str, Setting] = {}
        spans: dict[str, Span] = {}
        for argument in call.arguments if call is not None else ():
            if argument.name is None:
                hint = f"for example `{name.text}(dim: 8)`"
                reject("E0303", "arguments of an architecture are given by name", argument.span, hint)
            key = argument.name.text
            if key in spans:
                reject("E0203", f"'{key}' is given twice", argument.name.span)
            spans[key] = argument.value.span
            value = Evaluator(scope).evaluate(argument.value)
            if key in _OWN:
                core = _with_own(core, key, value, argument.value.span)
            else:
                settings[key] = _setting(value)
        return replace(core, settings=settings, settings_spans=spans)

    # --- caches and memories -----------------------------------------------------------------------------

    def _part(self, item: syntax.ObjectDeclaration, scope: Scope) -> None:
        (name,) = self._enter(item.declared, scope)
        try:
            values = self._attributes(item, scope)
        except Reject:
            self._parts.broken.add(item.declared.name.text)
            raise
        if item.kind.text in ("cache", "bus"):
            if len(self._parts.caches) >= MAX_CORES:
                raise TooLargeError(f"the platform has more than {MAX_CORES} caches and buses", item.span)
            span, kind = item.declared.span, item.kind.text
            self._parts.caches[name] = CacheDeclaration(name, values, span, kind=kind)
            return
        size, is_fixed = values.get("request_size", REQUEST_BYTES), item.kind.text == "sram"
        config, attributes = ("", values) if is_fixed else (str(values["config"]), {})
        span = item.declared.span
        channels = int(values.get("channels", 1))
        self._parts.memories[name] = MemoryDeclaration(name, config, int(size), span, attributes, channels)

    def _attributes(self, item: syntax.ObjectDeclaration, scope: Scope) -> dict[str, Setting]:
        kind = item.kind.text
        forms = FORMS[kind]
        values: dict[str, Setting] = {}
        before = self._session.collector.error_count
        for statement, inner in expand(item.body.items, Scope(scope, scope.meter), self._session):
            with self._session.reporting():
                if not isinstance(statement, syntax.Attribute) or not statement.target.is_name:
                    hint = f"attributes of a {kind}: {', '.join(forms)}"
                    reject("E0401", f"this does not belong into a {kind} of a platform", statement.span, hint)
                name = statement.target.name
                if name.text not in forms:
                    hint = suggestion(name.text, forms, f"attributes of a {kind} of a platform")
                    reject("E0402", f"'{kind}' has no attribute '{name.text}' here", name.span, hint)
                if name.text in values:
                    reject("E0203", f"attribute '{name.text}' is given twice", name.span)
                values[name.text] = _value(statement, inner, name.text, forms[name.text])
        missing = [name for name in _NEEDED[kind] if name not in values]
        if self._session.collector.error_count > before:
            raise Reject
        if missing:
            listed = " and ".join(f"'{name}'" for name in missing)
            examples = ", ".join(forms[name].example for name in missing)
            message = f"{kind} '{item.declared.name.text}' needs {listed}"
            reject("E0403", message, item.declared.span, f"for example `{examples}`")
        return values

    # --- names -------------------------------------------------------------------------------------------

    def _enter(self, declared: syntax.Declared, scope: Scope) -> list[str]:
        """Take a name, with an index in a loop; returns what the part is called."""
        name = declared.name.text
        if len(declared.indices) > 1:
            reject("E0303", "parts of a platform stand in arrays of one dimension", declared.span)
        if not declared.indices:
            self._free(name, declared.span)
            return [name]
        number = whole_number(declared.indices[0], scope, "an index")
        if name in self._parts.spans and name not in self._parts.arrays:
            self._free(name, declared.span)
        self._free(f"{name}{number}", declared.span)
        self._parts.arrays.setdefault(name, {})[number] = f"{name}{number}"
        return [f"{name}{number}"]

    def _array(self, name: str, local: str, count: int, span: Span) -> list[str]:
        del self._parts.spans[local]
        for number in range(count):
            self._free(f"{name}{number}", span)
        self._parts.arrays[name] = {number: f"{name}{number}" for number in range(count)}
        return list(self._parts.arrays[name].values())

    def _free(self, name: str, span: Span) -> None:
        first = self._parts.spans.setdefault(name, span)
        if first is not span:
            label = Label(first, "first declared here")
            hint = "elements of an array `a` are called a0, a1 and so on"
            reject("E0203", f"'{name}' is already declared", span, hint, (label,))

    # --- edges -------------------------------------------------------------------------------------------

    def _join(self, chain: syntax.EdgeChain, scope: Scope) -> None:
        for arrow, upper, lower in zip(chain.arrows, chain.endpoints, chain.endpoints[1:], strict=False):
            if arrow.text != "<=>":
                hint = "requests go down and answers come up: write `<=>`"
                reject("E0503", f"'{arrow.text}' joins nothing in a platform", arrow.span, hint)
            below = self._ends(lower, scope, is_upper=False)
            if len(below) > 1:
                reject("E0503", "right of `<=>` stands one cache or memory", lower.span)
            for name in self._ends(upper, scope, is_upper=True):
                for target in below:
                    self._put(name, target, upper.span)

    def _put(self, name: str, below: str, span: Span) -> None:
        if name in self._below:
            label = Label(self._below[name][1], "first joined here")
            hint = "each lies on one cache or on the memory"
            reject("E0504", f"'{name}' already lies on '{self._below[name][0]}'", span, hint, (label,))
        self._below[name] = (below, span)

    def _ends(self, endpoint: syntax.Endpoint, scope: Scope, is_upper: bool) -> list[str]:
        """Names of what an endpoint means; nothing for what has an error."""
        return [name for path in endpoint.paths for name in self._resolved(path, scope, is_upper)]

    def _resolved(self, path: syntax.Path, scope: Scope, is_upper: bool) -> list[str]:
        name, parts = path.name.text, self._parts
        if name in parts.broken:
            return []
        if name not in set(parts.names()):
            reject(
                "E0201", f"unknown part '{name}'", path.name.span, suggestion(name, parts.names(), "parts")
            )
        found, rest = [name], list(path.parts)
        if name in parts.arrays:
            if not rest or not isinstance(rest[0], syntax.Element):
                hint = f"say which element, as in `{name}[0]`, or all of them, `{name}[*]`"
                reject("E0501", f"'{name}' is an array", path.span, hint)
            found = self._elements(name, rest.pop(0), scope)
        if found and found[0] in parts.cores:
            self._check_side(path, rest, is_upper)
        elif rest:
            reject("E0501", f"'{name}' has no parts", rest[0].span)
        elif is_upper and found and found[0] in parts.memories:
            reject(
                "E0503", "the memory is at the end of a chain", path.span, "for example `cache <=> memory`"
            )
        return found

    def _elements(self, name: str, part: syntax.Part, scope: Scope) -> list[str]:
        assert isinstance(part, syntax.Element)
        array = self._parts.arrays[name]
        match part.index:
            case syntax.Wildcard():
                return list(array.values())
            case syntax.Range(start=start, end=end):
                numbers = range(whole_number(start, scope, "an index"), whole_number(end, scope, "an index"))
            case index:
                number = whole_number(index, scope, "an index")
                numbers = range(number, number + 1)
        for number in numbers:
            self._session.step(part.span)
            if number not in array:
                bounds = f"it has elements {min(array)} to {max(array)}"
                reject("E0206", f"'{name}' has no element {number}", part.span, bounds)
        return [array[number] for number in numbers]

    def _check_side(self, path: syntax.Path, rest: list[syntax.Part], is_upper: bool) -> None:
        shown = f"{path.name.text}{'[…]' if len(path.parts) > len(rest) else ''}"
        if not is_upper:
            reject("E0503", f"'{shown}' is a core, and nothing lies on a core", path.span)
        member = rest[0] if len(rest) == 1 else None
        if not isinstance(member, syntax.Member) or member.name.text != SIDE:
            span = rest[0].span if rest else path.span
            reject("E0501", f"a core is joined by its '{SIDE}'", span, f"write `{shown}.{SIDE}`")

    # --- the whole ---------------------------------------------------------------------------------------

    def _check(self, declaration: syntax.PlatformDeclaration) -> None:
        collector, parts, place = self._session.collector, self._parts, declaration.name.span
        if parts.broken:
            return
        if not parts.cores:
            hint = "for example `core: gemmini`"
            collector.add(Diagnostic("E0403", "the platform has no core", place, hint), distinct=True)
        if not parts.memories:
            hint = 'for example `dram memory { config: "DDR4_2400" }`'
            collector.add(Diagnostic("E0403", "the platform has no memory", place, hint), distinct=True)
        for memory in list(parts.memories.values())[1:]:
            label = Label(next(iter(parts.memories.values())).span, "the first one")
            hint = "several channels are one memory with a configuration that has them"
            message = f"'{memory.name}' is a second memory"
            collector.add(Diagnostic("E0203", message, memory.span, hint, (label,)))
        if self._session.failed_ends or any(d.is_error for d in collector.sorted()):
            return
        memory_name = next(iter(parts.memories), "memory")
        for core in parts.cores.values():
            if core.name not in self._below:
                hint = f"for example `{core.name}.{SIDE} <=> {memory_name}`"
                message = f"core '{core.name}' is joined to no memory"
                collector.add(Diagnostic("E0403", message, core.span, hint), distinct=True)
        for cache in parts.caches.values():
            if cache.name not in self._below:
                hint = f"for example `{cache.name} <=> {memory_name}`"
                message = f"{cache.kind} '{cache.name}' has no memory behind it"
                collector.add(Diagnostic("E0609", message, cache.span, hint))
        loop = cycle(parts.caches, lambda name: [self._below[name][0]] if name in self._below else [])
        if loop:
            message = f"caches are behind each other: {circle(loop, '<=>')}"
            collector.add(
                Diagnostic("E0610", message, parts.caches[loop[0]].span, "leave one of the edges out")
            )

    def _ordered(self) -> Iterator[CacheDeclaration]:
        """Caches with what is below each, those nearer to the memory first."""
        caches = self._parts.caches

        def depth(name: str) -> int:
            below = self._below[name][0]
            return 1 + depth(below) if below in caches else 0

        for name in sorted(caches, key=depth):
            yield replace(caches[name], below=self._below[name][0])


def _with_own(core: CoreDeclaration, key: str, value: Value, span: Span) -> CoreDeclaration:
    if key == "clock":
        return replace(core, clock_hz=_hertz(value, span))
    if key == "spare":
        if value.kind is not Kind.TRUTH:
            reject("E0301", f"'spare' is true or false, found {value.kind}", span)
        return replace(core, spare=bool(value.value))
    if not isinstance(value.value, str):
        reject(
            "E0301",
            f"'operators' is a text, found {value.kind}",
            span,
            'for example `operators: "conv gemm"`',
        )
    return replace(core, operators=frozenset(value.value.split()))


def _hertz(value: Value, span: Span) -> int:
    if value.kind is not Kind.FREQUENCY or not isinstance(value.value, int):
        hint = "give it a unit, as in `500 MHz`"
        reject("E0301", f"a clock is a frequency, found {value.kind}", span, hint)
    if value.value < 1:
        reject("E0302", "a clock is at least 1 Hz", span)
    return value.value


_UNITS = {Kind.SIZE: " bits", Kind.CYCLES: " cycles", Kind.FREQUENCY: " Hz"}


def _setting(value: Value) -> Setting:
    """A value as :func:`acadl.load` takes it."""
    if isinstance(value.value, str):
        return value.value
    assert isinstance(value.value, int)  # nothing here depends on an instruction
    if value.kind is Kind.TRUTH:
        return bool(value.value)
    return f"{value.value}{_UNITS[value.kind]}" if value.kind in _UNITS else value.value


def _value(item: syntax.Attribute, scope: Scope, name: str, form: AttributeForm) -> Setting:
    if form.form is Form.WORD and form.words:
        return read_word(item, name, form)
    if form.form is Form.WORD:
        value = Evaluator(scope).evaluate(item.value)
        if not isinstance(value.value, str):
            reject(
                "E0301",
                f"'{name}' is a text, found {value.kind}",
                item.value.span,
                f"for example `{form.example}`",
            )
        return value.value
    return read_plain(item.value, scope, name, form)
