"""The jobs that a job depends on, to tick: type a part of a name, Enter ticks, Esc is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from skafos_tui.config.job_form import Candidate
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import clip
from skafos_tui.tui.screens.popup import PopupScreen

MOST = 200


class TicksScreen(PopupScreen[None]):
    """Tells `ticked` the id of each job whose tick is changed, at once."""

    def __init__(self, candidates: Sequence[Candidate], ticked: Callable[[str], None]) -> None:
        super().__init__()
        self._all = list(candidates)
        self._shown: list[Candidate] = []
        self._ticked = ticked

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Input(placeholder="a job")
            yield OptionList(markup=False)
            yield Static("\nEnter ticks, Esc is done", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._list("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """List what has the typed words in it."""
        self._list(event.value)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None:
            self._tick(self._shown[highlighted])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._tick(self._shown[event.option_index])

    def on_key(self, event: events.Key) -> None:
        """The arrows move in the list while the typing goes on."""
        options = self.query_one(OptionList)
        moves = {"down": options.action_cursor_down, "up": options.action_cursor_up}
        if event.key in moves:
            moves[event.key]()
            event.stop()
            event.prevent_default()

    def _tick(self, candidate: Candidate) -> None:
        if candidate.note and not candidate.ticked:
            return
        at = self._all.index(candidate)
        self._all[at] = replace(candidate, ticked=not candidate.ticked)
        self._ticked(candidate.job_id)
        highlighted = self.query_one(OptionList).highlighted
        self._list(self.query_one(Input).value)
        self.query_one(OptionList).highlighted = highlighted

    def _list(self, typed: str) -> None:
        words = typed.lower().split()
        found = [each for each in self._all if all(word in each.name.lower() for word in words)]
        self._shown = sorted(found, key=lambda each: not each.ticked)[:MOST] if not typed else found[:MOST]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(tick_line(each)) for each in self._shown])
        options.highlighted = 0 if self._shown else None


def tick_line(each: Candidate) -> str:
    """A job with its tick, and what speaks against it."""
    note = f"  {each.note}" if each.note else ""
    return f"[{'x' if each.ticked else ' '}] {clip(plain(each.name), 30)}{note}"
