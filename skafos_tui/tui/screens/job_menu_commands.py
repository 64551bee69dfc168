"""What the config editor knows and does about jobs: completion, what stands beside the text, new and changed jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message
from textual.timer import Timer

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.job_edits import NewJob, add_job, delete_job, dependents, rename_job
from skafos_tui.config.job_edits_copy import copy_name, duplicate_job
from skafos_tui.config.job_edits_script import is_script, script_name, script_text
from skafos_tui.config.reading import random_id
from skafos_tui.model.diagnostic import Edit, Severity
from skafos_tui.text.sgr import plain
from skafos_tui.tui.command import Fact
from skafos_tui.tui.editor.complete import NAMES_JOBS, Known, jobs_in, project_files, root_keys
from skafos_tui.tui.editor.complete_keys import Completion
from skafos_tui.tui.editor.complete_list import CompletionList
from skafos_tui.tui.editor.findings import SYNTAX
from skafos_tui.tui.editor.place import Place
from skafos_tui.tui.screens.config_files import ConfigFiles
from skafos_tui.tui.screens.job_menu import Fields, FieldsScreen, JobMenu, delete_question, name_problem
from skafos_tui.tui.widgets.beside import Beside
from skafos_tui.tui.widgets.beside_facts import FireFacts, PlanFacts, StoreFacts, fire_facts, plan_facts

if TYPE_CHECKING:
    from textual.signal import Signal

    from skafos_tui.config.reader import ReadResult
    from skafos_tui.model.project import Project

Make = Callable[[str], tuple[Edit, ...]]
"""From a text to the edits of it; raises ValueError."""
FIRES_S = 0.1
"""So long the cursor has to stay in another job before its fires are looked up."""

DISTANCES_S = 60.0
"""How often `in 5 h` is looked at; only what reads otherwise is drawn."""


class ConfigJobs(ConfigFiles):
    """The part of the config editor that is about jobs; the screen itself gives what is only declared here."""

    result: ReadResult | None
    newest: ReadResult | None
    checked: Signal[ReadResult]

    class BesideRead(Message):
        """What stands beside the text was looked up; None: as it was."""

        def __init__(self, fires: FireFacts | None, plan: PlanFacts | None) -> None:
            super().__init__()
            self.fires = fires
            self.plan = plan

    class JobsEdited(Message):
        """Edits are made by `make` for a revision of the text; or `problem` says why not. `at`: where `new` begins."""

        def __init__(
            self,
            make: Make,
            edits: tuple[Edit, ...],
            revision: int,
            problem: str,
            remark: str = "",
            new: NewJob | None = None,
            at: int = -1,
        ) -> None:
            super().__init__()
            self.make = make
            self.edits = edits
            self.revision = revision
            self.problem = problem
            self.remark = remark
            self.new = new
            self.at = at

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

    def on_config_jobs_beside_read(self, message: BesideRead) -> None:
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

    # Jobs

    def do_form(self) -> None:
        from skafos_tui.tui.screens.form import FormScreen

        job_id = self.job_at_cursor()
        if job_id is not None:
            self.skafos.push_screen(FormScreen(self, job_id, self._files))

    def do_job_menu(self) -> None:
        job_id = self.job_at_cursor()

        def chosen(command: str | None) -> None:
            if command is not None:
                getattr(self, f"do_{command.replace('.', '_')}")()

        self.skafos.push_screen(JobMenu(None if job_id is None else self._name_of(job_id)), chosen)

    def do_job_new(self) -> None:
        names = self._names()
        if names is None:
            return
        after = self.job_at_cursor()
        title = "New job" + (f" after {self._name_of(after)}" if after is not None else "")

        def answered(fields: Fields | None) -> None:
            if fields is not None:
                job = NewJob(random_id(), fields[0], fields[1])
                self._edit(lambda text: add_job(text, job, after), f"{job.name} is new", job)

        screen = FieldsScreen(
            title,
            (("name", ""), ("entrypoint", "")),
            lambda fields: name_problem(fields[0], names) or ("" if fields[1] else "a job needs an entrypoint"),
            lambda name: script_name(name) if name.strip() else "",
        )
        self.skafos.push_screen(screen, answered)

    def do_job_rename(self) -> None:
        job_id, names = self.job_at_cursor(), self._names()
        if job_id is None or names is None:
            return
        name = self._name_of(job_id)

        def answered(fields: Fields | None) -> None:
            if fields is not None and fields[0] != name:
                self._edit(lambda text: rename_job(text, job_id, fields[0]), f"{name} is called {fields[0]} now")

        taken = [each for each in names if each != name]
        screen = FieldsScreen(f"Rename {name}", (("name", name),), lambda fields: name_problem(fields[0], taken))
        self.skafos.push_screen(screen, answered)

    def do_job_duplicate(self) -> None:
        job_id, names = self.job_at_cursor(), self._names()
        if job_id is None or names is None:
            return
        name = self._name_of(job_id)

        def answered(fields: Fields | None) -> None:
            if fields is not None:
                copy = NewJob(random_id(), fields[0], "")
                self._edit(lambda text: duplicate_job(text, job_id, copy.id, copy.name), f"{copy.name}: a copy", copy)

        first = copy_name(names, name)
        screen = FieldsScreen(f"Copy of {name}", (("name", first),), lambda fields: name_problem(fields[0], names))
        self.skafos.push_screen(screen, answered)

    def do_job_delete(self) -> None:
        job_id = self.job_at_cursor()
        if job_id is None or self._names() is None:
            return
        text, name = self.buffer.text, self._name_of(job_id)

        def work() -> None:
            try:
                waiting = [other for _, other in dependents(text, job_id)]
            except ValueError as error:
                self.app.call_from_thread(self.tell, self.why_not(str(error)))
            else:
                self.app.call_from_thread(self._ask_delete, job_id, name, waiting)

        self.look_up(work)

    def _ask_delete(self, job_id: str, name: str, waiting: list[str]) -> None:
        from skafos_tui.tui.screens.question import QuestionScreen

        def answered(key: str | None) -> None:
            if key is not None:
                keep, remark = key == "k", f"{name} is gone; ctrl+z brings it back"
                self._edit(lambda text: delete_job(text, job_id, keep_mentions=keep), remark)

        others = {"k": "yes, but keep theirs"} if waiting else {}
        self.skafos.push_screen(QuestionScreen(delete_question(name, waiting), others), answered)

    def _edit(self, make: Make, remark: str, new: NewJob | None = None) -> None:
        """Make edits in a thread, a long text takes a while; then they are one step of undo."""
        text, revision = self.buffer.text, self.buffer.revision

        def work() -> None:
            try:
                edits = make(text)
            except ValueError as error:
                self.post_message(self.JobsEdited(make, (), revision, str(error)))
                return
            at = apply_edits(text, edits).find(new.id) if new is not None else -1
            self.post_message(self.JobsEdited(make, edits, revision, "", remark, new, at))

        self.look_up(work)

    def on_config_jobs_jobs_edited(self, message: JobsEdited) -> None:
        """Put the edits into the text they were made for, and go to the job that is new."""
        if message.problem:
            self.tell(self.why_not(message.problem))
            return
        if message.revision != self.buffer.revision:
            self._edit(message.make, message.remark, message.new)  # somebody typed meanwhile: once more
            return
        at = message.at
        self.buffer.apply(message.edits, select=(at, at) if at >= 0 else None)
        self.tell(plain(message.remark))
        new = message.new
        if new is not None and is_script(new.entrypoint):
            self.look_up(lambda: self._offer_script(new))

    def _offer_script(self, job: NewJob) -> None:
        """Ask whether a script that isn't there shall be made; in a thread."""
        if not (self.path.parent / job.entrypoint).exists():
            self.app.call_from_thread(self._ask_script, job)

    def _ask_script(self, job: NewJob) -> None:
        from skafos_tui.tui.screens.question import QuestionScreen

        def answered(key: str | None) -> None:
            if key is not None:
                self.look_up(lambda: self._make_script(job))

        question = f"{job.entrypoint} isn't there yet. Make it, with one line that prints?"
        self.skafos.push_screen(QuestionScreen(plain(question)), answered)

    def _make_script(self, job: NewJob) -> None:
        path = self.path.parent / job.entrypoint
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(script_text(job.name))
            remark = f"{job.entrypoint} is new: write there what the job does"
        except OSError as error:
            remark = f"{job.entrypoint} was not made: {error.strerror or error}"
        self._read_files()
        self.app.call_from_thread(self.tell, plain(remark))

    def why_not(self, problem: str) -> str:
        """Why the jobs can't be changed: the line that is no YAML, else what is given."""
        newest = self.newest if self.newest is not None and self.newest.text == self.buffer.text else None
        found = [item for item in newest.diagnostics if item.code == SYNTAX] if newest is not None else []
        return f"line {found[0].line} is no valid YAML; correct it first" if found else plain(problem)

    def _names(self) -> list[str] | None:
        """The names of the jobs; None, and a remark, where the text is known to be no YAML."""
        reason = self.why_not("")
        if reason:
            self.tell(reason)
            return None
        return [name for _, name in jobs_in(self.buffer.document.lines)]

    def _name_of(self, job_id: str) -> str:
        return dict(jobs_in(self.buffer.document.lines)).get(job_id, job_id)
