"""Architectures as text: :func:`to_acadl`. Reading the text gives the same architecture.

Parameters are resolved: the text has the values that they had, and refuses others. Groups of objects that an
array repeats become a template; edges are written where the whole architecture can be seen, with full names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from acadl.elaborate_schema import FIELDS, OBJECTS, AttributeForm, Form, ObjectForm
from acadl.errors import AcadlError
from acadl.formatting import format_text
from acadl.model import ACADLObject, Architecture, EdgeKind
from acadl.operations import Operation
from acadl.writing_edges import edge_lines
from acadl.writing_expressions import area_text, bytes_text, energy_text, frequency_text, written

_KEYWORDS = {form.cls: (keyword, form) for keyword, form in OBJECTS.items()}
_ATTRIBUTES = {field_name: attribute for attribute, field_name in FIELDS.items()}
_BARE = ("name", "doc", "span")
_INDEX = re.compile(r"\[(\d+)\]")
_NUMBERED = re.compile(r"(.*?)(0|[1-9]\d*)")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def to_acadl(arch: Architecture) -> str:
    """The text of an architecture, in the one style.

    Raises:
        AcadlError: It has something that the language has no words for, as only Python can build it.
    """
    tree = _tree(arch)
    templates = _Templates(arch)
    body = [line for member in tree.members.values() for line in templates.member(member, "")]
    lines = [
        *_documentation(arch.doc),
        f"architecture {_name(arch.name)}({', '.join(_parameters(arch))}) {{",
        f"clock {frequency_text(arch.clock_hz)}",
        *(
            f'require {name} == {value_text(value)} else "this text was written for {name} = {_plain(value)}"'
            for name, value in arch.parameters.items()
        ),
        *_operations(arch.operations.values()),
        *templates.lines,
        "",
        *body,
        "",
        *edge_lines(arch),
        "}",
    ]
    return format_text("\n".join(lines), arch.name)


# --- the tree of names ----------------------------------------------------------------------------------


@dataclass
class _Member:
    """An object with the units in it, or an instance of a template (``item`` is ``None``)."""

    name: str
    item: ACADLObject | None = None
    members: dict[str, _Member] = field(default_factory=dict)

    def walk(self) -> Iterator[_Member]:
        yield self
        for member in self.members.values():
            yield from member.walk()


def _tree(arch: Architecture) -> _Member:
    root = _Member("")
    for name, item in arch.objects.items():
        place = root
        for segment in name.split("."):
            place = place.members.setdefault(segment, _Member(segment))
        if place.item is not None or place.members:
            raise AcadlError(f"'{name}' comes behind its parts")
        place.item = item
    for edge in arch.edges:
        if edge.kind is EdgeKind.CONTAINS and edge.target.rpartition(".")[0] != edge.source:
            raise AcadlError(f"'{edge.target}' is in '{edge.source}', but its name says otherwise")
    return root


# --- templates ------------------------------------------------------------------------------------------


class _Templates:
    """Groups of objects by what is in them; equal ones are one template."""

    def __init__(self, arch: Architecture) -> None:
        self._arch = arch
        self._known: dict[tuple[str, ...], str] = {}
        self._arrays: dict[str, int] = {}
        self.lines: list[str] = []

    def member(self, member: _Member, prefix: str) -> list[str]:
        """The statements that declare a member; ``prefix``: the name of the instance around, with a dot."""
        if member.item is not None:
            return _object(member, prefix)
        content = tuple(
            line for m in member.members.values() for line in self.member(m, f"{prefix}{member.name}.")
        )
        base = member.name.partition("[")[0]
        template = self._known.get(content)
        if template is None:
            template = self._known[content] = self._free(f"{base}_part")
            self.lines += ["", f"template {template} {{", *content, "}"]
        return [f"{member.name}: {template}"]

    def _free(self, name: str) -> str:
        self._arrays[name] = self._arrays.get(name, 0) + 1
        return name if self._arrays[name] == 1 else f"{name}_{self._arrays[name]}"


# --- objects --------------------------------------------------------------------------------------------


def _object(member: _Member, prefix: str, documented: bool = True) -> list[str]:
    item = member.item
    assert item is not None
    if type(item) not in _KEYWORDS:
        raise AcadlError(f"'{item.name}' is a {type(item).__name__}, which the language has no word for")
    keyword, form = _KEYWORDS[type(item)]
    attributes = [_attribute(item, name, prefix, form) for name in _changed(item)]
    inner = [line for unit in member.members.values() for line in _object(unit, f"{item.name}.")]
    base = member.name.partition("[")[0]
    head = f"{keyword} {_name(base)}{member.name[len(base) :]} {{"
    doc = _documentation(item.doc) if documented else []
    if inner:
        return [*doc, head, *attributes, *inner, "}"]
    return [*doc, f"{head} {', '.join(attributes)} }}"]


def _changed(item: ACADLObject) -> list[str]:
    """Fields that are not what they would be without the attribute."""
    pipelined = getattr(item, "initiation_interval", None) is not None
    form = _KEYWORDS[type(item)][1]
    found = []
    for entry in fields(item):
        if entry.name in _BARE:
            continue
        default = entry.default
        if entry.default_factory is not MISSING:
            default = entry.default_factory()
        required = _ATTRIBUTES.get(entry.name, entry.name) in form.required
        derived = entry.name == "capacity" and pipelined and "capacity" in form.attributes
        if required or derived or getattr(item, entry.name) != default:
            found.append(entry.name)
    return found


def _attribute(item: ACADLObject, name: str, prefix: str, form: ObjectForm) -> str:
    attribute = _ATTRIBUTES.get(name, name)
    known = form.attributes.get(attribute)
    if known is None:
        raise AcadlError(f"'{item.name}' has another '{name}' than usual, which the language has no word for")
    return f"{attribute}: {_value(getattr(item, name), known, prefix)}"


def _value(value: Any, form: AttributeForm, prefix: str) -> str:
    match form.form:
        case Form.LATENCY:
            return written(value)
        case Form.ENERGY_OF:
            return written(value, energy_text)
        case Form.ENERGY:
            return energy_text(value)
        case Form.AREA:
            return area_text(value)
        case Form.BITS:
            return f"{value} bits"
        case Form.BYTES:
            return bytes_text(value)
        case Form.TRUTH:
            return "true" if value else "false"
        case Form.OPERATIONS | Form.PREPARES:
            return " ".join(sorted(value))
        case Form.REGISTERS:
            return " ".join(_registers(value, prefix))
        case Form.ADDRESSES:
            ranges = [f"0x{low:x} ..< 0x{high:x}" for low, high in value]
            return ranges[0] if len(ranges) == 1 else f"({', '.join(ranges)})"
    return str(value)


def _registers(registers: Mapping[str, int], prefix: str) -> Iterator[str]:
    """Names in order, numbered ones that follow each other as ranges."""
    runs: list[tuple[str, int, int, int]] = []  # stem, first and last number (-1: none), initial value
    for name, initial in registers.items():
        if not name.startswith(prefix):
            raise AcadlError(f"register '{name}' is in '{prefix}', but its name says otherwise")
        match = _NUMBERED.fullmatch(name[len(prefix) :])
        stem, number = (match[1], int(match[2])) if match and match[1] else (name[len(prefix) :], -1)
        if runs and number > 0 and runs[-1][::3] == (stem, initial) and runs[-1][2] == number - 1:
            runs[-1] = (stem, runs[-1][1], number, initial)
        else:
            runs.append((stem, number, number, initial))
    for stem, first, last, initial in runs:
        value = "" if not initial else f" = {initial}"
        if last - first < 2:
            numbers = [""] if first < 0 else map(str, range(first, last + 1))
            yield from (f"{_name(f'{stem}{number}')}{value}" for number in numbers)
        else:
            yield f"{_name(stem)}[{first} ..< {last + 1}]{value}"


# --- the rest -------------------------------------------------------------------------------------------


def _operations(operations: Iterable[Operation]) -> list[str]:
    lines = []
    for operation in operations:
        operands = ", ".join(
            f"{o.name}: int" if o.kind == "int" else f"{o.name}: {o.direction} {o.kind}"
            for o in operation.operands
        )
        function = "" if operation.function is None else f" = {written(operation.function)}"
        lines += [*_documentation(operation.doc), f"{_name(operation.name)}({operands}){function}"]
    return ["", "operations {", *lines, "}"] if lines else []


def _parameters(arch: Architecture) -> Iterator[str]:
    for name, value in arch.parameters.items():
        kind = "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else "int"
        yield f"{_name(name)}: {kind} = {value_text(value)}"


def value_text(value: int | bool | str) -> str:
    """A value of a parameter as the language writes it. Raises :class:`AcadlError` for impossible texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if '"' in value or "\n" in value:
            raise AcadlError(
                f"the language cannot write the text {value!r}: it has a double quote or a line end"
            )
        return f'"{value}"'
    return str(value)


def _plain(value: int | bool | str) -> str:
    return value_text(value).strip('"')


def _documentation(doc: str) -> list[str]:
    return [f"/// {line}".rstrip() for line in doc.split("\n")] if doc else []


def _name(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise AcadlError(f"'{name}' cannot be a name in the language")
    return name


def object_lines(item: ACADLObject) -> list[str]:
    """An object on its own, with its resolved attributes and without what is in it.

    Raises :class:`AcadlError` for what only Python can build.
    """
    prefix, _, name = item.name.rpartition(".")
    return _object(_Member(name.partition("[")[0], item), f"{prefix}." if prefix else "", documented=False)
