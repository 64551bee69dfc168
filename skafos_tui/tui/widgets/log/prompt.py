"""One line that is typed in the log pane: what to find, where to go, where to save to."""

from __future__ import annotations

from enum import Enum


class Asked(Enum):
    """What is asked for; the value stands before what is typed."""

    FIND = "find: "
    ONLY = "only: "
    TIME = "go to time: "
    SAVE = "save to: "


class Prompt:
    """A line under way, with its cursor."""

    def __init__(self, asked: Asked, text: str = "") -> None:
        self.asked = asked
        self.text = text
        self.cursor = len(text)

    def type(self, text: str) -> None:
        """Put text in at the cursor; what can't be printed is left out."""
        text = "".join(character for character in text if character.isprintable())
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)

    def press(self, key: str) -> bool:
        """Edit by a key, as Textual names it; whether it was one."""
        if key in ("backspace", "ctrl+h") and self.cursor:
            self.text = self.text[: self.cursor - 1] + self.text[self.cursor :]
            self.cursor -= 1
        elif key == "delete":
            self.text = self.text[: self.cursor] + self.text[self.cursor + 1 :]
        elif key == "ctrl+u":
            self.text, self.cursor = self.text[self.cursor :], 0
        elif key == "ctrl+w":
            kept = self.text[: self.cursor].rstrip().rpartition(" ")
            head = kept[0] + kept[1]
            self.text, self.cursor = head + self.text[self.cursor :], len(head)
        elif key in ("left", "right"):
            self.cursor = min(len(self.text), max(0, self.cursor + (1 if key == "right" else -1)))
        elif key in ("home", "end"):
            self.cursor = 0 if key == "home" else len(self.text)
        else:
            return key in ("backspace", "ctrl+h")
        return True
