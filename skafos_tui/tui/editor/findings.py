"""Where findings and jobs stand in a text under the fingers: they move with their lines until the next validation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from skafos_tui.model.diagnostic import Diagnostic, Severity

Location = tuple[int, int]
SYNTAX = "yaml-syntax"
SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO)
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding and where it stands now: row and columns from 0, `end` exclusive.

    `is_old` where it is of the last text that was YAML, and the text now is none.
    """

    finding: Diagnostic
    row: int
    start: int
    end: int
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class JobSpan:
    """The rows of a job, from 0, `end` exclusive: comments and blank lines up to the next job are in it."""

    job_id: str
    start: int
    end: int


def placed(findings: Iterable[Diagnostic]) -> tuple[Placed, ...]:
    """Findings where the validation says they are."""
    return tuple(Placed(item, item.line - 1, item.column - 1, item.end_column - 1) for item in findings)


def moved(items: Iterable[Placed], top: Location, bottom: Location, new_end: Location) -> tuple[Placed, ...]:
    """Findings after the stretch from `top` to `bottom` was replaced by one that ends at `new_end`.

    One whose lines are gone is gone; one that the stretch cuts into keeps its line.
    """
    found = []
    for item in items:
        if item.row < top[0] or (item.row == top[0] and item.end <= top[1] and item.start < top[1]):
            found.append(item)
        elif item.row > bottom[0]:
            found.append(replace(item, row=item.row + new_end[0] - bottom[0]))
        elif item.row == bottom[0] and item.start >= bottom[1]:
            by = new_end[1] - bottom[1]
            found.append(replace(item, row=new_end[0], start=item.start + by, end=item.end + by))
        elif item.row == top[0]:
            end = item.end + new_end[1] - bottom[1] if top[0] == bottom[0] == new_end[0] else top[1]
            found.append(replace(item, end=max(item.start + 1, end)))
    return tuple(found)


def moved_spans(spans: Iterable[JobSpan], top: Location, bottom: Location, new_end: Location) -> tuple[JobSpan, ...]:
    """The jobs' rows after a replacement; a job whose rows are gone is gone."""

    def row(number: int, *, is_end: bool) -> int:
        if number <= top[0] or (number == bottom[0] and not is_end and bottom[1] > 0):
            return number if number <= top[0] else top[0]
        if number > bottom[0] or (number == bottom[0] and bottom[1] == 0):
            return number + new_end[0] - bottom[0]
        return top[0] + 1 if is_end else top[0]

    after = (JobSpan(s.job_id, row(s.start, is_end=False), row(s.end, is_end=True)) for s in spans)
    return tuple(span for span in after if span.end > span.start)


def job_at(spans: Iterable[JobSpan], row: int) -> str | None:
    """The id of the job that a row belongs to."""
    return next((span.job_id for span in spans if span.start <= row < span.end), None)


def worst_of(items: Sequence[Placed]) -> Placed | None:
    """The most severe of some findings, the first of equals."""
    return min(items, key=lambda item: (item.is_old, SEVERITIES.index(item.finding.severity)), default=None)


def counted(items: Iterable[Placed]) -> str:
    """`2 errors, 1 warning`; empty where there are none."""
    listed = [item for item in items if not item.is_old]
    words = []
    for severity, one, more in zip(
        SEVERITIES, ("error", "warning", "remark"), ("errors", "warnings", "remarks"), strict=True
    ):
        number = sum(item.finding.severity is severity for item in listed)
        if number:
            words.append(f"{number} {one if number == 1 else more}")
    return ", ".join(words)
