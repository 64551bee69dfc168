"""All commands and jobs by name: type a part of one, Enter does it, or goes to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from skafos_tui.text.tables import clip, pad
from skafos_tui.tui.command import Command, key_name
from skafos_tui.tui.screens.popup import PopupScreen

_TITLE_WIDTH = 26
_PAGE = 10
MOST_JOBS = 50


@dataclass(frozen=True, slots=True)
class JobChoice:
    """A job that can be gone to."""

    job_id: str
    name: str


Choice = Command | JobChoice


class PaletteScreen(PopupScreen["Choice | None"]):
    """Gives what was chosen, or None. Jobs are listed once something is typed."""

    def __init__(self, working: Iterable[Command], jobs: Iterable[JobChoice] = ()) -> None:
        super().__init__()
        self._all = [command for command in working if command.id != "palette"]
        self._jobs = tuple(jobs)
        self._shown: Sequence[Choice] = self._all

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Input(placeholder="a command or a job")
            yield OptionList(*_options(self._shown), markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.query_one(OptionList).highlighted = 0

    def on_input_changed(self, event: Input.Changed) -> None:
        """List what has the typed words in it."""
        self._shown = [*matching(self._all, event.value), *matching_jobs(self._jobs, event.value)]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(_options(self._shown))
        options.highlighted = 0 if self._shown else None

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self._choose()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index])

    def on_key(self, event: events.Key) -> None:
        """The arrows move in the list while the typing goes on."""
        by = {"down": 1, "up": -1, "pagedown": _PAGE, "pageup": -_PAGE}.get(event.key)
        if by is None:
            return
        event.stop()
        event.prevent_default()
        options = self.query_one(OptionList)
        if self._shown:
            # Textual's own paging fails before the list has been laid out.
            options.highlighted = max(0, min(len(self._shown) - 1, (options.highlighted or 0) + by))

    def _choose(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None:
            self.dismiss(self._shown[highlighted])


def matching(commands: Iterable[Command], typed: str) -> list[Command]:
    """The commands with all typed words in their title or help; those whose title begins so come first."""
    words = typed.lower().split()
    found = [c for c in commands if all(word in f"{c.title} {c.help}".lower() for word in words)]
    return sorted(found, key=lambda command: not command.title.lower().startswith(typed.lower().strip()))


def matching_jobs(jobs: Iterable[JobChoice], typed: str) -> list[JobChoice]:
    """The first jobs with all typed words in their names; none before something is typed."""
    words = typed.lower().split()
    found = [job for job in jobs if words and all(word in job.name.lower() for word in words)]
    return sorted(found, key=lambda job: not job.name.lower().startswith(typed.lower().strip()))[:MOST_JOBS]


def _options(choices: Iterable[Choice]) -> list[Option]:
    return [Option(_line(choice)) for choice in choices]


def _line(choice: Choice) -> str:
    if isinstance(choice, JobChoice):
        return f"{pad(clip(choice.name, _TITLE_WIDTH), _TITLE_WIDTH)} job"
    keys = key_name(choice.keys[0]) if choice.keys else ""
    return f"{pad(clip(choice.title, _TITLE_WIDTH), _TITLE_WIDTH)} {keys}"
