"""The dashboard: its view read for 60 and 1000 jobs, one changed row drawn anew, and a second's tick."""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "tui"))
from screens import app_on
from wines import NOW, TOKEN, Store, config_of

from skafos_tui.config.reader import parse_config
from skafos_tui.model.project import Project
from skafos_tui.model.run import TaskState
from skafos_tui.store.database import connect_reader
from skafos_tui.text.rails import Rails
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.views import Dashboard, JobRow
from skafos_tui.tui.written import Written

HISTORY = 30
BARS_MS = {60: 10.0, 1000: 60.0}
RESTYLE_MS = 2.0


def store_with(jobs: int, directory: Path) -> Store:
    """A project of so many jobs in chains of ten, with some history and a run that goes on."""
    store = Store(directory / "state.db")
    store.pipeline = {f"Job {n}": ((f"Job {n - 1}",) if n % 10 else ()) for n in range(jobs)}
    store.make(directory)
    with store.batch():
        for number in range(HISTORY):
            store.good_run(NOW - 90_000 + number * 1000)
        run_id = store.run()
        for number in range(0, jobs, 10):
            store.attempt(run_id, f"Job {number}", NOW - 60)
            store.set_task(run_id, f"Job {number}", TaskState.RUNNING, NOW - 60)
    return store


def milliseconds(work: Callable[[], object], times: int) -> float:
    """The median of the CPU time that `work` takes in this thread: it waits for nothing."""
    taken = []
    for _ in range(times):
        begin = time.thread_time()
        work()
        taken.append((time.thread_time() - begin) * 1000)
    return statistics.median(taken)


def deployed_project(store: Store) -> Project | None:
    """The project as its deployed config has it."""
    return parse_config(config_of(store.pipeline)).project


def floor(connection: sqlite3.Connection) -> None:
    """The rows alone, as SQLite gives them."""
    run_id = connection.execute("SELECT MAX(id) FROM runs").fetchone()[0]
    connection.execute("SELECT * FROM tasks WHERE run_id = ?", (run_id,)).fetchall()
    connection.execute("SELECT * FROM attempts WHERE run_id = ?", (run_id,)).fetchall()


def measure_reading(store: Store, jobs: int) -> bool:
    """Print what a view costs: the first of a session, the one after a task's end, and the rows alone."""
    with closing(connect_reader(store.path)) as connection:
        reader = DashboardReader(TOKEN)
        begin = time.thread_time()
        reader.read(connection, NOW, hasty=True)
        first = (time.thread_time() - begin) * 1000
        # What the app does: the config was read when the project was looked for, and is the deployed one.
        known = DashboardReader(TOKEN)
        known.write(Written(deployed_project(store), digest="c"))
        begin = time.thread_time()
        known.read(connection, NOW, hasty=True)
        frame = (time.thread_time() - begin) * 1000
        view = reader.read(connection, NOW)

        def all_anew() -> None:
            reader.forget()
            reader.read(connection, NOW)

        def after_an_end() -> None:
            reader.changed([("task", f"1/{view.rows[0].job_id}")])
            reader.read(connection, NOW)

        whole, changed = milliseconds(all_anew, 7), milliseconds(after_an_end, 7)
        bare = milliseconds(lambda: floor(connection), 7)
    good = changed <= BARS_MS[jobs]
    print(
        f"{jobs} jobs: view after a task's end {changed:.1f} ms (bar {BARS_MS[jobs]:.0f}, rows alone {bare:.1f}),"
        f" with the whole history {whole:.1f}, for the first frame {frame:.1f}, where the config was changed since"
        f" {first:.1f} {'good' if good else 'TOO SLOW'}"
    )
    return good


async def measure_drawing(store: Store, jobs: int) -> bool:
    """Print what a changed row costs until its line is made, and a second's tick."""
    app = app_on(store)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause(0.5)
        assert app.dashboard is not None
        pane = app.dashboard.jobs
        last = jobs // 2 + 9  # the end of its chain: nothing else moves with it
        views = [_changed(app.view, last, state) for state in (TaskState.QUEUED, TaskState.WAITING)]
        pane.select(app.view.rows[last].job_id)
        await pilot.pause(0.2)
        turn = 0

        def change() -> None:
            nonlocal turn
            pane.show(views[turn % 2])
            turn += 1
            for line in range(pane.size.height):
                pane.render_line(line)

        change()
        row = milliseconds(change, 21)
        pane.show(app.view)
        ticking = milliseconds(lambda: (pane.tick(), [pane.render_line(y) for y in range(pane.size.height)]), 21)
    good = row <= RESTYLE_MS
    print(
        f"{jobs} jobs: one row restyled {row:.2f} ms (bar {RESTYLE_MS:.0f}{'' if good else ', TOO SLOW'}),"
        f" a second's tick {ticking:.2f} ms"
    )
    return good


async def measure_graph(jobs: int, face: str) -> bool:
    """Print what a changed job costs the graph pane until its lines are made: drawn in layers, or as rails."""
    with tempfile.TemporaryDirectory() as directory:
        app = app_on(store_with(jobs, Path(directory)))
        async with app.run_test(size=(220, 100)) as pilot:
            await pilot.press("v")
            await pilot.pause(0.3)
            assert app.dashboard is not None
            pane, number = app.dashboard.graph, jobs // 2 + 9
            assert isinstance(pane._drawn, Rails) == (face == "rails")
            views = cycle([_changed(app.view, number, state) for state in (TaskState.QUEUED, TaskState.WAITING)])

            def change() -> None:
                pane.show(next(views))
                for line in range(pane.size.height):
                    pane.render_line(line)

            change()
            row = milliseconds(change, 21)
    good = row <= RESTYLE_MS
    verdict = "" if good else ", TOO SLOW"
    print(f"graph of {jobs} jobs as {face}: one job restyled {row:.2f} ms (bar {RESTYLE_MS:.0f}{verdict})")
    return good


def _changed(view: Dashboard, number: int, state: TaskState) -> Dashboard:
    from dataclasses import replace

    row: JobRow = view.rows[number]
    assert row.task is not None
    rows = list(view.rows)
    rows[number] = replace(row, task=replace(row.task, state=state, reason=""))
    return replace(view, rows=tuple(rows))


def main() -> int:
    """Measure; 1 where a bar is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    good = True
    for jobs in BARS_MS:
        with tempfile.TemporaryDirectory() as directory:
            store = store_with(jobs, Path(directory))
            good = measure_reading(store, jobs) and good
            good = asyncio.run(measure_drawing(store, jobs)) and good
    for jobs, face in ((20, "layers"), (500, "rails")):
        good = asyncio.run(measure_graph(jobs, face)) and good
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
