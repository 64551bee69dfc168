"""The logs of many attempts as one, by time, each line with where it comes from."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from skafos_tui.store.logs.format import LogLine, joined, joined_backwards
from skafos_tui.store.logs.reader import LogFile


class Source(NamedTuple):
    """Whose log a line is from. The image step of a deployment has no job: `job_id` "" and `attempt` 0."""

    run: int
    job_id: str
    job: str
    instance: int = 0
    attempt: int = 1


class SourcedLine(NamedTuple):
    """A line with its source."""

    source: Source
    line: LogLine


def merge(files: Iterable[tuple[Source, LogFile]], *, since_ns: int = 0) -> Iterator[SourcedLine]:
    """All lines from an instant on, oldest first, parts of partial lines joined; each file keeps its own order.

    Streamed: a file is opened when its first line's time has come, so that only those that overlap are read at once.
    """
    return _merge(files, since_ns=since_ns, sign=1)


def merge_backwards(files: Iterable[tuple[Source, LogFile]], *, since_ns: int = 0) -> Iterator[SourcedLine]:
    """As `merge`, newest first, down to the instant. The first few cost the same however long the files are."""
    return _merge(files, since_ns=since_ns, sign=-1)


def _merge(files: Iterable[tuple[Source, LogFile]], *, since_ns: int, sign: int) -> Iterator[SourcedLine]:
    waiting: list[tuple[int, int, Source, LogFile, LogLine | None, Iterator[LogLine]]] = []
    for number, (source, file) in enumerate(files):
        last = file.last_time()
        if last is None or last < since_ns:
            continue
        first = last if sign < 0 else max(since_ns, file.first_time() or 0)
        waiting.append((sign * first, number, source, file, None, iter(())))
    heapq.heapify(waiting)
    while waiting:
        key, number, source, file, line, rest = waiting[0]
        if line is None:
            rest = _open(file, since_ns, sign)
        else:
            yield SourcedLine(source, line)
        following = next(rest, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            # Never back in time within a file, so that one line out of order does not overtake those before it.
            key = max(key, sign * following.time_ns)
            heapq.heapreplace(waiting, (key, number, source, file, following, rest))


def _open(file: LogFile, since_ns: int, sign: int) -> Iterator[LogLine]:
    if sign > 0:
        lines = joined(file.lines(file.first_at(since_ns)) if since_ns else file.lines())
        return (line for line in lines if line.time_ns >= since_ns) if since_ns else lines
    return _down_to(joined_backwards(file.lines_backwards()), since_ns)


def _down_to(lines: Iterator[LogLine], since_ns: int) -> Iterator[LogLine]:
    # Streams may be a little out of order: only a line well before the instant ends it.
    for line in lines:
        if line.time_ns >= since_ns:
            yield line
        elif line.time_ns < since_ns - 5_000_000_000:
            return
