"""Alerts: what needs a person, counted and not repeated; their states and the rules between them (SPEC 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert is about, in the words of `when:`; `directory` and `runner` come only by themselves."""

    FAILURE = "failure"
    LOST = "lost"
    MISSED = "missed"
    CONFIG = "config"
    DIRECTORY = "directory"
    DISK = "disk"
    RUNNER = "runner"


class AlertState(StrEnum):
    """`pending`: true, but not yet for as long as a rule's `for` says; `acknowledged`: a person knows, it goes on."""

    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class AlertSeverity(StrEnum):
    """How much an alert matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


OF_JOBS = (AlertKind.FAILURE, AlertKind.LOST, AlertKind.MISSED)
"""The kinds whose subject is a job."""
IMAGE = "image"
"""The subject of a `config` alert where the config was valid, but its image could not be made."""
_CRITICAL = (AlertKind.DIRECTORY, AlertKind.DISK, AlertKind.RUNNER)


def severity_of(kind: AlertKind) -> AlertSeverity:
    """The severity of an alert that nobody defined.

    `critical` where everything stands still until a person acts. What concerns one job or one edit has the default of
    the config, so that declaring a rule for it never makes it matter less.
    """
    return AlertSeverity.CRITICAL if kind in _CRITICAL else AlertSeverity.WARNING


@dataclass(frozen=True, slots=True)
class AlertKey:
    """What makes two occurrences one alert.

    `project` is a token, empty where the whole engine is concerned. `subject` is a job's id, the kind of a runner,
    `IMAGE`, or empty. `rule` is the name of a user-defined rule, empty for what comes by itself.
    """

    project: str
    kind: AlertKind
    subject: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """The last occurrence of an alert, in words without secrets.

    `what` and `evidence` are one line each; `name` is the name of the job it is about; `stops` are the names of the
    jobs that can't go on because of it.
    """

    what: str
    evidence: str = ""
    name: str = ""
    run_id: int | None = None
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One row of the alerts; times are Unix seconds, UTC. `id` is 0 until it is stored.

    `count` and `first_at` are those since it last began to fire after being resolved.
    """

    key: AlertKey
    state: AlertState
    severity: AlertSeverity
    cause: Cause
    count: int
    first_at: float
    last_at: float
    acknowledged_at: float | None = None
    acknowledged_by: str | None = None
    resolved_at: float | None = None
    id: int = 0

    @property
    def open(self) -> bool:
        """Whether it may still need somebody."""
        return self.state is not AlertState.RESOLVED


def occurred(known: Alert | None, key: AlertKey, cause: Cause, now: float, times: int = 1) -> Alert:
    """The alert after it happened (again): an acknowledged one fires anew, a resolved one counts from the beginning."""
    if known is None or not known.open:
        severity = severity_of(key.kind)
        identity = known.id if known is not None else 0
        return Alert(key, AlertState.FIRING, severity, cause, times, now, now, id=identity)
    return replace(
        known,
        state=AlertState.FIRING,
        cause=cause,
        count=known.count + times,
        last_at=now,
        acknowledged_at=None,
        acknowledged_by=None,
    )


def stands(known: Alert | None, key: AlertKey, cause: Cause, now: float) -> Alert:
    """The alert of a condition that holds now: it fires once, however often it is looked at."""
    return known if known is not None and known.open else occurred(known, key, cause, now)


def acknowledged(known: Alert, by: str, now: float) -> Alert:
    """The alert after somebody has taken notice; only a firing one changes."""
    if known.state is not AlertState.FIRING:
        return known
    return replace(known, state=AlertState.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=by)


def taken_back(known: Alert) -> Alert:
    """The alert as before somebody took notice of it; only an acknowledged one changes."""
    if known.state is not AlertState.ACKNOWLEDGED:
        return known
    return replace(known, state=AlertState.FIRING, acknowledged_at=None, acknowledged_by=None)


def resolved(known: Alert, now: float) -> Alert:
    """The alert after its reason has gone."""
    return replace(known, state=AlertState.RESOLVED, resolved_at=now) if known.open else known
