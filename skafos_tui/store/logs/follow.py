"""What is new in the logs of a run, while its attempts come and go."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from skafos_tui.model.run import Run
from skafos_tui.store.database import connect_reader
from skafos_tui.store.home import Home
from skafos_tui.store.logs.format import Joiner
from skafos_tui.store.logs.merge import Source, SourcedLine
from skafos_tui.store.logs.reader import LogFollower
from skafos_tui.store.logs.sources import run_sources

SETTLED_NS = 1_000_000_000
"""A directory that changed less long ago is listed again: two changes within one tick of its clock look like one."""
QUIET_POLLS = 10
"""Polls without a line after which a log counts as quiet."""
QUIET_SHARE = 256
"""Quiet logs that one poll looks at, in turn: ten thousand of them must not cost ten thousand looks."""


class _Followed:
    """One attempt's log under way."""

    def __init__(self, source: Source, path: Path, position: int) -> None:
        self.source = source
        self.file = LogFollower(path, position)
        self.joiner = Joiner()
        self.quiet = 0

    def poll(self) -> list[tuple[int, SourcedLine]]:
        """The new whole lines, each with a time that never goes back within the file."""
        lines = self.file.poll()
        self.quiet = 0 if lines else self.quiet + 1
        found: list[tuple[int, SourcedLine]] = []
        latest = 0
        for line in self.joiner.feed(lines):
            latest = max(latest, line.time_ns)
            found.append((latest, SourcedLine(self.source, line)))
        return found


class RunFollower:
    """Every line of every attempt of one run, as they are written; holds no files and no connection open."""

    def __init__(self, home: Home, run: Run, *, positions: Mapping[Path, int] | None = None) -> None:
        """`positions`: the byte from which a log is new, for files shown before; other files are new altogether."""
        self._home = home
        self._run = run
        self._positions = positions or {}
        self._directory = home.run_logs(run.project, run.id)
        self._listed_at_ns = -1
        self._known: set[str] = set()
        self._files: list[_Followed] = []
        self._turn = 0
        self.behind = False
        """Whether the last poll left lines for the next one to bring at once."""

    def poll(self) -> list[SourcedLine]:
        """The lines that came since the last poll, by time; of a log that is far behind, a few megabytes."""
        self._find_files()
        found: list[tuple[int, SourcedLine]] = []
        due = self._due()
        for followed in due:
            found += followed.poll()
        self.behind = any(followed.file.behind for followed in due)
        found.sort(key=lambda item: item[0])
        return [line for _, line in found]

    def rest(self) -> list[SourcedLine]:
        """Parts of lines whose end never came; for after the last poll."""
        return [SourcedLine(followed.source, line) for followed in self._files for line in followed.joiner.rest()]

    def _due(self) -> list[_Followed]:
        quiet = [followed for followed in self._files if followed.quiet >= QUIET_POLLS]
        if len(quiet) <= QUIET_SHARE:
            return self._files
        active = [followed for followed in self._files if followed.quiet < QUIET_POLLS]
        self._turn = (self._turn + QUIET_SHARE) % len(quiet)
        return active + (quiet + quiet)[self._turn : self._turn + QUIET_SHARE]

    def _find_files(self) -> None:
        try:
            changed_ns = self._directory.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed_ns == self._listed_at_ns:
            return
        names = {path.stem for path in self._directory.iterdir() if path.suffix == ".log"} - self._known
        complete = True
        if names:
            with closing(connect_reader(self._home.state_database)) as connection:
                sources = run_sources(self._home, connection, self._run)
            for source, path in reversed(sources):
                if path.stem in names:
                    self._files.append(_Followed(source, path, self._positions.get(path, 0)))
                    self._known.add(path.stem)
            # Those the store doesn't know yet are looked for again.
            complete = names <= self._known
        if complete and time.time_ns() - changed_ns > SETTLED_NS:
            self._listed_at_ns = changed_ns
