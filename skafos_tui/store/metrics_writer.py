"""The one writer of metrics.db: takes samples from any thread and writes them in batches on a thread of its own."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.model.metrics import Sample
from skafos_tui.store.database import DatabaseError, connect, migrate
from skafos_tui.store.metrics import MIGRATIONS

log = logging.getLogger(__name__)

BATCH = 1000
BATCH_S = 1.0
POINTS_KEPT = 5_000_000
"""Two months of seconds; 0.3 GB. Beyond that the oldest runs' go."""
DROPPED_AT_ONCE = 0.1
SERIES_KNOWN = 10_000
WAITING = 100_000
"""So many samples may wait for a disk that stands still; later ones are dropped."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose samples they are; `cpu_limit` is how many cores it may use."""

    attempt: str
    project: str
    run_id: int
    cpu_limit: float


class MetricsWriter:
    """Begins its thread and makes the database with the first work; a writer without work costs nothing.

    Metrics never hold up a run: what can't be written is dropped, and told in the engine's log.
    """

    def __init__(self, path: Path, *, points_kept: int = POINTS_KEPT) -> None:
        self._path = path
        self._points_kept = points_kept
        self._changed = threading.Condition()
        self._samples: list[tuple[Origin, Sample]] = []
        self._forgotten: list[str] = []
        self._known: frozenset[str] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._problem = ""
        # From here on only the thread's.
        self._connection: sqlite3.Connection | None = None
        self._series: dict[str, tuple[int, int]] = {}
        """Of an attempt the row in `series` and its limit of memory."""
        self._points = 0

    def add(self, origin: Origin, sample: Sample) -> None:
        """Write a sample within BATCH_S; returns at once."""
        with self._changed:
            if self._closed or len(self._samples) >= WAITING:
                return
            self._samples.append((origin, sample))
            if len(self._samples) in (1, BATCH):
                self._begin()

    def forget(self, project: str) -> None:
        """Drop all of a project."""
        with self._changed:
            if self._path.exists() or self._samples:
                self._forgotten.append(project)
                self._begin()

    def keep(self, projects: Iterable[str]) -> None:
        """Drop all of other projects: an engine that was killed may not have come to it."""
        with self._changed:
            if self._path.exists():
                self._known = frozenset(projects)
                self._begin()

    def close(self, *, write: bool = True) -> None:
        """End the thread, after it has written what it has; without `write`, as a kill would."""
        with self._changed:
            self._closed = True
            if not write:
                self._samples.clear()
                self._forgotten.clear()
                self._known = None
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _begin(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        try:
            while self._round():
                pass
        finally:
            self._let_go()

    def _round(self) -> bool:
        """Wait for work, and do it; whether there may be more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._samples or self._is_urgent())
            # Others' samples of this second come along.
            self._changed.wait_for(self._is_urgent, BATCH_S)
            samples, self._samples = self._samples, []
            forgotten, self._forgotten = self._forgotten, []
            known, self._known = self._known, None
            over = self._closed
        if samples or forgotten or known is not None:
            self._write(samples, forgotten, known)
        return not over

    def _is_urgent(self) -> bool:
        return self._closed or len(self._samples) >= BATCH or bool(self._forgotten) or self._known is not None

    def _write(
        self, samples: Sequence[tuple[Origin, Sample]], forgotten: Sequence[str], known: Collection[str] | None
    ) -> None:
        """One transaction; a database that can't be written costs these samples and nothing else."""
        try:
            connection = self._open()
            with transaction(connection):
                self._insert(connection, samples)
                for project in forgotten:
                    self._drop(connection, "project = ?", (project,))
                if known is not None:
                    marks = ", ".join("?" * len(known))
                    self._drop(connection, f"project NOT IN ({marks})", tuple(known))
                self._drop_oldest(connection, {origin.attempt for origin, _ in samples})
            self._problem = ""
        except (sqlite3.Error, DatabaseError, OSError) as error:
            self._let_go()
            if str(error) != self._problem:
                self._problem = str(error)
                log.warning("metrics are not kept: %s", error)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            migrate(self._path, MIGRATIONS)
            self._connection = connect(self._path, durable=False)
            self._points = self._connection.execute("SELECT COALESCE(SUM(points), 0) FROM series").fetchone()[0]
        return self._connection

    def _let_go(self) -> None:
        self._series.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _insert(self, connection: sqlite3.Connection, samples: Sequence[tuple[Origin, Sample]]) -> None:
        rows = [(self._series_of(connection, origin, sample), *_row(sample)) for origin, sample in samples]
        before = connection.total_changes
        # An engine that takes over within the same millisecond says nothing new.
        connection.executemany("INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._points += connection.total_changes - before
        counts = Counter(row[0] for row in rows)
        connection.executemany(
            "UPDATE series SET points = points + ? WHERE id = ?", [(count, series) for series, count in counts.items()]
        )

    def _series_of(self, connection: sqlite3.Connection, origin: Origin, sample: Sample) -> int:
        known = self._series.get(origin.attempt)
        if known is None or known[1] != sample.memory_limit:
            connection.execute(
                "INSERT INTO series (attempt, project, run_id, memory_limit, cpu_limit) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (attempt) DO UPDATE SET memory_limit = excluded.memory_limit",
                (origin.attempt, origin.project, origin.run_id, sample.memory_limit, origin.cpu_limit),
            )
            row = connection.execute("SELECT id FROM series WHERE attempt = ?", (origin.attempt,)).fetchone()
            if len(self._series) >= SERIES_KNOWN:
                self._series.clear()
            known = self._series[origin.attempt] = (row["id"], sample.memory_limit)
        return known[0]

    def _drop(self, connection: sqlite3.Connection, condition: str, values: tuple[object, ...]) -> None:
        """Drop whole series."""
        chosen = f"SELECT id FROM series WHERE {condition}"
        gone = connection.execute(f"DELETE FROM points WHERE series IN ({chosen})", values).rowcount
        connection.execute(f"DELETE FROM series WHERE {condition}", values)
        self._points -= gone
        self._series.clear()

    def _drop_oldest(self, connection: sqlite3.Connection, busy: Collection[str]) -> None:
        """Keep the bound: the oldest runs go first; of attempts that go on, the older half."""
        if self._points <= self._points_kept:
            return
        wanted = int(self._points_kept * (1 - DROPPED_AT_ONCE))
        for row in connection.execute("SELECT id, attempt, points FROM series ORDER BY run_id, id").fetchall():
            if self._points <= wanted:
                return
            if row["attempt"] not in busy:
                self._drop(connection, "id = ?", (row["id"],))
                continue
            older = "SELECT at FROM points WHERE series = ? ORDER BY at LIMIT ?"
            half = (row["id"], row["id"], row["points"] // 2)
            gone = connection.execute(f"DELETE FROM points WHERE series = ? AND at IN ({older})", half).rowcount
            connection.execute("UPDATE series SET points = points - ? WHERE id = ?", (gone, row["id"]))
            self._points -= gone


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _row(sample: Sample) -> tuple[int | None, ...]:
    """The columns of `points` after the first."""
    return (
        round(sample.at * 1000),
        round(sample.cpu_s * 1e6),
        sample.memory,
        sample.processes,
        sample.received,
        sample.sent,
        sample.read,
        sample.written,
    )
