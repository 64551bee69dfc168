"""What the dashboard shows of a run: which run, which job first, and all that stands in a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from wines import NOW, TOKEN, USUAL, Store, job_id

from skafos_tui.model.run import RunState, Task, TaskState
from skafos_tui.store import schedules
from skafos_tui.store.database import connect_reader
from skafos_tui.tui.reading import DashboardReader, neighbour_run
from skafos_tui.tui.views import Dashboard, JobRow, elapsed, first_selected, shown_run

FAILED, RUNNING, DONE, MISSED = RunState.FAILED, RunState.RUNNING, RunState.SUCCEEDED, RunState.MISSED


@pytest.mark.parametrize(
    ("chosen", "runs", "unacknowledged", "shown"),
    [
        (None, [], [], None),
        (None, [(3, DONE), (2, DONE)], [], 3),
        (2, [(3, RUNNING), (2, DONE)], [], 2),
        (9, [(3, DONE), (2, DONE)], [], 3),
        (None, [(4, DONE), (3, RUNNING), (2, RUNNING)], [4], 3),
        (None, [(4, DONE), (3, RunState.QUEUED)], [], 3),
        (None, [(4, DONE), (3, FAILED), (2, FAILED)], [2, 3], 3),
        (None, [(4, DONE), (3, FAILED), (2, FAILED)], [], 4),
        (None, [(4, MISSED), (3, RunState.SKIPPED), (2, DONE)], [], 2),
        (None, [(4, MISSED)], [], 4),
    ],
)
def test_which_run_is_shown(
    chosen: int | None, runs: list[tuple[int, RunState]], unacknowledged: list[int], shown: int | None
) -> None:
    assert shown_run(chosen, runs, unacknowledged) == shown


def _row(name: str, state: TaskState | None, started_at: float | None = None) -> JobRow:
    return JobRow(name, name, None if state is None else Task(1, name, name, state, started_at=started_at))


def test_the_first_failed_job_is_selected_else_the_longest_running_else_the_first() -> None:
    done, idle = _row("done", TaskState.SUCCEEDED, 1.0), _row("idle", None)
    late, early = _row("late", TaskState.RUNNING, 20.0), _row("early", TaskState.RUNNING, 10.0)
    failed, lost = _row("failed", TaskState.TIMED_OUT), _row("lost", TaskState.LOST)
    assert first_selected([done, early, failed, lost]) == "failed"
    assert first_selected([done, late, early]) == "early"
    assert first_selected([idle, done]) == "idle"
    assert first_selected([]) is None


def test_the_time_of_a_task_grows_until_it_ends() -> None:
    running = Task(1, "a", "a", TaskState.RUNNING, started_at=10.0)
    assert elapsed(running, 25.0) == 15.0
    assert elapsed(replace(running, ended_at=12.0), 25.0) == 2.0
    assert elapsed(replace(running, started_at=None), 25.0) is None


@pytest.fixture
def reader() -> DashboardReader:
    return DashboardReader(TOKEN, "wine")


@pytest.fixture
def connection(store: Store) -> Iterator[sqlite3.Connection]:
    with closing(connect_reader(store.path)) as found:
        yield found


def view_of(reader: DashboardReader, connection: sqlite3.Connection, chosen: int | None = None) -> Dashboard:
    return reader.read(connection, NOW, chosen)


def test_a_deployed_project_without_runs_shows_its_jobs(
    reader: DashboardReader, connection: sqlite3.Connection
) -> None:
    view = view_of(reader, connection)
    assert (view.name, view.run, view.active, view.live) == ("wine", None, 1, True)
    assert [row.name for row in view.rows][:2] == ["Ingest", "Check"]
    assert view.graph[job_id("Score")] == (job_id("Train forest"),)


def test_a_row_has_instances_usual_last_and_spans(
    store: Store, reader: DashboardReader, connection: sqlite3.Connection
) -> None:
    for number in range(10):
        store.good_run(NOW - 50_000 + 1000 * number)
    store.running_run()
    rows = {row.name: row for row in view_of(reader, connection).rows}
    forest = rows["Train forest"]
    assert forest.counts == ((TaskState.SUCCEEDED, 1), (TaskState.RUNNING, 2))
    assert forest.usual_s == USUAL["Train forest"]
    assert forest.last == (TaskState.SUCCEEDED,) * 8
    assert [span.ended_at is None for span in forest.spans] == [False, True, True]
    assert rows["Ingest"].counts == ()
    assert rows["Evaluate"].task is not None and rows["Evaluate"].task.state is TaskState.WAITING


def test_what_running_attempts_hold(store: Store, reader: DashboardReader, connection: sqlite3.Connection) -> None:
    store.running_run()
    view = view_of(reader, connection)
    assert (view.cpu, view.memory) == (2.0, 2 << 30)


def test_a_failed_run_stays_until_its_alert_is_acknowledged(
    store: Store, reader: DashboardReader, connection: sqlite3.Connection
) -> None:
    failed = store.failed_run()
    good = store.good_run(NOW - 1000)
    view = view_of(reader, connection)
    assert view.run is not None and (view.run.id, view.firing) == (failed, 1)
    store.acknowledge(1)
    view = view_of(reader, connection)
    assert view.run is not None and (view.run.id, view.firing) == (good, 0)


def test_next_is_the_next_slot_and_none_while_paused(
    store: Store, reader: DashboardReader, connection: sqlite3.Connection
) -> None:
    store.schedule("Ingest", "0 3 * * *")
    ingest = view_of(reader, connection).row_of[job_id("Ingest")]
    assert ingest.next_at == 1_700_017_200.0
    assert reader.next_moment() == ingest.next_at
    later = reader.read(connection, 1_700_017_200.5).row_of[job_id("Ingest")]
    assert later.next_at == 1_700_017_200.0 + 86_400
    store.write(lambda c: schedules.pause(c, TOKEN, job_id("Ingest"), NOW))
    paused = view_of(reader, connection).row_of[job_id("Ingest")]
    assert (paused.next_at, paused.paused) == (None, True)
    assert reader.next_moment() is None


def test_the_image_of_a_run_is_shown_while_it_is_made(
    store: Store, reader: DashboardReader, connection: sqlite3.Connection
) -> None:
    deployment = store.deploy(ready=False)
    store.step(deployment, "pulling 41 of 87 MB\x1b]0;gotcha\x07")
    store.run(deployment=deployment)
    image = view_of(reader, connection).image
    assert image is not None and (image.step, image.error) == ("pulling 41 of 87 MB", "")


def test_an_old_run_is_history_and_its_neighbours_are_found(
    store: Store, reader: DashboardReader, connection: sqlite3.Connection
) -> None:
    first, second = store.good_run(NOW - 9000), store.good_run(NOW - 5000)
    view = view_of(reader, connection, first)
    assert view.run is not None and (view.run.id, view.live) == (first, False)
    assert neighbour_run(connection, TOKEN, second, newer=False) == first
    assert neighbour_run(connection, TOKEN, first, newer=True) == second
    assert neighbour_run(connection, TOKEN, first, newer=False) is None


def test_equal_states_make_equal_views(store: Store, reader: DashboardReader, connection: sqlite3.Connection) -> None:
    store.running_run()
    assert view_of(reader, connection) == reader.read(connection, NOW + 30)


def test_what_is_kept_of_a_jobs_past_goes_with_its_next_task(
    store: Store, reader: DashboardReader, connection: sqlite3.Connection
) -> None:
    store.good_run(NOW - 9000)
    assert len(view_of(reader, connection).row_of[job_id("Ingest")].last) == 1
    store.good_run(NOW - 5000)
    assert len(view_of(reader, connection).row_of[job_id("Ingest")].last) == 1
    assert reader.changed([("task", f"2/{job_id('Ingest')}")])
    assert len(view_of(reader, connection).row_of[job_id("Ingest")].last) == 2
    assert not reader.changed([("variable", f"{TOKEN}/A")])


def test_an_unknown_project_is_empty(connection: sqlite3.Connection) -> None:
    view = DashboardReader("other", "new").read(connection, NOW)
    assert (view.name, view.rows) == ("new", ())
