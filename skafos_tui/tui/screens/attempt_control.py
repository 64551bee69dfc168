"""What the dashboard does about attempts of the selected job: details, shells; mixed into it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from skafos_tui.model.run import TaskState
from skafos_tui.text.sgr import plain
from skafos_tui.tui.as_command import command, run_command
from skafos_tui.tui.command import Fact
from skafos_tui.tui.widgets.log.shown import LogAttempt, newest_of

if TYPE_CHECKING:
    from skafos_tui.tui.screens.dashboard import DashboardScreen


class AttemptControl:
    """The commands of `commands/details.py`, for the selected job in the shown run."""

    @property
    def _at(self) -> DashboardScreen:
        return cast("DashboardScreen", self)

    def attempt_facts(self) -> frozenset[Fact]:
        """What is so of the selected job's attempts."""
        row = self._at.view.row_of.get(self._at.jobs.selected or "")
        if row is None or row.task is None:
            return frozenset()
        known = {
            Fact.ATTEMPT_RUNS: row.task.state is TaskState.RUNNING,
            Fact.ATTEMPT_ENDED: row.task.state.finished and bool(row.spans),
        }
        return frozenset(fact for fact, is_so in known.items() if is_so)

    def _attempts(self) -> list[LogAttempt]:
        """The attempts of the selected job in the shown run."""
        screen = self._at
        shown = replace(screen.view.logs, job_id=screen.jobs.selected)
        return [attempt for attempt in shown.of_job() if attempt.source.job_id == screen.jobs.selected]

    def _looked_at(self, attempts: list[LogAttempt]) -> LogAttempt | None:
        """The one of these whose log is looked at, where a person has chosen one."""
        log = self._at.logs
        if log is None or not log.reading.choice.chosen or log.reading.choice.all_jobs:
            return None
        chosen = log.reading.choice
        for attempt in reversed(attempts):
            instance_fits = chosen.instance in (None, attempt.source.instance)
            if instance_fits and chosen.attempt in (None, attempt.source.attempt):
                return attempt
        return None

    def _selected_name(self) -> str:
        row = self._at.view.row_of.get(self._at.jobs.selected or "")
        return plain(row.name) if row is not None else "this job"

    def _words(self, attempt: LogAttempt, several: bool) -> str:
        instance = f" #{attempt.source.instance}" if several else ""
        return f"{self._selected_name()}{instance} (run {self._at.view.logs.run}, attempt {attempt.source.attempt})"

    def do_details(self) -> None:
        """What the selected job's attempts ran in."""
        from skafos_tui.tui.screens.details import DetailsScreen

        screen = self._at
        if screen.view.run is None or screen.jobs.selected is None:
            screen.tell("nothing has run yet: there are no details")
            return
        attempts = self._attempts()
        chosen = self._looked_at(attempts)
        screen.skafos.push_screen(
            DetailsScreen(screen.view.run.id, screen.jobs.selected, chosen.path.stem if chosen is not None else None)
        )

    def do_shell(self) -> None:
        """A shell in the instance that is looked at, else in the first that runs."""
        from skafos_tui.tui.shell import open_shell

        attempts = self._attempts()
        running = [attempt for attempt in newest_of(attempts) if attempt.ended_ns is None]
        attempt = self._looked_at(running) or next(iter(running), None)
        if attempt is None:
            ended = ": S opens a debug shell in what it ran in" if attempts else ""
            self._at.tell(f"{self._selected_name()} does not run{ended}")
            return
        open_shell(self._at.skafos, attempt.path.stem, self._words(attempt, self._several(attempts)))

    def do_shell_debug(self) -> None:
        """A shell in what the attempt that is looked at ran in, else the newest that failed, else the newest."""
        from skafos_tui.tui.shell import open_debug_shell

        attempts = self._attempts()
        ended = [attempt for attempt in newest_of(attempts) if attempt.ended_ns is not None]
        failed = [attempt for attempt in ended if attempt.failed]
        past = [attempt for attempt in attempts if attempt.ended_ns is not None]
        attempt = self._looked_at(past) or next(iter(failed or ended), None)
        if attempt is None:
            running = ": s opens a shell there" if attempts else ""
            self._at.tell(f"nothing of {self._selected_name()} has ended in this run{running}")
            return
        open_debug_shell(self._at.skafos, attempt.path.stem, self._words(attempt, self._several(attempts)))

    def _several(self, attempts: list[LogAttempt]) -> bool:
        return len({attempt.source.instance for attempt in attempts}) > 1

    def do_yank_command(self) -> None:
        """The command that shows the same: the log of this job, the jobs of this run."""
        screen = self._at
        run, row = screen.view.run, screen.view.row_of.get(screen.jobs.selected or "")
        if run is None:
            text = run_command([row.name] if row is not None else [])
        elif screen.at == "log" and row is not None:
            text = command("logs", row.name, "--run", run.id)
        elif screen.at == "metrics" and row is not None:
            text = command("metrics", row.name)
        elif screen.at == "alerts":
            text = command("alerts")
        else:
            text = command("show", run.id)
        screen.skafos.copy_to_clipboard(text)
        screen.tell(f"copied: {plain(text)}")
