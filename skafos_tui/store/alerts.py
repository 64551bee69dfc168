"""Alerts in the state database, one row for each key."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from skafos_tui.model.alert import Alert, AlertKey, AlertKind, AlertSeverity, AlertState, Cause
from skafos_tui.store.database import note_change

_OPEN = "state != 'resolved'"


def alert_from(row: sqlite3.Row) -> Alert:
    """The alert in a row of `alerts`."""
    return Alert(
        id=row["id"],
        key=AlertKey(row["project"], AlertKind(row["kind"]), row["subject"], row["rule"]),
        state=AlertState(row["state"]),
        severity=AlertSeverity(row["severity"]),
        cause=Cause(row["what"], row["evidence"], row["name"], row["run_id"], tuple(json.loads(row["stops"]))),
        count=row["count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        resolved_at=row["resolved_at"],
    )


def get_alert(connection: sqlite3.Connection, alert_id: int) -> Alert | None:
    """The alert with this id."""
    row = connection.execute("SELECT * FROM alerts WHERE id = ?", (alert_id,)).fetchone()
    return None if row is None else alert_from(row)


def find_alert(connection: sqlite3.Connection, key: AlertKey) -> Alert | None:
    """The alert with this key, resolved or not."""
    row = connection.execute(
        "SELECT * FROM alerts WHERE project = ? AND kind = ? AND subject = ? AND rule = ?",
        (key.project, key.kind, key.subject, key.rule),
    ).fetchone()
    return None if row is None else alert_from(row)


def open_alerts(
    connection: sqlite3.Connection, project: str, kinds: Sequence[AlertKind], subject: str | None = None
) -> list[Alert]:
    """The alerts that came by themselves and are not resolved, of these kinds; `project` empty: the engine's own."""
    query = f"SELECT * FROM alerts WHERE project = ? AND kind IN ({', '.join('?' for _ in kinds)}) AND {_OPEN}"
    values = [project, *kinds]
    if subject is not None:
        query += " AND subject = ?"
        values.append(subject)
    return [alert_from(row) for row in connection.execute(f"{query} AND rule = '' ORDER BY id", values)]


def list_alerts(connection: sqlite3.Connection, project: str | None, *, all_states: bool = False) -> list[Alert]:
    """What concerns a project (None: any), its own alerts and the engine's, newest first.

    `all_states`: resolved ones, too.
    """
    query, values = "SELECT * FROM alerts WHERE 1", []
    if project is not None:
        query += " AND project IN (?, '')"
        values.append(project)
    if not all_states:
        query += f" AND {_OPEN}"
    rows = connection.execute(f"{query} ORDER BY last_at DESC, id DESC", values)
    return [alert_from(row) for row in rows]


def put_alert(connection: sqlite3.Connection, alert: Alert) -> int:
    """Write an alert, new or known; its id."""
    cause = alert.cause
    values = (
        alert.state,
        alert.severity,
        cause.what,
        cause.evidence,
        cause.name,
        cause.run_id,
        json.dumps(cause.stops),
        alert.count,
        alert.first_at,
        alert.last_at,
        alert.acknowledged_at,
        alert.acknowledged_by,
        alert.resolved_at,
    )
    identity = alert.id
    if identity:
        connection.execute(
            "UPDATE alerts SET state = ?, severity = ?, what = ?, evidence = ?, name = ?, run_id = ?, stops = ?,"
            " count = ?, first_at = ?, last_at = ?, acknowledged_at = ?, acknowledged_by = ?, resolved_at = ?"
            " WHERE id = ?",
            (*values, identity),
        )
    else:
        key = alert.key
        cursor = connection.execute(
            "INSERT INTO alerts (state, severity, what, evidence, name, run_id, stops, count, first_at, last_at,"
            " acknowledged_at, acknowledged_by, resolved_at, project, kind, subject, rule)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, key.project, key.kind, key.subject, key.rule),
        )
        assert cursor.lastrowid is not None
        identity = cursor.lastrowid
    note_change(connection, "alert", identity)
    return identity
