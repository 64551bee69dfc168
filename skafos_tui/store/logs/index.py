"""The sparse index beside a log file: where every 1024th line starts. It can always be made anew from the log."""

from __future__ import annotations

import os
import sys
from array import array
from operator import lt
from pathlib import Path

from skafos_tui.store.logs.format import BLOCK_LINES

ENTRY_BYTES = 8
_SCAN_BYTES = 1 << 20
_LOOK_EVERY = 64
_LOOK_LAST = 64


def index_path(path: Path) -> Path:
    """The index file of a log file."""
    return path.with_name(path.name + ".idx")


def encode(offsets: array[int]) -> bytes:
    """Entries as they stand in the file: unsigned, 8 bytes, little-endian."""
    if sys.byteorder == "big":
        offsets = array("Q", offsets)
        offsets.byteswap()
    return offsets.tobytes()


def read_entries(path: Path, first: int = 0) -> array[int]:
    """The entries from number `first` on; a torn last one is left out, a missing file has none."""
    entries = array("Q")
    try:
        with path.open("rb") as file:
            file.seek(first * ENTRY_BYTES)
            content = file.read()
    except FileNotFoundError:
        return entries
    entries.frombytes(content[: len(content) // ENTRY_BYTES * ENTRY_BYTES])
    if sys.byteorder == "big":
        entries.byteswap()
    return entries


def plausible(descriptor: int, size: int, entries: array[int], after: int = 0) -> array[int]:
    """The leading entries that can be right for an open log of `size` bytes: rising, and each right after a newline."""
    previous = after
    for number, offset in enumerate(entries):
        if not previous < offset <= size or os.pread(descriptor, 1, offset - 1) != b"\n":
            return entries[:number]
        previous = offset
    return entries


def credible(descriptor: int, size: int, entries: array[int], after: int = 0) -> array[int]:
    """As `plausible`, for readers of an index that its writer has verified: all must rise, the last ones and some of
    the others are looked at in the log. Looking at each takes most of the time in which a long log opens.
    """
    rising = len(entries)
    if entries and not (after < entries[0] and entries[-1] <= size and all(map(lt, entries, entries[1:]))):
        pairs = enumerate(zip((after, *entries), entries, strict=False))
        rising = next((number for number, (one, other) in pairs if not one < other <= size), rising)
    good = 0
    for number in sorted({*range(0, rising, _LOOK_EVERY), *range(max(0, rising - _LOOK_LAST), rising)}):
        if os.pread(descriptor, 1, entries[number] - 1) != b"\n":
            return entries[:good]
        good = number + 1
    return entries[:rising]


def nth_newline(block: bytes, start: int, count: int, average: int) -> int:
    """Where the `count`-th newline from `start` on is; there must be as many. `average` is the usual line length.

    Counting runs at memory speed and finding one by one does not, so it counts its way near and finds the rest.
    """
    while count > 32:
        end = start + (count - 16) * average
        passed = block.count(b"\n", start, end)
        if passed < count:
            start, count = end, count - passed
        else:
            average = max(1, average // 2)
    position = start - 1
    for _ in range(count):
        position = block.index(b"\n", position + 1)
    return position


def block_starts(block: bytes, lines_before: int) -> tuple[list[int], int]:
    """The places in `block` where a line starts whose number divides by 1024, and how many lines end in it.

    `block` starts at a line's start, line number `lines_before`; a start at its very end counts, one at 0 does not.
    """
    total = left = block.count(b"\n")
    starts: list[int] = []
    if total == 0:
        return starts, 0
    average = max(1, len(block) // total)
    position = 0
    wanted = BLOCK_LINES - lines_before % BLOCK_LINES
    while left >= wanted:
        position = nth_newline(block, position, wanted, average) + 1
        starts.append(position)
        left -= wanted
        wanted = BLOCK_LINES
    return starts, total


def scan(descriptor: int, start: int, end: int, lines_before: int) -> tuple[list[int], int, int]:
    """Read a log between two offsets: the starts of every 1024th line, the count of lines, where the last one ends."""
    starts: list[int] = []
    lines, line_end, position = 0, start, start
    while position < end:
        block = os.pread(descriptor, min(_SCAN_BYTES, end - position), position)
        if not block:
            break
        found, count = block_starts(block, lines_before + lines)
        starts.extend(position + place for place in found)
        lines += count
        if count:
            line_end = position + block.rindex(b"\n") + 1
        position += len(block)
    return starts, lines, line_end
