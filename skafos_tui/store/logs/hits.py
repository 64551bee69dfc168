"""Which lines of a log match: a set of line numbers that takes one bit a line, filled in any order, asked by rank."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import accumulate

from skafos_tui.store.logs.format import BLOCK_LINES


class HitSet:
    """Line numbers of one log. Ten million lines that all match take 2 MB."""

    def __init__(self) -> None:
        self._bits: list[int] = []
        self._before = array("Q", [0])
        self._stale = False
        self.near = (0, 0)
        """Lines that were searched first, around where the reader was: from, up to before."""
        self.searched = 0
        """Lines searched from the log's start on."""

    def put(self, block: int, bits: int) -> None:
        """The hits of a block: bit n is its line n. What was said of the block before is forgotten."""
        if block >= len(self._bits):
            self._bits.extend([0] * (block + 1 - len(self._bits)))
        self._bits[block] = bits
        self._stale = True

    def copy(self) -> HitSet:
        """The hits as they are now."""
        copied = HitSet()
        copied._bits = list(self._bits)
        copied._stale = True
        return copied

    def count(self) -> int:
        """How many lines match."""
        return self._ranks()[-1]

    def rank(self, number: int) -> int:
        """How many matching lines stand before line `number`."""
        block, place = divmod(number, BLOCK_LINES)
        if block >= len(self._bits):
            return self.count()
        return self._ranks()[block] + (self._bits[block] & ((1 << place) - 1)).bit_count()

    def select(self, rank: int) -> int:
        """The matching line with `rank` others before it. Raises IndexError where there is none."""
        if not 0 <= rank < self.count():
            raise IndexError(rank)
        ranks = self._ranks()
        block = bisect_left(ranks, rank + 1) - 1
        bits = self._bits[block]
        for _ in range(rank - ranks[block]):
            bits &= bits - 1
        return block * BLOCK_LINES + (bits & -bits).bit_length() - 1

    def following(self, number: int) -> int | None:
        """The first matching line at or after `number`."""
        block, place = divmod(number, BLOCK_LINES)
        if block >= len(self._bits):
            return None
        bits = self._bits[block] >> place
        if bits:
            return number + (bits & -bits).bit_length() - 1
        rank = self._ranks()[block + 1]
        return self.select(rank) if rank < self.count() else None

    def preceding(self, number: int) -> int | None:
        """The last matching line before `number`."""
        rank = self.rank(number)
        return self.select(rank - 1) if rank else None

    def _ranks(self) -> array[int]:
        """How many hits stand before each block, and after the last."""
        if self._stale:
            self._before = array("Q", accumulate((bits.bit_count() for bits in self._bits), initial=0))
            self._stale = False
        return self._before
