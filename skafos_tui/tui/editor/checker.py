"""Validation beside the typing: the newest text after a pause, in a thread; long texts in a process of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skafos_tui.tui.editor.check_process import CheckProcess, ProcessGone, Said
from skafos_tui.tui.editor.findings import JobSpan

if TYPE_CHECKING:
    from skafos_tui.config.reader import ReadResult

PAUSE_S = 0.12
"""So long after the last key a text is validated."""
PROCESS_LINES = 1000
"""A longer text is validated in a process: a thread would hold the screen's loop for up to 32 ms."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a revision of the text says; `spans` are the rows of its jobs, None where it is no YAML."""

    revision: int
    result: ReadResult
    spans: tuple[JobSpan, ...] | None


class Checker:
    """Takes texts, and posts what the newest says once no newer has come for a while.

    `post` is called on the checker's thread; older answers are dropped.
    """

    def __init__(self, directory: str, post: Callable[[Checked], object]) -> None:
        self._directory = directory
        self._post = post
        self._condition = threading.Condition()
        self._wanted: tuple[int, str] | None = None
        self._due = 0.0
        self._ended = False
        self._process: CheckProcess | None = None
        self._thread = threading.Thread(target=self._run, name="validation", daemon=True)

    def start(self) -> None:
        """Begin to wait for texts."""
        self._thread.start()

    def stop(self) -> None:
        """Validate no more; returns at once."""
        with self._condition:
            self._ended = True
            self._condition.notify()
            process, self._process = self._process, None
        if process is not None:
            process.end()

    def ask(self, revision: int, text: str, *, pause_s: float = PAUSE_S) -> None:
        """Validate this text unless another comes within the pause."""
        with self._condition:
            self._wanted, self._due = (revision, text), time.monotonic() + pause_s
            self._condition.notify()

    def hurry(self) -> None:
        """Somebody waits for the answer: no pause any more."""
        with self._condition:
            self._due = 0.0
            self._condition.notify()

    def _run(self) -> None:
        while (wanted := self._next()) is not None:
            revision, text = wanted
            result, spans = self._check(text)
            with self._condition:
                is_old = self._ended or self._wanted is not None
            if not is_old:
                self._post(Checked(revision, replace(result, text=text), spans))

    def _check(self, text: str) -> Said:
        from skafos_tui.tui.editor.check_process import check

        if text.count("\n") > PROCESS_LINES:
            try:
                return self._check_process().check(text)
            except ProcessGone:
                # It was killed, or can't be started: the thread does it, at a price.
                with self._condition:
                    process, self._process = self._process, None
                if process is not None:
                    process.end()
        return check(self._directory, text)

    def _check_process(self) -> CheckProcess:
        with self._condition:
            if self._ended:
                raise ProcessGone
            if self._process is None:
                self._process = CheckProcess(self._directory)
            return self._process

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
