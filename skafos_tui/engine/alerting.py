"""Alerts that come by themselves: raised and resolved in the very transaction that records their cause (SPEC 8).

What a transaction has changed stands in `changes`; the alerts follow from that, and from what stands in the way of new
work. Nothing is kept between transactions, so a restart changes nothing. Rules that users define are not known here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from skafos_tui.engine.triggers import Refusal
from skafos_tui.model.alert import (
    IMAGE,
    OF_JOBS,
    Alert,
    AlertKey,
    AlertKind,
    AlertState,
    Cause,
    acknowledged,
    occurred,
    resolved,
    stands,
    taken_back,
)
from skafos_tui.model.graph import children_of, graph_of, reachable
from skafos_tui.model.project import Project
from skafos_tui.model.run import Activation, ActivationState, Task, TaskState
from skafos_tui.store import activations, projects, runs
from skafos_tui.store.alerts import find_alert, get_alert, list_alerts, open_alerts, put_alert
from skafos_tui.store.database import changed_kinds
from skafos_tui.store.logs.masking import mask, needles_of
from skafos_tui.store.projects import ProjectRow

ENGINE = ""
"""The project of alerts that concern all projects."""
USAGE = 2
_TASKS_ENDED = """
    SELECT t.*, r.deployment FROM tasks t JOIN runs r ON r.id = t.run_id JOIN (
        SELECT CAST(substr(id, 1, instr(id, '/') - 1) AS INTEGER) AS run_id, substr(id, instr(id, '/') + 1) AS job_id,
            MAX(seq) AS seq FROM changes WHERE seq > ? AND kind = 'task' GROUP BY id
    ) c ON t.run_id = c.run_id AND t.job_id = c.job_id
    WHERE t.state IN ('succeeded', 'failed', 'timed_out', 'lost') ORDER BY c.seq
"""
_RUNS_CHANGED = "(SELECT CAST(id AS INTEGER) FROM changes WHERE seq > ? AND kind = 'run')"
_SLOTS_MISSED = f"""
    SELECT s.*, r.deployment FROM slots s JOIN runs r ON r.id = s.run_id
    WHERE r.id IN {_RUNS_CHANGED} AND r.state = 'missed' ORDER BY s.slot
"""
_SLOTS_FIRED = f"""
    SELECT DISTINCT s.project, s.job_id FROM alerts a JOIN slots s ON s.project = a.project AND s.job_id = a.subject
    JOIN runs r ON r.id = s.run_id
    WHERE a.kind = 'missed' AND a.rule = '' AND a.state = 'acknowledged' AND s.fired
    AND r.id IN {_RUNS_CHANGED} AND r.created_at > a.acknowledged_at
"""
_WAITS_FOR_RUNNER = """
    SELECT 1 FROM runs r JOIN projects p ON p.token = r.project
    WHERE r.state IN ('queued', 'running') AND p.runner = :kind
    UNION ALL SELECT 1 FROM activations a JOIN projects p ON p.token = a.project
    WHERE a.state = 'waiting' AND p.runner = :kind LIMIT 1
"""


class Machine(Protocol):
    """A runner, and why it gives nothing at the moment."""

    problem: str


class Books(Protocol):
    """What alerts need to know that no change tells: configs, and what stands in the way of new work."""

    shortage: str

    @property
    def machines(self) -> Mapping[str, Machine]:
        """By the kind of runner."""
        ...

    def config(self, connection: sqlite3.Connection, deployment: int) -> Project:
        """The project of a deployment."""
        ...


def follow(connection: sqlite3.Connection, books: Books, since: int, now: float) -> None:
    """Raise and resolve what follows from the changes after number `since`, which this transaction has made."""
    kinds = changed_kinds(connection, since)
    if "task" in kinds:
        _tasks_ended(connection, books, since, now)
    if "run" in kinds:
        _slots_decided(connection, books, since, now)
    if "activation" in kinds:
        _activations_changed(connection, books, since, now)
    if kinds & {"activation", "project"}:
        _projects_changed(connection, since, now)
    _stand_still(connection, books, now)


def acknowledge(
    connection: sqlite3.Connection, project: str | None, wanted: Collection[int] | None, by: str, now: float
) -> list[int]:
    """Take notice of alerts; None: of all that concern the project (None: any). The ids of those that were firing.

    Raises Refusal where an id is unknown.
    """
    if wanted is None:
        found = list_alerts(connection, project)
    else:
        found = [_known(connection, number) for number in wanted]
    firing = [alert for alert in found if alert.state is AlertState.FIRING]
    for alert in firing:
        put_alert(connection, acknowledged(alert, by, now))
    return [alert.id for alert in firing]


def take_back(connection: sqlite3.Connection, wanted: Collection[int]) -> list[int]:
    """Let alerts fire again that were acknowledged, by mistake say; the ids of those.

    Raises Refusal where an id is unknown.
    """
    seen = [alert for alert in (_known(connection, number) for number in wanted) if taken_back(alert) != alert]
    for alert in seen:
        put_alert(connection, taken_back(alert))
    return [alert.id for alert in seen]


def _known(connection: sqlite3.Connection, number: int) -> Alert:
    alert = get_alert(connection, number)
    if alert is None:
        raise Refusal("unknown-alert", f"there is no alert {number}: skafos alerts lists them", USAGE)
    return alert


def _tasks_ended(connection: sqlite3.Connection, books: Books, since: int, now: float) -> None:
    """A failure fires, and the next success of the same job resolves it."""
    children: dict[int, Mapping[str, Sequence[str]]] = {}
    for row in connection.execute(_TASKS_ENDED, (since,)).fetchall():
        task, token = runs.task_from(row), str(row["project"])
        if task.state is TaskState.SUCCEEDED:
            _resolve(connection, open_alerts(connection, token, (AlertKind.FAILURE, AlertKind.LOST), task.job_id), now)
            continue
        deployment = int(row["deployment"])
        if deployment not in children:
            children[deployment] = children_of(graph_of(books.config(connection, deployment)))
        stopped = reachable([task.job_id], children[deployment])
        stops = tuple(other.name for other in runs.tasks_of(connection, task.run_id) if other.job_id in stopped)
        kind = AlertKind.LOST if task.state is TaskState.LOST else AlertKind.FAILURE
        _occur(connection, AlertKey(token, kind, task.job_id), _cause_of(task, stops), now)


def _cause_of(task: Task, stops: tuple[str, ...]) -> Cause:
    """How a task failed. The verdict is said only where the state doesn't say the same."""
    what, evidence, verdict = task.state.value.replace("_", " "), "", task.verdict
    if verdict is not None:
        what = f"{what}: {verdict.text}" if task.state is TaskState.FAILED else what
        evidence = verdict.evidence
    return Cause(what, evidence, task.name, task.run_id, stops)


def _slots_decided(connection: sqlite3.Connection, books: Books, since: int, now: float) -> None:
    """Missed slots fire. Nothing makes up for them: it is over when a person has seen it and a later slot fires."""
    for row in connection.execute(_SLOTS_MISSED, (since,)).fetchall():
        name = books.config(connection, row["deployment"]).job(row["job_id"]).name
        first, count = row["first_slot"], int(row["count"])
        if count > 1 and first is not None:
            what, evidence = f"{count} slots missed", f"from {_moment(first)} to {_moment(row['slot'])}"
        else:
            what, evidence = "a slot was missed", _moment(row["slot"])
        key = AlertKey(row["project"], AlertKind.MISSED, row["job_id"])
        _occur(connection, key, Cause(what, evidence, name, row["run_id"]), now, count)
    for row in connection.execute(_SLOTS_FIRED, (since,)).fetchall():
        seen = open_alerts(connection, row["project"], (AlertKind.MISSED,), row["job_id"])
        _resolve(connection, [alert for alert in seen if alert.state is AlertState.ACKNOWLEDGED], now)


def _moment(slot: int) -> str:
    return datetime.fromtimestamp(slot, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _activations_changed(connection: sqlite3.Connection, books: Books, since: int, now: float) -> None:
    """Invalid configs and images that could not be made; what is active resolves, also the alerts of jobs now gone."""
    query = "SELECT DISTINCT CAST(id AS INTEGER) AS id FROM changes WHERE seq > ? AND kind = 'activation' ORDER BY 1"
    for row in connection.execute(query, (since,)).fetchall():
        activation = activations.get_activation(connection, row["id"])
        if activation is None:
            continue
        token = activation.project
        if activation.state is ActivationState.INVALID:
            _occur(connection, AlertKey(token, AlertKind.CONFIG), _invalid(connection, activation), now)
        elif activation.state is ActivationState.FAILED:
            _occur(connection, AlertKey(token, AlertKind.CONFIG, IMAGE), _no_image(connection, activation), now)
        elif activation.state is ActivationState.ACTIVE:
            _resolve(connection, open_alerts(connection, token, (AlertKind.CONFIG,), IMAGE), now)
            if activation.deployment is not None:
                jobs = {job.id for job in books.config(connection, activation.deployment).jobs}
                gone = [each for each in open_alerts(connection, token, OF_JOBS) if each.key.subject not in jobs]
                _resolve(connection, gone, now)


def _invalid(connection: sqlite3.Connection, activation: Activation) -> Cause:
    first, *others = activation.findings
    stays = _staying(connection, activation)
    return Cause(f"the saved config is invalid{stays}", f"{first} (and {len(others)} more)" if others else first)


def _no_image(connection: sqlite3.Connection, activation: Activation) -> Cause:
    """What failed may also be the copying of the files, before there is a deployment."""
    made = activation.deployment and projects.get_deployment(connection, activation.deployment)
    whose = f"deployment {made.number}" if made else "the saved config"
    return Cause(f"no image for {whose}{_staying(connection, activation)}", activation.error)


def _staying(connection: sqlite3.Connection, activation: Activation) -> str:
    row = projects.get_project(connection, activation.project)
    active = row and row.active and projects.get_deployment(connection, row.active)
    return f", deployment {active.number} stays active" if active else ""


def _projects_changed(connection: sqlite3.Connection, since: int, now: float) -> None:
    """Whether the directory is there, and whether the config last seen is still the invalid one."""
    query = (
        "SELECT id AS token FROM changes WHERE seq > :since AND kind = 'project' UNION SELECT project FROM activations"
        " WHERE id IN (SELECT CAST(id AS INTEGER) FROM changes WHERE seq > :since AND kind = 'activation')"
    )
    for each in connection.execute(query, {"since": since}).fetchall():
        row = projects.get_project(connection, each["token"])
        if row is None:
            continue
        if row.problem:
            cause = Cause("the project's directory is gone", row.problem)
            _stand(connection, AlertKey(row.token, AlertKind.DIRECTORY), cause, now)
        else:
            _resolve(connection, open_alerts(connection, row.token, (AlertKind.DIRECTORY,)), now)
        broken = open_alerts(connection, row.token, (AlertKind.CONFIG,), "")
        if broken and not _is_invalid(connection, row):
            _resolve(connection, broken, now)


def _is_invalid(connection: sqlite3.Connection, row: ProjectRow) -> bool:
    """Whether the content of the config last seen is that of the last invalid one."""
    latest = connection.execute(
        "SELECT config_digest FROM activations WHERE project = ? AND state = 'invalid' ORDER BY id DESC LIMIT 1",
        (row.token,),
    ).fetchone()
    return latest is not None and latest["config_digest"] == row.seen


def _stand_still(connection: sqlite3.Connection, books: Books, now: float) -> None:
    """A full disk, and runners that don't answer while something waits for them."""
    known = {alert.key: alert for alert in open_alerts(connection, ENGINE, (AlertKind.DISK, AlertKind.RUNNER))}
    disk = AlertKey(ENGINE, AlertKind.DISK)
    if books.shortage and disk not in known:
        _stand(connection, disk, Cause("nothing new starts: the disk is full", books.shortage), now)
    elif not books.shortage and disk in known:
        _resolve(connection, [known[disk]], now)
    for kind, machine in books.machines.items():
        key = AlertKey(ENGINE, AlertKind.RUNNER, kind)
        if not machine.problem and key in known:
            _resolve(connection, [known[key]], now)
        elif machine.problem and key not in known and _waits_for(connection, kind):
            cause = Cause(f"the {kind} runner doesn't answer, and work waits", machine.problem)
            _stand(connection, key, cause, now)


def _waits_for(connection: sqlite3.Connection, runner: str) -> bool:
    return connection.execute(_WAITS_FOR_RUNNER, {"kind": runner}).fetchone() is not None


def _occur(connection: sqlite3.Connection, key: AlertKey, cause: Cause, now: float, times: int = 1) -> None:
    put_alert(connection, occurred(find_alert(connection, key), key, _masked(connection, key, cause), now, times))


def _stand(connection: sqlite3.Connection, key: AlertKey, cause: Cause, now: float) -> None:
    known = find_alert(connection, key)
    alert = stands(known, key, _masked(connection, key, cause), now)
    if alert != known:
        put_alert(connection, alert)


def _resolve(connection: sqlite3.Connection, alerts: Collection[Alert], now: float) -> None:
    for alert in alerts:
        put_alert(connection, resolved(alert, now))


def _masked(connection: sqlite3.Connection, key: AlertKey, cause: Cause) -> Cause:
    """The cause without the project's secrets: what a build or a finding quotes may hold one."""
    secrets = [each.value.encode() for each in projects.list_variables(connection, key.project) if each.secret]
    if not secrets:
        return cause
    needles = needles_of(secrets)

    def clean(text: str) -> str:
        return mask(text.encode(), needles).decode("utf-8", "replace")

    return replace(cause, what=clean(cause.what), evidence=clean(cause.evidence))
