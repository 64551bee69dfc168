"""What differs between two texts, as few edits as possible; and two changes of one text brought together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from skafos_tui.model.diagnostic import Edit

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
Region = tuple[int, int, int, int]
"""Lines `a` to `b` of the one text became lines `c` to `d` of the other."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """A stretch that both sides changed, each in its own way; `line` is its first in the base, from 1."""

    line: int
    base: str
    mine: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Merge:
    """Two changes of one text together: texts that are settled, and hunks that a person settles."""

    pieces: tuple[str | Hunk, ...]

    @property
    def hunks(self) -> tuple[Hunk, ...]:
        """What a person has to settle."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Hunk))

    def text(self, take_mine: Sequence[bool] = ()) -> str:
        """The whole, for each hunk mine or theirs."""
        choices = iter(take_mine)
        return "".join(_settled(piece, choices) for piece in self.pieces)


def _settled(piece: str | Hunk, choices: Iterator[bool]) -> str:
    if isinstance(piece, str):
        return piece
    return piece.mine if next(choices) else piece.theirs


def lines_of(text: str) -> list[str]:
    """The lines with their breaks; together they are the text."""
    return _LINE.findall(text)


def edits_between(old: str, new: str) -> tuple[Edit, ...]:
    """The edits that make `new` of `old`; what is the same at both ends of a changed stretch is left alone."""
    before, after = lines_of(old), lines_of(new)
    starts = _offsets(before)
    found = []
    for a, b, c, d in regions(before, after):
        was, now = "".join(before[a:b]), "".join(after[c:d])
        lead = _common(was, now)
        tail = _common(was[lead:][::-1], now[lead:][::-1])
        found.append(Edit(starts[a] + lead, starts[b] - tail, now[lead : len(now) - tail]))
    return tuple(found)


def regions(before: Sequence[str], after: Sequence[str]) -> list[Region]:
    """The stretches of lines that differ, in order."""
    lead = _common(before, after)
    tail = _common(before[lead:][::-1], after[lead:][::-1])
    old, new = before[lead : len(before) - tail], after[lead : len(after) - tail]
    if not old or not new:
        return [(lead, lead + len(old), lead, lead + len(new))] if old or new else []
    matcher = SequenceMatcher(None, old, new)
    return [(a + lead, b + lead, c + lead, d + lead) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]


def merge(base: str, mine: str, theirs: str) -> Merge:
    """Bring two changes of a text together: where they don't meet both are in it, the same change once."""
    old, ours, others = lines_of(base), lines_of(mine), lines_of(theirs)
    pieces: list[str | Hunk] = []
    done = 0
    for start, end, mine_regions, their_regions in _meetings(regions(old, ours), regions(old, others)):
        pieces.append("".join(old[done:start]))
        was = "".join(old[start:end])
        one = _applied(old, ours, start, end, mine_regions)
        other = _applied(old, others, start, end, their_regions)
        if one == other or not their_regions:
            pieces.append(one)
        elif not mine_regions:
            pieces.append(other)
        else:
            pieces.append(Hunk(start + 1, was, one, other))
        done = end
    pieces.append("".join(old[done:]))
    return Merge(tuple(piece for piece in pieces if piece))


def _meetings(mine: list[Region], theirs: list[Region]) -> Iterator[tuple[int, int, list[Region], list[Region]]]:
    """Stretches of the base, with the changes of either side in them; changes that meet share one stretch."""
    waiting = sorted([(region, 0) for region in mine] + [(region, 1) for region in theirs])
    while waiting:
        (start, end, _, _), _ = waiting[0]
        group: tuple[list[Region], list[Region]] = ([], [])
        while waiting and (not (group[0] or group[1]) or _meets((start, end), waiting[0][0])):
            region, side = waiting.pop(0)
            group[side].append(region)
            end = max(end, region[1])
        yield start, end, *group


def _meets(stretch: tuple[int, int], region: Region) -> bool:
    """Whether a change touches a stretch before it so that the order of both would be a guess."""
    start, end = stretch
    is_insertion = region[0] == region[1] or start == end
    return region[0] < end or (region[0] == end and is_insertion)


def _applied(old: Sequence[str], new: Sequence[str], start: int, end: int, changed: Sequence[Region]) -> str:
    """The lines `start` to `end` of the base as one side has them."""
    found, at = [], start
    for a, b, c, d in changed:
        found += [*old[at:a], *new[c:d]]
        at = b
    return "".join([*found, *old[at:end]])


def _offsets(lines: Sequence[str]) -> list[int]:
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    return offsets


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items two sequences begin with that are the same."""
    most = min(len(one), len(other))
    return next((index for index in range(most) if one[index] != other[index]), most)
