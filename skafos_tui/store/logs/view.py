"""Many logs as one by time, to move in: from any place forwards and backwards, without reading what lies between.

A place is a *cut*: how many lines of each source come before it. However the clocks of the sources went, a walk from
any cut meets every line once, those of one source in their order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from skafos_tui.store.logs.format import LogLine
from skafos_tui.store.logs.hits import HitSet

Cut = tuple[int, ...]


class Lines(Protocol):
    """Lines by number, each with a time in Unix nanoseconds."""

    def count(self) -> int: ...
    def time(self, number: int) -> int: ...
    def first_at(self, time_ns: int) -> int: ...
    def line(self, number: int) -> LogLine: ...


class Place(NamedTuple):
    """One line of a view: its source's number, its own, and the cut right before it."""

    source: int
    number: int
    cut: Cut

    @property
    def after(self) -> Cut:
        """The cut right after the line."""
        return _replaced(self.cut, self.source, self.number + 1)

    @property
    def key(self) -> tuple[int, int]:
        """What tells the line from others, whatever stands around it."""
        return self.source, self.number


class LogView:
    """Sources merged by time; with `hits`, one set per source, only the lines in them."""

    def __init__(self, sources: Sequence[Lines], hits: Sequence[HitSet] | None = None) -> None:
        self.sources = sources
        self.hits = hits

    def start(self) -> Cut:
        """Before all lines."""
        return (0,) * len(self.sources)

    def end(self) -> Cut:
        """After all lines."""
        return tuple(source.count() for source in self.sources)

    def count(self) -> int:
        """How many lines there are."""
        return self.ordinal(self.end())

    def ordinal(self, cut: Cut) -> int:
        """How many lines come before a cut."""
        if self.hits is None:
            return sum(cut)
        return sum(hits.rank(number) for hits, number in zip(self.hits, cut, strict=True))

    def line(self, place: Place) -> LogLine:
        """The line at a place."""
        return self.sources[place.source].line(place.number)

    def forward(self, cut: Cut) -> Iterator[Place]:
        """The lines after a cut, oldest first."""
        ends = self.end()
        heap: list[tuple[int, int, int]] = []
        for source in range(len(self.sources)):
            number = self._following(source, cut[source], ends)
            if number is not None:
                heap.append((self.sources[source].time(number), source, number))
        heapq.heapify(heap)
        while heap:
            _, source, number = heap[0]
            place = Place(source, number, _replaced(cut, source, number))
            yield place
            cut = place.after
            following = self._following(source, number + 1, ends)
            if following is None:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (self.sources[source].time(following), source, following))

    def backward(self, cut: Cut) -> Iterator[Place]:
        """The lines before a cut, newest first."""
        heap: list[tuple[int, int, int]] = []
        for source in range(len(self.sources)):
            number = self._preceding(source, cut[source])
            if number is not None:
                heap.append((-self.sources[source].time(number), -source, number))
        heapq.heapify(heap)
        while heap:
            _, negative, number = heap[0]
            source = -negative
            cut = _replaced(cut, source, number)
            yield Place(source, number, cut)
            preceding = self._preceding(source, number)
            if preceding is None:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (-self.sources[source].time(preceding), negative, preceding))

    def at_time(self, time_ns: int) -> Cut:
        """Before the first line at or after an instant."""
        return tuple(source.first_at(time_ns) for source in self.sources)

    def place(self, source: int, number: int) -> Place:
        """The place of a source's line among the others."""
        if len(self.sources) == 1:
            return Place(source, number, (number,))
        time_ns = self.sources[source].time(number)
        cut = [
            number if other == source else lines.first_at(time_ns + (other < source))
            for other, lines in enumerate(self.sources)
        ]
        return Place(source, number, tuple(cut))

    def at_ordinal(self, ordinal: int) -> Cut:
        """A cut with about `ordinal` lines before it; exact for one source."""
        ends = self.end()
        if ordinal <= 0:
            return self.start()
        if ordinal >= self.ordinal(ends):
            return ends
        if len(ends) == 1:
            return (ordinal if self.hits is None else self.hits[0].select(ordinal),)
        times = [
            source.time(n) for source, count in zip(self.sources, ends, strict=True) if count for n in (0, count - 1)
        ]
        low, high = min(times), max(times) + 1
        for _ in range(20):
            middle = (low + high) // 2
            if self.ordinal(self.at_time(middle)) <= ordinal:
                low = middle
            else:
                high = middle
        return self.at_time(low)

    def _following(self, source: int, number: int, ends: Cut) -> int | None:
        found: int | None = number
        if self.hits is not None:
            found = self.hits[source].following(number)
        return None if found is None or found >= ends[source] else found

    def _preceding(self, source: int, number: int) -> int | None:
        if self.hits is not None:
            return self.hits[source].preceding(number)
        return number - 1 if number else None


def _replaced(cut: Cut, source: int, number: int) -> Cut:
    return (*cut[:source], number, *cut[source + 1 :])
