"""New, rename, duplicate and delete a job of the config: what is asked, and the menu that leads there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Static

from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import clip, pad
from skafos_tui.tui.screens.popup import PopupScreen

CHOICES = (
    ("n", "job.new", "new job", "starts after this one"),
    ("r", "job.rename", "rename", "what calls it by name follows"),
    ("d", "job.duplicate", "duplicate", "with an id of its own"),
    ("x", "job.delete", "delete", "asks first, says who depends on it"),
)
"""Key, command, title and what it does."""
STARTS_AFTER = "starts after (empty: after nothing)"
_NAMED = 12


class JobMenu(PopupScreen["str | None"]):
    """Gives the id of the chosen command; without a job at the cursor there is only a new one."""

    def __init__(self, job: str | None) -> None:
        super().__init__()
        self._job = job

    def compose(self) -> ComposeResult:
        shown = [choice for choice in CHOICES if self._job is not None or choice[1] == "job.new"]
        lines = [clip(plain(self._job), 56) if self._job is not None else "no job at the cursor", ""]
        lines += [f"[{key}] {pad(title, 10)} {help}" for key, _, title, help in shown]
        with Vertical(classes="box"):
            yield Static("\n".join([*lines, "", "Esc leaves it"]), markup=False)

    def on_key(self, event: events.Key) -> None:
        """One of the keys in the menu."""
        for key, command, _, _ in CHOICES:
            if event.key == key and (self._job is not None or command == "job.new"):
                event.stop()
                self.dismiss(command)


Fields = tuple[str, ...]


class FieldsScreen(PopupScreen["Fields | None"]):
    """A few texts to type; gives them once `problem` has nothing against them. Tab goes to the next one."""

    BINDINGS: ClassVar = [
        Binding("escape", "close", show=False),
        Binding("down,tab", "step(1)", show=False, priority=True),
        Binding("up,shift+tab", "step(-1)", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        fields: Sequence[tuple[str, str]],
        problem: Callable[[Fields], str],
        placeholder: Callable[[str], str] | None = None,
    ) -> None:
        """`fields` are labels and what stands in them; `placeholder` gives the second one's by the first."""
        super().__init__()
        self._title = title
        self._fields = fields
        self._problem = problem
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(f"{plain(self._title)}\n", markup=False)
            for number, (label, value) in enumerate(self._fields):
                yield Static(label, markup=False)
                yield Input(value, id=f"field-{number}")
            yield Static("\nEnter does it, Tab to the next, Esc leaves it", markup=False)
            yield Static("", id="problem", markup=False)

    def on_mount(self) -> None:
        self.query_one("#field-0", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#problem", Static).update("")
        if self._placeholder is not None and event.input.id == "field-0":
            self.query_one("#field-1", Input).placeholder = self._placeholder(event.value)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        values = tuple(
            each.value.strip() or (each.placeholder if self._placeholder is not None else "")
            for each in self.query(Input)
        )
        problem = self._problem(values)
        if problem:
            self.query_one("#problem", Static).update(f"\n{plain(problem)}")
        else:
            self.dismiss(values)

    def action_step(self, by: int) -> None:
        """To the next or last field."""
        fields = list(self.query(Input))
        at = next((number for number, each in enumerate(fields) if each.has_focus), 0)
        fields[(at + by) % len(fields)].focus()


def name_problem(name: str, taken: Sequence[str]) -> str:
    """Why a job can't be called so, in one line; empty where it can."""
    if not name:
        return "a job needs a name"
    if not name.isprintable():
        return "a name is one line of printable text"
    return f"there is a job {clip(name, 40)} already" if name in taken else ""


def ids_of(text: str, jobs: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], str]:
    """The ids of jobs that are written by name, commas between; else why not. `jobs` are ids with names."""
    by_name = {name: job_id for job_id, name in reversed(jobs)}
    text = text.strip()
    names = [text] if text in by_name else [name.strip() for name in text.split(",") if name.strip()]
    missing = [name for name in names if name not in by_name]
    if missing:
        return (), f"there is no job {clip(missing[0], 40)} to start after"
    return tuple(dict.fromkeys(by_name[name] for name in names)), ""


def delete_question(name: str, dependents: Sequence[str]) -> str:
    """What is asked before a job goes."""
    question = f"Delete {plain(name)} from the config?"
    if not dependents:
        return question
    names = ", ".join(plain(each) for each in dependents[:_NAMED])
    if len(dependents) > _NAMED:
        names += f" and {len(dependents) - _NAMED} more"
    verb = "depends" if len(dependents) == 1 else "depend"
    loses = "it loses that dependency" if len(dependents) == 1 else "they lose that dependency"
    return f"{question}\n{names} {verb} on it: with yes {loses}."
