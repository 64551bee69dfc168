"""Following the logs of a run: what is there, then what comes, to the end of the run."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from skafos_tui.cli.follow import COLLECT_S, POLL_S, EngineWatch, read_snapshot
from skafos_tui.cli.log_output import Chosen, JsonLines, TextLines
from skafos_tui.model.run import Run
from skafos_tui.store.home import Home
from skafos_tui.store.logs.follow import RunFollower
from skafos_tui.store.logs.merge import Source, SourcedLine, merge, merge_backwards
from skafos_tui.store.logs.reader import LogFile, LogFollower
from skafos_tui.store.logs.sources import IMAGE


class Following:
    """The logs of one run, or of one job in it."""

    def __init__(self, home: Home, store: sqlite3.Connection, run: Run, chosen: Chosen) -> None:
        self._home = home
        self._store = store
        self._run = run
        self._chosen = chosen
        self._image = Source(run.id, "", IMAGE, 0, 0)
        self._ended_at: float | None = None

    def follow(self, printer: TextLines | JsonLines) -> None:
        """Print what is there by time, then what comes, until all of it has ended and its lines are there."""
        files = [(source, LogFile(path)) for source, path in reversed(self._chosen.files)]
        positions = {file.path: file.size for _, file in files}
        attempts = RunFollower(self._home, self._run, positions=positions)
        build = self._build_follower(positions)
        printer.print(self._history(files))
        printer.finish()
        watch = EngineWatch(self._home)
        while True:
            complete = self._complete()  # looked at before the lines are read, so that none is missed
            lines = [SourcedLine(self._image, line) for line in build.poll()] + attempts.poll()
            complete = complete and not attempts.behind
            if complete:
                lines += attempts.rest()
            printer.print(self._chosen.matching(lines))
            printer.finish()
            if complete:
                return
            watch.look(time.monotonic())
            if not attempts.behind:
                time.sleep(POLL_S)

    def _history(self, files: list[tuple[Source, LogFile]]) -> Iterator[SourcedLine]:
        chosen = self._chosen
        if chosen.limit is None:
            return chosen.matching(merge(files, since_ns=chosen.since_ns))
        newest = chosen.matching(merge_backwards(files, since_ns=chosen.since_ns))
        return reversed(list(islice(newest, chosen.limit)))

    def _build_follower(self, positions: dict[Path, int]) -> LogFollower:
        path = self._home.build_log(self._run.project, self._run.deployment)
        # A log of the image step that was not shown is of an older run, but for what is added to it from now on.
        return LogFollower(path, positions.get(path, LogFile(path).size))

    def _complete(self) -> bool:
        """Whether what is followed has ended and its logs are complete, or have had time enough to be."""
        job_id = self._chosen.job_id
        try:
            snapshot = read_snapshot(self._store, self._run.id)
        except KeyError:
            return True  # forgotten together with its project
        tasks = [task for task in snapshot.tasks if task.job_id == job_id]
        if not (all(task.state.finished for task in tasks) if tasks else snapshot.run.state.finished):
            return False
        self._ended_at = self._ended_at or time.monotonic()
        return not snapshot.collecting(job_id) or time.monotonic() - self._ended_at > COLLECT_S
