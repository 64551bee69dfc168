"""The config editor's sides: completion at the cursor, and what stands beside the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message
from textual.timer import Timer

from skafos_tui.model.diagnostic import Severity
from skafos_tui.text.sgr import plain
from skafos_tui.tui.command import Fact
from skafos_tui.tui.editor.complete import NAMES_JOBS, Known, jobs_in, project_files, root_keys
from skafos_tui.tui.editor.complete_keys import Completion
from skafos_tui.tui.editor.complete_list import CompletionList
from skafos_tui.tui.editor.findings import SYNTAX
from skafos_tui.tui.editor.place import Place
from skafos_tui.tui.screens.config_files import ConfigFiles
from skafos_tui.tui.widgets.beside import Beside
from skafos_tui.tui.widgets.beside_facts import FireFacts, PlanFacts, StoreFacts, fire_facts, plan_facts

if TYPE_CHECKING:
    from textual.signal import Signal

    from skafos_tui.config.reader import ReadResult
    from skafos_tui.model.project import Project

FIRES_S = 0.1
"""So long the cursor has to stay in another job before its fires are looked up."""
DISTANCES_S = 60.0
"""How often `in 5 h` is looked at; only what reads otherwise is drawn."""


class ConfigBeside(ConfigFiles):
    """The part of the config editor around the cursor; the screen itself gives what is only declared here."""

    result: ReadResult | None
    newest: ReadResult | None
    checked: Signal[ReadResult]

    class BesideRead(Message):
        """What stands beside the text was looked up; None: as it was."""

        def __init__(self, fires: FireFacts | None, plan: PlanFacts | None) -> None:
            super().__init__()
            self.fires = fires
            self.plan = plan

    def begin_jobs(self) -> None:
        """Mount what is about jobs."""
        self.beside = Beside()
        self.completion_list = CompletionList()
        self.completion = Completion(self.buffer, self.completion_list, self._known)
        self.store_facts = StoreFacts(self.opened.home.state_database, self.opened.token)
        self._files: tuple[str, ...] = ()
        self._project: Project | None = None
        self._fires_of: str | None = None
        self._fires_timer: Timer | None = None
        self.query_one("#beside").mount(self.beside)
        self.mount(self.completion_list)
        self.checked.subscribe(self, self._text_checked)
        self.set_interval(DISTANCES_S, self._minute)

    def job_at_cursor(self) -> str | None:
        """The id of the job that the cursor is in."""
        raise NotImplementedError

    def job_facts(self) -> set[Fact]:
        """What is so about jobs now."""
        return {Fact.JOB_HERE} if self.job_at_cursor() is not None else set()

    def look_up(self, work: Callable[[], None]) -> None:
        """Do this in a thread."""
        self.run_worker(work, thread=True, group="jobs", exit_on_error=False)

    # Completion

    def on_text_area_changed(self) -> None:
        self.completion.text_changed()

    def on_text_area_selection_changed(self) -> None:
        self.completion.cursor_moved()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if event.widget is self.buffer:
            self.completion.close()

    def on_screen_suspend(self) -> None:
        self.completion.close()

    def on_screen_resume(self) -> None:
        self.look_up(self._read_files)

    def on_completion_list_taken(self, message: CompletionList.Taken) -> None:
        self.completion.take(message.suggestion)

    def do_complete(self) -> None:
        remark = self.completion.ask()
        if remark:
            self.tell(remark)

    def _known(self, lines: Sequence[str], place: Place) -> Known:
        channels = tuple(self._project.notify) if self._project is not None else ()
        jobs = jobs_in(lines) if place.path[-1:] in NAMES_JOBS else ()
        return Known(jobs, self._files, channels, root_keys(lines), self.job_at_cursor() or "")

    def _read_files(self) -> None:
        self._files = project_files(str(self.path.parent))

    # Beside the text

    def describe_beside(self) -> None:
        """The findings have changed or moved, or the cursor is in another job."""
        self.beside.show(findings=self.buffer.marks)
        if self.job_at_cursor() != self._fires_of:
            if self._fires_timer is not None:
                self._fires_timer.stop()
            self._fires_timer = self.set_timer(FIRES_S, self._look_at_fires)

    def _minute(self) -> None:
        """A fire may be past, and distances read otherwise."""
        if self.is_current:
            self._look_at_fires()

    def on_beside_chosen(self, message: Beside.Chosen) -> None:
        self.buffer.go_to_row(*message.place)
        self.buffer.focus()

    def on_config_beside_beside_read(self, message: BesideRead) -> None:
        self.beside.show(fires=message.fires, plan=message.plan)
        self.beside.tick()

    def _text_checked(self, result: ReadResult) -> None:
        self._project = result.project or self._project
        self._fires_of = job_id = self.job_at_cursor()
        errors = sum(item.severity is Severity.ERROR for item in result.diagnostics)
        now, known = self.skafos.now(), self._project

        def work() -> None:
            plan = plan_facts(self.store_facts.standing(), result.project, errors, now)
            self.post_message(self.BesideRead(self._fires(known, job_id, now), plan))

        self.look_up(work)

    def _look_at_fires(self) -> None:
        self._fires_of = job_id = self.job_at_cursor()
        now, known = self.skafos.now(), self._project

        def work() -> None:
            self.post_message(self.BesideRead(self._fires(known, job_id, now), None))

        self.look_up(work)

    def _fires(self, project: Project | None, job_id: str | None, now: float) -> FireFacts:
        jobs = project.jobs if project is not None else ()
        job = next((job for job in jobs if job.id == job_id), None)
        if project is None or job is None:
            return FireFacts("", why_none="" if job_id is None else "not known while the config has errors")
        return fire_facts(project, job, self.store_facts, now)

    @property
    def project(self) -> Project | None:
        """The last project that the text was, without errors."""
        return self._project

    def why_not(self, problem: str) -> str:
        """Why the jobs can't be changed: the line that is no YAML, else what is given."""
        newest = self.newest if self.newest is not None and self.newest.text == self.buffer.text else None
        found = [item for item in newest.diagnostics if item.code == SYNTAX] if newest is not None else []
        return f"line {found[0].line} is no valid YAML; correct it first" if found else plain(problem)
