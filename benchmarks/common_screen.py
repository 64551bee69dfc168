"""What the benchmarks of the screen share: the real app on a pseudo terminal, behind a line as slow as one likes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "tui"))
from wines import NOW, TOKEN, Store

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.store.home import Home

CHUNK = 2048
MANY = 1 << 30
SKAFOS = (sys.executable, "-c", "from skafos_tui.cli.main import entry; entry()", "--read-only")
"""What the console script does."""
ASK, ANSWER = b"\x1b[6n", b"\x1b[1;1R"


class Line:
    """A program on a terminal behind a line: bits a second, a delay there and back, and what the line holds.

    What is written waits in the line's buffer; once that is full the program waits, as over ssh.
    """

    def __init__(
        self,
        words: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        size: tuple[int, int],
        *,
        bits_per_s: float = float("inf"),
        delay_s: float = 0.0,
        buffer: int = MANY,
    ) -> None:
        self._controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=directory,
            env=environment,
        )
        os.close(terminal)
        self._bytes_per_s, self._one_way_s, self._buffer = bits_per_s / 8, delay_s / 2, buffer
        self._down: deque[tuple[float, bytes]] = deque()
        self._up: deque[tuple[float, bytes]] = deque()
        self._sent_at = 0.0
        self.seen = bytearray()
        self.received = 0
        self.at_end = False

    def run(self, seconds: float, until: bytes = b"") -> float | None:
        """Let the line work so long, or until this has come to its far end: the time it came; None: it did not."""
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end and not self.at_end:
            self._take(now)
            while self._up and self._up[0][0] <= now:
                os.write(self._controller, self._up.popleft()[1])
            while self._down and self._down[0][0] <= now:
                self._arrive(*self._down.popleft())
                if until and until in self.seen:
                    return time.perf_counter()
        return None

    def type(self, keys: bytes) -> float:
        """Type at the far end; when."""
        now = time.perf_counter()
        self._up.append((now + self._one_way_s, keys))
        return now

    def echo(self, keys: bytes, shown: bytes, patience_s: float = 20.0) -> float:
        """Milliseconds from a key to what it shows."""
        del self.seen[:]
        typed = self.type(keys)
        came = self.run(patience_s, shown)
        if came is None:
            raise SystemExit(f"{keys!r} never showed {shown!r}: {bytes(self.seen[-400:])!r}")
        return (came - typed) * 1000

    def ended(self, patience_s: float) -> float | None:
        """When the program ended (seconds of `perf_counter`), reading what it still writes; None: it did not."""
        end = time.perf_counter() + patience_s
        while time.perf_counter() < end:
            self.run(0.002)
            if self.process.poll() is not None:
                return time.perf_counter()
        return None

    def close(self) -> None:
        """End the program."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._controller)

    def _take(self, now: float) -> None:
        """Take what the program writes while there is room for it."""
        waiting = max(0.0, self._sent_at - now) * self._bytes_per_s if self._bytes_per_s != float("inf") else 0.0
        wait_s = 0.001 if self._down or self._up else 0.002
        if waiting >= self._buffer:
            time.sleep(wait_s)
            return
        if not select.select([self._controller], [], [], wait_s)[0]:
            return
        try:
            data = os.read(self._controller, CHUNK)
        except OSError:
            self.at_end = True
            return
        self._sent_at = max(time.perf_counter(), self._sent_at) + len(data) / self._bytes_per_s
        self._down.append((self._sent_at + self._one_way_s, data))

    def _arrive(self, at: float, data: bytes) -> None:
        self.received += len(data)
        # A question may be broken in two.
        tail = bytes(self.seen[-3:]) + data
        self.seen += data
        for _ in range(tail.count(ASK)):
            self._up.append((time.perf_counter() + self._one_way_s, ANSWER))
        del self.seen[:-65_536]


def environment_of(home: Path) -> dict[str, str]:
    """A terminal as ssh gives it: 256 colours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SKAFOS", "TMUX", "COLORTERM"))}
    settings = str(home / "no-settings.yml")
    return {
        **kept,
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "SKAFOS_HOME": str(home),
        "SKAFOS_SETTINGS": settings,
    }


def project_with(jobs: int, running: int, home: Path) -> tuple[Store, Path, Path]:
    """A store with a project of so many jobs in chains of ten and a run in which some go on; its directory and a log.

    The log is that of the job that is selected at the beginning.
    """
    directory = home / "project"
    directory.mkdir(parents=True)
    store = Store(home / "state.db")
    store.pipeline = {f"Job {n}": ((f"Job {n - 1}",) if n % 10 else ()) for n in range(jobs)}
    store.make(directory)
    from wines import config_of

    (directory / "metis.config.yml").write_text(config_of(store.pipeline))
    begun = time.time() - 600
    with store.batch():
        for number in range(3):
            store.good_run(NOW - 90_000 + number * 1000)
        run_id = store.run()
        step = max(1, jobs // running) if running else jobs
        going = [f"Job {number}" for number in range(0, jobs, step)][:running]
        for place, name in enumerate(going):
            store.attempt(run_id, name, begun + place)
            store.set_task(run_id, name, TaskState.RUNNING, begun + place)
        store.set_run(run_id, RunState.RUNNING if going else RunState.SUCCEEDED, begun, None if going else begun + 60)
    log = Home(home).attempt_log(TOKEN, run_id, f"{run_id}-Job 0-0-1")
    log.parent.mkdir(parents=True, exist_ok=True)
    return store, directory, log


def percentile(values: Sequence[float], part: float) -> float:
    """The value that this part of all does not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * part))]


def machine() -> str:
    """One line on the machine and how busy it was."""
    return f"{os.cpu_count()} cores, load {' '.join(f'{value:.1f}' for value in os.getloadavg())}"
