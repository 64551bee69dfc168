"""A screen on which nothing happens, 1000 jobs on it: its share of a core, the bytes it sends, and its memory.

`python benchmarks/screen_idle.py [--seconds N] [--lines N]`; exit code 1 where it takes more than 1 % of a core or
sends a byte, or holds more than 120 MB with 1000 jobs and a log of ten million lines open.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import psutil
from common_screen import SKAFOS, Line, environment_of, machine, project_with
from log_pane import make_log

SIZE = (140, 40)
JOBS = 1000
CPU_PERCENT, RSS_MB = 1.0, 120.0


def main() -> int:
    """Measure; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--lines", type=int, default=10_000_000)
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="skafos-idle-") as name:
        home = Path(name)
        _store, directory, log = project_with(JOBS, 0, home)
        log.unlink(missing_ok=True)
        make_log(log, arguments.lines)
        line = Line(SKAFOS, directory, environment_of(home), SIZE)
        try:
            if line.run(30, b"Job 9") is None:
                raise SystemExit(f"it never came: {bytes(line.seen[-500:])!r}")
            line.run(4.0)
            process = psutil.Process(line.process.pid)
            used, sent, begun = sum(process.cpu_times()[:2]), line.received, time.monotonic()
            line.run(arguments.seconds)
            took = time.monotonic() - begun
            percent, sent = (sum(process.cpu_times()[:2]) - used) / took * 100, line.received - sent
            before = process.memory_info().rss / 1e6
            for keys in (b"gg", b"33", b"G", b"gg", b"w", b"G"):
                line.type(keys)
                line.run(1.0)
            after = process.memory_info().rss / 1e6
        finally:
            line.close()
    good = percent <= CPU_PERCENT and sent == 0 and after <= RSS_MB
    print(
        f"idle, {JOBS} jobs, {took:.0f} s: {percent:.2f} % of a core (bar {CPU_PERCENT:g}), {sent} bytes sent (bar 0)"
    )
    print(f"memory: {before:.1f} MB, with a log of {arguments.lines:,} lines {after:.1f} MB (bar {RSS_MB:.0f})")
    print("holds" if good else "DOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
