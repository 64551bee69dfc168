"""A question before something that can't be taken back: No is the default, and at first no key is taken."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from skafos_tui.tui.screens.popup import PopupScreen

DEAF_S = 0.3
"""So long no key is taken: it may have been meant for what was there before."""
YES = "y"


class QuestionScreen(PopupScreen["str | None"]):
    """Gives the key of the answer: `y` or one of the `others`; None is no, and so is every usual way out."""

    BINDINGS: ClassVar = [Binding("n,enter,escape,q", "answer('')", show=False)]

    def __init__(self, question: str, others: Mapping[str, str] | None = None) -> None:
        """`others` are further answers by their key, with what they mean in a word or two."""
        super().__init__()
        self._question = question
        self._others = dict(others or {})
        self._opened_at = time.monotonic()

    def compose(self) -> ComposeResult:
        others = "".join(f"   [{key}] {meaning}" for key, meaning in self._others.items())
        with Vertical(classes="box"):
            with VerticalScroll(classes="question"):
                yield Static(self._question, markup=False)
            yield Static(f"\n[y] yes{others}   [n] no (Enter, Esc)", markup=False)

    def on_key(self, event: events.Key) -> None:
        """An answer that is none of the usual ways out."""
        if event.key == YES or event.key in self._others:
            event.stop()
            event.prevent_default()
            self.action_answer(event.key)

    def action_answer(self, key: str) -> None:
        """Take an answer, once a person can have read the question."""
        if time.monotonic() - self._opened_at >= DEAF_S:
            self.dismiss(key or None)
