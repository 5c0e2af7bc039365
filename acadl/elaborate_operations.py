"""Declarations of operations: operands, directions, functions on data."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from acadl import syntax
from acadl.elaborate_evaluate import Evaluator
from acadl.elaborate_names import Scope
from acadl.elaborate_scope import Session
from acadl.elaborate_values import Kind, reject
from acadl.errors import Label
from acadl.expressions import Expr
from acadl.operations import Direction, Operand, OperandKind, Operation
from acadl.suggesting import suggestion

_KINDS = ("reg", "address", "int")


def declare_operations(block: syntax.OperationsBlock, session: Session) -> None:
    """Enter a block's operations into the session's table, without their functions."""
    for declaration in block.operations:
        session.step(declaration.span)
        with session.reporting():
            _declare(declaration, session)


def complete_functions(block: syntax.OperationsBlock, scope: Scope, session: Session) -> None:
    """Add the functions of a block's operations, in the scope of the block."""
    for declaration in block.operations:
        known = session.operations.get(declaration.name.text)
        if declaration.function is None or known is None or known.span != declaration.name.span:
            continue
        if len(known.operands) == len(declaration.operands):  # else an operand has an error
            with session.reporting():
                function = _function(declaration, declaration.function, known.operands, scope)
                session.operations[known.name] = replace(known, function=function)


def _declare(declaration: syntax.OperationDeclaration, session: Session) -> None:
    name = declaration.name
    first = session.operations.get(name.text)
    if first is not None:
        if first.span == name.span:  # the same declaration, imported twice
            return
        label = (Label(first.span, "first declared here"),) if first.span else ()
        reject("E0203", f"operation '{name.text}' is already declared", name.span, None, label)
    # known from here on, so that units that list it add no second error
    session.operations[name.text] = Operation(name.text, (), None, declaration.doc, name.span)
    session.incomplete[name.text] = {operand.name.text for operand in declaration.operands}
    operands: dict[str, Operand] = {}
    for operand in declaration.operands:
        if operand.name.text in operands:
            reject("E0203", f"operand '{operand.name.text}' is declared twice", operand.name.span)
        with session.reporting():
            operands[operand.name.text] = _operand(operand)
    made = tuple(operands.values())
    if len(made) == len(declaration.operands):
        del session.incomplete[name.text]
    else:
        session.incomplete[name.text] -= operands.keys()
    session.operations[name.text] = Operation(name.text, made, None, declaration.doc, name.span)


def _operand(declaration: syntax.OperandDeclaration) -> Operand:
    kind, direction = declaration.kind, declaration.direction
    if kind.text not in _KINDS:
        hint = suggestion(kind.text, _KINDS, "kinds of operands")
        reject("E0202", f"unknown kind of operand '{kind.text}'", kind.span, hint)
    if kind.text == "int":
        if direction is not None:
            reject(
                "E0302",
                "an immediate has no direction",
                direction.span,
                f"write `{declaration.name.text}: int`",
            )
        return Operand(declaration.name.text, "int")
    if direction is None:
        hint = f"write `{declaration.name.text}: in {kind.text}`, or `out`, or `inout`"
        reject("E0302", f"operand '{declaration.name.text}' needs a direction", declaration.span, hint)
    return Operand(declaration.name.text, cast(OperandKind, kind.text), cast(Direction, direction.text))


def _function(
    declaration: syntax.OperationDeclaration,
    function: syntax.Expression,
    operands: tuple[Operand, ...],
    scope: Scope,
) -> Expr:
    """The value of the one written operand, over the operands that are read and the immediates."""
    written = [operand.name for operand in operands if operand.kind != "int" and operand.direction != "in"]
    place = function.span
    if len(written) != 1:
        found = "none" if not written else ", ".join(written)
        hint = "attach the function from Python, by the operation's name"
        message = (
            f"an expression gives one written operand its value; '{declaration.name.text}' writes {found}"
        )
        reject("E0302", message, place, hint)
    readable = frozenset(operand.name for operand in operands if operand.direction != "out")
    value = Evaluator(scope, readable).evaluate(function)
    if value.kind is not Kind.NUMBER:
        message = f"the function of '{declaration.name.text}' is a number, found {value.kind}"
        reject("E0301", message, place, "write `if … then 1 else 0`" if value.kind is Kind.TRUTH else None)
    return value.expr
