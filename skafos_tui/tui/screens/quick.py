"""A screen that shows at once what a key has done."""

from __future__ import annotations

from textual.screen import Screen
from textual.timer import Timer

UPDATE_S = 1 / 200
"""Textual draws what has changed at the next sixtieth of a second: while a log streams in, the last frame was just
before, and a key waits 16 ms more for its own. What streams is paced elsewhere (`pacing`), so shorter waits make no
more frames.
"""


class QuickScreen(Screen[None], inherit_bindings=False):
    """Draws what has changed after 5 ms at the latest; idle it draws nothing."""

    _quick_timer: Timer | None = None

    @property
    def _update_timer(self) -> Timer:
        if self._quick_timer is None:
            self._quick_timer = self.set_interval(UPDATE_S, self._on_timer_update, name="screen_update", pause=True)
        return self._quick_timer
