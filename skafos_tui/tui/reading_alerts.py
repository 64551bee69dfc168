"""What needs a person, read for the screen: the alerts that are not resolved, and how the shown run has failed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from skafos_tui.model.alert import OF_JOBS, Alert, AlertState
from skafos_tui.model.graph import children_of, reachable
from skafos_tui.model.project import Project
from skafos_tui.model.run import Attempt, Run, RunState
from skafos_tui.model.verdict import VerdictKind, format_bytes
from skafos_tui.store.database import DatabaseError
from skafos_tui.text.durations import clock
from skafos_tui.text.sgr import plain
from skafos_tui.tui.views import FAILURES, AlertRow, Dashboard, Failure, JobRow

PEAKS_OF = 5
"""The usual peak of memory is the median of so many attempts that succeeded."""
_EXIT = re.compile(r"(^(#\d+: )?|, )ended with exit \d+( \(\w+\))?$")
_UNIT = re.compile(r"(?<=\d)([KMG])i\b")


def alert_rows(alerts: Iterable[Alert]) -> tuple[AlertRow, ...]:
    """Those that nobody has acknowledged first; each part newest first, as they come."""
    rows = [_alert_row(alert) for alert in alerts if alert.state is not AlertState.PENDING]
    return tuple(sorted(rows, key=lambda row: not row.firing))


def _alert_row(alert: Alert) -> AlertRow:
    key, cause = alert.key, alert.cause
    return AlertRow(
        id=alert.id,
        kind=key.kind,
        rule=plain(key.rule),
        firing=alert.state is AlertState.FIRING,
        severity=alert.severity,
        job_id=key.subject if key.kind in OF_JOBS else None,
        name=plain(cause.name),
        what=plain(cause.what),
        evidence=short_evidence(cause.evidence),
        stops=tuple(plain(name) for name in cause.stops),
        run_id=cause.run_id,
        count=alert.count,
        last_at=alert.last_at,
    )


def short_evidence(evidence: str) -> str:
    """The evidence without the exit that the verdict itself tells, in short units: `limit 2.0G, peak 2.0G`."""
    return plain(_UNIT.sub(r"\1", _EXIT.sub("", evidence)))


class FailureReader:
    """Reads how a run has failed; what is usual of a job is kept for the run it was asked for."""

    def __init__(self, metrics: Path | None) -> None:
        """`metrics` is the database of samples; None: usual peaks are not known."""
        self._metrics = metrics
        self._peaks: dict[tuple[int, str], int | None] = {}

    def read(
        self, connection: sqlite3.Connection, view: Dashboard, project: Project | None, attempts: Sequence[Attempt]
    ) -> tuple[Failure, ...]:
        """The failed jobs of a failed run in the order of the file; nothing once all of it is acknowledged."""
        run, rows = view.run, view.rows
        if run is None or run.state is not RunState.FAILED:
            return ()
        if not any(alert.firing and alert.run_id == run.id for alert in view.alerts):
            return ()
        failed = [row for row in rows if row.task is not None and row.task.state in FAILURES]
        below = children_of(view.graph)
        limits = {job.id: job.retries.limit for job in project.jobs} if project else {}
        places = {row.job_id: place for place, row in enumerate(rows) if row.task is not None}
        of_job: dict[str, list[Attempt]] = {}
        for attempt in attempts:
            of_job.setdefault(attempt.job_id, []).append(attempt)
        found = []
        for row in failed:
            tried = _failed_attempt(of_job.get(row.job_id, ()))
            # A config that can't be read any more has no graph.
            below_it = reachable([row.job_id], below) if row.job_id in below else ()
            stopped = sorted(places[job] for job in below_it if job in places)
            next_at, paused = _next_of(row.job_id, view.row_of, view.graph)
            found.append(
                Failure(
                    job_id=row.job_id,
                    name=row.name,
                    instance=tried.instance if tried and row.task and row.task.instances > 1 else None,
                    **self._words(connection, run, row, tried),
                    stops=tuple(rows[place].name for place in stopped),
                    retries=tried.number - 1 if tried else 0,
                    retry_limit=limits.get(row.job_id, 0),
                    next_at=next_at,
                    paused=paused,
                )
            )
        return tuple(found)

    def _words(self, connection: sqlite3.Connection, run: Run, row: JobRow, tried: Attempt | None) -> dict[str, str]:
        assert row.task is not None
        verdict = tried.verdict if tried else None
        if verdict is None:
            verdict = row.task.verdict
        if verdict is None:
            return {"verdict": row.task.state.value.replace("_", " "), "evidence": plain(row.task.reason), "usual": ""}
        usual = ""
        if verdict.kind is VerdictKind.OUT_OF_MEMORY:
            peak = self._usual_peak(connection, run, row.job_id)
            usual = _UNIT.sub(r"\1", format_bytes(peak)) if peak else ""
        elif verdict.kind is VerdictKind.TIMEOUT:
            usual = clock(row.usual_s)
        return {"verdict": verdict.text, "evidence": short_evidence(verdict.evidence), "usual": usual}

    def _usual_peak(self, connection: sqlite3.Connection, run: Run, job_id: str) -> int | None:
        key = (run.id, job_id)
        if key not in self._peaks:
            self._peaks[key] = _median_peak(connection, self._metrics, run.project, job_id)
        return self._peaks[key]


def _median_peak(connection: sqlite3.Connection, metrics: Path | None, project: str, job_id: str) -> int | None:
    """The median of the peaks of memory of the last attempts of a job that succeeded."""
    from skafos_tui.store.metrics import open_metrics, peaks_of

    if metrics is None:
        return None
    rows = connection.execute(
        "SELECT a.name FROM tasks t JOIN attempts a ON a.run_id = t.run_id AND a.job_id = t.job_id"
        " WHERE t.project = ? AND t.job_id = ? AND t.state = 'succeeded' AND a.exit_code = 0"
        " ORDER BY t.ended_at DESC, a.instance LIMIT ?",
        (project, job_id, PEAKS_OF),
    ).fetchall()
    try:
        samples = open_metrics(metrics)
        if samples is None:
            return None
        with closing(samples):
            peaks = sorted(peaks_of(samples, [row["name"] for row in rows]).values())
    except (DatabaseError, sqlite3.DatabaseError):
        # Metrics never hold up anything: the failure itself is what is to be told.
        return None
    return peaks[len(peaks) // 2] if peaks else None


def _failed_attempt(attempts: Sequence[Attempt]) -> Attempt | None:
    """The newest attempt of the instance that failed first: the log stands at its end, too."""
    newest = {attempt.instance: attempt for attempt in attempts}
    failed = [each for each in newest.values() if each.verdict is not None and not each.verdict.succeeded]
    # An instance that was cancelled went with the others; it is not why the job failed.
    blamed = [each for each in failed if each.verdict and each.verdict.kind is not VerdictKind.CANCELLED]
    return min(blamed or failed, key=lambda each: (each.ended_at or 0.0, each.instance), default=None)


def _next_of(
    job_id: str, rows: Mapping[str, JobRow], graph: Mapping[str, tuple[str, ...]]
) -> tuple[float | None, bool]:
    """When the job runs next by itself, and whether it would but for a pause; a job with a schedule waits for that."""
    times, paused, seen, waiting = [], False, set[str](), [job_id]
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        row = rows.get(at)
        if row is not None and row.next_at is not None:
            times.append(row.next_at)
        elif row is not None and row.paused:
            paused = True
        else:
            waiting += graph.get(at, ())
    return min(times, default=None), paused and not times
