"""Columns by width, and the timeline: what goes first, and that the axis seldom changes."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace

import pytest
from wines import NOW, TOKEN, Store, job_id

from skafos_tui.model.run import TaskState
from skafos_tui.store.database import connect_reader
from skafos_tui.tui.columns import columns_for
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.timeline import Bar, course_of, timeline_of
from skafos_tui.tui.views import Dashboard, Span


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


def test_a_clock_that_was_set_back_by_years_leaves_bars_of_their_width(store: Store) -> None:
    store.good_run(NOW - 90_000)
    store.running_run()
    timeline = timeline_of(_view(store), NOW - 100_000_000, 66)
    assert timeline is not None
    assert {len(timeline.bar(job_id(name), 66)) for name in store.pipeline} == {66}


def test_without_a_run_there_is_no_timeline(store: Store) -> None:
    assert timeline_of(_view(store), NOW, 66) is None


def _jumbled(view: Dashboard, seed: int) -> list[Dashboard]:
    """Views of the same run, one after the other, in each of which a few jobs changed."""
    chance = random.Random(seed)
    views = [view]
    for _ in range(8):
        rows = list(views[-1].rows)
        for number in chance.sample(range(len(rows)), chance.randint(0, 3)):
            row = rows[number]
            started = NOW - chance.randint(0, 300) if chance.random() < 0.8 else None
            ended = started + 20 if started and chance.random() < 0.5 else None
            state = TaskState.WAITING if not started else TaskState.SUCCEEDED if ended else TaskState.RUNNING
            assert row.task is not None
            task = replace(row.task, state=state, started_at=started, ended_at=ended)
            spans = (Span(started, ended),) if started else ()
            rows[number] = replace(row, task=task, spans=spans, usual_s=chance.choice([None, 5.0, 200.0]))
        views.append(replace(views[-1], rows=tuple(rows)))
    return views


@pytest.mark.parametrize("seed", range(30))
def test_what_is_kept_while_jobs_change_is_what_a_new_look_finds(store: Store, seed: int) -> None:
    store.good_run(NOW - 90_000)
    store.running_run()
    before, *following = _jumbled(_view(store), seed)
    course = course_of(before, NOW)
    assert course is not None
    for view in following:
        old = dict(course.pieces)
        changed = [row.job_id for row in view.rows if row != before.row_of[row.job_id]]
        moved = course.take(view, changed)
        anew = course_of(view, NOW)
        assert anew is not None
        if moved is None:
            course = anew
        else:
            assert course.pieces == anew.pieces
            assert course.timeline(66) == anew.timeline(66)
            assert moved == {row.job_id for row in view.rows if old.get(row.job_id) != anew.pieces.get(row.job_id)}
        before = view
