"""The format of a log file: CRI lines with a prefix of fixed width, and the gaps between them (DESIGN 5)."""

from __future__ import annotations

import calendar
import functools
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

PREFIX_LENGTH = len("2026-11-23T17:38:28.660112368Z stdout F ")
"""Bytes before a line's text. Fixed, for our writers always write nine digits and `Z`: so a search can skip it."""
TIME_LENGTH = PREFIX_LENGTH - len(" stdout F ")
NANOSECONDS = 1_000_000_000
BLOCK_LINES = 1024
"""Lines per entry of the sparse index."""
GAP_PREFIX = b"[skafos gap] "
"""A line on stderr whose text starts so is ours: lines are missing here, and the text says why."""
JOIN_LIMIT = 4 << 20
"""Bytes up to which the parts of a partial line are joined for display; a longer one is shown in pieces."""


class LogLine(NamedTuple):
    """One stored line: its time in Unix nanoseconds, `stdout` or `stderr`, whether it goes on in the next line of
    its stream, and its text without the newline."""

    time_ns: int
    stream: str
    partial: bool
    text: bytes

    @property
    def gap(self) -> bool:
        """Whether this is our own word that lines are missing here."""
        return self.stream == "stderr" and self.text.startswith(GAP_PREFIX)


@functools.lru_cache(maxsize=4096)
def _seconds(stamp: bytes) -> int:
    return calendar.timegm(time.strptime(stamp.decode("ascii"), "%Y-%m-%dT%H:%M:%S"))


def time_of(raw: bytes) -> int:
    """The Unix nanoseconds a stored line starts with; ValueError where it starts with something else."""
    if raw[19:20] != b"." or raw[29:30] != b"Z":
        raise ValueError(f"no time in {raw[:TIME_LENGTH]!r}")
    return _seconds(raw[:19]) * NANOSECONDS + int(raw[20:29])


def stamp(time_ns: int) -> bytes:
    """Unix nanoseconds as the RFC 3339 time of a stored line, always nine digits and `Z`."""
    seconds, rest = divmod(time_ns, NANOSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z".encode()


def parse_line(raw: bytes) -> LogLine:
    """A stored line, its newline taken off. What is in no such form is all text, at time 0: nothing is hidden."""
    try:
        time_ns = time_of(raw)
    except (ValueError, UnicodeDecodeError):
        return LogLine(0, "stdout", False, raw)
    return LogLine(time_ns, "stderr" if raw[34:35] == b"e" else "stdout", raw[38:39] == b"P", raw[PREFIX_LENGTH:])


def format_line(time_ns: int, text: bytes, stream: str = "stdout") -> bytes:
    """One complete stored line; newlines in `text` become blanks."""
    return b"%s %s F %s\n" % (stamp(time_ns), stream.encode(), text.replace(b"\n", b" "))


def gap_line(time: bytes, reason: str) -> bytes:
    """A stored line that says at `time` (RFC 3339, nine digits) that lines are missing, and why, on one line."""
    return b"%s stderr F %s%s\n" % (time, GAP_PREFIX, " ".join(reason.split()).encode("utf-8", "replace"))


def is_gap(raw: bytes) -> bool:
    """Whether a stored line is a gap of ours."""
    return raw.startswith(GAP_PREFIX, PREFIX_LENGTH) and raw[34:35] == b"e"


class Joiner:
    """Puts the parts of partial lines together as they come, each whole line at the time of its first part."""

    def __init__(self) -> None:
        self._held: dict[str, LogLine] = {}

    def feed(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        """The lines that are whole now."""
        held = self._held
        for line in lines:
            if not line.partial and line.stream not in held:
                yield line
                continue
            first = held.pop(line.stream, None)
            whole = line if first is None else LogLine(first.time_ns, line.stream, line.partial, first.text + line.text)
            if whole.partial and len(whole.text) < JOIN_LIMIT:
                held[line.stream] = whole
            else:
                yield whole

    def rest(self) -> list[LogLine]:
        """What still waits for its end."""
        rest = list(self._held.values())
        self._held.clear()
        return rest


def joined(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """The lines with the parts of partial ones put together."""
    joiner = Joiner()
    yield from joiner.feed(lines)
    yield from joiner.rest()


def joined_backwards(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """As `joined`, for lines that come newest first; parts with more than 256 lines between them stay apart.

    A line can be handed on once the one before it in its stream is known not to go on in it.
    """
    waiting: deque[LogLine] = deque()
    for line in lines:
        place = next((n for n, later in enumerate(waiting) if later.stream == line.stream), None) if waiting else None
        if place is not None:
            later = waiting[place]
            if line.partial and len(later.text) + len(line.text) <= JOIN_LIMIT:
                waiting[place] = LogLine(line.time_ns, line.stream, later.partial, line.text + later.text)
                continue
            while place >= 0:
                yield waiting.popleft()
                place -= 1
        waiting.append(line)
        if len(waiting) > 256:
            yield waiting.popleft()
    yield from waiting
