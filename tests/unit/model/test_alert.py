"""The rules of alerts: counted, not repeated; a person's notice holds until it happens again."""

from __future__ import annotations

import pytest

from skafos_tui.model.alert import (
    Alert,
    AlertKey,
    AlertKind,
    AlertSeverity,
    AlertState,
    Cause,
    acknowledged,
    occurred,
    resolved,
    severity_of,
    stands,
    taken_back,
)

KEY = AlertKey("p", AlertKind.FAILURE, "j")


def fired(times: int = 1) -> Alert:
    """An alert that has fired so often, at 1, 2, 3, …"""
    alert = None
    for number in range(1, times + 1):
        alert = occurred(alert, KEY, Cause(f"failure {number}"), float(number))
    assert alert is not None
    return alert


def test_what_happens_again_is_counted_and_tells_of_the_last_time() -> None:
    alert = fired(3)
    assert (alert.state, alert.count, alert.first_at, alert.last_at) == (AlertState.FIRING, 3, 1.0, 3.0)
    assert alert.cause.what == "failure 3"
    assert occurred(alert, KEY, Cause("4 slots"), 4.0, 4).count == 7


def test_an_acknowledged_alert_fires_anew_when_it_happens_again_and_goes_on_counting() -> None:
    seen = acknowledged(fired(2), "ann", 5.0)
    assert (seen.state, seen.acknowledged_at, seen.acknowledged_by) == (AlertState.ACKNOWLEDGED, 5.0, "ann")
    assert acknowledged(seen, "bob", 6.0) == seen
    assert taken_back(seen) == fired(2) and taken_back(fired(2)) == fired(2)
    again = occurred(seen, KEY, Cause("again"), 7.0)
    assert (again.state, again.count, again.first_at) == (AlertState.FIRING, 3, 1.0)
    assert (again.acknowledged_at, again.acknowledged_by) == (None, None)


def test_a_resolved_alert_begins_again_under_the_same_id() -> None:
    over = resolved(acknowledged(fired(2), "ann", 5.0), 6.0)
    assert (over.state, over.resolved_at, over.count) == (AlertState.RESOLVED, 6.0, 2)
    assert resolved(over, 7.0) == over
    assert acknowledged(over, "bob", 8.0) == over
    again = occurred(over, KEY, Cause("again"), 9.0)
    assert (again.state, again.count, again.first_at, again.resolved_at) == (AlertState.FIRING, 1, 9.0, None)
    assert again.id == over.id


def test_a_condition_that_holds_fires_once_however_often_it_is_looked_at() -> None:
    alert = stands(None, KEY, Cause("gone"), 1.0)
    assert alert.count == 1
    assert stands(alert, KEY, Cause("gone"), 2.0) == alert
    seen = acknowledged(alert, "ann", 3.0)
    assert stands(seen, KEY, Cause("gone"), 4.0) == seen
    assert stands(resolved(seen, 5.0), KEY, Cause("gone"), 6.0).state is AlertState.FIRING


@pytest.mark.parametrize("kind", AlertKind)
def test_what_stops_everything_is_critical_and_what_concerns_a_job_or_an_edit_is_a_warning(kind: AlertKind) -> None:
    critical = kind in (AlertKind.DISK, AlertKind.RUNNER, AlertKind.DIRECTORY)
    assert severity_of(kind) is (AlertSeverity.CRITICAL if critical else AlertSeverity.WARNING)
