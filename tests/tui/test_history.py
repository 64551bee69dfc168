"""The history: all runs newest first, filtered by what is typed, read page by page, opened in the dashboard."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from screens import app_on, text_of
from test_dashboard import dashboard, until
from textual.pilot import Pilot
from wines import NOW, TOKEN, Store

from skafos_tui.model.run import RunState, TriggerKind
from skafos_tui.store.database import connect_reader
from skafos_tui.tui.reading_history import Filter, job_names, read_filter, run_ids, run_rows, words_of
from skafos_tui.tui.screens.history import HistoryScreen

SIZE = (100, 24)
JOBS = {"Train forest": "1", "Train": "2", "Score": "3"}


def screen(pilot: Pilot[None]) -> HistoryScreen:
    found = pilot.app.screen
    assert isinstance(found, HistoryScreen)
    return found


async def opened(pilot: Pilot[None], ids: list[int]) -> None:
    """The history with these runs, their rows drawn."""
    await pilot.press("g", "h")
    await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen) and screen(pilot).ids.tolist() == ids)
    await until(pilot, lambda: "…" not in text_of(pilot.app))


def body(pilot: Pilot[None]) -> list[str]:
    return text_of(pilot.app).splitlines()[1:-1]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("", Filter()),
        ("failed", Filter(state=RunState.FAILED)),
        ("schedule Train forest failed", Filter(RunState.FAILED, TriggerKind.SCHEDULE, "1")),
        ("train", Filter(job_id="2")),
        ("score out of memory", Filter(job_id="3", words=("out", "of", "memory"))),
        ("Trainer", Filter(words=("Trainer",))),
        ("failed failed", Filter(state=RunState.FAILED, words=("failed",))),
    ],
)
def test_what_is_typed_is_a_filter(typed: str, wanted: Filter) -> None:
    assert read_filter(typed, JOBS) == wanted


def test_filters_take_what_they_say(store: Store) -> None:
    good, failed = store.good_run(NOW - 9000), store.failed_run()
    manual = store.run_with({"EPOCHS": "40"})
    with closing(connect_reader(store.path)) as connection:

        def found(typed: str) -> list[int]:
            return run_ids(connection, TOKEN, read_filter(typed, job_names(connection, TOKEN))).tolist()

        assert found("") == [manual, failed, good]
        assert found("failed") == [failed]
        assert found("manual") == [manual]
        assert found("EPOCHS") == [manual]
        assert found("peak 2.0Gi") == [failed]
        assert found("forest") == [failed]
        assert found("100%") == found("x_y") == []
        assert good in found(str(good))
        rows = run_rows(connection, [failed, 99, good], NOW)
        assert [(row.id, words_of(row)) for row in rows] == [(failed, "Train forest"), (good, "")]
        assert (rows[0].duration_s, rows[0].state, rows[0].trigger) == (200, RunState.FAILED, "schedule")


async def test_the_list_shows_each_run_and_enter_opens_it_in_the_dashboard(store: Store) -> None:
    good, failed = store.good_run(NOW - 9000), store.failed_run()
    manual = store.run_with({"EPOCHS": "40"})
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, [manual, failed, good])
        lines = body(pilot)
        assert lines[1].split()[:4] == ["▌", "3", "✓", "done"] and lines[1].endswith("EPOCHS=40")
        assert "✗ failed" in lines[2] and lines[2].endswith("Train forest") and "schedule" in lines[2]
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: app.screen is dashboard(app) and f"HISTORY run {good}" in text_of(app))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: f"HISTORY run {failed}" in text_of(app))


async def test_typing_filters_at_once_and_back_takes_the_filter_away(store: Store) -> None:
    good, failed = store.good_run(NOW - 9000), store.failed_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, [failed, good])
        await pilot.press("slash", *"failed")
        await until(pilot, lambda: screen(pilot).ids.tolist() == [failed])
        await until(pilot, lambda: "1 of 2 runs   failed" in text_of(app))
        await pilot.press("enter", "q")
        await until(pilot, lambda: screen(pilot).ids.tolist() == [failed, good])
        await pilot.press("ampersand")
        await until(pilot, lambda: screen(pilot).ids.tolist() == [failed])
        await pilot.press("ampersand")
        await until(pilot, lambda: screen(pilot).ids.tolist() == [failed, good])
        await pilot.press("q")
        await pilot.pause()
        assert app.screen is dashboard(app)


async def test_a_new_run_appears_and_the_selection_stays(store: Store) -> None:
    first = store.good_run(NOW - 9000)
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, [first])
        second = store.running_run()
        await until(pilot, lambda: screen(pilot).ids.tolist() == [second, first])
        assert screen(pilot).selected_run == first
        await until(pilot, lambda: "► running" in text_of(app))


async def test_a_hundred_thousand_runs_are_read_only_where_they_are_seen(store: Store) -> None:
    with store.batch():
        store.write(many_runs)
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "h")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen) and len(screen(pilot).ids) == 100_000)
        await pilot.press("G")
        await until(pilot, lambda: "100,000 runs" in text_of(app) and "…" not in text_of(app))
        assert body(pilot)[-1].split()[1] == "1"
        assert len(screen(pilot)._rows) <= 600


def many_runs(connection: sqlite3.Connection) -> None:
    connection.executemany(
        "INSERT INTO runs (project, deployment, trigger, request_id, state, created_at, parameters)"
        " VALUES (?, 1, 'schedule', ?, 'succeeded', ?, '{}')",
        ((TOKEN, f"many-{number}", NOW - 200_000 + number) for number in range(100_000)),
    )


async def test_names_and_parameters_control_nothing(store: Store) -> None:
    run = store.run_with({"EVIL": "\x1b]0;gotcha\x07[red]x[/]"})
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, [run])
        assert "EVIL=[red]x[/]" in text_of(app) and "\x1b" not in text_of(app)


async def test_the_differences_of_a_run_are_one_key_away(store: Store) -> None:
    good, failed = store.good_run(NOW - 9000), store.failed_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, [failed, good])
        await pilot.press("D")
        await until(pilot, lambda: "what changed: run 2 against good run 1" in text_of(app))
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(app.screen, HistoryScreen)
