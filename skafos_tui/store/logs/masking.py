"""Secrets taken out of log lines before they are written (SPEC 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skafos_tui.store.logs.format import GAP_PREFIX, PREFIX_LENGTH

MASK = b"***"
SHORTEST = 4
"""Bytes below which a secret is not masked: it would blot out much of the log, and what is left would tell it."""


def needles_of(secrets: Iterable[bytes]) -> tuple[bytes, ...]:
    """What must not appear in a log: the secrets, and each line of those that have several; the longest first."""
    parts = {part.strip(b"\r") for secret in secrets for part in (secret, *secret.split(b"\n"))}
    return tuple(sorted((p for p in parts if len(p) >= SHORTEST and b"\n" not in p), key=lambda p: (-len(p), p)))


def spans(text: bytes, needles: Sequence[bytes]) -> list[tuple[int, int]]:
    """Where any of the needles stands in `text`, overlapping places put together, in order."""
    found: list[tuple[int, int]] = []
    for needle in needles:
        start = text.find(needle)
        while start >= 0:
            found.append((start, start + len(needle)))
            start = text.find(needle, start + 1)
    found.sort()
    merged: list[tuple[int, int]] = []
    for start, end in found:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def mask(text: bytes, needles: Sequence[bytes]) -> bytes:
    """The text with `***` in place of each needle."""
    pieces: list[bytes] = []
    position = 0
    for start, end in spans(text, needles):
        pieces += (text[position:start], MASK)
        position = end
    return b"".join(pieces) + text[position:] if pieces else text


class Cleaner:
    """Makes lines fit to be written: secrets masked, and no line that passes itself off as a gap of ours.

    A secret may lie across the joint of a partial line and the next one of its stream. So the end of a partial line
    that may be a secret's beginning is not written with it but with the next line: joined, they read the same.
    """

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._needles = needles_of(secrets)
        self._carried: dict[bytes, bytes] = {}
        self._last_head: dict[bytes, bytes] = {}

    def clean(self, batch: bytes) -> bytes:
        """Complete stored lines in, complete stored lines out, as many."""
        if not self._suspicious(batch):
            return batch
        return b"".join(self._clean_line(raw) for raw in batch[:-1].split(b"\n"))

    def rest(self) -> bytes:
        """What was held back of partial lines that nothing followed, as complete lines; called once, at the end."""
        lines = [self._last_head[stream] + mask(text, self._needles) for stream, text in self._carried.items() if text]
        self._carried.clear()
        return b"".join(line + b"\n" for line in lines)

    def _suspicious(self, batch: bytes) -> bool:
        if GAP_PREFIX in batch:
            return True
        if not self._needles:
            return False
        if self._carried or b" stdout P " in batch or b" stderr P " in batch:
            return True
        return any(needle in batch for needle in self._needles)

    def _clean_line(self, raw: bytes) -> bytes:
        head, text = raw[:PREFIX_LENGTH], raw[PREFIX_LENGTH:]
        stream = head[31:37]
        carried = self._carried.pop(stream, b"")
        if not carried and text.startswith(GAP_PREFIX):
            text = b" " + text
        text = carried + text
        if head[38:39] == b"P" and self._needles:
            cut = self._safe_end(text)
            if cut < len(text):
                self._carried[stream] = text[cut:]
                self._last_head[stream] = head[:38] + b"F "
                text = text[:cut]
        return head + mask(text, self._needles) + b"\n"

    def _safe_end(self, text: bytes) -> int:
        """Up to where a partial line's text can be written: its end may be the beginning of a secret."""
        end = len(text)
        for needle in self._needles:
            for length in range(min(len(needle) - 1, len(text)), 0, -1):
                if text.endswith(needle[:length]):
                    end = min(end, len(text) - length)
                    break
        for start, stop in spans(text, self._needles):
            if start < end < stop:
                return start
        return end
