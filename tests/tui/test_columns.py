"""Columns by width, and the timeline: what goes first, and that the axis seldom changes."""

from __future__ import annotations

from contextlib import closing

import pytest
from wines import NOW, TOKEN, Store, job_id

from skafos_tui.store.database import connect_reader
from skafos_tui.tui.columns import columns_for
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.timeline import Bar, timeline_of
from skafos_tui.tui.views import Dashboard


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (220, "usual last next timeline"),
        (100, "usual last next timeline"),
        (80, "usual last next"),
        (73, "usual last next"),
        (72, "usual last"),
        (61, "usual"),
        (54, "usual"),
        (51, ""),
    ],
)
def test_next_goes_first_then_last_then_usual(width: int, shown: str) -> None:
    columns = columns_for(width, 26, 9)
    assert " ".join(name for name in ("usual", "last", "next", "timeline") if getattr(columns, name)) == shown


@pytest.mark.parametrize("width", range(40, 240, 3))
def test_the_columns_fit(width: int) -> None:
    for wants in (10, 30, 80):
        columns = columns_for(width, wants, 19)
        assert columns.timeline_at - 2 + (columns.timeline + 2 if columns.timeline else 0) <= width
        assert columns.timeline == 0 or columns.timeline >= 20


def _view(store: Store) -> Dashboard:
    with closing(connect_reader(store.path)) as connection:
        return DashboardReader(TOKEN).read(connection, NOW)


def test_what_ran_what_runs_and_what_may_come(store: Store) -> None:
    store.good_run(NOW - 90_000)
    store.running_run()
    timeline = timeline_of(_view(store), NOW, 66)
    assert timeline is not None
    pieces = {name: timeline.pieces[job_id(name)] for name in ("Ingest", "Train forest", "Evaluate")}
    assert [(piece.begin_s, piece.end_s, piece.bar) for piece in pieces["Ingest"]] == [(0, 12, Bar.RAN)]
    assert pieces["Train forest"][-1].bar is Bar.TO_COME
    assert (pieces["Train forest"][-1].begin_s, pieces["Train forest"][-1].end_s) == (384, 113 + 302)
    assert [(piece.begin_s, piece.bar) for piece in pieces["Evaluate"]] == [(113 + 302, Bar.EXPECTED)]
    assert len(timeline.bar(job_id("Ingest"), 66)) == 66
    assert timeline.axis(66).startswith("0:00")


def test_the_axis_stays_while_a_second_goes_by(store: Store) -> None:
    store.good_run(NOW - 90_000)
    store.running_run()
    view = _view(store)
    lengths = {timeline_of(view, NOW + second, 66).length_s for second in range(30)}  # type: ignore[union-attr]
    assert len(lengths) == 1


def test_without_a_run_there_is_no_timeline(store: Store) -> None:
    assert timeline_of(_view(store), NOW, 66) is None
