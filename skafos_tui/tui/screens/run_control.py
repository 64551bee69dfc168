"""What the dashboard does about runs and jobs through the screens of this room; mixed into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from skafos_tui.model.run import RunState
from skafos_tui.tui.as_command import command, run_command
from skafos_tui.tui.asking import ask_engine, names_of
from skafos_tui.tui.command import Fact
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.views import FAILURES, JobRow

if TYPE_CHECKING:
    from skafos_tui.tui.control import Begun, Control
    from skafos_tui.tui.screens.dashboard import DashboardScreen
    from skafos_tui.tui.screens.go_menu import GoMenu


class RunControl:
    """The commands of `commands/runs.py`, for the shown run and its selected or marked jobs."""

    @property
    def _screen(self) -> DashboardScreen:
        return cast("DashboardScreen", self)

    def chosen_rows(self) -> list[JobRow]:
        """The marked jobs, else the selected one."""
        jobs = self._screen.jobs
        chosen = jobs.marked or {jobs.selected}
        return [row for row in self._screen.view.rows if row.job_id in chosen]

    def run_facts(self) -> frozenset[Fact]:
        """What is so of the shown run and the chosen jobs."""
        run = self._screen.view.run
        known = {
            Fact.JOB_OPEN: run is not None
            and not run.state.finished
            and any(row.is_open for row in self.chosen_rows()),
            Fact.FAILED: run is not None and run.state is RunState.FAILED,
        }
        return frozenset(fact for fact, is_so in known.items() if is_so)

    def menu_for(self, begun: str) -> GoMenu:
        """What can follow the first key of a sequence, as a popup."""
        screen = self._screen
        if begun != "r":
            return CommandScreen.menu_for(screen, begun)
        from skafos_tui.tui.screens.run_menu import RunMenu

        return RunMenu(screen.commands(), *self._run_menu())

    def _run_menu(self) -> tuple[Mapping[str, str], str]:
        """The `skafos` commands that do what the keys after `r` do, by command id; and for whom."""
        rows, run = self.chosen_rows(), self._screen.view.run
        names = [row.name for row in rows]
        paused = bool(rows) and all(row.paused for row in rows)
        equal = {
            "run": run_command(names),
            "run.only": run_command(names, only=True),
            "run.all": run_command([]),
            "run.failed": command("retry", run.id) if run else "",
            "run.mended": command("retry", run.id, "--working-tree") if run else "",
            "run.from": command("retry", run.id, "--from", *names[:1]) if run else "",
            "run.parameters": f"{run_command(names)} --param NAME=VALUE",
            "deploy": command("deploy"),
            "pause": command("resume" if paused else "pause", *names[:1]),
        }
        return equal, names_of(names)

    def do_run(self) -> None:
        """Run the chosen jobs and what follows from them."""
        self._begin(run_command([row.name for row in self.chosen_rows()]), self._ids())

    def do_run_only(self) -> None:
        """Run the chosen jobs alone."""
        self._begin(run_command([row.name for row in self.chosen_rows()], only=True), self._ids(), only=True)

    def do_run_all(self) -> None:
        """Run everything."""
        self._begin(run_command([]), ())

    def do_run_failed(self) -> None:
        """Run again what failed, as it was."""
        self._retry()

    def do_run_mended(self) -> None:
        """Run again what failed, with the files as they are now."""
        self._retry(working_tree=True)

    def do_run_from(self) -> None:
        """Run the selected job and what follows from it again, as in this run."""
        self._retry(from_job=self._screen.jobs.selected)

    def _retry(self, *, from_job: str | None = None, working_tree: bool = False) -> None:
        run = self._screen.view.run
        if run is None:
            return
        app, number = self._screen.skafos, run.id
        is_old = self._screen.view.is_mended and not working_tree
        with_old_files = f" with the files of run {number}, not those of now: r n takes these" if is_old else ""

        def ask(control: Control) -> str:
            said = _said(control.retry(number, from_job=from_job, working_tree=working_tree))
            return f"{said}{with_old_files}"

        ask_engine(app, f"run {number} is not tried again", ask, self._to_new_run)

    def do_run_parameters(self) -> None:
        """Ask for the parameters of the chosen jobs, then run them."""
        from skafos_tui.tui.screens.parameters import ask_parameters

        ask_parameters(self._screen.skafos, self.chosen_rows(), self._screen.view.graph, self._begin_with)

    def do_deploy(self) -> None:
        """Deploy the working tree; it asks first where a job goes or a schedule begins to fire."""
        from skafos_tui.tui.screens.deploy import ask_deploy

        ask_deploy(self._screen.skafos, self._to_new_run)

    def do_pause(self) -> None:
        """Pause the schedules of the chosen jobs; where all are paused, go on with them."""
        rows, app = self.chosen_rows(), self._screen.skafos
        resumes = all(row.paused for row in rows)

        def ask(control: Control) -> str:
            for row in rows:
                (control.resume if resumes else control.pause)(row.job_id)
            return f"{names_of([row.name for row in rows])}: schedule {'goes on' if resumes else 'paused'}"

        ask_engine(app, "the schedule stays as it is", ask)

    def do_cancel(self) -> None:
        """Cancel the chosen jobs' tasks, after a question."""
        from skafos_tui.tui.screens.cancel import ask_cancel

        rows = [row for row in self.chosen_rows() if row.is_open]
        if rows and self._screen.view.run is not None:
            ask_cancel(self._screen.skafos, self._screen.view, rows)

    def do_diff(self) -> None:
        """What changed since the last good run of the selected job, if that failed, else of the first that did."""
        from skafos_tui.tui.screens.compare import CompareScreen

        screen = self._screen
        run, row = screen.view.run, screen.view.row_of.get(screen.jobs.selected or "")
        if run is not None:
            failed = row is not None and row.task is not None and row.task.state in FAILURES
            screen.skafos.push_screen(CompareScreen(run.id, row.job_id if row is not None and failed else None))

    def _ids(self) -> tuple[str, ...]:
        return tuple(row.job_id for row in self.chosen_rows())

    def _begin(self, equal: str, jobs: tuple[str, ...], *, only: bool = False) -> None:
        app = self._screen.skafos
        ask_engine(app, f"{equal} is refused", lambda c: _said(c.run(*jobs, only=only)), self._to_new_run)

    def _begin_with(self, rows: list[JobRow], parameters: Mapping[str, str]) -> None:
        jobs, app = [row.job_id for row in rows], self._screen.skafos
        equal = run_command([row.name for row in rows], parameters=parameters)
        ask_engine(app, f"{equal} is refused", lambda c: _said(c.run(*jobs, parameters=parameters)), self._to_new_run)

    def _to_new_run(self) -> None:
        """Look at what was begun: the newest run that goes on is the one that matters."""
        self._screen.jobs.clear_marks()
        self._screen.skafos.bridge.step(0)


def _said(begun: Begun) -> str:
    return "; ".join([f"run {begun.run} begins", *begun.warnings[:1]])
