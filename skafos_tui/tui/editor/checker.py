"""Validation beside the typing: the newest text after a pause, in a thread; long texts in a process of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skafos_tui.tui.editor.findings import JobSpan

if TYPE_CHECKING:
    from skafos_tui.config.reader import ReadResult

PAUSE_S = 0.12
"""So long after the last key a text is validated."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a revision of the text says; `spans` are the rows of its jobs, None where it is no YAML."""

    revision: int
    result: ReadResult
    spans: tuple[JobSpan, ...] | None


def check(directory: str, text: str) -> tuple[ReadResult, tuple[JobSpan, ...] | None]:
    """Validate a text as the config of a directory."""
    from skafos_tui.config.files import DirectoryFiles
    from skafos_tui.config.reader import parse_config
    from skafos_tui.tui.editor.spans import job_spans

    result = parse_config(text, files=DirectoryFiles(directory), **options(text))
    return result, job_spans(text)


def options(text: str) -> dict[str, object]:
    """What a config is held against."""
    from skafos_tui.config.files import this_machine

    return {"machine": this_machine()}


class Checker:
    """Takes texts, and posts what the newest says once no newer has come for a while.

    `post` is called on the checker's thread; older answers are dropped.
    """

    def __init__(self, directory: str, post: Callable[[Checked], None]) -> None:
        self._directory = directory
        self._post = post
        self._condition = threading.Condition()
        self._wanted: tuple[int, str] | None = None
        self._due = 0.0
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="validation", daemon=True)

    def start(self) -> None:
        """Begin to wait for texts."""
        self._thread.start()

    def stop(self) -> None:
        """Validate no more; returns at once."""
        with self._condition:
            self._ended = True
            self._condition.notify()

    def ask(self, revision: int, text: str, *, pause_s: float = PAUSE_S) -> None:
        """Validate this text unless another comes within the pause."""
        with self._condition:
            self._wanted, self._due = (revision, text), time.monotonic() + pause_s
            self._condition.notify()

    def _run(self) -> None:
        while (wanted := self._next()) is not None:
            revision, text = wanted
            result, spans = check(self._directory, text)
            with self._condition:
                is_old = self._ended or self._wanted is not None
            if not is_old:
                self._post(Checked(revision, replace(result, text=text), spans))

    def _next(self) -> tuple[int, str] | None:
        """The text to validate, once it has stood for the pause; None at the end."""
        with self._condition:
            while not self._ended:
                rest = self._due - time.monotonic()
                if self._wanted is None:
                    self._condition.wait()
                elif rest > 0:
                    self._condition.wait(rest)
                else:
                    wanted, self._wanted = self._wanted, None
                    return wanted
        return None
