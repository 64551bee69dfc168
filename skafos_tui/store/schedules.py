"""Schedules, their slots, and what is paused, in the state database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from skafos_tui.model.project import Catchup
from skafos_tui.store.database import note_change

_RUNNING = (
    "SELECT s.* FROM schedules s JOIN projects p ON p.token = s.project"
    " WHERE p.active IS NOT NULL AND p.paused_at IS NULL AND p.problem = ''"
    " AND NOT EXISTS (SELECT 1 FROM paused_jobs j WHERE j.project = s.project AND j.job_id = s.job_id)"
)


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """The schedule of a job of an active deployment; every slot at or before `since` (Unix seconds) is decided."""

    project: str
    job_id: str
    expression: str
    timezone: str
    catchup: Catchup
    since: float


def _schedule_from(row: sqlite3.Row) -> ScheduleRow:
    return ScheduleRow(
        row["project"], row["job_id"], row["expression"], row["timezone"], Catchup(row["catchup"]), row["since"]
    )


def list_schedules(connection: sqlite3.Connection, project: str | None = None) -> list[ScheduleRow]:
    """The schedules of a project (None: of all), paused ones too."""
    if project is None:
        rows = connection.execute("SELECT * FROM schedules ORDER BY project, job_id")
    else:
        rows = connection.execute("SELECT * FROM schedules WHERE project = ? ORDER BY job_id", (project,))
    return [_schedule_from(row) for row in rows]


def running_schedules(connection: sqlite3.Connection, project: str | None = None) -> list[ScheduleRow]:
    """Those that fire: their project and job are not paused, and nothing is wrong with the project."""
    if project is None:
        return [_schedule_from(row) for row in connection.execute(_RUNNING)]
    return [_schedule_from(row) for row in connection.execute(f"{_RUNNING} AND s.project = ?", (project,))]


def running_schedule(connection: sqlite3.Connection, project: str, job_id: str) -> ScheduleRow | None:
    """The schedule of one job; None where it does not fire at present."""
    row = connection.execute(f"{_RUNNING} AND s.project = ? AND s.job_id = ?", (project, job_id)).fetchone()
    return None if row is None else _schedule_from(row)


def put_schedules(connection: sqlite3.Connection, project: str, rows: Iterable[ScheduleRow]) -> None:
    """Make these the project's schedules; the others go."""
    connection.execute("DELETE FROM schedules WHERE project = ?", (project,))
    connection.executemany(
        "INSERT INTO schedules (project, job_id, expression, timezone, catchup, since) VALUES (?, ?, ?, ?, ?, ?)",
        [(row.project, row.job_id, row.expression, row.timezone, row.catchup, row.since) for row in rows],
    )
    note_change(connection, "schedule", project)


def decided_until(connection: sqlite3.Connection, moments: Iterable[tuple[float, str, str]]) -> None:
    """Record how far slots are decided: `(since, project, job id)`; never less far than they were."""
    connection.executemany("UPDATE schedules SET since = MAX(since, ?) WHERE project = ? AND job_id = ?", moments)


def undecided_from(connection: sqlite3.Connection, moments: Iterable[tuple[float, str, str]]) -> None:
    """The clock was set back: what was decided for a time still to come is not: `(since, project, job id)`."""
    connection.executemany("UPDATE schedules SET since = MIN(since, ?) WHERE project = ? AND job_id = ?", moments)


def fired(connection: sqlite3.Connection, project: str, job_id: str, slot: int) -> bool:
    """Whether a slot (Unix seconds) has made a run; such a one never fires again."""
    row = connection.execute(
        "SELECT fired FROM slots WHERE project = ? AND job_id = ? AND slot = ?", (project, job_id, slot)
    ).fetchone()
    return row is not None and bool(row["fired"])


def record_slot(
    connection: sqlite3.Connection,
    project: str,
    job_id: str,
    slot: int,
    run_id: int,
    *,
    fired: bool,
    count: int = 1,
    first_slot: int | None = None,
) -> None:
    """Keep what became of a slot. One that was missed may be replaced (the clock was set back), a fired one stays."""
    connection.execute(
        "INSERT INTO slots (project, job_id, slot, run_id, fired, count, first_slot) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (project, job_id, slot) DO UPDATE SET run_id = excluded.run_id, fired = excluded.fired,"
        " count = excluded.count, first_slot = excluded.first_slot WHERE fired = 0",
        (project, job_id, slot, run_id, fired, count, first_slot),
    )


def jobs_of_slot(connection: sqlite3.Connection, run_id: int) -> list[str]:
    """The ids of the jobs whose slots a run is of."""
    return [row["job_id"] for row in connection.execute("SELECT job_id FROM slots WHERE run_id = ?", (run_id,))]


def pause(connection: sqlite3.Connection, project: str, job_id: str | None, now: float) -> bool:
    """Pause a job's schedule, or all of a project's; whether it was not paused before."""
    if job_id is None:
        cursor = connection.execute(
            "UPDATE projects SET paused_at = ? WHERE token = ? AND paused_at IS NULL", (now, project)
        )
    else:
        cursor = connection.execute(
            "INSERT OR IGNORE INTO paused_jobs (project, job_id, paused_at) VALUES (?, ?, ?)", (project, job_id, now)
        )
    note_change(connection, "schedule", project)
    return bool(cursor.rowcount)


def resume(connection: sqlite3.Connection, project: str, job_id: str | None, now: float) -> bool:
    """Go on, from now: slots of a pause are nobody's. Without `job_id` everything goes on. Whether it was paused."""
    if job_id is None:
        cursor = connection.execute(
            "UPDATE projects SET paused_at = NULL WHERE token = ? AND paused_at IS NOT NULL", (project,)
        )
        jobs = connection.execute("DELETE FROM paused_jobs WHERE project = ?", (project,))
        was = bool(cursor.rowcount + jobs.rowcount)
        values: tuple[object, ...] = (now, project, now)
        where = ""
    else:
        cursor = connection.execute("DELETE FROM paused_jobs WHERE project = ? AND job_id = ?", (project, job_id))
        was = bool(cursor.rowcount)
        values, where = (now, project, now, job_id), " AND job_id = ?"
    if was:
        connection.execute(f"UPDATE schedules SET since = ? WHERE project = ? AND since < ?{where}", values)
        note_change(connection, "schedule", project)
    return was


def skip_to(connection: sqlite3.Connection, project: str, now: float) -> None:
    """Go on from now: slots before it are nobody's."""
    connection.execute("UPDATE schedules SET since = ? WHERE project = ? AND since < ?", (now, project, now))
    note_change(connection, "schedule", project)


def paused_jobs(connection: sqlite3.Connection, project: str) -> dict[str, float]:
    """The jobs whose schedules are paused one by one, and since when (Unix seconds)."""
    rows = connection.execute("SELECT job_id, paused_at FROM paused_jobs WHERE project = ?", (project,))
    return {row["job_id"]: row["paused_at"] for row in rows}
