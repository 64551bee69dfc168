"""From `skafos` to its first frame with the true stored states, the engine off; and from `q` to the prompt.

`python benchmarks/startup.py [--rounds N]`; exit code 1 where the frame takes more than 1.5 times what an empty
Textual app takes (the floor, interleaved), or the end more than 300 ms, also with a worker that is blocked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import psutil
from common_screen import SKAFOS, Line, environment_of, machine, percentile, project_with

SIZE = (140, 40)
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("there it is")
Empty().run()
"""
BLOCKED = """
import sys, time
from skafos_tui.tui.app import SkafosApp
def on_ready(self):
    self.run_worker(lambda: time.sleep(600), thread=True)
SkafosApp.on_ready = on_ready
sys.argv[1:] = ["--read-only"]
from skafos_tui.cli.main import entry
entry()
"""
STATES = b"Job 9"
"""The last row of the run: with it every state has been drawn."""
RATIO, END_MS = 1.5, 300.0


def milliseconds(words: Sequence[str], home: Path, directory: Path, shown: bytes) -> tuple[float, float]:
    """From the start of a program to what it shows, and what that took of a processor: that depends less on others."""
    line = Line(words, directory, environment_of(home), SIZE)
    try:
        came = line.run(20, shown)
        if came is None:
            raise SystemExit(f"{shown!r} never came: {bytes(line.seen[-500:])!r}")
        used = sum(psutil.Process(line.process.pid).cpu_times()[:2])
        return (came - line.began) * 1000, used * 1000
    finally:
        line.close()


def end_milliseconds(words: Sequence[str], home: Path, directory: Path) -> float:
    """From `q` to the end of the process."""
    line = Line(words, directory, environment_of(home), SIZE)
    try:
        if line.run(20, STATES) is None:
            raise SystemExit(f"it never came: {bytes(line.seen[-500:])!r}")
        line.run(1.0)
        typed = line.type(b"q")
        ended = line.ended(10)
        if ended is None:
            raise SystemExit("it never ended")
        return (ended - typed) * 1000
    finally:
        line.close()


def main() -> int:
    """Measure; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    print(machine())
    empty = [sys.executable, "-c", EMPTY]
    with tempfile.TemporaryDirectory(prefix="skafos-startup-") as name:
        home = Path(name)
        _store, directory, _log = project_with(10, 0, home)
        floors, figures = [], []
        for _ in range(rounds):
            floors.append(milliseconds(empty, home, directory, b"there it is"))
            figures.append(milliseconds(SKAFOS, home, directory, STATES))
        ends = [end_milliseconds(SKAFOS, home, directory) for _ in range(max(3, rounds // 2))]
        blocked = [
            end_milliseconds([sys.executable, "-c", BLOCKED], home, directory) for _ in range(max(3, rounds // 2))
        ]
    walls, floor_walls = [figure[0] for figure in figures], [floor[0] for floor in floors]
    ratio = median(walls) / median(floor_walls)
    used = median(figure[1] for figure in figures) / median(floor[1] for floor in floors)
    good = ratio <= RATIO and percentile(ends, 1) <= END_MS and percentile(blocked, 1) <= END_MS
    print(
        f"first frame with the stored states: median {median(walls):.0f} ms, min {min(walls):.0f};"
        f" floor, an empty Textual app: median {median(floor_walls):.0f} ms, min {min(floor_walls):.0f};"
        f" ratio {ratio:.2f} (bar {RATIO}: {'holds' if ratio <= RATIO else 'DOES NOT HOLD'}), of minima"
        f" {min(walls) / min(floor_walls):.2f}, of processor time {used:.2f}"
    )
    for what, values in (("q to the end", ends), ("the same with a blocked worker", blocked)):
        worst = percentile(values, 1)
        held = "holds" if worst <= END_MS else "DOES NOT HOLD"
        print(f"{what}: median {median(values):.0f} ms, worst {worst:.0f} ms (bar {END_MS:.0f}: {held})")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
