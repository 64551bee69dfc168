"""The log pane on ten million lines (DESIGN 8): each thing a person does ≤ 100 ms, memory growth ≤ 30 MB; and keys
while 100,000 lines a second arrive: key to frame p99 ≤ 50 ms.

`python benchmarks/log_pane.py [--lines N] [--keys N]`; exit code 1 where a bar is missed. The floor of an action is
the pane's own drawing of a screen of a log with one line; a key's floor is the same app with no log arriving.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import gc
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Static

from skafos_tui.store.logs.format import NANOSECONDS, stamp
from skafos_tui.store.logs.merge import Source
from skafos_tui.store.logs.writer import LogWriter
from skafos_tui.tui.pacing import ASK, Pacer
from skafos_tui.tui.screens.quick import QuickScreen
from skafos_tui.tui.theme import Depth, role_styles
from skafos_tui.tui.widgets.log.pane import LogPane
from skafos_tui.tui.widgets.log.shown import LogAttempt, Shown

START = 1_790_000_000 * NANOSECONDS
SIZE = (140, 40)
ACTION_MS, GROWTH_MB, KEY_MS = 100.0, 30.0, 50.0
RATE = 100_000
TYPING_S = 1.0
"""So long a person types at least."""
BATCHES = 30
CPU: list[float] = []
"""What the actions took of the CPU: on a machine that others use that says more than the time on the wall."""
READY, MARK = b"READYMARK", "KEY{:05d}END"


class BenchApp(App[None]):
    """The pane alone, below a line that counts keys."""

    CSS = "Static { height: 1; width: 100%; } LogPane { height: 1fr; width: 1fr; }"
    ascii = False
    roles = role_styles(Depth.TRUE, light=False)

    def __init__(self, path: Path | None = None, *, live: bool = False) -> None:
        super().__init__()
        self.pacer = Pacer(self._ask_terminal, self.set_timer, time.monotonic)
        self.pane = LogPane(3, "LOG", id="log", offer=self.pacer.offer)
        self.path, self.live, self.keys = path, live, 0

    def get_default_screen(self) -> QuickScreen:
        """As the dashboard is one."""
        return QuickScreen()

    def compose(self) -> ComposeResult:
        yield Static(READY.decode(), id="keys")
        yield self.pane

    def on_ready(self) -> None:
        self.pane.focus()
        if self.path is not None:
            self.pane.set_shown(shown(self.path, live=self.live))
        gc.collect()
        gc.freeze()

    def on_cursor_position(self, _event: events.CursorPosition) -> None:
        """The terminal has shown the last frame, as our app asks it."""
        self.pacer.answered()

    def _ask_terminal(self) -> None:
        driver = self._driver
        if driver is None or driver.is_headless:
            self.pacer.answered()
        else:
            self.call_after_refresh(driver.write, ASK)

    def on_key(self, event: events.Key) -> None:
        """Each key is one for the pane, and is counted where the benchmark sees it."""
        self.keys += 1
        actions = [self.pane.do_page_up, self.pane.do_log_wrap, self.pane.do_up, self.pane.do_bottom]
        actions[self.keys % len(actions)]()
        self.query_one("#keys", Static).update(MARK.format(self.keys), layout=False)


def shown(path: Path, *, live: bool = False) -> Shown:
    """One attempt's log."""
    return Shown((LogAttempt(Source(1, "job", "Train", 0, 1), path, live),), started_ns=START, job_id="job")


def make_log(path: Path, lines: int) -> None:
    """Ordinary lines of several lengths with colours here and there; one in a thousand says `needle`."""
    writer = LogWriter(path, cap=1 << 40)
    made = 0
    while made < lines:
        count = min(20_000, lines - made)
        batch = []
        for number in range(made, made + count):
            colour = b"\x1b[32mok\x1b[0m " if number % 10 == 0 else b""
            tail = b"needle" if number % 1000 == 0 else b"x" * (number % 150 if number % 50 == 0 else 20)
            second, part = divmod(number, 10_000)
            if part == 0 or not batch:
                day = stamp(START + second * NANOSECONDS)[:20]
            batch.append(b"%s%09dZ stdout F %sstep %d loss 0.2391 %s\n" % (day, part * 100_000, colour, number, tail))
        writer.append(b"".join(batch))
        made += count
    writer.close(sync=False)


async def frame(app: BenchApp, act: Callable[[], object]) -> float:
    """Milliseconds from an action to the frame that shows it; the CPU's part of them is added to `CPU`."""
    done = asyncio.Event()
    started, used = time.perf_counter(), time.process_time()
    act()
    app.pane.refresh()
    app.screen.call_after_refresh(done.set)
    await done.wait()
    CPU.append((time.process_time() - used) * 1000)
    return (time.perf_counter() - started) * 1000


def resident_mb() -> float:
    """What this process holds in memory."""
    return psutil.Process().memory_info().rss / 1e6


async def measure_actions(path: Path, small: Path) -> bool:
    """Print what each action takes; whether the bars hold."""
    app = BenchApp()
    async with app.run_test(size=SIZE) as pilot:
        pane = app.pane
        await frame(app, lambda: pane.set_shown(shown(small)))
        floor = statistics.median([await frame(app, pane.refresh) for _ in range(9)])
        gc.collect()
        before = resident_mb()
        figures: dict[str, float] = {"open": await frame(app, lambda: pane.set_shown(shown(path)))}
        steps: list[tuple[str, Callable[[], object]]] = [
            ("top", pane.do_top),
            ("page down", pane.do_page_down),
            ("end", pane.do_bottom),
            ("page up", pane.do_page_up),
            ("wrap", pane.do_log_wrap),
            ("wrapped: page up", pane.do_page_up),
            ("wrapped: top", pane.do_top),
            ("wrapped: end", pane.do_bottom),
            ("go to a time", lambda: pane._go_to_time("+500s")),
            ("all jobs", pane.do_log_all_jobs),
            ("what to filter by is asked", pane.do_only),
            ("filter, a line in 1000", lambda: answer(pane, "needle")),
        ]
        for name, act in steps:
            if name.startswith("filter"):
                await asyncio.sleep(TYPING_S)
            figures[name] = await frame(app, act)
        figures["first filtered rows"] = figures["filter, a line in 1000"] + await waited(pane)
        started = time.perf_counter()
        await until(lambda: not pane.reading.searching)
        searched = time.perf_counter() - started
        hits = pane.reading.view.count()
        filtered: list[tuple[str, Callable[[], object]]] = [
            ("filtered: top", pane.do_top),
            ("filtered: page down", pane.do_page_down),
            ("filtered: end", pane.do_bottom),
            ("find in it", lambda: pane._find("step 5")),
        ]
        for name, act in filtered:
            figures[name] = await frame(app, act)
        await until(lambda: not pane.reading.finding)
        figures["next hit"] = await frame(app, pane.do_find_previous)
        started = time.perf_counter()
        await pilot.resize_terminal(100, 30)
        figures["resize"] = (time.perf_counter() - started) * 1000
        figures["no filter"] = await frame(app, lambda: pane._only_text(""))
        gc.collect()
        growth = resident_mb() - before
    for name, figure in figures.items():
        print(f"{name:26} {figure:7.1f} ms  (bar {ACTION_MS:.0f}, floor {floor:.1f})")
    print(f"of it CPU: at most {max(CPU):.1f} ms, median {statistics.median(CPU):.1f} ms")
    print(f"the whole filter took {searched:.1f} s in the background: {hits:,} hits")
    print(f"memory grew by {growth:.1f} MB (bar {GROWTH_MB:.0f})")
    return max(figures.values()) <= ACTION_MS and growth <= GROWTH_MB


def answer(pane: LogPane, text: str) -> None:
    """Type into the line that is open, and Enter."""
    assert pane.prompt is not None
    pane.prompt.type(text)
    pane._answer(pane.prompt)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    while not condition():  # noqa: ASYNC110  there is nothing that would set an event
        await asyncio.sleep(0.002)


async def waited(pane: LogPane) -> float:
    """Milliseconds until there are filtered rows."""
    started = time.perf_counter()
    await until(lambda: pane.reading.view.count() > 0)
    return (time.perf_counter() - started) * 1000


class Arriving:
    """Writes lines at a steady rate, from a process of its own, while it is entered."""

    def __init__(self, path: Path, rate: int) -> None:
        self._path, self._rate = path, rate
        self._pid = 0

    def __enter__(self) -> None:
        self._pid = os.fork()
        if self._pid:
            return
        writer = LogWriter(self._path)
        number, due = 0, time.monotonic()
        while True:
            now = time.time_ns()
            texts = (
                b"step %d loss 0.2391 acc 0.908 some more words to read" % n
                for n in range(number, number + self._rate // BATCHES)
            )
            prefix = stamp(now) + b" stdout F "
            writer.append(b"".join(prefix + text + b"\n" for text in texts))
            number += self._rate // BATCHES
            due += 1 / BATCHES
            time.sleep(max(0.0, due - time.monotonic()))

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def key_times(path: Path, keys: int) -> list[float]:
    """Milliseconds from a key to its frame on a terminal, for so many keys."""
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "ESCDELAY": "25"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, __file__, "--app", str(path)], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
    seen = b""

    def read(until: bytes, seconds: float) -> bool:
        nonlocal seen
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            ready, _, _ = select.select([terminal], [], [], 0.001)
            if ready:
                came = os.read(terminal, 1 << 18)
                seen += came
                if ASK.encode() in came:
                    os.write(terminal, b"\x1b[1;1R")
                if until and until in seen:
                    return True
                seen = seen if until else b""
        return False

    times = []
    try:
        if not read(READY, 20):
            raise SystemExit("the app never came")
        read(b"", 1.5)
        for number in range(1, keys + 1):
            seen = b""
            started = time.perf_counter()
            os.write(terminal, b"x")
            # Only what changes is written, and that is at least the number's last digit: so the whole number is asked
            # of the app to be new each time, by the mark's other end.
            if not read(MARK.format(number).encode(), 5):
                raise SystemExit(f"key {number} was never shown")
            times.append((time.perf_counter() - started) * 1000)
            read(b"", 0.02 + 0.007 * (number % 5))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return sorted(times)


def measure_keys(directory: Path, keys: int) -> bool:
    """Print key to frame; whether the bar holds."""
    path = directory / "live.log"
    LogWriter(path).close(sync=False)
    floor = key_times(path, max(20, keys // 4))
    with Arriving(path, RATE):
        figure = key_times(path, keys)
    p99 = figure[min(len(figure) - 1, round(len(figure) * 0.99))]
    print(
        f"key → frame with {RATE:,} lines/s: median {statistics.median(figure):.1f} ms, p99 {p99:.1f} ms"
        f" (bar {KEY_MS:.0f}); floor without: median {statistics.median(floor):.1f} ms, worst {floor[-1]:.1f} ms;"
        f" {path.stat().st_size / 1e6:.0f} MB came"
    )
    return p99 <= KEY_MS


def main() -> int:
    """Make the logs, measure, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--app", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.app is not None:
        BenchApp(arguments.app, live=True).run()
        return 0
    print(f"{os.cpu_count()} cores, load {' '.join(f'{value:.1f}' for value in os.getloadavg())}")
    with tempfile.TemporaryDirectory(prefix="skafos-log-pane-") as name:
        directory = Path(name)
        path, small = directory / "large.log", directory / "small.log"
        make_log(path, arguments.lines)
        make_log(small, 1)
        print(f"{arguments.lines:,} lines, {path.stat().st_size / 1e9:.2f} GB")
        kept = asyncio.run(measure_actions(path, small))
        path.unlink()
        return 0 if measure_keys(directory, arguments.keys) and kept else 1


if __name__ == "__main__":
    sys.exit(main())
