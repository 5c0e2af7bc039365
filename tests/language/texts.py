"""Syntactically valid text in any layout: random trees, random line ends, blanks and comments."""

from __future__ import annotations

from random import Random

NAMES = ("a", "b", "rows", "east", "load", "latency", "in_flight", "width", "_x1")
NUMBERS = ("0", "16", "1_000", "0x1F", "0b101", "4 KiB", "32 bits", "2.5 GHz", "3 cycles")
BINARY = ("+", "-", "*", "/", "%", "<<", ">>", "==", "!=", "<", "<=", ">", ">=", "and", "or")
KINDS = ("stage", "execute", "unit", "registers", "sram", "mover")
COMMENTS = ("// note", "//", "//x", "/// documentation", "///also", "// é × 🚀 {", "//// ruler ////")


class Writer:
    """Writes random files.

    Attributes:
        chance: Where decisions come from.
        comments: How often a comment stands where one may, from 0 to 1.
    """

    def __init__(self, chance: Random, comments: float = 0.1) -> None:
        self._chance = chance
        self._comments = comments

    def file(self) -> str:
        return self._separators() + self._statements(3, top=True)

    # --- white space -------------------------------------------------------------------------------------

    def _blank(self) -> str:
        return self._chance.choice(("", " ", " ", "  ", "\t"))

    def _line_end(self) -> str:
        comment = self._chance.choice(COMMENTS) if self._chance.random() < self._comments else ""
        return self._blank() + comment + self._chance.choice(("\n", "\n", "\r\n")) + self._blank()

    def _free(self) -> str:
        """Where line ends mean nothing."""
        ends = "".join(self._line_end() for _ in range(self._chance.choice((0, 0, 0, 0, 1, 2))))
        return ends or self._blank()

    def _separators(self) -> str:
        ends = "".join(self._line_end() for _ in range(self._chance.choice((0, 1, 1, 2))))
        return ends

    def _separator(self) -> str:
        if self._chance.random() < 0.3:
            return self._blank() + "," + self._free()
        if self._chance.random() < 0.1:
            return self._line_end() + self._blank() + "," + self._line_end() + self._separators()
        return self._line_end() + self._separators()

    # --- statements --------------------------------------------------------------------------------------

    def _statements(self, depth: int, top: bool = False) -> str:
        count = self._chance.choice((1, 1, 2, 3, 4))
        parts: list[str] = []
        for number in range(count):
            parts += [self._separator()] if number else []
            parts.append(self._statement(depth, top))
        if self._chance.random() < 0.5:
            parts.append(self._separator())
        return "".join(parts)

    def _block(self, depth: int) -> str:
        if self._chance.random() < 0.1:
            return "{" + self._free() + "}"
        return "{" + self._free() + self._statements(depth - 1) + self._separators() + "}"

    def _statement(self, depth: int, top: bool) -> str:
        simple = (self._attribute, self._edge, self._const, self._require, self._open, self._lists)
        nested = (self._architecture, self._template, self._operations, self._object, self._for, self._if)
        makers = nested if depth > 0 and (top or self._chance.random() < 0.4) else simple
        return self._chance.choice(makers)(depth)

    def _name(self) -> str:
        return self._chance.choice(NAMES)

    def _architecture(self, depth: int) -> str:
        return f"architecture {self._name()}{self._parameters()} {self._block(depth)}"

    def _template(self, depth: int) -> str:
        return f"template {self._name()}{self._parameters()}{self._block(depth)}"

    def _parameters(self) -> str:
        if self._chance.random() < 0.4:
            return ""
        made = [
            f"{self._name()}{self._free()}:{self._free()}int"
            + self._chance.choice(("", f" = {self._expression(1)}"))
            for _ in range(self._chance.choice((0, 1, 2, 5)))
        ]
        return self._brackets("(", made, ")")

    def _brackets(self, opening: str, items: list[str], closing: str, trailing: bool = True) -> str:
        inner = (self._free() + "," + self._free()).join(items)
        comma = "," + self._free() if items and trailing and self._chance.random() < 0.2 else ""
        return opening + self._free() + inner + self._free() + comma + closing

    def _operations(self, depth: int) -> str:
        count = self._chance.choice((0, 1, 3))
        made = [self._operation() for _ in range(count)]
        text = "".join(operation + self._separator() for operation in made)
        return "operations {" + self._free() + self._separators() + text + "}"

    def _operation(self) -> str:
        kinds = ("in reg", "out address", "inout reg", "int")
        count = self._chance.choice((0, 1, 6))
        operands = [f"{self._name()}: {self._chance.choice(kinds)}" for _ in range(count)]
        function = self._chance.choice(("", f" = {self._expression(2)}"))
        name = self._chance.choice((*NAMES, "for", "import", "open"))
        return name + self._brackets("(", operands, ")") + function

    def _object(self, depth: int) -> str:
        index = self._chance.choice(("", f"[{self._expression(1)}]"))
        return f"{self._chance.choice(KINDS)} {self._name()}{index} {self._block(depth)}"

    def _for(self, depth: int) -> str:
        binders = [f"{self._name()} in {self._range()}" for _ in range(self._chance.choice((1, 1, 2)))]
        return f"for {(',' + self._free()).join(binders)} {self._block(depth)}"

    def _if(self, depth: int) -> str:
        text = f"if {self._expression(2)} {self._block(depth)}"
        while self._chance.random() < 0.4:
            text += f"{self._free()}else if {self._expression(1)} {self._block(depth)}"
        return text + (f"{self._free()}else {self._block(depth)}" if self._chance.random() < 0.4 else "")

    def _attribute(self, depth: int) -> str:
        return f"{self._path(1)}{self._blank()}:{self._blank()}{self._expression(3)}"

    def _const(self, depth: int) -> str:
        made = (f"const {self._name()} = {self._expression(3)}", f"clock {self._expression(1)}")
        return self._chance.choice((*made, 'import a, b from "f"'))

    def _require(self, depth: int) -> str:
        return f'require {self._expression(2)} {self._free()}else "text {{ // no comment"'

    def _open(self, depth: int) -> str:
        optional = self._chance.choice(("", "optional "))
        arrow = self._chance.choice(("->", "=>", "<=>"))
        end = self._chance.choice((f"{self._endpoint()} {arrow}", f"{arrow} {self._endpoint()}"))
        return f"open {optional}{self._name()}: {end}"

    def _lists(self, depth: int) -> str:
        names = " ".join(self._name() for _ in range(self._chance.choice((1, 3, 25))))
        registers = " ".join(
            self._name()
            + self._chance.choice(("", f"[{self._range()}]"))
            + self._chance.choice(("", " = 3", "=-4"))
            for _ in range(self._chance.choice((1, 2)))
        )
        ranges = [self._range() for _ in range(self._chance.choice((2, 3)))]
        return self._chance.choice(
            (
                f"operations: {names}",
                f"prepares: ({self._free()}{names}{self._free()})",
                f"names: {registers}",
                f"addresses: {self._range()}",
                f"addresses:{self._brackets('(', ranges, ')', trailing=False)}",
                f"from: {self._path(1)}",
            )
        )

    def _edge(self, depth: int) -> str:
        text = self._endpoint()
        for _ in range(self._chance.choice((1, 1, 2, 6))):
            arrow = self._chance.choice(("->", "=>", "<=>"))
            text += f"{self._free()}{arrow}{self._blank()}{self._endpoint()}"
        return text

    def _endpoint(self) -> str:
        if self._chance.random() < 0.7:
            return self._path(1)
        paths = [self._path(1) for _ in range(self._chance.choice((1, 2, 9)))]
        # line ends count in these braces, but for those behind a comma and behind the brace
        return "{" + self._free() + ("," + self._free()).join(paths) + self._chance.choice(("", ",")) + "}"

    # --- expressions -------------------------------------------------------------------------------------

    def _path(self, depth: int) -> str:
        text = self._name()
        while self._chance.random() < 0.35:
            index = self._chance.choice(("*", "0", self._range() if depth else "1"))
            element = f"[{self._free()}{index}{self._free()}]"
            text += self._chance.choice((f".{self._name()}", element, ". ex", ".in"))
        return text

    def _range(self) -> str:
        return f"{self._expression(1)}{self._blank()}..<{self._blank()}{self._expression(1)}"

    def _expression(self, depth: int) -> str:
        if depth <= 0:
            return self._chance.choice((*NUMBERS, self._name(), "true", '"text"'))
        inner = depth - 1
        match self._chance.randrange(8):
            case 0 | 1:
                sign = self._chance.choice(BINARY)
                return f"{self._expression(inner)} {sign} {self._expression(inner)}"
            case 2:
                return f"({self._free()}{self._expression(inner)}{self._free()})"
            case 3:
                arguments = [self._expression(inner) for _ in range(self._chance.choice((1, 2, 4)))]
                return self._name() + self._brackets("(", arguments, ")")
            case 4:
                operand = self._expression(0)
                return self._chance.choice((f"-{operand}", f"- {operand}", f"(not {operand})"))
            case 5:
                parts = (self._expression(inner) for _ in range(3))
                return "(if {} then {} else {})".format(*parts)
        return self._expression(0)
