"""Deploying what stands in the directory: the plan is shown first where a job goes or a schedule begins to fire."""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from skafos_tui.text.sgr import plain
from skafos_tui.tui.asking import ask_engine
from skafos_tui.tui.control import Activated, Control
from skafos_tui.tui.screens.question import QuestionScreen

if TYPE_CHECKING:
    from skafos_tui.config.plan import Plan
    from skafos_tui.model.project import Project
    from skafos_tui.tui.app import SkafosApp
    from skafos_tui.tui.opened import Opened

MOST_LINES = 30


def ask_deploy(app: SkafosApp, then: Callable[[], None]) -> None:
    """Deploy, after a question where the plan has something that a person should have seen."""

    def deploy(control: Control) -> str:
        return said(control.deploy())

    def answered(key: str | None) -> None:
        if key:
            ask_engine(app, "nothing is deployed", deploy, then)

    def show(question: str) -> None:
        if question:
            app.push_screen(QuestionScreen(question), answered)
        else:
            answered("y")

    def work() -> None:
        plan = plan_of_tree(app.opened, app.now())
        app.call_from_thread(show, question_of("Deploy this?", plan) if plan and asks(plan) else "")

    app.run_worker(work, thread=True, group="form", exit_on_error=False)


def asks(plan: Plan) -> bool:
    """Whether a person should see it first: a job goes, or a schedule fires that did not, or fires no more."""
    return bool(plan.removed) or any(move.old_next is None or move.new_next is None for move in plan.moved)


def question_of(question: str, plan: Plan) -> str:
    """The question with the plan above it."""
    lines = [plain(line) for line in plan.lines()]
    more = [f"and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join([question, "", *lines[:MOST_LINES], *more])


def rollback_question(connection: sqlite3.Connection, token: str, number: int, now: float) -> str:
    """The question before an earlier deployment becomes the active one, with what changes in the config. Blocking."""
    from skafos_tui.config.plan import plan_of
    from skafos_tui.store.comparison import config_project
    from skafos_tui.store.projects import get_deployment, get_project, list_deployments

    row = get_project(connection, token)
    found = list_deployments(connection, token, 1, older_than=number + 1)
    new = config_project(found[0]) if found else None
    active = None if row is None or row.active is None else get_deployment(connection, row.active)
    question = f"Roll back to deployment {number}?"
    rest = ["", "Your files stay as they are: the next save of the config acts like a deploy. Runs go on."]
    if active is not None and found and active.code_digest != found[0].code_digest:
        rest = ["The code is another one.", *rest]
    if new is None:
        return "\n".join([question, "", *rest])
    plan = plan_of(None if active is None else config_project(active), new, datetime.fromtimestamp(now, UTC))
    if plan.empty:
        return "\n".join([question, "", "Nothing changes in the config.", *rest])
    return "\n".join([question_of(question, plan), *rest])


def said(activated: Activated) -> str:
    """What became of it, in one line."""
    number = "" if activated.number is None else f" {activated.number}"
    state = "is active" if activated.state == "active" else "becomes active once its image is there"
    run = f"; run {activated.run} begins" if activated.run is not None else ""
    return f"deployment{number} {state}{run}"


def plan_of_tree(opened: Opened | None, now: float) -> Plan | None:
    """What a deploy would change, from the active deployment to the config as it stands; None: not known. Blocking."""
    from skafos_tui.config.plan import plan_of
    from skafos_tui.config.reader import ConfigUnreadable, read_config

    if opened is None or opened.config is None:
        return None
    try:
        new = read_config(opened.config, max_cpu=math.inf, max_memory=sys.maxsize).project
    except ConfigUnreadable:
        return None
    return None if new is None else plan_of(active_project(opened), new, datetime.fromtimestamp(now, UTC))


def active_project(opened: Opened) -> Project | None:
    """The project as the active deployment has it; None where there is none. Blocking."""
    from skafos_tui.store.comparison import config_project
    from skafos_tui.store.database import DatabaseError, connect_reader
    from skafos_tui.store.projects import get_deployment, get_project

    try:
        with closing(connect_reader(opened.home.state_database)) as connection:
            row = get_project(connection, opened.token)
            active = None if row is None or row.active is None else get_deployment(connection, row.active)
    except (DatabaseError, sqlite3.Error, OSError):
        return None
    return None if active is None else config_project(active)
