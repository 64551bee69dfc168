"""The gaps between layers: which lines are one net, and in which column each goes up and down (SCREENS 4, 5 and 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skafos_tui.text.layers import Layering

Targets = frozenset[int]


@dataclass(frozen=True, slots=True)
class Net:
    """Items of one layer that all lead to the same items of the next one: one united line.

    `sources` and `targets` are items with their rows; a target's row is that of the net's entry.
    """

    sources: tuple[tuple[int, int], ...]
    targets: tuple[tuple[int, int], ...]

    @property
    def rows(self) -> tuple[int, int]:
        """The first and the last row it touches."""
        touched = [row for _, row in (*self.sources, *self.targets)]
        return min(touched), max(touched)

    @property
    def is_straight(self) -> bool:
        """Whether it is one horizontal, which needs no track."""
        first, last = self.rows
        return first == last


@dataclass(frozen=True, slots=True)
class Channel:
    """The nets of one gap and the track of each, from the left; None for a straight one.

    `is_clear` says whether no two nets had to share a part of a row.
    """

    nets: tuple[Net, ...]
    tracks: tuple[int | None, ...]
    count: int
    is_clear: bool


def nets_of(layering: Layering, layer: Sequence[int]) -> dict[Targets, list[int]]:
    """The sources of a layer by their targets, from above."""
    nets: dict[Targets, list[int]] = {}
    for item in layer:
        if layering.after[item]:
            nets.setdefault(frozenset(layering.after[item]), []).append(item)
    return nets


def entry_offsets(layering: Layering) -> dict[tuple[Targets, int], int]:
    """By net and target the row of the entry, counted from the target's title.

    Nets with that single target share the title's row; each fan-out has a row of its own, so that it can't be read as
    leading to the sources of another one.
    """
    offsets: dict[tuple[Targets, int], int] = {}
    for layer in layering.layers:
        taken: dict[int, int] = {}
        for targets in sorted(nets_of(layering, layer), key=_is_fan_out):
            for target in targets:
                if len(targets) == 1:
                    offsets[targets, target] = 0
                    taken[target] = 1
                else:
                    offsets[targets, target] = taken.get(target, 0)
                    taken[target] = offsets[targets, target] + 1
    return offsets


def route(
    layering: Layering, layer: Sequence[int], row_of: Sequence[int], offsets: Mapping[tuple[Targets, int], int]
) -> Channel:
    """The nets right of a layer and their tracks."""
    nets = []
    for targets, sources in nets_of(layering, layer).items():
        entries = sorted(((target, row_of[target] + offsets[targets, target]) for target in targets), key=_row)
        nets.append(Net(tuple((item, row_of[item]) for item in sources), tuple(entries)))
    return _Tracks(nets).channel()


def _is_fan_out(targets: Targets) -> bool:
    return len(targets) > 1


def _row(place: tuple[int, int]) -> int:
    return place[1]


class _Tracks:
    """Gives each net that isn't straight the leftmost track that is free where it is allowed to stand."""

    def __init__(self, nets: Sequence[Net]) -> None:
        self._nets = nets
        self._bent = [number for number, net in enumerate(nets) if not net.is_straight]
        self._right_of: dict[int, set[int]] = {number: set() for number in self._bent}
        self._waits_for = dict.fromkeys(self._bent, 0)
        self._order()
        self._intervals: list[list[tuple[int, int]]] = []
        self._lowest = dict.fromkeys(self._bent, 0)

    def _order(self) -> None:
        """A net that leaves a row has to turn off before another one enters that row."""
        entering: dict[int, list[int]] = {}
        for number in self._bent:
            for _, row in self._nets[number].targets:
                entering.setdefault(row, []).append(number)
        for number in self._bent:
            for _, row in self._nets[number].sources:
                for other in entering.get(row, ()):
                    if other != number and other not in self._right_of[number]:
                        self._right_of[number].add(other)
                        self._waits_for[other] += 1

    def channel(self) -> Channel:
        """All tracks given out, from the left; on a cycle some net has to go first and the channel isn't clear."""
        tracks: list[int | None] = [None] * len(self._nets)
        todo = sorted(self._bent, key=lambda number: (-len(self._nets[number].targets), self._nets[number].rows[0]))
        is_clear = True
        while todo:
            ready = [number for number in todo if not self._waits_for[number]]
            if not ready:
                is_clear, ready = False, todo[:1]
            for number in ready:
                tracks[number] = self._place(number)
            todo = [number for number in todo if tracks[number] is None]
        return Channel(tuple(self._nets), tuple(tracks), len(self._intervals), is_clear)

    def _place(self, number: int) -> int:
        first, last = self._nets[number].rows
        track = self._lowest[number]
        while track < len(self._intervals) and any(
            first <= end and last >= start for start, end in self._intervals[track]
        ):
            track += 1
        if track == len(self._intervals):
            self._intervals.append([])
        self._intervals[track].append((first, last))
        for other in self._right_of[number]:
            self._lowest[other] = max(self._lowest[other], track + 1)
            self._waits_for[other] -= 1
        return track
