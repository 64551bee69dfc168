"""Taking fixes: all that are offered, together where they don't touch, until none is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.reader import ReadResult
from skafos_tui.model.diagnostic import Diagnostic, Fix, Severity

ROUNDS = 20
"""One round brings to light what the last one's findings hid; real files need three."""
READINGS = 100
"""How often a text is read in all; without fixes that exclude each other it is once a round."""


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
        if item.fix is None or item.fix.changes_meaning:
            continue
        start, end = item.fix.edits[0].start, item.fix.edits[-1].end
        if all(end < low or high < start for low, high, _ in chosen):
            chosen.append((start, end, item))
    return tuple(item for _, _, item in sorted(chosen, key=lambda each: each[0]))


def take_all(first: ReadResult, read: Callable[[str], ReadResult]) -> FixOutcome:
    """Take every fix that keeps the meaning, read the text again with `read`, and so on until nothing is offered.

    Each fix alone brings no new error, but two may together (names of jobs made ids that close a circle): then the
    later one is left out. What is no YAML hides everything else, so what its fix brings to light is not new.
    """
    trial = _Trial(read)
    outcome = FixOutcome(first.text, first, ())
    for _ in range(ROUNDS):
        chosen = apart(outcome.result.diagnostics)
        following = trial.with_those_that_hold(outcome, chosen) if chosen else outcome
        if following is outcome:
            break
        outcome = following
    return outcome


class _Trial:
    """Takes fixes together and holds what they bring against what was there; ends after `READINGS`."""

    def __init__(self, read: Callable[[str], ReadResult]) -> None:
        self._read = read
        self._readings = 0

    def with_those_that_hold(self, before: FixOutcome, chosen: Sequence[Diagnostic]) -> FixOutcome:
        """The outcome after as many of these fixes as bring no new error together; `before` itself after none.

        Halves a group that does, so that of a thousand fixes a few are found in a few readings.
        """
        outcome = before
        held: tuple[Diagnostic, ...] = ()
        groups = [tuple(chosen)]
        while groups and self._readings < READINGS:
            group = groups.pop(0)
            tried = self._taken(before, (*held, *group))
            if _brings_no_error(before.result, tried.result):
                outcome, held = tried, (*held, *group)
            elif len(group) > 1:
                middle = len(group) // 2
                groups[:0] = [group[:middle], group[middle:]]
        return outcome

    def _taken(self, before: FixOutcome, chosen: tuple[Diagnostic, ...]) -> FixOutcome:
        self._readings += 1
        edits = [edit for item in chosen if item.fix is not None for edit in item.fix.edits]
        text = apply_edits(before.text, edits)
        return FixOutcome(text, self._read(text), before.taken + chosen)


def _brings_no_error(before: ReadResult, after: ReadResult) -> bool:
    old, new = _errors(before), _errors(after)
    return "yaml-syntax" in old or not new - old


def _errors(result: ReadResult) -> Counter[str]:
    """How often each code stands among the errors."""
    return Counter(item.code for item in result.diagnostics if item.severity is Severity.ERROR)
