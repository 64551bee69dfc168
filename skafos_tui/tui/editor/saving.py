"""Saving: what a person is asked before, the writing itself, and what the engine makes of it; for threads."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from skafos_tui.model.run import Activation, ActivationState
from skafos_tui.store.activations import list_activations
from skafos_tui.store.database import DatabaseError, connect_reader
from skafos_tui.store.projects import get_deployment, get_project

if TYPE_CHECKING:
    from skafos_tui.model.project import Project
    from skafos_tui.tui.control import Control

NOTICED_S = 10.0
"""So long an engine has to notice what was saved."""
LOOK_S = 0.1
NAMED = 3
"""Of more than so many jobs only a count."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a project stands before a save: what is active (None: nothing), and the newest activation's id.

    `number` is that of the active deployment, `seen` the digest of the config that the engine saw last.
    """

    config: str | None = None
    number: int | None = None
    newest: int = 0
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a save, in words; `is_final` where nothing more is to come."""

    words: str
    is_final: bool = True
    is_good: bool = True


def standing(database: Path, token: str) -> Standing:
    """How a project stands; nothing is active where there is no store or it can't be read."""
    if not token or not database.exists():
        return Standing()
    try:
        with closing(connect_reader(database)) as store:
            row = get_project(store, token)
            newest = next((item.id for item in list_activations(store, token, 1)), 0)
            if row is None or row.active is None:
                return Standing(newest=newest, seen=row.seen if row else "")
            deployment = get_deployment(store, row.active)
            if deployment is None:
                return Standing(newest=newest, seen=row.seen)
            return Standing(deployment.config, deployment.number, newest, row.seen)
    except (OSError, sqlite3.Error, DatabaseError):
        return Standing()


def questions(old: Project | None, new: Project | None, now: datetime, *, is_deployed: bool) -> list[str]:
    """What a person is asked before `old` becomes `new`, one line each; none where nothing is lost or started.

    Asked is when a job goes, when an id changes, and when a schedule starts to fire.
    """
    if old is None or new is None:
        return []
    from skafos_tui.config.plan import plan_of

    plan = plan_of(old, new, now)
    added = {job.name: job.job_id for job in plan.added}
    asked = []
    if old.token != new.token:
        asked.append("The project's token changes: to the engine it is another project then.")
    asked += [
        f"The id of {job.name} changes: its history stays with the old one."
        for job in plan.removed
        if job.name in added
    ]
    gone = [job.name for job in plan.removed if job.name not in added]
    if gone:
        asked.append(f"{_names(gone)} {'goes' if len(gone) == 1 else 'go'}.")
    firing = [move.name for move in plan.moved if move.old_next is None and move.new_next is not None]
    if firing and is_deployed:
        asked.append(f"{_names(firing)} {'starts' if len(firing) == 1 else 'start'} to fire by schedule.")
    return asked


def write(path: Path, text: str, expected: bytes) -> bytes:
    """Write a text over a file that still holds `expected`; the bytes it holds then.

    Raises EditConflict, OSError.
    """
    from skafos_tui.config.editing import encode_like, save_text

    save_text(path, text, expected=expected)
    return encode_like(text, expected)


def follow(
    database: Path,
    token: str,
    before: Standing,
    data: bytes,
    told: Callable[[Outcome], None],
    is_over: Callable[[], bool],
) -> None:
    """Tell what the engine makes of a saved config, until that is decided, another save comes, or nobody listens."""
    digest = hashlib.sha256(data).hexdigest()
    if digest == before.seen:
        told(Outcome(f"saved; deployment {before.number} stays active"))
        return
    deadline = time.monotonic() + NOTICED_S
    last: Outcome | None = None
    while not is_over():
        found = _activation(database, token, before.newest, digest)
        if found is None and time.monotonic() > deadline:
            told(Outcome("saved; the engine has not taken it up yet", is_good=False))
            return
        outcome = None if found is None else outcome_of(*found)
        if outcome is not None and outcome != last:
            last = outcome
            told(outcome)
        if outcome is not None and outcome.is_final:
            return
        time.sleep(LOOK_S)


def outcome_of(activation: Activation, number: int | None) -> Outcome:
    """What an activation says about the save that made it."""
    state = activation.state
    if state is ActivationState.ACTIVE:
        return Outcome(f"applied: deployment {number} is active")
    if state is ActivationState.WAITING:
        what = f"deployment {number}" if number is not None else "it"
        return Outcome(f"saved; {what} is being made ready", is_final=False)
    if state is ActivationState.SUPERSEDED:
        return Outcome("saved, and saved again")
    why = activation.error or next(iter(activation.findings), "")
    return Outcome(f"saved; not applied: {why}", is_good=False)


def wake(control: Control | None) -> str:
    """See to it that an engine runs that takes the save up; why not, where it can't."""
    from skafos_tui.tui.control import Refused

    if control is None:
        return ""
    try:
        control.wake()
    except Refused as error:
        return str(error)
    return ""


def _activation(database: Path, token: str, after: int, digest: str) -> tuple[Activation, int | None] | None:
    """The newest activation after one with this id for a config with this digest, and its deployment's number."""
    try:
        with closing(connect_reader(database)) as store:
            for item in list_activations(store, token, 20):
                if item.id > after and item.config_digest == digest:
                    deployment = None if item.deployment is None else get_deployment(store, item.deployment)
                    return item, deployment.number if deployment else None
    except (OSError, sqlite3.Error, DatabaseError):
        return None  # busy, or being replaced: the next look says more
    return None


def _names(names: list[str]) -> str:
    if len(names) > NAMED:
        return f"{len(names)} jobs"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
