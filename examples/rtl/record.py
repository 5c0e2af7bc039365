"""Simulates the dot-product engine anew: every case of ``cases.csv``, and the waveform ``dot_engine.vcd``.

    python record.py [--simulator iverilog | verilator] [--into FOLDER]

Needs Icarus Verilog or Verilator (5 or newer, and a C++ compiler). The rows of ``cases.csv`` say what is run,
its last column is measured anew; to measure a case of your own, add its row with any number of cycles.
"""

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = [str(HERE / name) for name in ("dot_engine.v", "testbench.v")]
PARAMETERS = ("lanes", "queue_depth", "buffer_words", "memory_latency")  # of the simulated hardware
WAVEFORM = {
    "lanes": 4,
    "queue_depth": 4,
    "buffer_words": 16,
    "memory_latency": 10,
    "outputs": 2,
    "length": 48,
}


def build(simulator, case, folder):
    """Compile the hardware with the parameters of a case; the command that runs it."""
    values = {name.upper(): case[name] for name in PARAMETERS}
    program = Path(folder) / "_".join(str(value) for value in values.values())
    if simulator == "iverilog":
        given = [f"-Ptestbench.{name}={value}" for name, value in values.items()]
        made, command = program, ["vvp", "-n", str(program)]
        build = ["iverilog", "-g2001", "-s", "testbench", "-o", str(program), *given, *SOURCES]
    else:
        given = [f"-G{name}={value}" for name, value in values.items()]
        made, command = program / "run", [str(program / "run")]
        quiet = ["-Wno-fatal", "-Wno-WIDTH", "-Wno-TIMESCALEMOD"]
        options = ["--binary", "--timing", "--trace", *quiet, "--top-module", "testbench"]
        build = ["verilator", *options, "-Mdir", str(program), "-o", "run", *given, *SOURCES]
    if not made.exists():
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    return command


def run(command, case, *more):
    """Run a case; its cycles. The test bench has checked the results before it prints them."""
    sizes = [f"+{name}={case[name]}" for name in ("outputs", "length")]
    done = subprocess.run([*command, *sizes, *more], check=True, capture_output=True, text=True)
    expected = ",".join(str(case[name]) for name in (*PARAMETERS, "outputs", "length"))
    for line in done.stdout.splitlines():
        if line.startswith(expected + ","):
            return int(line.rpartition(",")[2])
    sys.exit(f"{expected}: the simulation printed\n{done.stdout}")


def main():
    """Measure the table, then record the waveform."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulator", choices=["iverilog", "verilator"])
    parser.add_argument("--into", type=Path, default=HERE, help="where to write (default: here)")
    options = parser.parse_args()
    simulator = options.simulator or next(filter(shutil.which, ("iverilog", "verilator")), None)
    if simulator is None:
        sys.exit("neither iverilog nor verilator is installed")
    with (HERE / "cases.csv").open(newline="") as file:
        cases = list(csv.DictReader(file))
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            case["cycles"] = run(build(simulator, case, folder), case)
        run(build(simulator, WAVEFORM, folder), WAVEFORM, f"+dump={options.into / 'dot_engine.vcd'}")
    with (options.into / "cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cases[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(cases)


if __name__ == "__main__":
    main()
