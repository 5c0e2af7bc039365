"""Gemmini's commands as the program files of its RTL have them, whatever the description makes of them."""

from __future__ import annotations

from pathlib import Path

from acadl.operations import Instruction, Operand, Operation
from mappings.library._gemmini_commands import Commands, LoopBounds
from mappings.library._gemmini_schedules import Product
from mappings.program import Affine, LoopProgram, Node, Sequence, step

DATA = Path(__file__).parents[1] / "data" / "rtl" / "gemmini"

FIELDS = {
    "config_ex": (),
    "config_st": ("stride",),
    "config_ld": ("state", "stride"),
    "mvin": ("row", "address", "rows", "cols"),
    "mvin2": ("row", "address", "rows", "cols"),
    "preload": ("reuse", "b", "c", "rows", "cols", "accumulate"),
    "compute_preloaded": ("a", "rows", "cols"),
    "compute_accumulated": ("a", "rows", "cols"),
    "mvout": ("row", "address", "rows", "cols"),
    "bounds": ("I", "J", "K", "padI", "padJ", "padK"),
    "addrs_AB": ("i", "j", "k"),
    "addrs_DC": ("store",),
    "strides_AB": (),
    "strides_DC": (),
    "loop_ws": ("accumulate",),
}
OPERATIONS = {
    name: Operation(name, tuple(Operand(field, "int") for field in fields)) for name, fields in FIELDS.items()
}
LOOP = ("bounds", "addrs_AB", "addrs_DC", "strides_AB", "strides_DC", "loop_ws")


class TextCommands(Commands):
    """Steps whose operands are the fields of the program files."""

    def config_ex(self) -> Node:
        return step("config_ex")

    def config_ld(self, state: int, stride: int) -> Node:
        return step("config_ld", state=state, stride=stride)

    def config_st(self, stride: int) -> Node:
        return step("config_st", stride=stride)

    def mvin(self, row: Affine, address: Affine, rows: int, cols: int, pitch: int) -> Node:
        return step("mvin", row=row, address=address, rows=rows, cols=cols)

    def mvin2(self, row: Affine, address: Affine, rows: int, cols: int, pitch: int) -> Node:
        return step("mvin2", row=row, address=address, rows=rows, cols=cols)

    def preload(self, b: Affine | None, c: Affine, rows: int, cols: int, accumulate: bool) -> Node:
        place = {"reuse": int(b is None), "b": 0 if b is None else b, "c": c}
        return step("preload", **place, rows=rows, cols=cols, accumulate=int(accumulate))

    def compute(self, a: Affine, c: Affine, rows: int, cols: int, accumulate: bool, preloaded: bool) -> Node:
        name = "compute_preloaded" if preloaded else "compute_accumulated"
        return step(name, a=a, rows=rows, cols=cols)

    def mvout(self, row: Affine, address: Affine, rows: int, cols: int, pitch: int) -> Node:
        return step("mvout", row=row, address=address, rows=rows, cols=cols)

    def loop_ws(self, bounds: LoopBounds) -> Node:
        blocks = dict(zip("IJK", bounds.blocks, strict=True))
        padding = dict(zip(("padI", "padJ", "padK"), bounds.padding, strict=True))
        first = dict(zip("ijk", bounds.first, strict=True))
        return Sequence(
            (
                step("bounds", **blocks, **padding),
                step("addrs_AB", **first),
                step("addrs_DC", store=int(bounds.store)),
                step("strides_AB"),
                step("strides_DC"),
                step("loop_ws", accumulate=int(bounds.accumulate)),
            )
        )


def commands(body: Node) -> list[Instruction]:
    """All commands of a program of :class:`TextCommands`."""
    return list(LoopProgram(body, OPERATIONS))


def text(command: Instruction, product: Product, dim: int) -> str:
    """A command as in the program files."""
    at = command.immediates
    size = f"rows={at['rows']} cols={at['cols']}" if "rows" in at else ""

    def block(name: str) -> str:
        matrix = getattr(product, name.lower())
        row, col = divmod(at["address"] - matrix.address, matrix.stride)
        assert row % dim == 0
        assert col % dim == 0
        return f"{name}[{row // dim},{col // dim}]"

    match command.operation:
        case "config_ex":
            return "config_ex dataflow=WS act=none a_stride=1"
        case "config_st":
            return f"config_st stride={at['stride']}"
        case "config_ld":
            return f"config_ld id={at['state']} stride={at['stride']}"
        case "mvin" | "mvin2" as name:
            return f"{name} {block('A' if name == 'mvin' else 'B')} {size} -> sp[{at['row']}]"
        case "preload":
            how = "accumulate" if at["accumulate"] else "overwrite"
            return f"preload B={'reuse' if at['reuse'] else 'sp'} {at['b']} C=acc[{at['c']}] {how} {size}"
        case "mvout":
            return f"mvout {block('C')} {size} <- acc[{at['row']}]"
        case "bounds":
            return "loop_ws_config_bounds " + " ".join(f"{key}={value}" for key, value in at.items())
        case "addrs_AB":
            return f"loop_ws_config_addrs_AB A[{at['i']},{at['k']}] B[{at['k']},{at['j']}]"
        case "addrs_DC":
            return f"loop_ws_config_addrs_DC D=0 C={'yes' if at['store'] else '0'}"
        case "strides_AB" | "strides_DC" as name:
            return f"loop_ws_config_{name}"
        case "loop_ws":
            return f"loop_ws accumulate={at['accumulate']}"
        case name:
            return f"{name} A=sp[{at['a']}] {size}"


def program_file(name: str, core: str | None = None) -> list[str]:
    """The commands of a program file, without their numbers; of one core, where it holds those of two."""
    found = []
    for line in (DATA / "programs" / f"{name}.txt").read_text().splitlines():
        fields = line.split("\t")
        if core is None or fields[0] == core:
            found.append(fields[-1])
    return found
