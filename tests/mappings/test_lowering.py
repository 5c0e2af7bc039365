"""The shared pieces of mappings: splitting, rotating slots, collapsing nests, placing arrays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.operations import Operand, Operation
from mappings.layers import Layer
from mappings.library._nest import simplify
from mappings.library._split import Split, Tile, over, repeat, rotating, split
from mappings.library._windows import windows
from mappings.program import (
    Affine,
    Loop,
    LoopProgram,
    Node,
    Register,
    Sequence,
    Step,
    as_affine,
    index,
    loop,
    memory,
    sequence,
    step,
)

TOUCH = Operation("touch", (Operand("at", "address"), Operand("r", "reg"), Operand("n", "int")))
OPERATIONS = {"touch": TOUCH}


def touch(address: Affine | int, register: Affine | int = 0, n: Affine | int = 0) -> Step:
    """An instruction with one operand of each kind."""
    return step("touch", at=memory(address, 1), r=Register("r", as_affine(register)), n=n)


def dynamic(node: Node) -> list[str]:
    """The dynamic instructions as text."""
    return [str(instruction) for instruction in LoopProgram(node, OPERATIONS)]


@pytest.mark.parametrize(
    ("size", "limit", "multiple", "expected"),
    [
        (16, 16, 1, Split(16, 1, 0)),
        (17, 16, 1, Split(9, 1, 8)),
        (15, 16, 1, Split(15, 1, 0)),
        (32, 16, 1, Split(16, 2, 0)),
        (33, 16, 1, Split(11, 3, 0)),
        (1, 16, 1, Split(1, 1, 0)),
        (196, 128, 1, Split(98, 2, 0)),
        (100, 16, 4, Split(16, 6, 4)),
        (3, 16, 4, Split(3, 1, 0)),
        (6, 7, 4, Split(4, 1, 2)),
        (5, 1, 1, Split(1, 5, 0)),
    ],
)
def test_split(size: int, limit: int, multiple: int, expected: Split) -> None:
    """Equal tiles where possible, a smaller rest otherwise."""
    assert split(size, limit, multiple) == expected


@given(st.integers(1, 500), st.integers(1, 8), st.integers(1, 8))
def test_split_covers_exactly_with_as_few_tiles_as_possible(size: int, blocks: int, multiple: int) -> None:
    """Whatever the sizes: no element lost, no tile too large, no tile too many, rests smaller than tiles."""
    limit = blocks * multiple
    found = split(size, limit, multiple)
    assert found.size == size
    assert 1 <= found.tile <= limit
    assert 0 <= found.rest < found.tile
    assert found.tiles == -(-size // limit)
    assert found.tile % multiple == 0 or found.tiles == 1


@given(st.integers(1, 60), st.integers(1, 9))
def test_over_visits_every_element_once_in_order(size: int, limit: int) -> None:
    """Offsets and sizes of all tiles, rest included, follow each other; numbers count up."""
    seen: list[tuple[int, int]] = []

    def body(tile: Tile) -> Node:
        return touch(tile.offset, tile.number, tile.size)

    for instruction in LoopProgram(over("i", split(size, limit), body), OPERATIONS):
        seen.append((instruction.read_addresses[0].start, instruction.immediates["n"]))
        assert instruction.read_registers == (f"r{len(seen) - 1}",)
    ends = [start + length for start, length in seen]
    assert [start for start, _ in seen] == [0, *ends[:-1]]
    assert ends[-1] == size


def test_one_tile_makes_no_loop() -> None:
    """Neither for one full tile nor for a single repetition."""
    assert isinstance(over("i", split(5, 5), lambda tile: touch(tile.offset)), Step)
    assert isinstance(repeat("i", 1, touch), Step)
    assert isinstance(repeat("i", 2, touch), Loop)


def test_rotating_leaves_out_indices_that_do_not_matter() -> None:
    """8 i + 5 j + 13 counts on in two slots as j + 1."""
    i, j = index("i"), index("j")
    assert rotating(8 * i + 5 * j + 13, 2) == (j + 1) % 2
    assert rotating(8 * i + 13, 4) == as_affine(1)


def test_rows_of_an_unpadded_image_collapse() -> None:
    """Two loops that walk over consecutive addresses become one."""
    i, j = index("i"), index("j")
    nest = loop(i, 3, loop(j, 4, touch(8 * i + 2 * j + 1)))
    assert simplify(nest) == loop(j, 12, touch(2 * j + 1))


def test_rows_with_a_halo_do_not_collapse() -> None:
    """Nor do loops with something beside the inner one, or with a slot that jumps."""
    i, j = index("i"), index("j")
    for nest in (
        loop(i, 3, loop(j, 4, touch(9 * i + 2 * j))),
        loop(i, 3, touch(0), loop(j, 4, touch(8 * i + 2 * j))),
        loop(i, 3, loop(j, 4, touch(8 * i + 2 * j, (i + j) % 5))),
    ):
        assert simplify(nest) == nest


def test_slots_collapse_where_they_count_on() -> None:
    """(4 i + j) mod 3 and, since 4 = 1 mod 3, (i + j) mod 3 continue from row to row."""
    i, j = index("i"), index("j")
    for slot in ((4 * i + j) % 3, (i + j) % 3):
        nest = loop(i, 3, loop(j, 4, touch(8 * i + 2 * j, slot)))
        assert simplify(nest) == loop(j, 12, touch(2 * j, j % 3))


def test_immediates_decide_like_addresses() -> None:
    """A latency that depends on the outer index keeps the loops apart, unless the inner one carries it on."""
    i, j = index("i"), index("j")
    apart = loop(i, 3, loop(j, 4, touch(j + 4 * i, n=i)))
    assert simplify(apart) == apart
    assert simplify(loop(i, 3, loop(j, 4, touch(j + 4 * i, n=2 * j + 8 * i)))) == loop(
        j, 12, touch(j, n=2 * j)
    )
    assert simplify(loop(i, 3, loop(j, 4, touch(j + 4 * i, n=j % 2)))) == loop(j, 12, touch(j, n=j % 2))


def test_sequences_are_flattened() -> None:
    """One sequence, and none around a single node."""
    nested = sequence(sequence(touch(1), sequence(touch(2))), sequence(sequence(touch(3))))
    assert simplify(nested) == Sequence((touch(1), touch(2), touch(3)))
    assert simplify(sequence(sequence(touch(1)))) == touch(1)


@st.composite
def nests(draw: st.DrawFn, depth: int = 0, scope: tuple[str, ...] = ()) -> Node:
    """Nests in which neighbouring loops often continue each other."""
    kind = draw(st.sampled_from(["step", "loop", "loop", "sequence"])) if depth < 3 else "step"
    if kind == "step":
        address = sum((draw(st.sampled_from([0, 1, 2, 4, 6])) * index(name) for name in scope), as_affine(0))
        slot = sum(
            (draw(st.integers(0, 3)) * index(name) for name in scope), as_affine(draw(st.integers(0, 2)))
        )
        cycles = draw(st.sampled_from([0, as_affine(2), address, 3 * slot, 2 * (slot % 2)]))
        return touch(address, slot % draw(st.integers(1, 3)), cycles)
    if kind == "loop":
        name = f"i{depth}"
        return loop(name, draw(st.integers(1, 3)), draw(nests(depth + 1, (*scope, name))))
    return sequence(*(draw(nests(depth + 1, scope)) for _ in range(draw(st.integers(1, 3)))))


@given(nests())
def test_simplified_nests_run_the_same_instructions(nest: Node) -> None:
    """Whatever collapses, the dynamic instructions and their order stay."""
    assert dynamic(simplify(nest)) == dynamic(nest)


def test_windows_of_a_padded_convolution() -> None:
    """The halo belongs to the input; end padding that no window reaches does not."""
    layer = Layer(name="c", op="conv", C=2, H=5, W=5, K=1, R=3, S=3, stride_h=2, stride_w=3, pad_h=1, pad_w=1)
    view = windows(layer)
    assert (view.out_h, view.out_w) == (3, 2)
    assert (view.height, view.width) == (7, 6)
    assert view.bytes == 7 * 6 * 2


def test_windows_of_a_transposed_convolution() -> None:
    """A convolution of stride 1 over the input with zeros between its elements."""
    layer = Layer(name="t", op="convtranspose", C=1, H=3, W=4, K=1, R=3, S=2, stride_h=2, stride_w=3, pad_h=1)
    view = windows(layer)
    assert (view.out_h, view.out_w) == (layer.OH, layer.OW) == (5, 11)
    assert (view.spacing_h, view.spacing_w, view.stride_h, view.stride_w) == (2, 3, 1, 1)
    assert (view.top, view.left) == (1, 1)
    assert (view.height, view.width) == (7, 12)
