"""What the list of deployments says of each."""

from __future__ import annotations

from datetime import UTC, datetime

from skafos_tui.model.run import DeploymentState, TaskState
from skafos_tui.tui.reading_deployments import DeploymentLine
from skafos_tui.tui.theme import BUILDING, LOOKS, Look, Role
from skafos_tui.tui.widgets.document import Row, says
from skafos_tui.tui.widgets.header import RUN_LOOKS

_DONE = LOOKS[TaskState.SUCCEEDED]
ACTIVE = Look(_DONE.glyph, "active", Role.OK, bold=True)
READY = Look(_DONE.glyph, "ready", Role.IDLE)
WAITING = Look(LOOKS[TaskState.QUEUED].glyph, "waiting", Role.RUN)
GIVEN_UP = LOOKS[TaskState.SKIPPED]._replace(word="given up")
FAILED = LOOKS[TaskState.FAILED]._replace(word="failed")


def look_of(line: DeploymentLine) -> Look:
    """How it stands with a deployment."""
    if line.given_up:
        return GIVEN_UP
    if line.state is DeploymentState.FAILED:
        return FAILED
    if line.state is DeploymentState.BUILDING:
        return BUILDING
    return ACTIVE if line.active else WAITING if line.waiting else READY


def run_of(line: DeploymentLine) -> tuple[str, Role]:
    """The newest run of a deployment in words."""
    if line.run is None or line.run_state is None:
        return "", Role.IDLE
    look = RUN_LOOKS[line.run_state]
    return f"{look.glyph} {line.run} {look.word}", look.role


def when_of(line: DeploymentLine, now: float, *, years: bool) -> str:
    """When it was made; where there is no room, without the year, and of another year without the time."""
    made, today = (datetime.fromtimestamp(each, UTC).astimezone() for each in (line.created_at, now))
    if years:
        return f"{made:%Y-%m-%d %H:%M}"
    return f"{made:%m-%d %H:%M}" if made.year == today.year else f"{made:%Y-%m-%d} "


def about_rows(line: DeploymentLine) -> list[Row]:
    """What the list may have cut."""
    runs = f"{line.runs:,} run{'' if line.runs == 1 else 's'}" if line.runs else "no runs"
    waits = (
        "; becomes active once its image is there" if line.waiting and line.state is not DeploymentState.FAILED else ""
    )
    words = f"deployment {line.number}, made by {line.made_by}; changed: {line.changed}; {runs}{waits}"
    if not line.remark:
        return [says(words, Role.IDLE)]
    return [says(line.remark, look_of(line).role), says(words, Role.IDLE)]
