"""The known word a misspelt one most likely means."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

_SEPARATORS = re.compile(r"[\s_\-“”‘’\"']+")
_LONGEST = 60


def nearest(word: str, known: Collection[str], synonyms: Mapping[str, str] | None = None) -> str | None:
    """The known word nearest to `word`, None where none is near.

    Case and separators don't count (`job id`, `Job-ID`); else about a third of the letters may differ. `synonyms` are
    tried before letters are compared.
    """
    if len(word) > _LONGEST:
        return None
    return _nearest(word, tuple(known), tuple((synonyms or {}).items()))


@lru_cache(maxsize=1024)
def _nearest(word: str, known: tuple[str, ...], synonyms: tuple[tuple[str, str], ...]) -> str | None:
    # The same slip tends to stand in every job.
    bare = _bare(word)
    for candidate in known:
        if _bare(candidate) == bare:
            return candidate
    meant = dict(synonyms).get(word.lower())
    if meant in known:
        return meant
    best: tuple[int, str] | None = None
    for candidate in known:
        allowed = max(1, min(len(candidate), len(bare)) // 3)
        if abs(len(_bare(candidate)) - len(bare)) > allowed:
            continue
        distance = edit_distance(bare, _bare(candidate))
        if distance <= allowed and (best is None or distance < best[0]):
            best = (distance, candidate)
    return best[1] if best else None


def _bare(word: str) -> str:
    return _SEPARATORS.sub("", word).lower()


def edit_distance(left: str, right: str) -> int:
    """Insertions, deletions, changes and swaps of neighbours that turn one word into the other."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
