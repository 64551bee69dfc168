"""The job at the cursor as a form: every key with its value, findings and help, the next fires while one types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input

from skafos_tui.config.fields import Kind
from skafos_tui.config.job_edits import toggle_dependency
from skafos_tui.config.job_form import Candidate, FormRow, JobForm, candidates, change, form_of, problem_of
from skafos_tui.model.diagnostic import Diagnostic, Edit
from skafos_tui.text.sgr import plain
from skafos_tui.tui.editor.complete import zones
from skafos_tui.tui.screens.form_lines import FormHelp, FormRows, FormTitle, choices_of
from skafos_tui.tui.screens.popup import PopupScreen
from skafos_tui.tui.widgets.beside_facts import FireFacts, fire_facts

if TYPE_CHECKING:
    from skafos_tui.config.reader import ReadResult
    from skafos_tui.tui.screens.job_menu_commands import ConfigJobs

Make = Callable[[str], tuple[Edit, ...]]
"""From a text to the edits of it; raises ValueError."""
READ_ONLY = "read only"
_TIMED = frozenset(["schedule", "timezone"])


class FormScreen(PopupScreen[None]):
    """The form of one job; what is typed goes into the editor's text, one step of undo each.

    While the text is no YAML the form shows what it said last, and changes nothing.
    """

    CSS_PATH = "form.tcss"
    BINDINGS: ClassVar = [
        Binding("escape,q,ctrl+o", "close", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,ctrl+d", "move(10)", show=False),
        Binding("pageup,ctrl+u", "move(-10)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
        Binding("enter,l", "edit", show=False),
        Binding("space", "turn", show=False),
        Binding("delete,backspace", "clear", show=False),
        Binding("ctrl+z", "undo", show=False),
        Binding("ctrl+y", "redo", show=False),
    ]

    class Derived(Message):
        """The rows of a text; `problem` says why there are none."""

        def __init__(self, form: JobForm | None, problem: str) -> None:
            super().__init__()
            self.form = form
            self.problem = problem

    class Edited(Message):
        """The edits of a change, by `make` for a revision of the text; or why it can't be."""

        def __init__(self, make: Make, edits: tuple[Edit, ...], revision: int, problem: str = "") -> None:
            super().__init__()
            self.make = make
            self.edits = edits
            self.revision = revision
            self.problem = problem

    class FiresRead(Message):
        """When the job would fire, as typed."""

        def __init__(self, facts: FireFacts | None, number: int) -> None:
            super().__init__()
            self.facts = facts
            self.number = number

    def __init__(self, host: ConfigJobs, job_id: str, files: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._host = host
        self._job_id = job_id
        self._files = files
        self.form: JobForm | None = None
        self.reason = ""
        self.title_line = FormTitle(id="form-title")
        self.rows = FormRows(id="form-rows")
        self.help_lines = FormHelp(id="form-help")
        self.input_line = Input(id="form-input", select_on_focus=False)
        self._looks = 0

    def compose(self) -> ComposeResult:
        with Container(classes="box form"):
            yield self.title_line
            yield self.rows
            yield self.input_line
            yield self.help_lines

    def on_mount(self) -> None:
        self.input_line.display = False
        self.rows.focus()
        self._host.checked.subscribe(self, self._text_checked)
        self._derive()

    @property
    def is_editing(self) -> bool:
        """Whether a value is being typed."""
        return self.input_line.display

    @property
    def current(self) -> FormRow | None:
        """The chosen row."""
        return self.rows.current

    # Keys

    def action_close(self) -> None:
        """Give up what is typed, else close the form."""
        if self.is_editing:
            self._end_input()
        else:
            self.dismiss(None)

    def action_move(self, by: int) -> None:
        """Choose another row."""
        if not self.is_editing:
            self.rows.move(by)
            self._describe()

    def action_edit(self) -> None:
        """Type a value for the row, or choose the jobs it depends on."""
        row = self.current
        if row is None or self.is_editing or self._is_locked(row):
            return
        if row.path == ("dependencies",):
            self._choose_dependencies()
            return
        self.input_line.value = "" if row.is_new else row.value or ""
        self.input_line.placeholder = "NAME=value" if row.is_new else row.field.default or row.field.example or ""
        offered = self._offered(row)
        self.input_line.suggester = SuggestFromList(offered, case_sensitive=False) if offered else None
        region = self.rows.value_region
        self.input_line.absolute_offset = region.offset
        self.input_line.styles.width = region.width
        self.input_line.display = True
        self.input_line.cursor_position = len(self.input_line.value)
        self.input_line.focus()
        self._describe()

    def action_turn(self) -> None:
        """The next of a few values."""
        row = self.current
        choices = choices_of(row) if row is not None else ()
        if row is None or not choices or self._is_locked(row):
            return
        now = row.value if row.value is not None else row.field.default
        self._change(row, choices[(choices.index(now) + 1) % len(choices)] if now in choices else choices[0])

    def action_clear(self) -> None:
        """Take the key away."""
        row = self.current
        if row is not None and row.value is not None and not self._is_locked(row):
            self._change(row, "")

    def action_undo(self) -> None:
        """Take the last step back."""
        self._host.buffer.undo()
        self._derive()

    def action_redo(self) -> None:
        """Do a step again that was taken back."""
        self._host.buffer.redo()
        self._derive()

    def on_form_rows_chosen(self, message: FormRows.Chosen) -> None:
        if not self.is_editing:
            self.rows.select(message.number)
            self._describe()
            if message.twice:
                self.action_edit()

    def on_input_changed(self, _event: Input.Changed) -> None:
        if self.is_editing:
            self._describe()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        row = self.current
        if row is None:
            return
        problem = problem_of(row, event.value)
        if problem:
            self.help_lines.say(problem)
        else:
            self._end_input()
            if event.value.strip() != (row.value or ""):
                self._change(row, event.value)

    # What the text says

    def _text_checked(self, _result: ReadResult) -> None:
        self._derive()

    def _derive(self) -> None:
        """Read the rows anew, in a thread: a long text takes a while."""
        text, newest, old = self._host.buffer.text, self._host.newest, self._host.result
        findings: tuple[Diagnostic, ...] = newest.diagnostics if newest is not None and newest.text == text else ()

        def work() -> None:
            form, problem = _read_form(text, self._job_id, findings)
            if form is None and self.form is None and old is not None:
                form, _ = _read_form(old.text, self._job_id, ())
            self.post_message(self.Derived(form, problem))

        self._in_thread(work)

    def on_form_screen_derived(self, message: Derived) -> None:
        is_read_only = READ_ONLY if self._host.buffer.read_only else ""
        self.reason = self._host.why_not(message.problem) if message.problem else is_read_only
        if message.form is not None:
            self.form = message.form
            self.rows.show(message.form.rows, is_old=bool(message.problem))
        self.title_line.show(self.form.name if self.form is not None else "", self._job_id, self.reason)
        self._describe()

    # Changes

    def _is_locked(self, row: FormRow) -> bool:
        """Say why nothing can be changed here; whether that is so."""
        why = self.reason or row.locked
        if why:
            self.help_lines.say(why)
        return bool(why)

    def _change(self, row: FormRow, typed: str) -> None:
        self._edit(lambda text: change(text, self._job_id, row, typed))

    def _edit(self, make: Make) -> None:
        text, revision = self._host.buffer.text, self._host.buffer.revision

        def work() -> None:
            try:
                self.post_message(self.Edited(make, make(text), revision))
            except ValueError as error:
                self.post_message(self.Edited(make, (), revision, str(error)))

        self._in_thread(work)

    def on_form_screen_edited(self, message: Edited) -> None:
        if message.problem:
            self.help_lines.say(self._host.why_not(message.problem))
        elif message.revision != self._host.buffer.revision:
            self._edit(message.make)  # another change was quicker: once more, on what it has left
        else:
            self._host.buffer.apply(message.edits)
            self._derive()

    def _choose_dependencies(self) -> None:
        text = self._host.buffer.text

        def work() -> None:
            try:
                found = candidates(text, self._job_id)
            except ValueError as error:
                self.app.call_from_thread(self.help_lines.say, str(error))
            else:
                self.app.call_from_thread(self._list_candidates, found)

        self._in_thread(work)

    def _list_candidates(self, found: list[Candidate]) -> None:
        from skafos_tui.tui.screens.form_ticks import TicksScreen

        def ticked(job_id: str) -> None:
            self._edit(lambda now: toggle_dependency(now, self._job_id, job_id))

        if self.is_current:
            self.app.push_screen(TicksScreen(found, ticked))

    # Help and preview

    def _describe(self) -> None:
        row = self.current
        if row is None:
            self.help_lines.show(None, "")
            return
        typed = self.input_line.value if self.is_editing else None
        self.help_lines.show(row, "" if typed is None else problem_of(row, typed), typing=typed is not None)
        self._looks += 1
        if row.path[0] in _TIMED and self.form is not None:
            self._look_at_fires(row, typed)
        else:
            self.help_lines.show_fires(None)

    def _look_at_fires(self, row: FormRow, typed: str | None) -> None:
        assert self.form is not None
        values = {key: self.form.row(key).value or "" for key in _TIMED}
        if typed is not None:
            values[row.path[0]] = typed.strip()
        project, number, now = self._host.project, self._looks, self._host.skafos.now()
        job = next((job for job in project.jobs if job.id == self._job_id), None) if project is not None else None

        def work() -> None:
            facts = None
            if project is not None and job is not None:
                zone = values["timezone"] or project.timezone
                facts = fire_facts(project, job, self._host.store_facts, now, schedule=values["schedule"], zone=zone)
            self.post_message(self.FiresRead(facts, number))

        self._in_thread(work)

    def on_form_screen_fires_read(self, message: FiresRead) -> None:
        if message.number == self._looks:
            self.help_lines.show_fires(message.facts)

    def _offered(self, row: FormRow) -> tuple[str, ...]:
        if row.field.kind is Kind.TIMEZONE:
            return zones()
        if row.field.kind is Kind.ENTRYPOINT:
            return self._files
        return choices_of(row)

    def _end_input(self) -> None:
        self.input_line.display = False
        self.rows.focus()
        self._describe()

    def _in_thread(self, work: Callable[[], None]) -> None:
        self.run_worker(work, thread=True, group="form", exit_on_error=False)


def _read_form(text: str, job_id: str, findings: tuple[Diagnostic, ...]) -> tuple[JobForm | None, str]:
    """The form of a job of a text, or why there is none."""
    try:
        return form_of(text, job_id, findings), ""
    except ValueError as error:
        return None, plain(str(error))
