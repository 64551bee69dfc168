"""A log file as an array of lines: any line and its time at once, however long the file, in bounded memory."""

from __future__ import annotations

import os
from array import array
from collections import OrderedDict
from pathlib import Path

from skafos_tui.store.logs.format import BLOCK_LINES, PREFIX_LENGTH, TIME_LENGTH, LogLine, parse_line, time_of
from skafos_tui.store.logs.reader import LogFile

LINE_BYTES = 64 << 10
"""Bytes of one line that are read; a longer one is shown in part."""
_BLOCK_BYTES = 1 << 20
"""A block up to this size is kept whole; of a larger one only where its lines start."""
_CACHE_BYTES = 8 << 20
_TIMES = 4096
_CHUNK = 1 << 20


class _Block:
    """Up to 1024 lines: themselves, or, where they are long, the bytes where they start and where the last ends."""

    def __init__(self, span: tuple[int, int], lines: list[bytes], starts: array[int]) -> None:
        self.span = span
        self.lines = lines
        self.starts = starts
        self.cost = sum(map(len, lines)) + 48 * len(lines) + 8 * len(starts)


class BlockCache:
    """The blocks read last, of all the files of one viewer together."""

    def __init__(self, limit: int = _CACHE_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._blocks: OrderedDict[tuple[Path, int], _Block] = OrderedDict()

    def get(self, path: Path, number: int, span: tuple[int, int]) -> _Block:
        """A block of a file; read where it isn't here, or has grown. Those not used for longest go."""
        key = (path, number)
        block = self._blocks.get(key)
        if block is not None and block.span == span:
            self._blocks.move_to_end(key)
            return block
        if block is not None:
            self._bytes -= self._blocks.pop(key).cost
        block = self._blocks[key] = _read_block(path, span)
        self._bytes += block.cost
        while self._bytes > self._limit and len(self._blocks) > 1:
            self._bytes -= self._blocks.popitem(last=False)[1].cost
        return block

    def clear(self) -> None:
        """Forget everything."""
        self._blocks.clear()
        self._bytes = 0


class LogLines:
    """The stored lines of one file by number from 0, as of the last `refresh` (the constructor does the first).

    A file that is taken away meanwhile has empty lines until the next refresh.
    """

    def __init__(self, path: Path, cache: BlockCache | None = None) -> None:
        self.path = path
        self._file = LogFile(path)
        self._cache = BlockCache() if cache is None else cache
        self._times: dict[int, int] = {}

    @property
    def size(self) -> int:
        """Bytes of complete lines known."""
        return self._file.size

    def refresh(self) -> bool:
        """Look at the file again; whether its lines have changed."""
        size = self._file.size
        self._file.refresh()
        if self._file.size < size:
            self._times.clear()
            self._cache.clear()
        return self._file.size != size

    def count(self) -> int:
        """The number of lines."""
        try:
            return self._file.count()
        except FileNotFoundError:
            self.refresh()
            return self._file.count()

    def time(self, number: int) -> int:
        """The time of a line in Unix nanoseconds; 0 where it has none."""
        found = self._times.get(number)
        if found is not None:
            return found
        if number % BLOCK_LINES == 0:
            start = self._file.span(number // BLOCK_LINES)[0]
            found = _time_of(_read(self.path, start, start + TIME_LENGTH))
        elif number + 1 == self.count():
            # The last line of a file that isn't looked into must not cost a block.
            found = self._file.last_time() or 0
        else:
            found = _time_of(self._raw(number))
        if len(self._times) >= _TIMES:
            self._times.clear()
        self._times[number] = found
        return found

    def first_at(self, time_ns: int) -> int:
        """The number of the first line at or after an instant, by halving; `count()` where there is none."""
        count = self.count()
        low, high = 0, max(0, count - 1) // BLOCK_LINES
        while low < high:
            middle = (low + high + 1) // 2
            if self.time(middle * BLOCK_LINES) < time_ns:
                low = middle
            else:
                high = middle - 1
        first, last = low * BLOCK_LINES, min(count, (low + 1) * BLOCK_LINES)
        while first < last:
            number = (first + last) // 2
            if _time_of(self._raw(number)) < time_ns:
                first = number + 1
            else:
                last = number
        return first

    def line(self, number: int) -> LogLine:
        """One line; of one longer than 64 KiB a part: where it is redrawn its end, else its beginning."""
        return parse_line(self._raw(number))

    def raw_block(self, number: int) -> list[bytes]:
        """The stored lines of a block, newlines taken off; long lines as `line` has them."""
        block = self._block(number)
        return block.lines or [_read_long(self.path, *block.starts[n : n + 2]) for n in range(len(block.starts) - 1)]

    def _block(self, number: int) -> _Block:
        return self._cache.get(self.path, number, self._file.span(number))

    def _raw(self, number: int) -> bytes:
        block = self._block(number // BLOCK_LINES)
        place = number % BLOCK_LINES
        if block.lines:
            return block.lines[place] if place < len(block.lines) else b""
        if place + 1 >= len(block.starts):
            return b""
        return _read_long(self.path, block.starts[place], block.starts[place + 1])


def _time_of(raw: bytes) -> int:
    try:
        return time_of(raw)
    except (ValueError, UnicodeDecodeError):
        return 0


def _read_block(path: Path, span: tuple[int, int]) -> _Block:
    start, stop = span
    if stop - start <= _BLOCK_BYTES:
        return _Block(span, _read(path, start, stop).split(b"\n")[:-1], array("Q"))
    starts = array("Q", [start])
    position = start
    while position < stop and (chunk := _read(path, position, min(stop, position + _CHUNK))):
        place = chunk.find(b"\n")
        while place >= 0:
            starts.append(position + place + 1)
            place = chunk.find(b"\n", place + 1)
        position += len(chunk)
    return _Block(span, [], starts)


def _read_long(path: Path, start: int, stop: int) -> bytes:
    """A line that starts at `start`, its newline before `stop`: whole, or the part of it that is shown."""
    if stop - start <= LINE_BYTES:
        return _read(path, start, stop - 1)
    prefix = _read(path, start, start + PREFIX_LENGTH)
    end = _read(path, stop - 1 - LINE_BYTES, stop - 1)
    if b"\r" in end.rstrip(b"\r"):
        return prefix + end
    left = stop - 1 - start - PREFIX_LENGTH - LINE_BYTES
    body = _read(path, start + PREFIX_LENGTH, start + PREFIX_LENGTH + LINE_BYTES)
    return prefix + body + f" … {left:,} bytes more".encode()


def _read(path: Path, start: int, stop: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(descriptor, max(0, stop - start), start)
    finally:
        os.close(descriptor)
