"""Taking fixes: all that are offered, together where they don't touch, until none is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.reader import ReadResult
from skafos_tui.model.diagnostic import Diagnostic, Fix

ROUNDS = 20
"""One round brings to light what the last one's findings hid; real files need three."""


@dataclass(frozen=True, slots=True)
class FixOutcome:
    """The text after all fixes, what it says then, and the findings whose fixes were taken."""

    text: str
    result: ReadResult
    taken: tuple[Diagnostic, ...]


def take(text: str, fix: Fix) -> str:
    """The text with one fix taken."""
    return apply_edits(text, fix.edits)


def apart(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Findings in order whose fixes can be taken together: the stretches of text they edit don't touch."""
    chosen: list[tuple[int, int, Diagnostic]] = []
    for item in diagnostics:
        if item.fix is None:
            continue
        start, end = item.fix.edits[0].start, item.fix.edits[-1].end
        if all(end < low or high < start for low, high, _ in chosen):
            chosen.append((start, end, item))
    return tuple(item for _, _, item in sorted(chosen, key=lambda each: each[0]))


def take_all(first: ReadResult, read: Callable[[str], ReadResult]) -> FixOutcome:
    """Take every fix, read the text again, and so on until nothing is offered; `read` reads a text.

    A round after which the text is no YAML any more is not kept.
    """
    outcome = FixOutcome(first.text, first, ())
    for _ in range(ROUNDS):
        chosen = apart(outcome.result.diagnostics)
        if not chosen:
            break
        edits = [edit for item in chosen if item.fix is not None for edit in item.fix.edits]
        text = apply_edits(outcome.text, edits)
        result = read(text)
        if "yaml-syntax" in _codes(result) and "yaml-syntax" not in _codes(outcome.result):
            break
        outcome = FixOutcome(text, result, outcome.taken + chosen)
    return outcome


def _codes(result: ReadResult) -> set[str]:
    return {item.code for item in result.diagnostics}
