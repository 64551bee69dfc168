"""Where the panes of the dashboard stand, by the size of the terminal (SCREENS 1); pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

PANES = ("jobs", "graph", "log", "metrics", "alerts")
"""In the order of their keys, 1 to 5."""
JOBS_MOST_SMALL = 11
JOBS_SHARE = 0.45
JOBS_LEAST = 4
LOG_LEAST = 7
SIDE_MEDIUM = 43
UPPER_LEAST_LARGE = 13
ONE_WITH_CARD = 12
"""From so many rows on the failure card stands above a pane that is alone."""
JOBS_WIDTH = 128
REFERENCE = 220
"""The width for which SCREENS gives the columns of the large layout."""


class Layout(Enum):
    """The four arrangements."""

    ONE = "one"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Box(NamedTuple):
    """A place on the screen, in cells."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What stands where; what has no box isn't shown. `rules` are the lines between panes side by side."""

    layout: Layout
    boxes: Mapping[str, Box]
    rules: tuple[Box, ...] = ()


def layout_of(width: int, height: int) -> Layout:
    """The layout for a terminal of this size."""
    if width < 60 or height < 16:
        return Layout.ONE
    if width < 100:
        return Layout.SMALL
    return Layout.MEDIUM if width < 180 else Layout.LARGE


def graph_room(width: int, height: int) -> tuple[int, int]:
    """The most cells that a drawing of the graph gets beside the jobs, or in their place where that is narrower."""
    beside = width - round(width * JOBS_WIDTH / REFERENCE) - 1 if layout_of(width, height) is Layout.LARGE else width
    return beside - 1, int(height * JOBS_SHARE) - 1


def arrange(
    width: int,
    height: int,
    jobs_want: int,
    focused: str,
    *,
    zoomed: bool,
    face: str = "jobs",
    beside: bool = True,
    card: int = 0,
    banner: bool = False,
    layout: Layout | None = None,
) -> Arrangement:
    """The boxes of header, footer and panes; `jobs_want` rows would show all jobs with their title.

    `face` is `jobs`, or `graph` where that stands in their place; `beside`: where there is room both are seen.
    `card` rows at the top are the failure card's; in the small layout they stand in place of the alert line.
    A `banner` is one row below the header; the layout (by default that for the size) isn't another one for it.
    """
    if banner:
        return _below_banner(
            arrange(
                width,
                height - 1,
                jobs_want,
                focused,
                zoomed=zoomed,
                face=face,
                beside=beside,
                card=card,
                layout=layout_of(width, height),
            ),
            width,
        )
    layout = layout or layout_of(width, height)
    frame = {"header": Box(0, 0, width, 1), "footer": Box(0, height - 1, width, 1)}
    if layout is Layout.ONE or zoomed:
        top = 1 + card if card and not zoomed and height >= ONE_WITH_CARD else 1
        if top > 1:
            frame["card"] = Box(0, 1, width, card)
        return Arrangement(layout, {**frame, focused: Box(0, top, width, max(0, height - 1 - top))})
    if layout is Layout.SMALL:
        small = _small(width, height, jobs_want, card)
        return Arrangement(layout, {**frame, face: small.pop("jobs"), **small})
    top = 1 + card
    if card:
        frame["card"] = Box(0, 1, width, card)
    if layout is Layout.MEDIUM:
        upper = _upper(height, jobs_want)
        lower, rule = _lower(width, height, top + upper, width - SIDE_MEDIUM - 1)
        return Arrangement(layout, {**frame, face: Box(0, top, width, upper), **lower}, (rule,))
    upper = _upper(height, max(jobs_want, UPPER_LEAST_LARGE))
    lower, rule = _lower(width, height, top + upper, round(width * 160 / REFERENCE))
    if face != "jobs" or not beside:
        return Arrangement(layout, {**frame, face: Box(0, top, width, upper), **lower}, (rule,))
    jobs = round(width * JOBS_WIDTH / REFERENCE)
    boxes = {"jobs": Box(0, top, jobs, upper), "graph": Box(jobs + 1, top, width - jobs - 1, upper)}
    return Arrangement(layout, {**frame, **boxes, **lower}, (Box(jobs, top, 1, upper), rule))


def _below_banner(inner: Arrangement, width: int) -> Arrangement:
    moved = {name: box._replace(y=box.y + 1) for name, box in inner.boxes.items() if name != "header"}
    boxes = {"header": inner.boxes["header"], "banner": Box(0, 1, width, 1), **moved}
    return Arrangement(inner.layout, boxes, tuple(rule._replace(y=rule.y + 1) for rule in inner.rules))


def _small(width: int, height: int, jobs_want: int, card: int) -> dict[str, Box]:
    top = 1 + max(1, card)
    room = height - top - 2  # below: metrics, footer
    jobs = max(JOBS_LEAST, min(jobs_want, JOBS_MOST_SMALL, int(height * JOBS_SHARE), room - LOG_LEAST))
    return {
        "card" if card else "alerts": Box(0, 1, width, top - 1),
        "jobs": Box(0, top, width, jobs),
        "log": Box(0, top + jobs, width, room - jobs),
        "metrics": Box(0, height - 2, width, 1),
    }


def _upper(height: int, wanted: int) -> int:
    return max(JOBS_LEAST, min(wanted, int(height * JOBS_SHARE)))


def _lower(width: int, height: int, top: int, log: int) -> tuple[dict[str, Box], Box]:
    rows = height - 1 - top
    alerts = max(min(3, rows), rows // 3)
    side, side_width = log + 1, width - log - 1
    boxes = {
        "log": Box(0, top, log, rows),
        "metrics": Box(side, top, side_width, rows - alerts),
        "alerts": Box(side, top + rows - alerts, side_width, alerts),
    }
    return boxes, Box(log, top, 1, rows)
