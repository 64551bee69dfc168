"""What the config editor does with jobs: their form, and new, renamed, copied and deleted ones."""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.job_edits import NewJob, add_job, delete_job, dependents, rename_job
from skafos_tui.config.job_edits_copy import copy_name, duplicate_job
from skafos_tui.config.job_edits_script import is_script, script_name, script_text
from skafos_tui.config.reading import random_id
from skafos_tui.model.diagnostic import Edit
from skafos_tui.text.sgr import plain
from skafos_tui.tui.editor.complete import jobs_in
from skafos_tui.tui.screens.job_menu import (
    STARTS_AFTER,
    Fields,
    FieldsScreen,
    JobMenu,
    delete_question,
    ids_of,
    name_problem,
)
from skafos_tui.tui.screens.job_menu_beside import ConfigBeside

Make = Callable[[str], tuple[Edit, ...]]
"""From a text to the edits of it; raises ValueError."""


class ConfigJobs(ConfigBeside):
    """The part of the config editor that is about jobs."""

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
        jobs = jobs_in(self.buffer.document.lines)

        def problem(fields: Fields) -> str:
            why = name_problem(fields[0], names) or ("" if fields[1] else "a job needs an entrypoint")
            return why or ids_of(fields[2], jobs)[1]

        def answered(fields: Fields | None) -> None:
            if fields is not None:
                job = NewJob(random_id(), fields[0], fields[1], dependencies=ids_of(fields[2], jobs)[0])
                self._edit(lambda text: add_job(text, job, after), f"{job.name} is new", job)

        screen = FieldsScreen(
            "New job",
            (("name", ""), ("entrypoint", ""), (STARTS_AFTER, self._name_of(after) if after is not None else "")),
            problem,
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

    def _names(self) -> list[str] | None:
        """The names of the jobs; None, and a remark, where the text is known to be no YAML."""
        reason = self.why_not("")
        if reason:
            self.tell(reason)
            return None
        return [name for _, name in jobs_in(self.buffer.document.lines)]

    def _name_of(self, job_id: str) -> str:
        return dict(jobs_in(self.buffer.document.lines)).get(job_id, job_id)
