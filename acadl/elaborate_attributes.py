"""Values of attributes, as the fields of the objects want them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acadl import syntax
from acadl.elaborate_evaluate import Evaluator
from acadl.elaborate_names import Scope
from acadl.elaborate_schema import AttributeForm, Form
from acadl.elaborate_scope import LONG_NAME, Component, Session, whole_number
from acadl.elaborate_values import NUMERIC, Kind, Reject, Value, reject
from acadl.errors import Label, Span
from acadl.expressions import FUNCTION_NAMES, Expr
from acadl.suggesting import suggestion

MAX_REGISTERS = 65_536


class AttributeReader:
    """Reads the attributes of one object."""

    def __init__(self, session: Session, component: Component, name: str) -> None:
        self._session = session
        self._component = component
        self._name = name
        self._operations: frozenset[str] | None = None

    def read(self, item: syntax.Item, scope: Scope, name: str, span: Span, form: AttributeForm) -> Any:
        """The value of an attribute, as the object's field wants it. Rejects what is wrong."""
        known = self._session.constants.get(id(item))
        if known is not None and not isinstance(item, syntax.OperationList):
            return known
        value = self._read(item, scope, name, span, form)
        if isinstance(item, syntax.Attribute):
            self._session.meter.watch(item.value.span, value)
        if isinstance(item, syntax.Attribute) and isinstance(item.value, syntax.Number):
            self._session.constants[id(item)] = value
        return value

    def _read(self, item: syntax.Item, scope: Scope, name: str, span: Span, form: AttributeForm) -> Any:
        match form.form, item:
            case Form.OPERATIONS, syntax.OperationList():
                return self._read_operations(item)
            case Form.PREPARES, syntax.OperationList():
                return self._read_prepares(item)
            case Form.REGISTERS, syntax.RegisterList():
                return self._read_registers(item, scope)
            case Form.ADDRESSES, syntax.AddressList():
                return tuple(self._read_range(piece, scope) for piece in item.ranges)
            case Form.WORD, syntax.Attribute():
                return read_word(item, name, form)
            case Form.LATENCY, syntax.Attribute():
                return self._read_of_instruction(item.value, scope, name, NUMERIC, "cycles")
            case Form.ENERGY_OF, syntax.Attribute():
                kinds = frozenset({Kind.ENERGY})
                return self._read_of_instruction(item.value, scope, name, kinds, "an energy", form.example)
            case _, syntax.Attribute():
                self._check_fixed(item.value, scope, name)
                return read_plain(item.value, scope, name, form)
        reject("E0302", f"attribute '{name}' is written `{form.example}`", span)

    def _read_operations(self, item: syntax.OperationList) -> frozenset[str]:
        if id(item) not in self._session.constants:
            self._session.constants[id(item)] = self._checked_operations(item)
        found: frozenset[str] = self._session.constants[id(item)]
        self._session.step(item.span, len(found))  # of every unit
        self._operations = found
        return found

    def _read_prepares(self, item: syntax.OperationList) -> frozenset[str]:
        """Some of the controller's operations, but not all."""
        chosen = self._checked_operations(item)
        own = self._operations
        if own is None:  # missing or wrong, and reported
            return chosen
        for word in item.names:
            if word.text not in own:
                hint = suggestion(word.text, own, f"operations of '{self._name}'")
                reject("E0302", f"'{self._name}' does not process '{word.text}'", word.span, hint)
        if chosen == own:
            hint = "name only those that another operation of this controller follows"
            reject("E0302", f"all operations of '{self._name}' would prepare others", item.span, hint)
        return chosen

    def _checked_operations(self, item: syntax.OperationList) -> frozenset[str]:
        known = self._session.operations
        seen: set[str] = set()
        for word in item.names:
            with self._session.reporting_attribute():
                if word.text not in known:
                    hint = suggestion(word.text, known, "operations")
                    reject("E0202", f"unknown operation '{word.text}'", word.span, hint)
                if word.text in seen:
                    reject("E0203", f"operation '{word.text}' is listed twice", word.span)
            seen.add(word.text)
        if not seen <= known.keys():
            raise Reject  # every one of them is reported
        return frozenset(seen)

    def _read_of_instruction(
        self,
        expression: syntax.Expression,
        scope: Scope,
        name: str,
        kinds: frozenset[Kind],
        wanted: str,
        example: str = "",
    ) -> Expr:
        """An expression over what the instruction carries."""
        attributes = self._instruction_attributes()
        try:
            value = Evaluator(scope, attributes).evaluate(expression)
        except Reject as rejected:
            if not self._wrong_operands().isdisjoint(syntax.names_in(expression)):
                raise Reject from rejected  # perhaps for the operand that is wrong, which is reported
            raise
        _expect(value, kinds, expression.span, name, wanted, example)
        result = value.expr
        if isinstance(value.value, int) and value.value < 0:
            reject("E0302", f"'{name}' is {value.value}; it cannot be negative", expression.span)
        for used in sorted(result.names()):
            self._check_attribute(used, expression.span)
        return result

    def _wrong_operands(self) -> set[str]:
        """Operands with an error, of the unit's operations, of any operation for a stage."""
        wrong = self._session.incomplete
        names = wrong if self._operations is None else wrong.keys() & self._operations
        return set().union(*(wrong[name] for name in names))

    def _check_fixed(self, expression: syntax.Expression, scope: Scope, name: str) -> None:
        """Reject what only latencies may use, with the reason and not as an unknown name."""
        if isinstance(expression, syntax.Number):
            return
        operands = {attribute.partition(".")[0] for attribute in self._instruction_attributes()}
        for used in sorted(syntax.names_in(expression) & operands - FUNCTION_NAMES):
            if scope.find(used) is None and scope.find_later(used) is None:
                hint = "latencies, initiation intervals, `parts` and `energy` of stages and units may"
                message = f"'{name}' cannot depend on the instruction, as it does by '{used}'"
                reject("E0201", message, expression.span, hint)

    def _instruction_attributes(self) -> frozenset[str]:
        """Names that instructions bind: those of the unit's operations, of any operation for a stage."""
        table, known = self._session.operations, self._session.attribute_names
        names = self._operations  # `None` for all: objects are made when the table is complete
        if names not in known:
            chosen = table if names is None else names
            known[names] = frozenset().union(*(table[name].attribute_names() for name in chosen))
        return known[names]

    def _check_attribute(self, used: str, span: Span) -> None:
        """Every operation of a unit binds the name; for a stage :mod:`acadl.validate` looks at that."""
        if self._operations is None:
            self._session.latency_names.setdefault(self._name, []).append((used, span))
            return
        for name in sorted(self._operations - self._session.incomplete.keys()):
            operation = self._session.operations[name]
            if used not in operation.attribute_names():
                known = suggestion(used, operation.attribute_names(), f"attributes of '{name}'")
                label = (Label(operation.span, "the operation is declared here"),) if operation.span else ()
                message = f"operation '{name}' has no attribute '{used}', which the expression needs"
                reject("E0205", message, span, known, label)

    def _read_registers(self, item: syntax.RegisterList, scope: Scope) -> dict[str, int]:
        registers: dict[str, int] = {}
        for entry in item.registers:
            initial = 0
            if entry.initial is not None:
                initial = whole_number(entry.initial, scope, "the initial value of a register")
            for local in self._register_names(entry, scope):
                name = self._component.prefix + local
                self._session.step(entry.span, 1 + len(name) // LONG_NAME)
                first = self._session.register_spans.get(name)
                if first is not None:
                    label = Label(first, "first declared here")
                    hint = "register names are unique in the architecture"
                    reject("E0203", f"register '{name}' is already declared", entry.span, hint, (label,))
                self._session.register_spans[name] = entry.span
                registers[name] = initial
        return registers

    def _register_names(self, entry: syntax.RegisterNames, scope: Scope) -> Iterable[str]:
        if entry.numbers is None:
            return (entry.name.text,)
        start = whole_number(entry.numbers.start, scope, "the start of a range")
        end = whole_number(entry.numbers.end, scope, "the end of a range")
        if not 0 <= start <= end or end - start > MAX_REGISTERS:
            message = f"a range from {start} to {end} cannot number registers"
            reject(
                "E0302", message, entry.numbers.span, f"use 0 to {MAX_REGISTERS}, the smaller number first"
            )
        return (f"{entry.name.text}{number}" for number in range(start, end))

    def _read_range(self, piece: syntax.Range, scope: Scope) -> tuple[int, int]:
        start, end = (self._read_address(end, scope) for end in (piece.start, piece.end))
        if start >= end:
            message = f"the address range from 0x{start:x} to 0x{end:x} is empty"
            reject("E0302", message, piece.span, "the end is one past the last byte")
        return start, end

    def _read_address(self, expression: syntax.Expression, scope: Scope) -> int:
        value = Evaluator(scope, addresses=True).evaluate(expression)
        if value.kind not in (Kind.NUMBER, Kind.SIZE) or not isinstance(value.value, int):
            reject("E0301", f"an address is a number of bytes, found {value.kind}", expression.span)
        number = value.value if value.kind is Kind.NUMBER else _bytes(value.value, expression.span)
        if number < 0:
            reject("E0302", f"address {number} is negative", expression.span)
        return number


def read_word(item: syntax.Attribute, name: str, form: AttributeForm) -> str:
    value = item.value
    if not isinstance(value, syntax.Path) or not value.is_name or value.name.text not in form.words:
        written = value.name.text if isinstance(value, syntax.Path) and value.is_name else ""
        hint = suggestion(written, form.words, f"values of '{name}'")
        reject(
            "E0302", f"'{name}' cannot be '{written}'" if written else f"'{name}' is a word", value.span, hint
        )
    return value.name.text


_ACCEPTED: dict[Form, tuple[frozenset[Kind], str]] = {
    Form.NUMBER: (frozenset({Kind.NUMBER}), "a number"),
    Form.CYCLES: (NUMERIC, "cycles"),
    Form.BITS: (frozenset({Kind.SIZE}), "a size"),
    Form.BYTES: (frozenset({Kind.SIZE}), "a size"),
    Form.TRUTH: (frozenset({Kind.TRUTH}), "true or false"),
    Form.ENERGY: (frozenset({Kind.ENERGY}), "an energy"),
    Form.AREA: (frozenset({Kind.AREA}), "an area"),
}


def read_plain(expression: syntax.Expression, scope: Scope, name: str, form: AttributeForm) -> int | bool:
    accepted, wanted = _ACCEPTED.get(form.form, (frozenset(), f"written `{form.example}`"))
    value = Evaluator(scope).evaluate(expression)
    _expect(value, accepted, expression.span, name, wanted, form.example)
    if not isinstance(value.value, int):
        reject("E0301", f"'{name}' is {wanted}, found {value.kind}", expression.span)
    if form.form is Form.TRUTH:
        return bool(value.value)
    if value.value < form.minimum:
        reject("E0302", f"'{name}' is {value.value}; the least value is {form.minimum}", expression.span)
    number = _bytes(value.value, expression.span) if form.form is Form.BYTES else value.value
    if form.power_of_two and number & (number - 1):
        below = 1 << (number.bit_length() - 1)
        unit = " bytes" if form.form is Form.BYTES else ""
        message = f"'{name}' is a power of two, found {number}{unit}"
        reject("E0302", message, expression.span, f"for example {below} or {2 * below}{unit}")
    return number


def _expect(
    value: Value, accepted: frozenset[Kind], span: Span, name: str, wanted: str, example: str = ""
) -> None:
    if value.kind not in accepted:
        hint = f"for example `{example}`" if example else None
        if value.kind is Kind.NUMBER and accepted == {Kind.SIZE} and isinstance(value.value, int):
            unit = example.split()[-1] if example else "bits"
            hint = f"a size has a unit: write `{name}: {value.value} {unit}`"
        reject("E0301", f"'{name}' is {wanted}, found {value.kind}", span, hint)


def _bytes(bits: int, span: Span) -> int:
    if bits % 8:
        reject("E0302", f"{bits} bits are no whole number of bytes", span)
    return bits // 8
