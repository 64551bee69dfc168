"""A small form of the parameters that a run of some jobs takes; what was last used is there already."""

from __future__ import annotations

import json
import math
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from skafos_tui.model.graph import children_of, reachable
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import cell_width, pad
from skafos_tui.tui.screens.popup import PopupScreen
from skafos_tui.tui.views import JobRow

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp
    from skafos_tui.tui.opened import Opened

LOOKED_THROUGH = 200
"""So many manual runs back a parameter's last value is looked for."""
Values = dict[str, str]


class ParametersScreen(PopupScreen["Values | None"]):
    """Gives the parameters that differ from their defaults; None: nothing is run."""

    BINDINGS: ClassVar = [
        Binding("escape", "close", show=False),
        Binding("down,tab", "step(1)", show=False, priority=True),
        Binding("up,shift+tab", "step(-1)", show=False, priority=True),
    ]

    def __init__(self, of: str, defaults: Values, used: Values) -> None:
        super().__init__()
        self._of = of
        self._defaults = defaults
        self._used = used

    def compose(self) -> ComposeResult:
        width = max(map(cell_width, self._defaults))
        with Vertical(classes="box"):
            yield Static(f"run {self._of}\n", markup=False)
            with VerticalScroll(classes="fields", can_focus=False):
                for number, (name, default) in enumerate(self._defaults.items()):
                    yield Static(f"{pad(plain(name), width)}   default {plain(default) or 'empty'}", markup=False)
                    yield Input(self._used.get(name, default), id=f"value-{number}", select_on_focus=False)
            yield Static("\nEnter runs, Tab to the next, Esc leaves it", markup=False)
            yield Static("", id="problem", markup=False)

    def on_mount(self) -> None:
        self.query_one("#value-0", Input).focus()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        values = {name: self.query_one(f"#value-{at}", Input).value for at, name in enumerate(self._defaults)}
        problem = problem_of(values)
        if problem:
            self.query_one("#problem", Static).update(problem)
        else:
            self.dismiss({name: value for name, value in values.items() if value != self._defaults[name]})

    def action_step(self, by: int) -> None:
        """To the next or last field."""
        fields = list(self.query(Input))
        at = next((number for number, each in enumerate(fields) if each.has_focus), 0)
        fields[(at + by) % len(fields)].focus()


def problem_of(values: Mapping[str, str]) -> str:
    """What is wrong with values as environment variables, in one line; empty where nothing is."""
    wrong = [name for name, value in values.items() if not value.isprintable()]
    return f"{wrong[0]} has a character that can't be shown; type it again" if wrong else ""


def ask_parameters(
    app: SkafosApp,
    rows: Sequence[JobRow],
    graph: Mapping[str, tuple[str, ...]],
    then: Callable[[list[JobRow], Values], None],
) -> None:
    """Show the form for these jobs and what follows from them, and call `then` with what was filled in."""
    from skafos_tui.tui.asking import names_of

    chosen = list(rows)
    jobs = {row.job_id for row in chosen} | reachable([row.job_id for row in chosen], children_of(graph))
    of = names_of([row.name for row in chosen])

    def answered(values: Values | None) -> None:
        if values is not None:
            then(chosen, values)

    def show(defaults: Values, used: Values) -> None:
        if defaults:
            app.push_screen(ParametersScreen(of, defaults, used), answered)
        else:
            app.tell(f"{of}: no parameters in the config")

    def work() -> None:
        defaults = declared(app.opened, jobs)
        used = last_used(app.opened, set(defaults)) if defaults else {}
        app.call_from_thread(show, defaults, used)

    app.run_worker(work, thread=True, group="form", exit_on_error=False)


def declared(opened: Opened | None, jobs: set[str]) -> Values:
    """The parameters of jobs with their defaults, as the config in the project's directory says now; blocking."""
    from skafos_tui.config.reader import ConfigUnreadable, read_config

    if opened is None or opened.config is None:
        return {}
    try:
        project = read_config(opened.config, max_cpu=math.inf, max_memory=sys.maxsize).project
    except ConfigUnreadable:
        return {}
    found: Values = {}
    for job in project.jobs if project else ():
        if job.id in jobs:
            found = {**job.parameters, **found}
    return found


def last_used(opened: Opened | None, names: set[str]) -> Values:
    """The values that these parameters had in the newest manual run with each of them; blocking."""
    from skafos_tui.store.database import DatabaseError, connect_reader

    found: Values = {}
    if opened is None:
        return found
    query = (
        "SELECT parameters FROM runs WHERE project = ? AND trigger = 'manual' AND parameters != '{}'"
        " ORDER BY id DESC LIMIT ?"
    )
    try:
        with closing(connect_reader(opened.home.state_database)) as connection:
            for row in connection.execute(query, (opened.token, LOOKED_THROUGH)):
                given = json.loads(row["parameters"])
                found = {**{name: value for name, value in given.items() if name in names}, **found}
    except (DatabaseError, sqlite3.Error, OSError):
        return found
    return found
