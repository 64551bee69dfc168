"""The log pane's title line: whose lines these are, and where in them we are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style

from skafos_tui.store.logs.format import NANOSECONDS
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import cell_width, clip
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.log.levels import Level
from skafos_tui.tui.widgets.log.reading import Reading

INSTANCES_NAMED = 6
OWNER_LEAST = 4
"""Of a job's name in fewer cells nothing can be read."""
LEVEL_WORDS = {Level.WARNING: "warnings and errors", Level.ERROR: "errors"}


@dataclass(frozen=True)
class Facts:
    """What the title is made of. `arrived`: lines that came since following ended; `ordinal`: the current line's."""

    reading: Reading
    following: bool
    arrived: int
    count: int
    ordinal: int
    stream: str
    marked: int


def heading(facts: Facts, room: int, roles: Mapping[Role, Style]) -> list[tuple[str, Style]]:
    """The pieces behind the title in `room` cells: how many lines on the right, the rest as far as it fits."""
    right = clip(position(facts), room)
    left = room - cell_width(right) - 3
    # What goes on is told before whose it is: that is also where the job was chosen.
    what = clip(doing(facts), left)
    owner = whose(facts, left - cell_width(what) - 2)
    words = [(owner, Style()), (what, roles[Role.RUN if facts.following else Role.WARN])]
    pieces = [(f" {text} ", style) for text, style in words if text]
    blanks = room - cell_width(right) - sum(cell_width(text) for text, _ in pieces) - 1
    return [*pieces, (" " * max(1, blanks), Style()), (right, roles[Role.IDLE])]


def whose(facts: Facts, room: int) -> str:
    """The job, its instances, the attempt; of these what has room, the job at least in part."""
    job, *others = _owners(facts.reading)
    found = clip(job, room) if room >= OWNER_LEAST else ""
    for words in others:
        if cell_width(found) + 2 + cell_width(words) <= room:
            found += f"  {words}"
    return found


def _owners(reading: Reading) -> list[str]:
    if reading.choice.all_jobs:
        return ["all jobs"]
    if not reading.attempts:
        return ["no log yet"]
    sources = sorted((attempt.source for attempt in reading.attempts), key=lambda one: one.instance)
    words = [plain(sources[0].job)]
    if len({attempt.source.instance for attempt in reading.shown.of_job()}) > 1:
        named = len(sources) <= INSTANCES_NAMED
        words.append(" ".join(f"#{one.instance}" for one in sources) if named else f"{len(sources)} instances")
    numbers = sorted({source.attempt for source in sources})
    if numbers != [0]:  # that is the image step's
        words.append(f"attempt {'/'.join(map(str, numbers))}")
    return words


def doing(facts: Facts) -> str:
    """Whether it follows, what is left out, what is looked for."""
    reading = facts.reading
    words = []
    if reading.live:
        words.append("following" if facts.following else "paused")
        if facts.arrived and not facts.following:
            words.append(f"+{facts.arrived:,} lines")
    elif ended := [attempt.ended_ns for attempt in reading.attempts if attempt.ended_ns is not None]:
        words.append("ended " + time.strftime("%H:%M:%S", time.localtime(max(ended) // NANOSECONDS)))
    if reading.level > Level.NORMAL:
        words.append(f"only {LEVEL_WORDS[reading.level]}")
    if reading.only is not None:
        words.append(f"only {plain(reading.only.pattern)!r}")
    if reading.find is not None:
        words.append(f"find {plain(reading.find.pattern)!r}")
    if reading.searching or reading.finding:
        words.append("searching")
    if facts.marked:
        words.append(f"{facts.marked:,} marked")
    if facts.stream == "stderr":
        words.append("stderr")
    return "  ".join(words)


def position(facts: Facts) -> str:
    """How many lines there are, and which one is the current."""
    total = f"{facts.count:,}"
    if facts.reading.filtered:
        total += f" of {facts.reading.total():,}"
    if facts.following or not facts.count:
        return f"{total} line" if total == "1" else f"{total} lines"
    return f"line {facts.ordinal:,} of {total}"
