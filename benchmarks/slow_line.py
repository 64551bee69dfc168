"""Key to echo on a line of 1 Mbit/s and 80 ms with 256 KB of buffers, while a job prints 100,000 lines a second.

`python benchmarks/slow_line.py [--keys N]`; exit code 1 where p99 is over 250 ms at 140x40 or 350 ms at 220x60. The
floor is the same line and the same screen while nothing arrives.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import nullcontext
from pathlib import Path

from common_screen import SKAFOS, Line, environment_of, machine, percentile, project_with
from log_pane import Arriving

from skafos_tui.store.logs.writer import LogWriter

LINES_PER_S = 100_000
BITS_PER_S, DELAY_S, BUFFER = 1e6, 0.080, 256 * 1024
BARS_MS = {(140, 40): 250.0, (220, 60): 350.0}
SETTLED_S = 6.0
CTRL_C, SAID = b"\x03", b"nothing is marked"


def echo_times(size: tuple[int, int], keys: int, *, arriving: bool) -> tuple[list[float], float]:
    """Milliseconds from key to echo, and the bytes a second that the line carried meanwhile."""
    with tempfile.TemporaryDirectory(prefix="skafos-slow-") as name:
        home = Path(name)
        _store, directory, log = project_with(20, 4, home)
        LogWriter(log).close(sync=False)
        line = Line(
            SKAFOS,
            directory,
            environment_of(home),
            size,
            bits_per_s=BITS_PER_S,
            delay_s=DELAY_S,
            buffer=BUFFER,
        )
        try:
            with Arriving(log, LINES_PER_S) if arriving else nullcontext():
                line.run(SETTLED_S)
                times, before, begun = [], line.received, line.type(b"")
                for number in range(keys):
                    times.append(line.echo(CTRL_C, SAID))
                    line.type(b"\x1b")  # the remark goes
                    line.run(0.25 + 0.03 * (number % 7))
                return times, (line.received - before) / (line.type(b"") - begun)
        finally:
            line.close()


def main() -> int:
    """Measure; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=60)
    keys = parser.parse_args().keys
    print(machine())
    good = True
    for size, bar in BARS_MS.items():
        floor, _ = echo_times(size, max(10, keys // 4), arriving=False)
        times, carried = echo_times(size, keys, arriving=True)
        p99 = percentile(times, 0.99)
        good = good and p99 <= bar
        print(
            f"{size[0]}x{size[1]}: key to echo p99 {p99:.0f} ms, median {percentile(times, 0.5):.0f} ms (bar {bar:.0f}:"
            f" {'holds' if p99 <= bar else 'DOES NOT HOLD'}); floor without logs: p99 {percentile(floor, 0.99):.0f} ms;"
            f" the line carried {carried / 1000:.0f} KB/s of {BITS_PER_S / 8000:.0f}"
        )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
