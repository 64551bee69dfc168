"""Gauges in the room there is: one line, charts with their words beside them, or below; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skafos_tui.text.charts import VALUES, draw_chart, merged, resample, time_axis
from skafos_tui.text.sparks import spark
from skafos_tui.text.tables import pad
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.metrics.gauges import Gauge

Part = tuple[str, Role | None]
Row = list[Part]
TALL = 4
"""From so many rows a chart on its words have a row of their own."""
LABEL = 8
WORDS_MOST = 20
SPARK_MOST = 24
GAP = 2


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when the charts go: seconds altogether and in one value; while it `grows` the right is left free."""

    seconds: float
    step_s: float
    grows: bool


def lay_line(gauges: Sequence[Gauge], width: int) -> Row:
    """All in one row: the first two with a small drawing, of the others as many as there is room for."""
    over_time = [gauge for gauge in gauges if gauge.over_time and gauge.brief]
    drawn, told = over_time[:2], over_time[2:]
    # Two blanks before each, one more before a drawing.
    fixed = sum(len(gauge.brief) + 3 for gauge in drawn)
    said = []
    for gauge in told:
        if fixed + len(gauge.brief) + 3 + 8 * len(drawn) > width:
            break
        said.append(gauge)
        fixed += len(gauge.brief) + 3
    cells = max(0, min(SPARK_MOST, (width - fixed) // max(1, len(drawn))))
    row: Row = []
    for gauge in drawn:
        text = spark(resample(_begun(gauge.values), cells, peaks=gauge.peaks), top=gauge.top)
        row += [(f"   {gauge.brief}" if row else gauge.brief, _tone(gauge)), (f" {text}", _ink(gauge))]
    row += [(f"   {gauge.brief}" if row or place else gauge.brief, None) for place, gauge in enumerate(said)]
    return row


def _begun(values: Sequence[float | None]) -> Sequence[float | None]:
    """Without what is missing before the first value: a rate needs two samples."""
    first = next((place for place, value in enumerate(values) if value is not None), 0)
    return values[first:]


def lay_rows(gauges: Sequence[Gauge], width: int, rows: int, life: Life) -> list[Row]:
    """The charts one below the other in exactly `rows` rows, as many as fit; from two rows a chart on with an axis."""
    timed = [gauge for gauge in gauges if gauge.over_time]
    past = [gauge for gauge in gauges if not gauge.over_time]
    if past and len(gauges) * TALL > rows:
        past = past[:1]
    shown = [*timed, *past][:rows]
    if not shown:
        return []
    has_axis = any(gauge.over_time for gauge in shown) and rows - 1 >= 2 * len(shown)
    each, over = divmod(rows - has_axis, len(shown))
    is_tall = each >= TALL
    words = max(len(text) for gauge in shown for text in (gauge.words, f"top {gauge.top_words}" if each > 1 else ""))
    indent = 1 if is_tall else 1 + LABEL
    cells = max(1, width - 2 if is_tall else width - indent - GAP - min(WORDS_MOST, words))
    found: list[Row] = []
    for place, gauge in enumerate(shown):
        if has_axis and place and shown[place - 1].over_time and not gauge.over_time:
            found.append(_axis(cells, indent, life))
        height = each + (place < over)
        found += _tall(gauge, width, height, life) if is_tall else _flat(gauge, cells, height, life)
    if has_axis and shown[-1].over_time:
        found.append(_axis(cells, indent, life))
    return found


def _tall(gauge: Gauge, width: int, height: int, life: Life) -> list[Row]:
    """A row of words, the chart below it."""
    row: Row = [(f" {pad(gauge.label, LABEL)}", Role.IDLE), (gauge.words, _tone(gauge))]
    top = f"top {gauge.top_words} "
    used = 1 + LABEL + len(gauge.words)
    if width - used > len(top):
        row.append((" " * (width - used - len(top)) + top, Role.IDLE))
    chart = draw_chart(columns(gauge, width - 2, life), width - 2, height - 1, gauge.top)
    drawn: list[Row] = [[(f" {line}", _ink(gauge))] for line in chart]
    return [row, *drawn]


def _flat(gauge: Gauge, cells: int, height: int, life: Life) -> list[Row]:
    """The chart between its label and its words."""
    chart = draw_chart(columns(gauge, cells, life), cells, height, gauge.top)
    beside = [gauge.words, f"top {gauge.top_words}" if gauge.words else ""]
    found: list[Row] = []
    for number, line in enumerate(chart):
        label = gauge.label if number == 0 else ""
        words = beside[number] if number < len(beside) else ""
        tone = _tone(gauge) if number == 0 else Role.IDLE
        found.append([(f" {pad(label, LABEL)}", Role.IDLE), (line, _ink(gauge)), (" " * GAP + words, tone)])
    return found


def _axis(cells: int, indent: int, life: Life) -> Row:
    return [(" " * indent + time_axis(_shown(life, cells), cells), Role.IDLE)]


def _shown(life: Life, cells: int) -> float:
    """The seconds that a chart of so many cells shows."""
    if not life.grows:
        return life.seconds
    return VALUES * cells * life.step_s * _together(int(life.seconds / life.step_s) + 1, cells)


def _together(count: int, cells: int) -> int:
    """How many values become one: a power of two, so that what has been drawn stays while it grows."""
    size = 1
    while -(-count // size) > VALUES * cells:
        size *= 2
    return size


def columns(gauge: Gauge, cells: int, life: Life) -> list[float | None]:
    """A series as the values of a chart of so many cells."""
    if not gauge.over_time:
        return _bars(gauge.values, cells)
    if life.grows:
        return merged(gauge.values, _together(len(gauge.values), cells), peaks=gauge.peaks)
    return resample(gauge.values, VALUES * cells, peaks=gauge.peaks)


def _bars(values: Sequence[float | None], cells: int) -> list[float | None]:
    """Bars with gaps between them, the newest at the right end of what is drawn."""
    shown = values[-cells:] if cells else ()
    wide = 2 * len(shown) <= cells
    return [part for value in shown for part in ((value, value, value, None) if wide else (value, None))]


def _ink(gauge: Gauge) -> Role:
    if gauge.alarming:
        return Role.WARN
    return Role.RUN if gauge.over_time else Role.IDLE


def _tone(gauge: Gauge) -> Role | None:
    return Role.WARN if gauge.alarming else None
