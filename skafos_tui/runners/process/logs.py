"""The log of an attempt, read from its file as `Runner.read_logs` promises."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from skafos_tui.runners.base import LogDamaged, LogSink
from skafos_tui.store.failpoints import failpoint
from skafos_tui.store.logs.format import TIME_LENGTH, stamp

BLOCK = 1 << 20
LONGEST_LINE = (1 << 20) + 64
BUSY_POLL_S = 0.05
QUIET_POLL_S = 0.2
QUIET_AFTER_S = 5.0
"""A job that has been silent for so long is looked at less often."""


def read_logs(
    path: Path, runs: Callable[[], bool], *, since: str | None, follow: bool, sink: LogSink, stop: threading.Event
) -> None:
    """Hand the complete lines from `since` on to `sink`; with `follow` until `runs` says no. Raises LogDamaged."""
    failpoint("process.logs.before")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        start = 0 if since is None else _place_of(descriptor, _time(since))
        _pump(descriptor, start, runs, follow, sink, stop)
    finally:
        os.close(descriptor)
    failpoint("process.logs.after")


def _pump(
    descriptor: int, position: int, runs: Callable[[], bool], follow: bool, sink: LogSink, stop: threading.Event
) -> None:
    last = time.monotonic()
    over = not follow
    while not stop.is_set():
        block = _read(descriptor, 2 * BLOCK, position)
        end = block.rfind(b"\n") + 1
        if end:
            sink(block if end == len(block) else block[:end])
            position += end
            last = time.monotonic()
        elif over:
            return
        else:
            # Asked before the last look at the file: what was written until then is seen.
            over = not runs()
            if not over:
                stop.wait(BUSY_POLL_S if time.monotonic() - last < QUIET_AFTER_S else QUIET_POLL_S)


def _read(descriptor: int, size: int, position: int) -> bytes:
    try:
        return os.pread(descriptor, size, position)
    except OSError as error:
        raise LogDamaged(f"the log can't be read: {error.strerror}") from error


def _time(since: str) -> bytes:
    seconds, _, fraction = since.partition(".")
    return stamp(int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")))


def _place_of(descriptor: int, time_wanted: bytes) -> int:
    """Where the first line with this time or a later one begins; lines' times only grow (`pump.Pump`)."""
    low, high = 0, os.fstat(descriptor).st_size
    # The line at `low` or one after it is the first; no line that begins at `high` or later is needed to tell.
    while low < high:
        middle = (low + high) // 2
        start, after = _line_from(descriptor, middle)
        if start is None or start >= high:
            high = middle
        elif _read(descriptor, TIME_LENGTH, start) < time_wanted:
            low = after
        else:
            high = middle
    return _line_from(descriptor, low)[0] or low


def _line_from(descriptor: int, position: int) -> tuple[int | None, int]:
    """Where the first line that begins at `position` or later begins, and where it ends; None where there is none."""
    if position:
        before = _newline(descriptor, position - 1)
        if before is None:
            return None, position
        position = before + 1
    end = _newline(descriptor, position)
    return (None, position) if end is None else (position, end + 1)


def _newline(descriptor: int, position: int) -> int | None:
    size = 1 << 12
    while True:
        block = _read(descriptor, size, position)
        place = block.find(b"\n")
        if place >= 0:
            return position + place
        if len(block) < size:
            return None
        position, size = position + size, LONGEST_LINE
