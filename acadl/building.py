"""Descriptions from Python: a builder with the words of the language.

    >>> import acadl
    >>> machine = acadl.Builder("small", clock="1 GHz")
    >>> machine.operation("add", "acc: inout reg, a: in reg", function="acc + a")
    >>> imem = machine.sram("imem", data_width="32 bits", addresses=(0, 4096))
    >>> rf = machine.registers("rf", data_width="32 bits", names="r[0 ..< 4]")
    >>> ifs = machine.fetch("ifs", from_=imem)
    >>> ex = machine.execute("ex")
    >>> alu = ex.unit("alu", operations=["add"], latency=2)
    >>> machine.forward(ifs, ex)
    >>> machine.both(rf, alu)
    >>> machine.build()
    <Architecture small: 6 objects, 6 edges, 1 operations>

The builder writes text, and building it reads that text: everything means what it means in a file, and is
checked like one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from acadl.elaborate_schema import OBJECTS, Form
from acadl.errors import AcadlError
from acadl.formatting import format_text

if TYPE_CHECKING:
    from acadl.model import Architecture

Simple: TypeAlias = "int | bool | str | Part"
Value: TypeAlias = "Simple | Iterable[str] | tuple[int | str, int | str] | list[tuple[int | str, int | str]]"


class Part:
    """What has a name in a description and can be an end of edges.

    ``part["east"]`` and ``part[0]`` are parts of it.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"

    def __getitem__(self, part: int | str) -> Part:
        """An element of an array (a number, ``"*"``, a range as text) or a member (a name)."""
        is_member = isinstance(part, str) and part.replace(".", "_").isidentifier()
        return Part(f"{self.path}.{part}" if is_member else f"{self.path}[{part}]")

    def __iter__(self) -> NoReturn:
        """Parts are not counted here, so that there is no end to iterating."""
        raise AcadlError(f"'{self.path}' cannot be iterated; all elements together are [\"*\"]")


class Stage(Part):
    """A stage that contains units: an ``execute`` or ``fetch`` stage."""

    def __init__(self, path: str, lines: list[str]) -> None:
        super().__init__(path)
        self._lines = lines

    def _contained(self, keyword: str, name: str, doc: str, attributes: dict[str, Value]) -> Part:
        self._lines += _object(keyword, name, doc, attributes)
        return Part(f"{self.path}.{name}")

    def unit(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """A ``unit`` in this stage."""
        return self._contained("unit", name, doc, attributes)

    def memory_unit(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """A ``memory_unit`` in this stage."""
        return self._contained("memory_unit", name, doc, attributes)

    def controller(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """A ``controller`` in this stage."""
        return self._contained("controller", name, doc, attributes)

    def instruction_memory_unit(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """The ``instruction_memory_unit`` of this fetch stage."""
        return self._contained("instruction_memory_unit", name, doc, attributes)


class Body:
    """Statements of an architecture or a template.

    Methods are the keywords of the language; their keyword arguments are the attributes (``from_`` stands for
    ``from``). Values are numbers, truth values, or text as the language writes it (``"32 bits"``,
    ``"m + rows"``); operations also lists of names, addresses also pairs of numbers, start and end.
    """

    def __init__(self) -> None:
        self._statements: list[str | list[str]] = []

    def _lines(self) -> list[str]:
        return [
            line for part in self._statements for line in ([part] if isinstance(part, str) else [*part, "}"])
        ]

    def _add(self, keyword: str, name: str, doc: str, attributes: dict[str, Value]) -> Part:
        self._statements += _object(keyword, name, doc, attributes)
        return Part(name)

    def _add_stage(self, keyword: str, name: str, doc: str, attributes: dict[str, Value]) -> Stage:
        lines = _object(keyword, name, doc, attributes)[:-1]
        self._statements.append(lines)  # units are added to these
        return Stage(name, lines)

    # --- objects -----------------------------------------------------------------------------------------

    def stage(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """A ``stage``."""
        return self._add("stage", name, doc, attributes)

    def execute(self, name: str, /, doc: str = "", **attributes: Value) -> Stage:
        """An ``execute`` stage, which takes units."""
        return self._add_stage("execute", name, doc, attributes)

    def fetch(self, name: str, /, doc: str = "", **attributes: Value) -> Stage:
        """The ``fetch`` stage."""
        return self._add_stage("fetch", name, doc, attributes)

    def mover(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """A ``mover``."""
        return self._add("mover", name, doc, attributes)

    def registers(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """A register file, ``registers``."""
        return self._add("registers", name, doc, attributes)

    def sram(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """An ``sram``."""
        return self._add("sram", name, doc, attributes)

    def dram(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """A ``dram``."""
        return self._add("dram", name, doc, attributes)

    def cache(self, name: str, /, doc: str = "", **attributes: Value) -> Part:
        """A ``cache``."""
        return self._add("cache", name, doc, attributes)

    # --- instances and edges -----------------------------------------------------------------------------

    def instance(
        self, name: str, template: Template, sizes: Iterable[int | str] = (), **arguments: Simple
    ) -> Part:
        """An instance of a template, or an array of them with ``sizes``."""
        if not isinstance(template, Template):
            raise AcadlError(f"'{name}' is an instance of {template!r}; expected what template() returned")
        if isinstance(sizes, int | str):
            sizes = (sizes,)
        given = ", ".join(f"{key}: {_text(value)}" for key, value in arguments.items())
        call = f"({given})" if given else ""
        self._statements.append(f"{name}: {template.name}{call}{''.join(f'[{size}]' for size in sizes)}")
        return Part(name)

    def forward(self, *ends: Part | Iterable[Part]) -> None:
        """``a -> b -> …``; an end may be several parts."""
        self._chain("->", ends)

    def data(self, *ends: Part | Iterable[Part]) -> None:
        """``a => b => …``."""
        self._chain("=>", ends)

    def both(self, *ends: Part | Iterable[Part]) -> None:
        """``a <=> b <=> …``."""
        self._chain("<=>", ends)

    def _chain(self, arrow: str, ends: tuple[Part | Iterable[Part], ...]) -> None:
        if len(ends) < 2:
            raise AcadlError(f"an edge '{arrow}' has two ends at least")
        self._statements.append(f" {arrow} ".join(map(_end, ends)))

    def const(self, name: str, value: Simple) -> None:
        """``const name = value``."""
        self._statements.append(f"const {name} = {_text(value)}")

    def require(self, condition: str, message: str) -> None:
        """``require condition else "message"``."""
        self._statements.append(f'require {condition} else "{message}"')


class Template(Body):
    """A template; parameters are texts such as ``"width: bits = 8 bits"``."""

    def __init__(self, name: str, parameters: tuple[str, ...]) -> None:
        super().__init__()
        self.name = name
        self._head = f"template {name}({', '.join(parameters)}) {{"

    def open(self, name: str, edge: str, *, optional: bool = False) -> None:
        """An open edge; ``edge`` as the language writes it, ``"ex.mac =>"`` or ``"-> ex"``."""
        self._statements.append(f"open {'optional ' if optional else ''}{name}: {edge}")

    def lines(self) -> list[str]:
        """The declaration."""
        return [self._head, *self._lines(), "}"]


class Builder(Body):
    """Builds an architecture.

    Args:
        name: Its name.
        parameters: Texts such as ``"rows: int = 4"``.
        clock: The frequency, in Hz or as text with its unit.
        doc: Documentation.
    """

    def __init__(self, name: str, *parameters: str, clock: int | str, doc: str = "") -> None:
        super().__init__()
        self.name = name
        self._head = [*_documentation(doc), f"architecture {name}({', '.join(parameters)}) {{"]
        self._clock = f"clock {clock} Hz" if isinstance(clock, int) else f"clock {clock}"
        self._operations: list[str] = []
        self._templates: list[Template] = []

    def operation(self, name: str, operands: str = "", *, function: str = "", doc: str = "") -> None:
        """Declare an operation; operands and function as the language writes them."""
        value = f" = {function}" if function else ""
        self._operations += [*_documentation(doc), f"{name}({operands}){value}"]

    def template(self, name: str, *parameters: str) -> Template:
        """Declare a template, to be filled and then instantiated."""
        self._templates.append(Template(name, parameters))
        return self._templates[-1]

    def text(self) -> str:
        """The description in the one style. Raises :class:`acadl.DescriptionError` where it is none."""
        operations = ["operations {", *self._operations, "}"] if self._operations else []
        templates = [line for template in self._templates for line in ["", *template.lines()]]
        lines = [*self._head, self._clock, "", *operations, *templates, "", *self._lines(), "}"]
        return format_text("\n".join(lines), self.name)

    def build(self, **parameters: int | bool | str) -> Architecture:
        """The architecture. Raises :class:`acadl.DescriptionError` with findings in :meth:`text`."""
        from acadl.loading import loads

        return loads(self.text(), self.name, **parameters)


def _end(end: object) -> str:
    """An end of an edge, or several. Raises :class:`AcadlError`."""
    if isinstance(end, Part | str):
        return str(end)
    ends = list(end) if isinstance(end, Iterable) else []
    if not ends or not all(isinstance(each, Part | str) for each in ends):
        raise AcadlError(
            f"{end!r} is no end of an edge; expected a part that the builder returned, or several"
        )
    return f"{{{', '.join(map(str, ends))}}}"


# --- text -----------------------------------------------------------------------------------------------


def _documentation(doc: str) -> list[str]:
    return [f"/// {line}".rstrip() for line in doc.split("\n")] if doc else []


def _object(keyword: str, name: str, doc: str, attributes: dict[str, Value]) -> list[str]:
    lines = [*_documentation(doc), f"{keyword} {name} {{"]
    for attribute, value in attributes.items():
        key = attribute.rstrip("_")
        known = OBJECTS[keyword].attributes.get(key)
        form = known.form if known is not None else None
        what = f"'{key}' of {keyword} '{name}'"
        lines.append(f"{key}: {_attribute(what, value, form)}")
    return [*lines, "}"]


def _attribute(what: str, value: Value, form: Form | None) -> str:
    """A value of an attribute; pairs are address ranges, lists are names. Raises :class:`AcadlError`."""
    if isinstance(value, int | str | Part):
        return _text(value)
    if not isinstance(value, Iterable) or isinstance(value, bytes | dict):
        raise AcadlError(f"{what} is {value!r}; expected a number, a truth value, text or a list of names")
    items: list[Any] = list(value)
    if form is Form.ADDRESSES:
        pairs = items if items and isinstance(items[0], tuple | list) else [items]
        if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
            raise AcadlError(f"{what} is {value!r}; expected a start and an end, or a list of such pairs")
        ranges = [f"{start} ..< {end}" for start, end in pairs]
        return ranges[0] if len(ranges) == 1 else f"({', '.join(ranges)})"
    return " ".join(map(str, items))


def _text(value: Simple) -> str:
    if not isinstance(value, int | str | Part):
        raise AcadlError(f"{value!r} is no value of a description; expected a number, a truth value or text")
    return str(value).lower() if isinstance(value, bool) else str(value)
