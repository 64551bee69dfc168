"""How a command ends when it can't do what was asked: one line, one exit code (SPEC 9)."""

from __future__ import annotations

FAILED = 1
"""The thing asked about failed: validation errors, a failed run."""
USAGE = 2
"""Wrong usage or unreadable input."""
UNREACHABLE = 3
"""Docker or the engine can't be reached."""
INTERRUPTED = 130
"""Ended by Ctrl-C."""


class CommandError(Exception):
    """Ends a command: `message` is one line that says what is wrong and what to do, `code` the exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
