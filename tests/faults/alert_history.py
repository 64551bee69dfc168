"""What must be true of the alerts after a history of kills: each end of a task was counted once, in its own commit."""

from __future__ import annotations

import sqlite3
from itertools import pairwise

from house import House

from skafos_tui.model.alert import AlertKind
from skafos_tui.store.alerts import list_alerts

_KIND = {"failed": "failure", "timed_out": "failure", "lost": "lost"}


def check_alerts(house: House) -> None:
    """Raise AssertionError where the alerts of failed and lost tasks are not those of what was committed."""
    expected: dict[tuple[str, str], tuple[int, bool]] = {}
    for before, after in pairwise(house.observed):
        for (_, job_id), state in sorted(_ended(before, after)):
            if state == "succeeded":
                for kind in ("failure", "lost"):
                    if (kind, job_id) in expected:
                        expected[kind, job_id] = (expected[kind, job_id][0], False)
            elif state in _KIND:
                count, is_open = expected.get((_KIND[state], job_id), (0, False))
                expected[_KIND[state], job_id] = (count + 1 if is_open else 1, True)
    assert house.query(_recorded) == expected


def _ended(before: dict[tuple[int, str], str], after: dict[tuple[int, str], str]) -> list[tuple[tuple[int, str], str]]:
    return [(key, state) for key, state in after.items() if key[1] and before.get(key) != state]


def _recorded(connection: sqlite3.Connection) -> dict[tuple[str, str], tuple[int, bool]]:
    """Count and whether it is open, by kind and job."""
    found = list_alerts(connection, None, all_states=True)
    kinds = (AlertKind.FAILURE, AlertKind.LOST)
    return {(a.key.kind.value, a.key.subject): (a.count, a.open) for a in found if a.key.kind in kinds}
