"""Which rows stand on the screen: held by the line at the top, so that nothing above or below need be measured.

There is no height of the whole: a log of ten million wrapped lines opens, turns and scrolls by the few lines it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from skafos_tui.store.logs.view import Cut, LogView, Place


class Row(NamedTuple):
    """A row of the screen: a line, and which of its rows."""

    place: Place
    part: int


class Viewport:
    """A window of `height` rows on a view; `rows_of` gives how many rows a line takes, at least one."""

    def __init__(self, view: LogView, rows_of: Callable[[Place], int]) -> None:
        self.view = view
        self.height = 1
        self.following = True
        self._rows_of = rows_of
        self._top = view.start()
        self._part = 0

    @property
    def top(self) -> Cut:
        """The cut before the topmost line; while following, before the end."""
        return self.view.end() if self.following else self._top

    def change(self, view: LogView, top: Cut | None = None) -> None:
        """Look at another view, from this cut on (unless following); None: it has the same sources, keep the line."""
        self.view = view
        self._top, self._part = self._top if top is None else top, 0

    def rows(self) -> list[Row]:
        """The rows, from the top; fewer than the height only where there are no more."""
        if not self.following:
            found = self._down(self._top, self._part)
            if len(found) == self.height:
                return found
        # Nothing is left empty below the last line, if there are lines above to fill it.
        found = self._up(self.view.end())
        if found:
            self._top, self._part = found[0].place.cut, found[0].part
        return found

    def scroll(self, rows: int) -> None:
        """Move down, or up where negative. Moving ends following; reaching the end doesn't begin it."""
        window = self.rows()
        self.following = False
        if not window or not rows:
            return
        if rows > 0:
            found = self._down(self._top, self._part, rows + 1)
            target = found[-1]
        else:
            wanted = -rows - self._part
            if wanted <= 0:
                self._part += rows
                return
            above = self._up(window[0].place.cut, wanted)
            target = above[0] if above else Row(window[0].place, 0)
        self._top, self._part = target.place.cut, target.part

    def at_end(self) -> bool:
        """Whether the last row is on the screen."""
        window = self.rows()
        if not window:
            return True
        last = window[-1]
        return last.part + 1 == self._rows_of(last.place) and next(self.view.forward(last.place.after), None) is None

    def go_to(self, cut: Cut, above: int = 0) -> None:
        """The line after a cut becomes the topmost, or stands `above` rows below the top."""
        self.following = False
        self._top, self._part = cut, 0
        if above and (found := self._up(cut, above)):
            self._top, self._part = found[0].place.cut, found[0].part

    def reveal(self, place: Place, *, centre: bool = False) -> None:
        """Bring a line on the screen, moving no further than needed; `centre`: to a third of the height if it isn't."""
        window = self.rows()
        if sum(row.place.key == place.key for row in window) >= min(self._rows_of(place), self.height):
            self.following = False
            return
        before = not window or self.view.ordinal(place.cut) <= self.view.ordinal(window[0].place.cut)
        if centre:
            self.go_to(place.cut, self.height // 3)
        elif before:
            self.go_to(place.cut)
        else:
            self.go_to(place.cut, max(0, self.height - self._rows_of(place)))

    def _down(self, cut: Cut, part: int, count: int = 0) -> list[Row]:
        found: list[Row] = []
        count = count or self.height
        for place in self.view.forward(cut):
            found += islice((Row(place, n) for n in range(part, self._rows_of(place))), count - len(found))
            part = 0
            if len(found) >= count:
                break
        return found

    def _up(self, cut: Cut, count: int = 0) -> list[Row]:
        found: list[Row] = []
        count = count or self.height
        for place in self.view.backward(cut):
            rows = self._rows_of(place)
            found += islice((Row(place, n) for n in reversed(range(rows))), count - len(found))
            if len(found) >= count:
                break
        return found[::-1]
