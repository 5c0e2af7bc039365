"""Text to syntax tree: spans, line ends, words, documentation comments."""

from __future__ import annotations

from typing import Any

import pytest

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.errors import Span
from acadl.parser import MAX_CHARACTERS, MAX_DEPTH, MAX_TOKENS, parse, parse_expression
from acadl.parser_run import MAX_SYNTAX_ERRORS


def items(text: str) -> tuple[syntax.Item, ...]:
    collector = Collector()
    parsed = parse(text, "f.acadl", collector)
    assert not collector.sorted()
    return parsed.items


def expression(text: str) -> syntax.Expression:
    collector = Collector()
    node = parse_expression(text, "f.acadl", collector)
    assert node is not None
    assert not collector.sorted()
    return node


def shape(node: Any) -> str:
    """An expression with parentheses around every operator."""
    match node:
        case syntax.Number(text=text, unit=unit):
            return f"{text}{unit.text if unit else ''}"
        case syntax.Truth(value=value):
            return str(value)
        case syntax.Unary(operator=operator, operand=operand):
            return f"({operator.text} {shape(operand)})"
        case syntax.Binary(operator=operator, left=left, right=right):
            return f"({shape(left)} {operator.text} {shape(right)})"
        case syntax.Conditional(condition=condition, then=then, otherwise=otherwise):
            return f"({shape(condition)} ? {shape(then)} : {shape(otherwise)})"
        case syntax.Path(name=name, parts=parts):
            return name.text + "".join(map(shape, parts))
        case syntax.Member(name=name):
            return f".{name.text}"
        case syntax.Element(index=index):
            return f"[{shape(index)}]"
        case syntax.Wildcard():
            return "*"
        case syntax.Range(start=start, end=end):
            return f"{shape(start)}..<{shape(end)}"
        case syntax.Call(arguments=arguments):
            shown = [f"{a.name.text + ':' if a.name else ''}{shape(a.value)}" for a in arguments]
            return f"({','.join(shown)})"
    raise TypeError(type(node))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("-a * b", "((- a) * b)"),
        ("a << 1 + b", "(a << (1 + b))"),
        ("a + 1 < b * 2", "((a + 1) < (b * 2))"),
        ("not a == b and c or d", "(((not (a == b)) and c) or d)"),
        ("if a then 1 else if b then 2 else 3", "(a ? 1 : (b ? 2 : 3))"),
        ("(1 + 2) * 3", "((1 + 2) * 3)"),
        ("4KiB + 16 bytes", "(4KiB + 16bytes)"),
        ("2.5 GHz", "2.5GHz"),
        ("0x1F % 0b10", "(0x1F % 0b10)"),
        ("max(a, b, -1)", "max(a,b,(- 1))"),
        ("grid[r][c + 1].ex.mac", "grid[r][(c + 1)].ex.mac"),
        ("grid[*][0 ..< 4]", "grid[*][0..<4]"),
        ("pe(width: 8 bits)[4]", "pe(width:8bits)[4]"),
        ("true or false", "(True or False)"),
    ],
)
def test_operators_bind_as_documented(text: str, expected: str) -> None:
    assert shape(expression(text)) == expected


def test_every_node_has_its_span() -> None:
    text = "architecture a {\n    stage decode { latency: 1 + 2 }\n}\n"
    (declaration,) = items(text)
    assert isinstance(declaration, syntax.ArchitectureDeclaration)
    assert declaration.span == Span("f.acadl", 1, 1, 3, 2)
    (stage,) = declaration.body.items
    assert isinstance(stage, syntax.ObjectDeclaration)
    assert stage.span == Span("f.acadl", 2, 5, 2, 36)
    assert stage.declared.span == Span("f.acadl", 2, 11, 2, 17)
    (attribute,) = stage.body.items
    assert isinstance(attribute, syntax.Attribute)
    assert attribute.value.span == Span("f.acadl", 2, 29, 2, 34)


def test_spans_enclose_those_of_their_parts() -> None:
    text = """
import operations, pe from "x.acadl"
architecture a(n: int = 4, w: bits = 8 bits) {
    clock 500 MHz
    operations { f(a: inout reg, m: int) = a + m, g() }
    const k = if n > 2 then max(n, 3) else -n
    require k > 0 else "no"
    template t(x: int) { open optional east: ex.u => , open west: -> ex }
    g[0]: t(x: 3)[n][2]
    registers r { data_width: w, names: a[0 ..< 4] b = -3 c = (n + 1) }
    sram m { addresses: (0 ..< 4, 8 ..< 12) }
    fetch i { from: m }
    execute e { unit u { operations: (f g), latency: m * 2 } }
    i -> {e, g[*].x} -> q
    for r in 0 ..< n, c in 0 ..< 2 { if r == c { a -> b } else if true { } else { a <=> b } }
}
"""
    pending: list[tuple[Any, Span | None]] = [(item, None) for item in items(text)]
    count = 0
    while pending:
        node, outer = pending.pop()
        if isinstance(node, tuple):
            pending.extend((child, outer) for child in node)
        elif hasattr(node, "span"):
            count += 1
            if outer is not None:
                assert (outer.line, outer.column) <= (node.span.line, node.span.column), node
                assert (node.span.end_line, node.span.end_column) <= (outer.end_line, outer.end_column), node
            pending.extend((value, node.span) for value in node.values())
    assert count > 150


@pytest.mark.parametrize(
    "text",
    [
        "const a = 1\nconst b = 2",
        "const a = 1, const b = 2",
        "\n\nconst a = 1 // one\n\n// two\nconst b = 2\n\n",
        "const a = 1,\n\n,const b = 2,",
        "const a = (1\n+ 0)\nconst b = max(\n1,\n2)",
        "const a = 1\r\nconst b = 2\r\n",
    ],
)
def test_statements_end_with_the_line_or_a_comma(text: str) -> None:
    assert [item.name.text for item in items(text) if isinstance(item, syntax.Const)] == ["a", "b"]


@pytest.mark.parametrize("text", ["a -> b -> c", "a\n    -> b\n    -> c", "a -> b // x\n\n // y\n -> c"])
def test_a_line_that_starts_with_an_arrow_goes_on(text: str) -> None:
    (edge,) = items(text)
    assert isinstance(edge, syntax.EdgeChain)
    assert [shape(end.paths[0]) for end in edge.endpoints] == ["a", "b", "c"]


def test_an_open_edge_may_end_its_line_with_an_arrow() -> None:
    opened, edge = items("open east: ex.mac =>\nopen west: => rf"), items("a => b")
    assert [item.leaves for item in opened if isinstance(item, syntax.OpenEdge)] == [True, False]
    assert len(edge) == 1


def test_else_may_stand_on_its_own_line() -> None:
    (item,) = items("if a { }\nelse if b { }\nelse { const c = 1 }")
    assert isinstance(item, syntax.If)
    assert len(item.branches) == 2
    assert item.otherwise is not None
    assert len(item.otherwise.items) == 1


@pytest.mark.parametrize("word", ["stage", "unit", "names", "from", "in", "out", "open", "true"])
def test_words_of_the_language_are_names_where_only_a_name_fits(word: str) -> None:
    (edge,) = items(f"a.{word} -> b.{word}")
    assert isinstance(edge, syntax.EdgeChain)
    assert shape(edge.endpoints[0].paths[0]) == f"a.{word}"
    (block,) = items(f"operations {{ {word}({word}: in reg) }}")
    assert isinstance(block, syntax.OperationsBlock)
    assert block.operations[0].name.text == word
    (block,) = items(f"operations {{\nfirst() = if a then 1 else 2\n{word}()\n}}")
    assert isinstance(block, syntax.OperationsBlock)
    assert block.operations[1].name.text == word


def test_documentation_comments_belong_to_what_follows_them() -> None:
    text = """/// The machine.
/// It is small.
architecture a {
    /// Decodes.
    stage decode { }
    /// Lost: a blank line follows.

    stage issue { } /// not at the start of its line
    // no documentation
    stage last { }
    operations {
        /// Adds.
        add(a: in reg)
        sub(a: in reg)
    }
}
"""
    (machine,) = items(text)
    assert isinstance(machine, syntax.ArchitectureDeclaration)
    assert machine.doc == "The machine.\nIt is small."
    stages = [item.doc for item in machine.body.items if isinstance(item, syntax.ObjectDeclaration)]
    assert stages == ["Decodes.", "", ""]
    block = machine.body.items[-1]
    assert isinstance(block, syntax.OperationsBlock)
    assert [operation.doc for operation in block.operations] == ["Adds.", ""]


def errors(text: str) -> list[str]:
    collector = Collector()
    parse(text, "f.acadl", collector)
    return [diagnostic.code for diagnostic in collector.sorted()]


def test_one_mistake_is_one_error() -> None:
    """Each broken line in a long text gives one error, wherever it is."""
    good = [
        "architecture a {",
        "clock 1 GHz",
        "execute ex {",
        "unit u { operations: add, latency: 1 }",
        "}",
        "for r in 0 ..< 4 {",
        "a -> {b, c} -> d",
        "}",
        "const k = max(1, 2)",
        "}",
    ]
    assert errors("\n".join(good)) == []
    broken = {
        1: ["clock", "clock: 1 GHz", "clock 1 GHz GHz", "clck 1 GHz", "clock (1 GHz", "clock 1 $ 2"],
        3: ["unit u { operations: add latency: 1 }", "unit { operations: add }", "unit u { latency: 1 + }"],
        5: [
            "for r in 0 .. 4 {",
            "for r 0 ..< 4 {",
            "for in 0 ..< 4 {",
            "for r in 0 ..< {",
            "for r in (0 ..< 4 {",
        ],
        6: ["a -> {b, c -> d", "a -> -> b", "a <- b", "a -> b c", "a -> [b]", "-> a"],
        8: ["const k = max(1, 2", "const k max(1, 2)", "const = 3", "const k = 1 +", "const k = ) 3"],
    }
    for line, texts in broken.items():
        for text in texts:
            found = errors("\n".join([*good[:line], text, *good[line + 1 :]]))
            assert len(found) == 1, (text, found)


def test_mistakes_in_different_statements_are_all_found() -> None:
    text = "architecture a {\n" + "stage s { latency 1 }\nstage t { latency: 1 }\n" * 5 + "}\n"
    assert errors(text) == ["E0101"] * 5


def items_of(text: str) -> list[str]:
    """Kinds of the statements of a text with mistakes."""
    return [type(item).__name__ for item in parse(text, "f", Collector()).items]


def test_no_more_than_twenty_syntax_errors() -> None:
    found = errors("stage s { latency 1 }\n" * (MAX_SYNTAX_ERRORS + 10))
    assert found == [*["E0101"] * MAX_SYNTAX_ERRORS, "N1002"]


def test_lines_that_end_with_a_carriage_return_alone() -> None:
    assert errors("const a = 1 // one\rconst b = = 2\r") == ["E0102", "E0101"]
    assert errors("// one\rconst b = = 2\n// two\n\rconst c = = 3\n") == ["E0102", "E0101", "E0101"]
    assert errors("const a = 1 // one\r\nconst b = 2\r\n") == []


def test_misspelt_words_are_read_as_meant() -> None:
    parsed = items_of("cosnt a = 1\nfr i in 0 ..< 2 { }\noperatons { }\nimport t form \"f\"")
    assert parsed == ["Const", "For", "OperationsBlock", "Import"]


@pytest.mark.parametrize("text", ["id 3", "of 3", "iff: 3", "size 3", "a b", "ports 2"])
def test_attributes_without_colon_are_no_misspelt_statements(text: str) -> None:
    collector = Collector()
    parse(text, "f", collector)
    assert "did you mean" not in str(collector.sorted()) and "is the word" not in str(collector.sorted())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("const a = 1" + " " * (MAX_CHARACTERS - 11), []),
        ("const a = 1" + " " * (MAX_CHARACTERS - 10), ["E0801"]),
        ("," * (MAX_TOKENS - 1), []),  # and the end
        ("," * MAX_TOKENS, ["E0801"]),
    ],
)
def test_long_texts_are_refused(text: str, expected: list[str]) -> None:
    assert errors(text) == expected


def test_deep_nesting_is_refused() -> None:
    assert errors("const a = " + "(" * 200 + "1" + ")" * 200) == []  # parentheses alone are no nodes
    assert errors("const a = " + "(" * 5000 + "1" + ")" * 5000) == ["E0802"]
    assert errors("const a = " + "-" * (MAX_DEPTH - 1) + "1") == []
    assert errors("const a = " + "-" * (MAX_DEPTH + 1) + "1") == ["E0802"]
    assert errors("if true {" * 5000 + "}" * 5000) == ["E0802"]


def test_a_parsed_file_with_errors_keeps_what_could_be_read() -> None:
    collector = Collector()
    parsed = parse("const a = \nconst b = 1", "f", collector)
    assert [item.name.text for item in parsed.items if isinstance(item, syntax.Const)] == ["b"]
    assert not parsed.is_whole and parsed.damage.names == {"const", "a"}
    assert collector.error_count == 1


def test_walk_visits_nested_statements_in_order() -> None:
    tree = items(
        "const a = 1\nif true { const b = 2 } else { const c = 3 }\nfor i in 0 ..< 1 { const d = 4 }"
    )
    assert [i.name.text for i in syntax.walk(tree) if isinstance(i, syntax.Const)] == ["a", "b", "c", "d"]


def test_a_brace_that_is_supplied_and_one_that_is_missing() -> None:
    text = """architecture a(
    operations {
    execute core {
        memory_unit shifter {
        if core_config
    != "base" {
            memory_unit multiplier {
            }
            memory_unit multiplier_high {
            }
    if core_config != "base" { memory => {core.multiplier, core.multiplier_high, core.divider} }"""
    assert {"E0104", "E0106"} <= set(errors(text))
