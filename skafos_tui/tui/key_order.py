"""Keys one after the other: what is typed fast, or arrives at once, goes where the key before it has led.

Textual routes a key by the screen that is there when it arrives. Typed in one go, `:` and a word would open the palette
and do what the letters of the word mean on the screen below.
"""

from __future__ import annotations

from collections import deque

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

PATIENCE_S = 0.5
"""So long a key is waited for whose place has gone before it could be taken."""


class OrderedKeys(App[None], inherit_bindings=False):
    """An app that hands out a key when the one before has been taken, and the screen that it opened is there."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._typed: deque[events.Key] = deque()
        self._key_number = 0
        self._key_is_out = False

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._typed.append(event)
            await self._hand_out()
        else:
            await super().on_event(event)

    async def _hand_out(self) -> None:
        if self._key_is_out or not self._typed:
            return
        key = self._typed.popleft()
        self._key_is_out = True
        self._key_number += 1
        number = self._key_number
        screen = self.screen
        place: MessagePump = self.focused or screen
        await super().on_event(key)
        # Behind the key in the queue of whoever takes it first, then in that of its screen, where it may go next.
        place.call_later(screen.call_later, self._taken, number)
        self.set_timer(PATIENCE_S, lambda: self._free(number))

    def _taken(self, number: int) -> None:
        # A screen that was opened takes this once it is mounted; its focus is then on its way to us.
        self.screen.call_later(self._free, number)

    def _free(self, number: int) -> None:
        if self._key_is_out and number == self._key_number:
            self._key_is_out = False
            self.call_later(self._hand_out)
