"""Small descriptions for tests: what a test is about goes into a frame that is complete otherwise."""

from __future__ import annotations

import acadl
from acadl.model import Architecture

FRAME = """
architecture machine({parameters}) {{
    clock 1 GHz
    operations {{
        add(acc: inout reg, a: in reg) = acc + a
        load(dst: out reg, src: in address) = src
        gemm(m: int, steps: int, src: in address)
    }}
    sram imem {{ data_width: 32 bits, addresses: 0x0 ..< 0x1000 }}
    registers rf {{ data_width: 32 bits, names: r[0 ..< 4] }}
    fetch ifs {{ from: imem }}
    execute ex {{
        unit alu {{ operations: add }}
        memory_unit lsu {{ operations: load gemm }}
    }}
    ifs -> ex
    rf <=> {{ex.alu, ex.lsu}}
    sram dmem {{ data_width: 32 bits, addresses: 0x4000_0000 ..< 0x4000_1000 }}
    dmem <=> ex.lsu
{body}
}}
"""


def machine(body: str = "", /, *, given: str = "", **parameters: int | bool | str) -> Architecture:
    """The frame with more statements in its body; ``given`` declares parameters."""
    return acadl.loads(FRAME.format(body=body, parameters=given), **parameters)


def codes(text: str, **parameters: int | bool | str) -> list[str]:
    """Codes of the diagnostics of a description, in order."""
    return [diagnostic.code for diagnostic in acadl.check(text, **parameters)]


def body_codes(body: str, /, *, given: str = "", **parameters: int | bool | str) -> list[str]:
    """Codes of the diagnostics that statements in the frame cause."""
    return codes(FRAME.format(body=body, parameters=given), **parameters)
