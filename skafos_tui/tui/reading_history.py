"""The runs of a project for the history: which ones there are, by a filter, and a page of them with what one sees."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from skafos_tui.model.project import NO_TEXT
from skafos_tui.model.run import RunState, TriggerKind
from skafos_tui.text.sgr import plain

_FAILED = "('failed', 'timed_out', 'lost')"
_MORE = 3
"""So many failed jobs of a run are named."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs: of this state, started so, with a task of this job, with all these words in what one sees."""

    state: RunState | None = None
    trigger: TriggerKind | None = None
    job_id: str | None = None
    words: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it takes all of them."""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the history; times are Unix seconds, `failed` the names of the jobs that failed, `why` its reason."""

    id: int
    state: RunState
    trigger: str
    when: float
    duration_s: float | None
    deployment: int | None
    parameters: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)
    failed: tuple[str, ...] = ()
    why: str = ""


def read_filter(text: str, jobs: Mapping[str, str]) -> Filter:
    """What is typed: the name of a state, of a kind of trigger or of a job is that; every other word is looked for.

    `jobs` are ids by name.
    """
    rest, job_id = text.strip(), None
    for name in sorted(filter(None, jobs), key=len, reverse=True):
        at = f" {rest.lower()} ".find(f" {name.lower()} ")
        if at >= 0:
            job_id, rest = jobs[name], f"{rest[:at]} {rest[at + len(name) :]}"
            break
    state, trigger, words = None, None, []
    for word in rest.split():
        lowered = word.lower()
        if lowered in (each.value for each in RunState) and state is None:
            state = RunState(lowered)
        elif lowered in (each.value for each in TriggerKind) and trigger is None:
            trigger = TriggerKind(lowered)
        else:
            words.append(word)
    return Filter(state, trigger, job_id, tuple(words))


def run_ids(connection: sqlite3.Connection, token: str, wanted: Filter) -> array[int]:
    """The ids of the runs that a filter takes, newest first."""
    query, values = ["SELECT id FROM runs WHERE project = ?"], [token]
    for column, value in (("state", wanted.state), ("trigger", wanted.trigger)):
        if value is not None:
            query.append(f"AND {column} = ?")
            values.append(value)
    if wanted.job_id is not None:
        query.append(
            "AND (EXISTS (SELECT 1 FROM tasks WHERE run_id = runs.id AND job_id = ?)"
            " OR EXISTS (SELECT 1 FROM slots WHERE run_id = runs.id AND job_id = ?))"
        )
        values += [wanted.job_id, wanted.job_id]
    for word in wanted.words:
        like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        query.append(
            "AND (CAST(runs.id AS TEXT) = ? OR parameters LIKE ? ESCAPE '\\' OR reason LIKE ? ESCAPE '\\'"
            " OR cancelled_by LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM tasks WHERE run_id = runs.id"
            f" AND (evidence LIKE ? ESCAPE '\\' OR (state IN {_FAILED} AND name LIKE ? ESCAPE '\\'))))"
        )
        values += [word, like, like, like, like, like]
    cursor = connection.cursor()
    cursor.row_factory = None
    return array("q", (row[0] for row in cursor.execute(f"{' '.join(query)} ORDER BY id DESC", values)))


def run_rows(connection: sqlite3.Connection, ids: Sequence[int], now: float) -> list[RunRow]:
    """What one sees of these runs, in their order; a run that is gone is left out."""
    marks = ", ".join("?" * len(ids))
    query = (
        "SELECT runs.*, deployments.number AS deployment_number FROM runs"
        f" LEFT JOIN deployments ON deployments.id = runs.deployment WHERE runs.id IN ({marks})"
    )
    failed: dict[int, list[str]] = {}
    tasks = f"SELECT run_id, name FROM tasks WHERE run_id IN ({marks}) AND state IN {_FAILED} ORDER BY position"
    for row in connection.execute(tasks, list(ids)):
        failed.setdefault(row["run_id"], []).append(plain(row["name"]))
    found = {row["id"]: _row(row, failed.get(row["id"], []), now) for row in connection.execute(query, list(ids))}
    return [found[each] for each in ids if each in found]


def job_names(connection: sqlite3.Connection, token: str) -> dict[str, str]:
    """The ids of all jobs that ever ran, by name."""
    rows = connection.execute("SELECT DISTINCT name, job_id FROM tasks WHERE project = ?", (token,))
    return {row["name"]: row["job_id"] for row in rows}


def _row(row: sqlite3.Row, failed: Iterable[str], now: float) -> RunRow:
    started, ended = row["started_at"], row["ended_at"]
    trigger = str(row["trigger"])
    if row["retry_of"] is not None:
        trigger = f"retry of {row['retry_of']}"
    by = f"cancelled by {row['cancelled_by']}" if row["cancelled_by"] else ""
    return RunRow(
        row["id"],
        RunState(row["state"]),
        trigger,
        row["scheduled_at"]
        if row["state"] == RunState.MISSED and row["scheduled_at"]
        else started or row["created_at"],
        None if started is None else max(0.0, (now if ended is None else ended) - started),
        row["deployment_number"],
        {plain(key): plain(value) for key, value in json.loads(row["parameters"]).items()},
        tuple(failed),
        plain(row["reason"] or by),
    )


def words_of(row: RunRow) -> str:
    """What failed, else why it is as it is."""
    if row.failed:
        more = len(row.failed) - _MORE
        return ", ".join(row.failed[:_MORE]) + (f" and {more} more" if more > 0 else "")
    return row.why
