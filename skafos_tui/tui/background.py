"""Whether the terminal's background is light: asked once (OSC 11), while everything else is still being loaded.

The answer comes through the keyboard. It is looked for before the screen opens and, on a slow line, among the keys of
its first seconds: it is never taken for typing.
"""

from __future__ import annotations

import os
import re
import select
import termios
from collections.abc import Callable, Mapping
from typing import Any

QUESTION = "\x1b]11;?\x1b\\"
PATIENCE_S = 10.0
"""After this no answer is looked for among the keys."""
_BEGIN = "\x1b]11;"
_ANSWER = re.compile(r"\x1b\]11;([^\x07\x1b]{0,64})(?:\x07|\x1b\\)")
_OPEN = re.compile(r"\x1b\]11;[^\x07\x1b]{0,64}\x1b?\Z")
_RGB = re.compile(r"rgba?:([0-9a-f]{1,4})/([0-9a-f]{1,4})/([0-9a-f]{1,4})", re.IGNORECASE)
_BRIGHT = 0.5


def is_light(answer: str) -> bool | None:
    """Whether the colour in an answer is nearer to white; None where there is none in it."""
    found = _RGB.search(answer)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue > _BRIGHT)


class Answers:
    """Takes the answer out of what comes from the keyboard, wherever it is broken in two."""

    def __init__(self, told: Callable[[bool], None]) -> None:
        """`told` hears once whether the background is light."""
        self._told = told
        self._held = ""
        self._waits = True

    def take(self, data: str) -> str:
        """The keys in `data`; what may be the begin of an answer is held until the rest comes."""
        if not self._waits:
            return data
        data, self._held = self._held + data, ""
        found = _ANSWER.search(data)
        if found is not None:
            self._waits = False
            light = is_light(found[1])
            if light is not None:
                self._told(light)
            return data[: found.start()] + data[found.end() :]
        begin = _open_at(data)
        data, self._held = data[:begin], data[begin:]
        return data

    def give_up(self) -> str:
        """No answer is waited for any more; what was held are keys."""
        self._waits = False
        held, self._held = self._held, ""
        return held


def _open_at(data: str) -> int:
    """Where an answer begins that isn't whole yet; the length where none does. A lone Esc is a key."""
    found = _OPEN.search(data)
    if found is not None:
        return found.start()
    for length in range(len(_BEGIN) - 1, 1, -1):
        if data.endswith(_BEGIN[:length]):
            return len(data) - length
    return len(data)


class Asked:
    """The question is out: the terminal echoes nothing until `restore`, so that the answer is not seen."""

    def __init__(self, fd: int, before: list[Any]) -> None:
        self._fd = fd
        self.before = before
        self.light: bool | None = None
        self.typed = b""

    def read(self) -> None:
        """Look at what has come, without waiting; what was typed ahead is kept."""
        found = bytearray()
        while select.select([self._fd], [], [], 0)[0]:
            data = os.read(self._fd, 4096)
            if not data:
                break
            found += data
        answers = Answers(self._set)
        keys = answers.take(found.decode("utf-8", "surrogateescape"))
        # What is held goes on being looked at: the rest of the answer is still to come.
        self.typed = (keys + answers.give_up()).encode("utf-8", "surrogateescape")

    def restore(self) -> None:
        """The terminal as it was before."""
        termios.tcsetattr(self._fd, termios.TCSANOW, self.before)

    def _set(self, light: bool) -> None:
        self.light = light


def can_be_asked(environment: Mapping[str, str]) -> bool:
    """Whether a question does no harm: consoles print it, and `screen` hands it to whatever it has around it."""
    term = environment.get("TERM", "")
    through_screen = term.startswith("screen") and "TMUX" not in environment
    return bool(term) and term not in ("dumb", "linux") and not through_screen


def ask(environment: Mapping[str, str], keyboard: int, display: int) -> Asked | None:
    """Send the question; None where nobody can be asked."""
    if not can_be_asked(environment):
        return None
    try:
        before = termios.tcgetattr(keyboard)
        changed = termios.tcgetattr(keyboard)
        changed[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(keyboard, termios.TCSANOW, changed)
        os.write(display, QUESTION.encode())
    except (termios.error, OSError):
        return None
    return Asked(keyboard, before)
