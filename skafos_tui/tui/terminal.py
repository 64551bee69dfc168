"""The driver of the user's terminal: its input, its title, and what it is like after us.

Textual's reads input strictly (a byte that is no UTF-8 ends the app), spins at the end of input, and hands answers
that it does not know on as keys.
"""

from __future__ import annotations

import os
import selectors
import sys
import time
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any, cast

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver

from skafos_tui.tui.background import PATIENCE_S, Answers

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp

_KEEP_TITLE, _GIVE_TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"
_LOOK_S = 0.1
_ESCAPE_S = ESCAPE_DELAY + 0.001
"""After this an Esc that nothing has followed is a key; a look only every `_LOOK_S` would make it take 100 ms."""


class Terminal(LinuxDriver):
    """Textual's driver with input of its own."""

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        if sys.__stderr__ is None or not sys.__stderr__.isatty():
            # Textual draws there, and `skafos 2>errors` would be a dark screen.
            self._file = sys.__stdout__
        self._title_was_set = False
        self._typed_ahead = self._skafos.asked.typed if self._skafos.asked is not None else b""
        self._answers_until = time.monotonic() + PATIENCE_S

    @property
    def _skafos(self) -> SkafosApp:
        return cast("SkafosApp", self._app)

    def use_mouse(self, is_ours: bool) -> None:
        """Take the mouse, or leave it to the terminal."""
        if is_ours:
            self._enable_mouse_support()
        else:
            self._disable_mouse_support()

    def set_title(self, title: str) -> None:
        """Name the window; the title before comes back at the end."""
        if not self._title_was_set:
            self._title_was_set = True
            self.write(_KEEP_TITLE)
        self.write(f"\x1b]2;{title}\x07")

    def give_title_back(self) -> None:
        """The window's title as it was before."""
        if self._title_was_set:
            self._title_was_set = False
            self.write(_GIVE_TITLE_BACK)

    def start_application_mode(self) -> None:
        """Take the terminal; what it was like before we asked it anything is what it will be again."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        asked = self._skafos.asked
        if asked is not None:
            self.attrs_before = asked.before
        if not self._skafos.mouse_is_ours:
            self._disable_mouse_support()

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self.give_title_back()
        super().stop_application_mode()

    def run_input_thread(self) -> None:
        """Turn input into events until the app ends; ends the app where input ends."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        waits = self._skafos.asked is not None and self._skafos.asked.light is None
        answers = Answers(self._tell_background) if waits else None

        def handle(data: str) -> None:
            if data:  # to the parser nothing is the end of everything
                for event in parser.feed(data):
                    self.process_message(event)

        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            ahead, self._typed_ahead = self._typed_ahead, b""
            text = decode(ahead)
            handle(answers.take(text) if answers is not None else text)
            while not self.exit_event.is_set():
                if selector.select(_ESCAPE_S if text.endswith("\x1b") else _LOOK_S):
                    data = self._read()
                    if not data:
                        self._app.call_later(self._skafos.closed)
                        break
                    text = decode(data)
                    handle(answers.take(text) if answers is not None else text)
                else:
                    text = ""
                if answers is not None and time.monotonic() > self._answers_until:
                    handle(answers.give_up())
                    answers = None
                for event in parser.tick():
                    self.process_message(event)
        try:
            for _event in parser.feed(""):
                pass
        except (EOFError, ParseError):
            pass  # the app ends: a sequence that is not whole means nothing any more

    def _tell_background(self, light: bool) -> None:
        self._app.call_later(self._skafos.use_light, light)

    def _read(self) -> bytes:
        """What was typed; nothing where the terminal has gone."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""
