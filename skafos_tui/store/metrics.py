"""System metrics as they are kept: metrics.db, and how to read it (SPEC 8, DESIGN 5).

A row holds what one look at an attempt said, with amounts since the attempt's start: rates are made when read, and a
row that is left out (a gap, or thinning with age) changes no sum and no mean.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.model.metrics import Sample
from skafos_tui.model.run import TaskState
from skafos_tui.store.database import DatabaseError, connect_reader

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE series (
        id INTEGER PRIMARY KEY, attempt TEXT NOT NULL UNIQUE, project TEXT NOT NULL, run_id INTEGER NOT NULL,
        memory_limit INTEGER NOT NULL, points INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX series_by_age ON series (run_id, id);
    CREATE INDEX series_of_project ON series (project);
    CREATE TABLE points (
        series INTEGER NOT NULL REFERENCES series, at INTEGER NOT NULL, cpu INTEGER NOT NULL, memory INTEGER NOT NULL,
        processes INTEGER NOT NULL, received INTEGER, sent INTEGER, read INTEGER, written INTEGER,
        PRIMARY KEY (series, at)
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE series ADD COLUMN cpu_limit REAL NOT NULL DEFAULT 0;",
)
"""Forward only, as state.db's. `at` is in milliseconds, `cpu` in microseconds, everything else in bytes.

`cpu_limit` is in cores, 0 where it is not known.
"""

AMOUNTS = ("cpu", "received", "sent", "read", "written")
"""Columns that only grow: a series of them is their growth a second. `cpu` then is in cores."""
LEVELS = ("memory", "processes")
SERIES = ("cpu", "memory", "received", "sent", "read", "written", "processes")


@dataclass(frozen=True, slots=True)
class Spread:
    """What a value was within a span of time."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole attempt as far as it was sampled, from its first sample to its last (`first_at`, `last_at`).

    `cpu_limit` (cores, 0: unknown) and `memory_limit` are what it may have. `cpu_s` and the bytes count from the
    attempt's start; None: not told by its runner, or for `cpu_high` (cores, over
    the busiest second) fewer than two samples.
    """

    points: int
    first_at: float
    last_at: float
    cpu_s: float
    cpu_high: float | None
    cpu_limit: float
    memory_mean: float
    memory_high: int
    memory_limit: int
    processes_high: int
    received: int | None
    sent: int | None
    read: int | None
    written: int | None


@dataclass(frozen=True, slots=True)
class TaskTimes:
    """How long a finished task of a job waited for its turn and ran; None: it never started."""

    run_id: int
    state: TaskState
    waited_s: float | None
    duration_s: float | None


def open_metrics(path: Path) -> sqlite3.Connection | None:
    """A connection that only reads; None where nothing was ever sampled. Raises DatabaseError."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    connection = connect_reader(path, MIGRATIONS)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == len(MIGRATIONS):
        return connection
    connection.close()
    if version:
        raise DatabaseError(f"{path} was written by an older Skafos: `skafos engine start` brings it forward")
    return None


def samples_of(
    connection: sqlite3.Connection, attempt: str, *, after: float | None = None, limit: int = -1
) -> list[Sample]:
    """The samples of an attempt, oldest first; with `after` only later ones: so a screen asks for what is new."""
    rows = connection.execute(
        "SELECT points.*, memory_limit FROM points JOIN series ON series.id = points.series"
        " WHERE attempt = ? AND at > ? ORDER BY at LIMIT ?",
        (attempt, -1 if after is None else round(after * 1000), limit),
    )
    return [
        Sample(
            at=row["at"] / 1000,
            cpu_s=row["cpu"] / 1e6,
            memory=row["memory"],
            memory_limit=row["memory_limit"],
            processes=row["processes"],
            received=row["received"],
            sent=row["sent"],
            read=row["read"],
            written=row["written"],
        )
        for row in rows
    ]


def _rate(column: str) -> str:
    """SQL for the growth of an amount a second since the sample before; what is less than before counts as none.

    Microseconds a millisecond are thousandths of cores; bytes a millisecond thousands a second.
    """
    factor = 0.001 if column == "cpu" else 1000.0
    return f"MAX(0, {column} - LAG({column}) OVER lane) * {factor} / (at - LAG(at) OVER lane) AS {column}"


_RATES = ", ".join(map(_rate, AMOUNTS))
_SPREADS = ", ".join(f"MIN({name}), AVG({name}), MAX({name})" for name in SERIES)


def buckets_of(
    connection: sqlite3.Connection, attempt: str, *, since: float, until: float, count: int
) -> dict[str, list[Spread | None]]:
    """Each of SERIES between two instants in `count` equal spans of time; None where no sample lies.

    Amounts as rates: cpu in cores, the others in bytes a second.
    A day of samples (86,400) takes 0.7 s: a screen asks for less, or only for what is new.
    """
    start, span = round(since * 1000), max(1, round((until - since) * 1000))
    rows = connection.execute(
        f"""
        WITH chosen AS (SELECT id FROM series WHERE attempt = :attempt),
        rated AS (
            SELECT at, memory, processes, {_RATES} FROM points
            WHERE series = (SELECT id FROM chosen) AND at < :stop AND at >= COALESCE(
                (SELECT MAX(at) FROM points WHERE series = (SELECT id FROM chosen) AND at < :start), :start)
            WINDOW lane AS (ORDER BY at)
        )
        SELECT (at - :start) * :count / :span, {_SPREADS} FROM rated WHERE at >= :start GROUP BY 1
        """,
        {"attempt": attempt, "start": start, "stop": start + span, "span": span, "count": count},
    )
    found: dict[str, list[Spread | None]] = {name: [None] * count for name in SERIES}
    for bucket, *numbers in rows:
        for number, name in enumerate(SERIES):
            low, mean, high = numbers[3 * number : 3 * number + 3]
            if mean is not None:
                found[name][bucket] = Spread(low, mean, high)
    return found


def summaries_of(connection: sqlite3.Connection, attempts: Sequence[str]) -> dict[str, Summary]:
    """The summary of each attempt that was sampled, by its name."""
    found = {}
    for attempt in attempts:
        row = connection.execute(
            f"""
            WITH rated AS (
                SELECT at, memory, processes, memory_limit, cpu_limit, {_rate("cpu")},
                    points.cpu AS used, received, sent, read, written
                FROM points JOIN series ON series.id = points.series WHERE attempt = ? WINDOW lane AS (ORDER BY at)
            )
            SELECT COUNT(*) AS points, MIN(at) AS first_at, MAX(at) AS last_at, MAX(used) AS used, MAX(cpu) AS cpu,
                AVG(memory) AS memory_mean, MAX(memory) AS memory,
                MAX(memory_limit) AS memory_limit, MAX(cpu_limit) AS cpu_limit,
                MAX(processes) AS processes, MAX(received) AS received, MAX(sent) AS sent, MAX(read) AS read,
                MAX(written) AS written
            FROM rated
            """,
            (attempt,),
        ).fetchone()
        if row["points"]:
            found[attempt] = _summary_from(row)
    return found


def peaks_of(connection: sqlite3.Connection, attempts: Sequence[str]) -> dict[str, int]:
    """The highest memory (bytes) that each of these attempts was seen with, by its name."""
    names = ", ".join("?" for _ in attempts)
    rows = connection.execute(
        "SELECT attempt, (SELECT MAX(memory) FROM points WHERE points.series = series.id) AS peak"
        f" FROM series WHERE attempt IN ({names})",
        tuple(attempts),
    )
    return {row["attempt"]: row["peak"] for row in rows if row["peak"] is not None}


def _summary_from(row: sqlite3.Row) -> Summary:
    return Summary(
        points=row["points"],
        first_at=row["first_at"] / 1000,
        last_at=row["last_at"] / 1000,
        cpu_s=row["used"] / 1e6,
        cpu_high=row["cpu"],
        cpu_limit=row["cpu_limit"],
        memory_mean=row["memory_mean"],
        memory_high=row["memory"],
        memory_limit=row["memory_limit"],
        processes_high=row["processes"],
        received=row["received"],
        sent=row["sent"],
        read=row["read"],
        written=row["written"],
    )


def task_times(state: sqlite3.Connection, project: str, job_id: str, limit: int = 20) -> list[TaskTimes]:
    """How the last finished tasks of a job waited and ran, newest first; `state` is the state database."""
    rows = state.execute(
        "SELECT run_id, state, started_at - queued_at AS waited, ended_at - started_at AS took FROM tasks"
        " WHERE project = ? AND job_id = ? AND ended_at IS NOT NULL ORDER BY ended_at DESC, run_id DESC LIMIT ?",
        (project, job_id, limit),
    )
    return [TaskTimes(row["run_id"], TaskState(row["state"]), row["waited"], row["took"]) for row in rows]
