"""Going on with a log after an interruption: which of the lines that come again are stored already (DESIGN 4.6)."""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from skafos_tui.store.logs.format import BLOCK_LINES, NANOSECONDS, TIME_LENGTH, gap_line, is_gap, stamp, time_of
from skafos_tui.store.logs.index import nth_newline

OVERLAP_NS = NANOSECONDS
"""How far behind the newest stored line a resume starts. Two streams are stamped before they are put in one order, so
a line may come after one with a later time; a resume from that later time would never see it."""
OVERLAP_LINES = 16 * BLOCK_LINES
"""Lines at most that a resume compares, unless more bear one and the same time."""
_CHUNK = 1 << 18


class ResumePoint:
    """From where to read again: `since` as Docker takes it, `<seconds>.<9 digits>`, inclusive; None: from the start."""

    def __init__(self, since: str | None, count: Callable[[], int]) -> None:
        self.since = since
        self._count = count

    @functools.cached_property
    def lines(self) -> int:
        """The stored lines of the attempt, our own gap lines left out; asked for first, it reads the whole file."""
        return self._count()


class StoredTail(NamedTuple):
    """What a resume by time compares with: the stored lines from an instant on, the newest stored time, and the instant
    as `since`."""

    stored: Counter[bytes]
    newest: bytes
    since: str


class Resume(Protocol):
    """Drops the lines that are stored already."""

    confirmed: bool
    done: bool

    def filter(self, batch: bytes) -> bytes:
        """Complete lines in, those to be written out, with a gap line where lines may be missing."""
        ...

    def end(self) -> bytes:
        """The gap line to write if the stored lines never came back, else nothing."""
        ...


class ResumeByTime:
    """Drops the multiset of stored lines from an instant on.

    `confirmed` once a line of the newest stored instant came back: the new stream overlaps the stored lines, nothing
    is missing between them.
    """

    def __init__(self, stored: Counter[bytes], newest: bytes) -> None:
        self._stored = stored
        self._left = stored.total()
        self._newest = newest
        self._over = stamp(time_of(newest) + 2 * OVERLAP_NS)
        self.confirmed = False
        self.done = False

    def filter(self, batch: bytes) -> bytes:
        """Complete lines in, those to be written out, with a gap line where lines may be missing."""
        kept: list[bytes] = []
        for raw in batch.splitlines(keepends=True) if b"\r" not in batch else _lines(batch):
            time = raw[:TIME_LENGTH]
            if self._stored.get(raw):
                self._stored[raw] -= 1
                self._left -= 1
                self.confirmed = self.confirmed or time == self._newest
                continue
            if not self.confirmed and time > self._newest:
                kept.append(gap_line(time, "lines may be missing here: the log did not go on where it was left"))
                self.confirmed = True
            self.done = self.done or time > self._over
            kept.append(raw)
        self.done = self.done or (self.confirmed and self._left == 0)
        return b"".join(kept)

    def end(self) -> bytes:
        """The gap line to write if the stored lines never came back, else nothing."""
        return b"" if self.confirmed else gap_line(self._newest, "lines may be missing here: the log did not come back")


class ResumeByCount:
    """Drops the first `count` lines of a log that is read again from its start."""

    def __init__(self, count: int, newest: bytes) -> None:
        self._left = count
        self._newest = newest
        self.confirmed = self.done = count == 0

    def filter(self, batch: bytes) -> bytes:
        """Complete lines in, those to be written out."""
        if self._left == 0:
            return batch
        count = batch.count(b"\n")
        dropped = min(count, self._left)
        self._left -= dropped
        self.confirmed = self.done = self._left == 0
        if dropped == count:
            return b""
        return batch[nth_newline(batch, 0, dropped, max(1, len(batch) // count)) + 1 :]

    def end(self) -> bytes:
        """The gap line to write if fewer lines came than are stored, else nothing."""
        reason = "lines may be missing here: the log came back shorter than it was"
        return b"" if self.confirmed else gap_line(self._newest, reason)


def _lines(batch: bytes) -> Iterator[bytes]:
    # bytes.splitlines also splits at a carriage return, which is part of a line here.
    return (raw + b"\n" for raw in batch[:-1].split(b"\n"))


def lines_backwards(path: Path, end: int) -> Iterator[bytes]:
    """The complete lines before byte `end` of a file, newest first, without their newlines; `end` is a line's end.

    Nothing is held open between two lines: thousands of logs can be read side by side.
    """
    rest = b""
    first = True
    while end > 0:
        start = max(0, end - _CHUNK)
        with path.open("rb", buffering=0) as file:
            block = os.pread(file.fileno(), end - start, start) + rest
        lines = block.split(b"\n")
        if first:
            lines.pop()
            first = False
        rest = lines[0]
        yield from reversed(lines[1:])
        end = start
    if not first:
        yield rest


def _is_time(text: bytes) -> bool:
    try:
        time_of(text)
    except ValueError:
        return False
    return True


def _start_of_parts(tail: list[bytes], since: bytes) -> bytes:
    """The instant, moved back to where no partial line begins before it and goes on after it.

    What a line's later part is written as depends on the end of the part before it (`masking`).
    """
    while any(raw[38:39] == b"P" for raw in tail):
        begun: dict[bytes, bytes] = {}
        earliest = since
        for raw in reversed(tail):
            time, stream = raw[:TIME_LENGTH], raw[31:37]
            if time >= since:
                earliest = min(earliest, begun.get(stream, since))
            if raw[38:39] == b"P":
                begun.setdefault(stream, time)
            else:
                begun.pop(stream, None)
        if earliest == since:
            break
        since = earliest
    return since


def stored_tail(path: Path, size: int) -> StoredTail | None:
    """What a resume by time compares with; None for a log without a line of the attempt."""
    tail: list[bytes] = []
    newest = b""
    for raw in lines_backwards(path, size):
        time = raw[:TIME_LENGTH]
        if is_gap(raw) or not _is_time(time):
            continue
        newest = max(newest, time)
        tail.append(raw)
        if len(tail) % BLOCK_LINES or time == newest:
            continue
        if len(tail) >= OVERLAP_LINES or time_of(newest) - time_of(raw) > OVERLAP_NS:
            break
    else:
        if not tail:
            return None
        tail.append(b"")
    since_ns = time_of(newest) - OVERLAP_NS
    if tail[-1]:
        # Lines before the oldest one looked at may bear its very time, so the overlap starts after that.
        since_ns = max(since_ns, time_of(tail[-1]) + 1)
    since = _start_of_parts(tail, stamp(since_ns))
    since_ns = time_of(since)
    stored = Counter(raw + b"\n" for raw in tail if raw[:TIME_LENGTH] >= since)
    seconds, rest = divmod(since_ns, NANOSECONDS)
    return StoredTail(stored, newest, f"{seconds}.{rest:09}")
