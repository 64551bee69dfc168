"""The deployments of a project as a person sees them: what made each one, what it changed, what runs it has."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from skafos_tui.model.run import ActivationState, Deployment
from skafos_tui.store.projects import ProjectRow, list_deployments

if TYPE_CHECKING:
    from skafos_tui.config.plan import Plan

THE_FIRST = "the first one"


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """A deployment of the list: `before` is the one it came after, `made_by` what asked for it first.

    `waiting`: it becomes active once its image is there.
    """

    deployment: Deployment
    before: Deployment | None
    active: bool
    waiting: bool
    made_by: str


def deployment_rows(
    connection: sqlite3.Connection, project: ProjectRow, limit: int, *, older_than: int | None = None
) -> list[DeploymentRow]:
    """The newest deployments of a project, newest first; `older_than`: only those with numbers below it."""
    found = list_deployments(connection, project.token, limit + 1, older_than=older_than)
    makers, waiting = _activations(connection, project.token, [each.id for each in found])
    older: list[Deployment | None] = [*found[1:], None]
    return [
        DeploymentRow(each, before, each.id == project.active, each.id in waiting, makers.get(each.id, "run"))
        for each, before in zip(found[:limit], older, strict=False)
    ]


def _activations(connection: sqlite3.Connection, token: str, ids: Sequence[int]) -> tuple[Mapping[int, str], set[int]]:
    """What asked for each deployment first, and which of them wait to become active."""
    marks = ", ".join("?" * len(ids))
    query = f"SELECT deployment, kind, state FROM activations WHERE project = ? AND deployment IN ({marks})"
    makers, waiting = {}, set()
    for row in connection.execute(f"{query} ORDER BY id DESC", (token, *ids)):
        makers[row["deployment"]] = row["kind"]
        if row["state"] == ActivationState.WAITING:
            waiting.add(row["deployment"])
    return makers, waiting


def what_changed(before: Deployment | None, after: Deployment, now: float) -> str:
    """What differs from the deployment before, in a word or two: `+1 job, ~2 jobs`, or `code`.

    The config is one of the files of the code, so where it differs nothing is known of the others. `now` is in Unix
    seconds.
    """
    if before is None:
        return THE_FIRST
    if before.config_digest != after.config_digest:
        return ", ".join(_config_words(before, after, now))
    return "code" if before.code_digest != after.code_digest else "nothing"


def _config_words(before: Deployment, after: Deployment, now: float) -> list[str]:
    from skafos_tui.config.plan import plan_of
    from skafos_tui.store.comparison import config_project

    old, new = config_project(before), config_project(after)
    if old is None or new is None:
        return ["config"]
    return plan_words(plan_of(old, new, datetime.fromtimestamp(now, UTC))) or ["comments"]


def plan_words(plan: Plan) -> list[str]:
    """A plan as counts."""
    kinds = (("+", plan.added), ("~", plan.changed), ("-", plan.removed))
    words = [f"{sign}{len(jobs)} job{'' if len(jobs) == 1 else 's'}" for sign, jobs in kinds if jobs]
    return [*words, "project"] if plan.project else words
