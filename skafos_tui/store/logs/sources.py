"""Which log files a run or a project has, and whose they are."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from skafos_tui.model.run import Run
from skafos_tui.store.home import Home
from skafos_tui.store.logs.merge import Source
from skafos_tui.store.logs.reader import LogFile

IMAGE = "image"
"""The name that stands for the image step, where a job's name stands else."""
BUILD_MARGIN_NS = 5_000_000_000
"""A manual run is recorded a moment after the image step that it asked for may have begun."""

_SELECT = """
    SELECT attempts.name AS attempt_name, attempts.run_id, attempts.job_id, attempts.instance, attempts.number,
        tasks.name AS job_name
    FROM attempts JOIN tasks ON tasks.run_id = attempts.run_id AND tasks.job_id = attempts.job_id
"""


def run_sources(
    home: Home, connection: sqlite3.Connection, run: Run, job_id: str | None = None
) -> list[tuple[Source, Path]]:
    """The logs of a run's attempts (of one job), the newest attempt first."""
    rows = connection.execute(
        f"{_SELECT} WHERE attempts.run_id = ? AND (? IS NULL OR attempts.job_id = ?) ORDER BY attempts.id DESC",
        (run.id, job_id, job_id),
    )
    return [_source(home, run.project, row) for row in rows]


def project_sources(
    home: Home, connection: sqlite3.Connection, project: str, job_id: str | None = None
) -> list[tuple[Source, Path]]:
    """The logs of all attempts of a project (of one of its jobs), the newest attempt first."""
    rows = connection.execute(
        f"{_SELECT} WHERE tasks.project = ? AND (? IS NULL OR attempts.job_id = ?) ORDER BY attempts.id DESC",
        (project, job_id, job_id),
    )
    return [_source(home, project, row) for row in rows]


def build_source(home: Home, run: Run) -> tuple[Source, Path] | None:
    """The log of the image step that belongs to a run: one that went on while the run did; None where there is none."""
    path = home.build_log(run.project, run.deployment)
    file = LogFile(path)
    first, last = file.first_time(), file.last_time()
    if first is None or last is None or last < run.created_at * 1e9 - BUILD_MARGIN_NS:
        return None
    if run.ended_at is not None and first > run.ended_at * 1e9:
        return None
    return Source(run.id, "", IMAGE, 0, 0), path


def _source(home: Home, project: str, row: sqlite3.Row) -> tuple[Source, Path]:
    source = Source(row["run_id"], row["job_id"], row["job_name"], row["instance"], row["number"])
    return source, home.attempt_log(project, row["run_id"], row["attempt_name"])
