"""The logs a pane reads: which they are, what of them is wanted, and what was found in them; no screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from skafos_tui.store.logs.blocks import BlockCache, LogLines
from skafos_tui.store.logs.finder import Finder, Searcher, Term
from skafos_tui.store.logs.finding import bits_of
from skafos_tui.store.logs.format import BLOCK_LINES, PREFIX_LENGTH
from skafos_tui.store.logs.hits import HitSet
from skafos_tui.store.logs.pattern import compile_pattern
from skafos_tui.store.logs.view import Cut, Lines, LogView, Place
from skafos_tui.tui.widgets.log.drawing import label_of, labels
from skafos_tui.tui.widgets.log.levels import AT_LEAST, Level
from skafos_tui.tui.widgets.log.shown import Choice, EventLines, LogAttempt, Shown

Told = Callable[[Finder, bytes], None]


def term_of(text: str) -> Term:
    """What a person types to find: in small letters it matches any case. Raises PatternError."""
    term = Term(text, text == text.lower())
    compile_pattern(term.pattern, ignore_case=term.ignore_case)
    return term


def compiled(term: Term | None) -> re.Pattern[str] | None:
    """The term as Python matches it."""
    return None if term is None else compile_pattern(term.pattern, ignore_case=term.ignore_case)


class Reading:
    """The chosen logs as one view, with a filter and a search over them; owned by one thread."""

    def __init__(self, told: Told) -> None:
        """`told`: gets the batches of the searches, in other threads; they belong to `take`."""
        self.shown = Shown()
        self.choice = Choice()
        self.attempts: list[LogAttempt] = []
        self.labels: list[str] = []
        self.only: Term | None = None
        self.level = Level.NORMAL
        self.find: Term | None = None
        self.view = LogView([])
        self._told = told
        self._cache = BlockCache()
        self._lines: dict[Path, LogLines] = {}
        self._events = EventLines([])
        self._filter: Finder | None = None
        self._finder: Finder | None = None
        self._searcher: Searcher | None = None
        self._view_of_found: LogView | None = None

    @property
    def live(self) -> bool:
        """Whether any of the logs may still grow."""
        return any(attempt.live for attempt in self.attempts)

    @property
    def filtered(self) -> bool:
        """Whether only some lines are shown."""
        return self.only is not None or self.level > Level.NORMAL

    @property
    def searching(self) -> bool:
        """Whether the filter still has to look at lines."""
        return self._filter is not None and not self._filter.complete

    @property
    def finding(self) -> bool:
        """Whether the search still has to look at lines."""
        return self._finder is not None and not self._finder.complete

    def total(self) -> int:
        """All lines, those that the filter hides too."""
        return sum(source.count() for source in self.view.sources)

    def set_shown(self, shown: Shown, choice: Choice, near: Cut) -> bool:
        """Read what is chosen; whether the logs are others than before. `near`: where the reader is in those before."""
        self.shown, self.choice = shown, choice
        attempts, events = choice.attempts(shown), choice.events(shown)
        same = [old.path for old in self.attempts] == [new.path for new in attempts] and events == self._events.events
        self.attempts = attempts
        self._label()
        if same and self.view.sources:
            self.refresh(all_logs=True)
            return False
        wanted = {attempt.path for attempt in attempts}
        self._lines = {path: lines for path, lines in self._lines.items() if path in wanted}
        for attempt in attempts:
            known = self._lines.get(attempt.path)
            if known is None:
                self._lines[attempt.path] = LogLines(attempt.path, self._cache)
            else:
                known.refresh()
        self._events = EventLines(events)
        self._search_again(None)
        return True

    def refresh(self, *, all_logs: bool = False) -> bool:
        """Look for what the live logs (or all) have grown by; whether there is anything."""
        wanted = [self._lines[attempt.path] for attempt in self.attempts if attempt.live or all_logs]
        return sum(lines.refresh() for lines in wanted) > 0  # all of them, not only the first that has grown

    def set_only(self, only: Term | None, level: Level, near: Cut) -> None:
        """Show only lines that match and are grave enough; found around `near` first."""
        self.only, self.level = only, level
        self._search_again(near)

    def set_find(self, find: Term | None, near: Cut) -> None:
        """Find lines that match, around `near` first."""
        self.find = find
        self._look(near)

    def take(self, finder: Finder, batch: bytes) -> bool:
        """Take what a search has told; whether it was one that goes on."""
        if finder not in (self._filter, self._finder):
            return False
        finder.take(batch)
        return True

    def filters_by(self, finder: Finder) -> bool:
        """Whether this search is the filter's."""
        return finder is self._filter

    def found(self, cut: Cut, *, forward: bool) -> Place | None:
        """The next hit after a cut, or the last one before it, among what is shown; None where none is known.

        While the search goes on only hits near where it began are certain to be the nearest; others are not told yet.
        """
        if self._finder is None or self._view_of_found is None:
            return None
        view = self._view_of_found
        place = next(view.forward(cut) if forward else view.backward(cut), None)
        if place is None:
            return None
        target = self.view.place(place.source, place.number)
        return target if self._finder.complete or self._searched_between(cut, target) else None

    def _searched_between(self, cut: Cut, target: Place) -> bool:
        """Whether in every log the lines from a cut to a place have been looked at: none may have a nearer hit."""
        assert self._finder is not None
        for hits, one, other in zip(self._finder.hits, cut, target.cut, strict=False):
            first, last = min(one, other), max(one, other)
            if first < last and not (hits.near[0] <= first and last <= hits.near[1]):
                return False
        near = self._finder.hits[target.source].near if target.source < len(self._finder.hits) else None
        return near is None or near[0] <= target.number < near[1]

    def snapshot(self) -> LogView:
        """The view as it is now, for another thread: with sources of its own."""
        cache = BlockCache()
        sources = [LogLines(attempt.path, cache) for attempt in self.attempts]
        hits = None if self.view.hits is None else [found.copy() for found in self.view.hits]
        return LogView([*sources, *([self._events] if self._events.events else [])], hits)

    def close(self) -> None:
        """End what runs."""
        for finder in (self._filter, self._finder):
            if finder is not None:
                finder.close()
        self._filter = self._finder = self._view_of_found = None
        self.expect_nothing()

    def is_event(self, source: int) -> bool:
        """Whether a source of the view is the engine's events."""
        return source >= len(self.attempts)

    def key_of(self, place: Place) -> tuple[Path | None, int]:
        """What tells a line from all others, whatever else is shown."""
        return (None if self.is_event(place.source) else self.attempts[place.source].path), place.number

    def place_of(self, path: Path | None, number: int) -> Place | None:
        """The place of a line in the present view; None where it isn't there."""
        paths: list[Path | None] = [attempt.path for attempt in self.attempts]
        if self._events.events:
            paths.append(None)
        if path not in paths or number >= self.view.sources[paths.index(path)].count():
            return None
        return self.view.place(paths.index(path), number)

    def _label(self) -> None:
        sources = [attempt.source for attempt in self.attempts]
        instances: dict[str, set[int]] = {}
        for attempt in self.shown.attempts:
            instances.setdefault(attempt.source.job_id, set()).add(attempt.source.instance)
        retried = {attempt.source.job_id for attempt in self.shown.attempts if attempt.source.attempt > 1}
        names = [
            label_of(
                source.job,
                source.instance,
                source.attempt,
                all_jobs=self.choice.all_jobs,
                instances=len(sources) > 1 and len(instances.get(source.job_id, ())) > 1,
                attempts=self.choice.all_jobs and source.job_id in retried,
            )
            for source in sources
        ]
        # Events say themselves whose they are.
        self.labels = labels([*names, ""])

    def _search_again(self, near: Cut | None) -> None:
        all_sources: list[Lines] = [self._lines[attempt.path] for attempt in self.attempts]
        if self._events.events:
            all_sources.append(self._events)
        if self._filter is not None:
            self._filter.close()
        self._filter = None
        plain = LogView(all_sources)
        if self.filtered:
            self._filter = self._start(self._filter_terms(), plain.end() if near is None else near)
            self.view = LogView(all_sources, self._hits(self._filter, self._filter_terms()))
        else:
            self.view = plain
        self._look(plain.end() if near is None else near)

    def _look(self, near: Cut) -> None:
        if self._finder is not None:
            self._finder.close()
        self._finder = self._view_of_found = None
        if self.find is not None and self.view.sources:
            terms = [self.find, *self._filter_terms()]
            self._finder = self._start(terms, near)
            self._view_of_found = LogView(self.view.sources, self._hits(self._finder, terms))

    def _filter_terms(self) -> list[Term]:
        terms = [] if self.only is None else [self.only]
        return terms if self.level is Level.NORMAL else [*terms, Term(AT_LEAST[self.level])]

    def _start(self, terms: list[Term], near: Cut) -> Finder:
        searcher, self._searcher = self._searcher, None
        logs = [(attempt.path, near[n]) for n, attempt in enumerate(self.attempts)]
        return Finder(terms, logs, self._told, searcher)

    def expect_search(self) -> None:
        """Have a process ready for the search that is being typed."""
        if self._searcher is None:
            self._searcher = Searcher().start_soon()

    def expect_nothing(self) -> None:
        """End the process that was ready, where there was no search."""
        if self._searcher is not None:
            self._searcher.drop()
            self._searcher = None

    def _hits(self, finder: Finder, terms: list[Term]) -> list[HitSet]:
        if not self._events.events:
            return list(finder.hits)
        patterns = [compile_pattern(term.pattern, ignore_case=term.ignore_case) for term in terms]
        texts = iter([b" " * PREFIX_LENGTH + self._events.line(n).text for n in range(self._events.count())])
        found = HitSet()
        block = 0
        while batch := list(islice(texts, BLOCK_LINES)):
            found.put(block, bits_of(batch, patterns))
            block += 1
        return [*finder.hits, found]
