"""Two changes of the same lines: a person says for each whether mine or theirs stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from skafos_tui.text.sgr import plain
from skafos_tui.tui.editor.changes import Hunk
from skafos_tui.tui.screens.popup import PopupScreen


class MergeScreen(PopupScreen["tuple[bool, ...] | None"]):
    """Gives for each hunk whether mine is taken; None where it was given up: then nothing has changed."""

    BINDINGS: ClassVar = [
        Binding("m", "take(True)", show=False),
        Binding("t", "take(False)", show=False),
        Binding("u,backspace", "again", show=False),
    ]

    def __init__(self, hunks: Sequence[Hunk]) -> None:
        super().__init__()
        self._hunks = tuple(hunks)
        self._taken: list[bool] = []

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box"):
            yield Static(self._words(), markup=False)

    def action_take(self, mine: bool) -> None:
        """Settle the hunk that is shown, and go on to the next."""
        self._taken.append(mine)
        if len(self._taken) == len(self._hunks):
            self.dismiss(tuple(self._taken))
        else:
            self.query_one(Static).update(self._words())

    def action_again(self) -> None:
        """Back to the hunk before."""
        if self._taken:
            self._taken.pop()
            self.query_one(Static).update(self._words())

    def _words(self) -> str:
        number = len(self._taken)
        return hunk_words(self._hunks[number], number + 1, len(self._hunks))


def hunk_words(hunk: Hunk, number: int, count: int) -> str:
    """A hunk in words: mine and theirs, line by line."""
    lines = [f"Both changed line {hunk.line}: {number} of {count}", "", "mine:"]
    lines += [*_quoted(hunk.mine), "", "theirs, on disk:", *_quoted(hunk.theirs)]
    return "\n".join([*lines, "", "[m] mine   [t] theirs   [u] one back   Esc: later"])


def _quoted(text: str) -> list[str]:
    return [f"  {plain(line)}" for line in text.splitlines()] or ["  (nothing: the lines are gone)"]
