"""Runs a command and reports on standard error what it took: seconds of wall and CPU time, peak memory.

A process of its own that loads nothing: what a child's peak memory is reported to be includes that of whoever
started it, until it became itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run the command line that stands behind the script's name."""
    begin = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    figures = {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * unit}
    print(json.dumps(figures), file=sys.stderr)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
