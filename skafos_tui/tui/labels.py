"""What stands in the graph for a job: its glyph and name, and below them its instances and its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skafos_tui.model.critical import critical_path, remaining_seconds
from skafos_tui.model.graph import Graph
from skafos_tui.text.durations import clock
from skafos_tui.text.tables import cell_width, clip
from skafos_tui.tui.theme import LOOKS, Look, look_of
from skafos_tui.tui.views import Dashboard, JobRow, elapsed

if TYPE_CHECKING:
    from skafos_tui.text.layered import Size

MOST_NAME = 24
INDENT = 2
_TIME = len("~0:20")


def look_in(view: Dashboard, row: JobRow) -> Look:
    """How a job's state looks in the shown run."""
    return look_of(row.task, enabled=row.enabled, in_run=view.run is not None)


def size_of(row: JobRow) -> Size:
    """What a job's label may take: it depends on no state, and of its times only on the usual one."""
    from skafos_tui.text.layered import Size  # not before a graph is drawn

    instances = row.task.instances if row.task is not None else 1
    counts = len(f"{instances}✓ {instances}► ") if instances > 1 else 0
    time = _TIME if row.usual_s is None else max(_TIME, 1 + len(clock(row.usual_s)))
    return Size(INDENT + max(min(MOST_NAME, cell_width(row.name)), counts + time), 2)


def title_of(row: JobRow, look: Look, *, is_marked: bool) -> str:
    """The first line of the label."""
    return f"{look.glyph}{'*' if is_marked else ' '}{clip(row.name, MOST_NAME)}"


def detail_of(row: JobRow, now: float) -> str:
    """The second line: instances by state and the time; with `~` the usual one of what has not begun."""
    counts = " ".join(f"{count}{LOOKS[state].glyph}" for state, count in row.counts)
    return f"{' ' * INDENT}{' '.join(filter(None, (counts, _time(row, now))))}"


def _time(row: JobRow, now: float) -> str:
    took = elapsed(row.task, now)
    ended = row.task is not None and row.task.state.finished
    if took is None and row.usual_s is not None and not ended:
        return f"~{clock(row.usual_s)}"
    return clock(took)


def critical_of(view: Dashboard, graph: Graph, now: float) -> tuple[str, ...]:
    """The critical path of the shown run along `graph`, which has no implied edges."""
    ended_at: dict[str, float] = {}
    remaining_s: dict[str, float] = {}
    for row in view.rows:
        task = row.task
        if task is None:
            continue
        if not task.state.finished:
            remaining_s[row.job_id] = remaining_seconds(row.usual_s, elapsed(task, now) or 0.0)
        elif task.started_at is not None and task.ended_at is not None:
            ended_at[row.job_id] = task.ended_at
    return critical_path(graph, ended_at, remaining_s)
