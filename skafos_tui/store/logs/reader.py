"""Reading a log file: any line at once, the end without the rest, and what is new; while it is being written."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from skafos_tui.store.logs.format import (
    BLOCK_LINES,
    LogLine,
    joined_backwards,
    parse_line,
)
from skafos_tui.store.logs.index import credible, index_path, read_entries, scan
from skafos_tui.store.logs.resume import lines_backwards

_CHUNK = 1 << 18
FOLLOW_BYTES = 4 << 20
"""What one poll of a follower reads at most."""


class LogFile:
    """One attempt's log, as far as its lines are complete; a file that isn't there is an empty one.

    It holds no descriptor between calls, so that thousands can be open. Line numbers count stored lines from 0. The
    size is as of the last `refresh` (the constructor does the first). Works without an index, by counting.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file_size = self._size = 0
        self._scanned = self._lines = 0
        self._starts = array("Q", [0])
        self.refresh()

    @property
    def size(self) -> int:
        """Bytes of complete lines known."""
        return self._size

    def refresh(self) -> bool:
        """Look at the file again; whether it has changed. A file that got shorter is read anew."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            changed = self._file_size > 0
            self._forget()
            return changed
        try:
            size = os.fstat(descriptor).st_size
            if size == self._file_size:
                return False
            if size < self._file_size:
                self._forget()
            self._file_size = size
            self._size = _last_line_end(descriptor, size, self._size)
            return True
        finally:
            os.close(descriptor)

    def count(self) -> int:
        """The number of stored lines."""
        self._complete_starts()
        return self._lines

    def span(self, block: int) -> tuple[int, int]:
        """The bytes of a block of 1024 lines, from its first line's start to its last line's end."""
        self._complete_starts()
        last = block + 1 >= len(self._starts)
        return self._starts[block], self._size if last else self._starts[block + 1]

    def block_at(self, offset: int) -> int:
        """The number of the block in which byte `offset` lies."""
        self._complete_starts()
        return bisect_right(self._starts, offset) - 1

    def lines(self, start: int = 0, stop: int | None = None) -> Iterator[LogLine]:
        """The lines from number `start` up to before `stop`, streamed."""
        if start == 0 and stop is None:
            return self.lines_from(0)
        self._complete_starts()
        block = min(start // BLOCK_LINES, len(self._starts) - 1)
        stream = self.lines_from(self._starts[block])
        base = block * BLOCK_LINES
        return islice(stream, start - base, None if stop is None else max(start, stop) - base)

    def lines_from(self, offset: int) -> Iterator[LogLine]:
        """The lines from byte `offset` on, which is a line's start; streamed."""
        return (parse_line(raw) for raw in self._raw_from(offset))

    def lines_backwards(self) -> Iterator[LogLine]:
        """All lines, newest first, streamed from the end of the file."""
        if not self._size:
            return iter(())
        return (parse_line(raw) for raw in lines_backwards(self.path, self._size))

    def tail(self, count: int) -> list[LogLine]:
        """The last `count` lines as they are shown, the parts of partial ones joined."""
        return list(islice(joined_backwards(self.lines_backwards()), count))[::-1]

    def first_at(self, time_ns: int) -> int:
        """The number of the first line at or after an instant; `count()` where there is none.

        Found by halving the index. Lines of two streams may stand a little out of order: the answer is the first
        such line in the file from the block on in which the instant falls.
        """
        self._complete_starts()
        low, high = 0, len(self._starts) - 1
        while low < high:
            middle = (low + high + 1) // 2
            line = next(self.lines_from(self._starts[middle]), None)
            if line is not None and line.time_ns < time_ns:
                low = middle
            else:
                high = middle - 1
        number = low * BLOCK_LINES
        for line in self.lines_from(self._starts[low]):
            if line.time_ns >= time_ns:
                return number
            number += 1
        return number

    def number_at(self, offset: int) -> int:
        """The number of the line that starts at byte `offset`, as search hits give it."""
        block = self.block_at(offset)
        with self.path.open("rb") as file:
            return block * BLOCK_LINES + scan(file.fileno(), self._starts[block], offset, 0)[1]

    def first_time(self) -> int | None:
        """The time of the first line in Unix nanoseconds; None without a line."""
        line = next(self.lines_from(0), None) if self._size else None
        return None if line is None else line.time_ns

    def last_time(self) -> int | None:
        """The time of the last line in Unix nanoseconds; None without a line."""
        line = next(self.lines_backwards(), None)
        return None if line is None else line.time_ns

    def _forget(self) -> None:
        self._file_size = self._size = 0
        self._scanned = self._lines = 0
        self._starts = array("Q", [0])

    def _complete_starts(self) -> None:
        if self._scanned == self._size:
            return
        with self.path.open("rb") as file:
            descriptor = file.fileno()
            known = len(self._starts) - 1
            fresh = credible(descriptor, self._size, read_entries(index_path(self.path), known), self._starts[-1])
            if fresh and fresh[-1] > self._scanned:
                self._starts.extend(fresh)
                self._lines = (len(self._starts) - 1) * BLOCK_LINES
                self._scanned = self._starts[-1]
            starts, lines, end = scan(descriptor, self._scanned, self._size, self._lines)
        self._starts.extend(starts)
        self._lines += lines
        self._scanned = end

    def _raw_from(self, offset: int) -> Iterator[bytes]:
        rest: list[bytes] = []
        while offset < self._size:
            with self.path.open("rb", buffering=0) as file:
                block = os.pread(file.fileno(), min(_CHUNK, self._size - offset), offset)
            if not block:
                return
            offset += len(block)
            first, *others = block.split(b"\n")
            rest.append(first)
            if others:
                yield b"".join(rest)
                rest = [others.pop()]
                yield from others


class LogFollower:
    """What is new in one log file since the last look."""

    def __init__(self, path: Path, position: int = 0) -> None:
        """Follow from byte `position` on, which is a line's start."""
        self.path = path
        self._position = position
        self._seen = position
        self.behind = False
        """Whether the last poll left complete lines unread because of its limit."""

    def poll(self, limit: int = FOLLOW_BYTES) -> list[LogLine]:
        """The complete lines that came since the last poll, `limit` bytes at most (but a whole line).

        A file that got shorter is one whose writer took back lines that it could not write whole: it writes them
        again, so the place is kept. Only an emptied file is read from the start.
        """
        self.behind = False
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return []
        if size == self._seen:
            return []
        if size == 0:
            self._position = 0
        if size <= self._position:
            self._seen = size
            return []
        with self.path.open("rb", buffering=0) as file:
            block = os.pread(file.fileno(), limit, self._position)
            end = block.rfind(b"\n") + 1
            while not end and (more := os.pread(file.fileno(), limit, self._position + len(block))):
                block += more
                end = block.rfind(b"\n") + 1
        self._position += end
        self.behind = self._position + len(block) - end < size
        # Where there is more to read at once the next poll must not take the size for one it knows.
        self._seen = -1 if self.behind else size
        return [parse_line(raw) for raw in block[:end].split(b"\n")[:-1]]


def _last_line_end(descriptor: int, size: int, known: int) -> int:
    """Where the last complete line before `size` ends, not before `known`."""
    end = size
    while end > known:
        start = max(known, end - _CHUNK)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return known
