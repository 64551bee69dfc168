"""A finding of the validation: what is wrong, where, what would be right, and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters; only errors keep a config from running."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `text[start:end]` by `replacement`; offsets are code points of the decoded file text."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Fix:
    """An exact text edit that takes a finding away; `title` is an imperative sentence without a full stop.

    `changes_meaning` where the file would do something else than now (fire at other times, say): a person takes such
    a fix knowingly, never many at once.
    """

    title: str
    edits: tuple[Edit, ...]
    changes_meaning: bool = False


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `line` and `column` count from 1; `end_column` is exclusive, on the line `line`."""

    severity: Severity
    code: str
    message: str
    line: int = 1
    column: int = 1
    end_column: int = 1
    job_id: str | None = None
    fix: Fix | None = None

    def render(self, path: str) -> str:
        """The finding as one line, `file:line:col: severity[code] message` (SPEC 9)."""
        return f"{path}:{self.line}:{self.column}: {self.severity}[{self.code}] {self.message}"


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any finding is an error."""
    return any(item.severity is Severity.ERROR for item in diagnostics)
