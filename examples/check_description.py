"""A description with two mistakes, and what the checker says about each of them."""

import acadl

TEXT = """\
architecture broken(lanes: int = 4) {
    clock 200 MHz
    operations { load(dst: out reg, src: in address) }

    sram imem { data_width: 32 bits, addresses: 0x0 ..< 0x1000 }
    sram dmem { data_width: 32 bits, addresses: 0x1000 ..< 0x2000 }
    registers rf { data_width: 32 bits, names: r[0 ..< lanez] }

    fetch ifs { from: imem }
    execute ex { memory_unit lsu { operations: lode, latency: 1 } }
    ifs -> ex
    rf <=> ex.lsu <=> dmem
}
"""

try:
    acadl.loads(TEXT, "broken.acadl")
except acadl.AcadlError as error:
    print(f"{len(error.diagnostics)} findings\n")
    print(error)
