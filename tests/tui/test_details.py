"""The details of an attempt: what is recorded, without secrets and without what could control a terminal."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from screens import app_on, text_of
from test_dashboard import dashboard, until
from textual.pilot import Pilot
from wines import NOW, OUT_OF_MEMORY, TOKEN, Store, job_id

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.store import projects
from skafos_tui.store.database import connect_reader
from skafos_tui.store.home import Home
from skafos_tui.store.projects import Variable
from skafos_tui.tui.reading_details import detail_rows, live_rows, read_details
from skafos_tui.tui.screens.details import DetailsScreen
from skafos_tui.tui.widgets.document import Row

FOREST = job_id("Train forest")
INSPECT = {"Id": "abc", "Image": "sha256:feed", "State": {"Running": True}, "Name": "\x1b]0;evil\x07"}
PROCESSES = [["PID", "COMMAND"], ["7", "python train.py \x1b[2J"], ["8", "sh"]]


def lines(rows: list[Row]) -> str:
    return "\n".join("".join(part.text for part in row) for row in rows)


def details_of(store: Store, run_id: int, attempt: str | None = None) -> str:
    """What the store knows, as text."""
    with closing(connect_reader(store.path)) as connection:
        found = read_details(connection, run_id, FOREST, attempt)
        assert found is not None
        return lines(detail_rows(found, Home(store.path.parent), NOW))


def set_variable(store: Store, key: str, value: str, *, secret: bool) -> None:
    store.write(lambda connection: projects.set_variable(connection, TOKEN, Variable(key, value, secret)))


async def shown(pilot: Pilot[None]) -> str:
    """The screen once all of it has been read."""
    await until(pilot, lambda: isinstance(pilot.app.screen, DetailsScreen) and "inspect" in text_of(pilot.app))
    return text_of(pilot.app)


async def test_d_shows_the_attempt_that_failed_and_leads_back(store: Store) -> None:
    store.failed_run()
    app = app_on(store, read_only=True)
    async with app.run_test(size=(110, 80)) as pilot:
        await pilot.press("d")
        text = await shown(pilot)
        assert " Train forest #1   run 1, attempt 1" in text
        for part in (
            "verdict  out of memory",
            "limit 2.0Gi, peak 2.0Gi",
            "attempts  3",
            "▌ #1 attempt 1",
            "sleep 1",
            "container 1-Train forest-1-1",
            "SKAFOS_INSTANCE       1",
            "/data",
            "the engine isn't there: it could ask the runner",
        ):
            assert part in text, part
        await pilot.press("escape")
        assert app.screen is dashboard(app)


async def test_y_copies_the_text_and_capital_y_the_command(store: Store) -> None:
    store.failed_run()
    app = app_on(store)
    async with app.run_test(size=(110, 60)) as pilot:
        await pilot.press("d")
        await shown(pilot)
        await pilot.press("y")
        assert "out of memory" in app.clipboard and "SKAFOS_RUN_ID" in app.clipboard
        await pilot.press("Y")
        assert app.clipboard == "skafos show 1"
        await pilot.press("G")
        assert "inspect" in text_of(app)


async def test_capital_y_on_the_dashboard_is_about_the_pane_with_the_keys(store: Store) -> None:
    store.failed_run()
    app = app_on(store)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: dashboard(app).logs is not None)
        await pilot.press("Y")
        assert app.clipboard == "skafos show 1"
        await pilot.press("3", "Y")
        assert app.clipboard == "skafos logs 'Train forest' --run 1"


async def test_what_the_engine_says_comes_behind_what_is_recorded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.running_run()

    def look(_client: object, attempt: str) -> dict[str, Any]:
        assert attempt == "1-Train forest-0-1"
        return {"inspect": INSPECT, "processes": PROCESSES}

    monkeypatch.setattr("skafos_tui.api.client.EngineClient.look", look)
    app = app_on(store)
    async with app.run_test(size=(110, 90)) as pilot:
        await pilot.press("d")
        text = await shown(pilot)
        assert "sha256:feed" in text and "7    python train.py" in text and '"Running": true' in text
        assert "\x1b" not in text
        heads = [text.index(part) for part in ("limits", "environment", "processes", "inspect")]
        assert heads == sorted(heads)


def test_secrets_are_seen_nowhere(store: Store) -> None:
    set_variable(store, "PASSWORD", "correct-horse", secret=True)
    set_variable(store, "URL", "https://u:correct-horse@there/", secret=False)
    run_id = store.run(parameters={"mode": "--key=correct-horse"})
    store.attempt(run_id, "Train forest", NOW - 100)
    text = details_of(store, run_id)
    assert "correct-horse" not in text
    assert "PASSWORD              ***" in text and "https://u:***@there/" in text and "/run/secrets" in text


def test_nothing_can_control_the_terminal(store: Store) -> None:
    run_id = store.run(parameters={"mode": "\x1b]52;c;AAAA\x07x"})
    store.attempt(run_id, "Train forest", NOW - 100)
    text = details_of(store, run_id)
    with closing(connect_reader(store.path)) as connection:
        found = read_details(connection, run_id, FOREST)
        assert found is not None
        text += lines(live_rows(found, INSPECT, PROCESSES))
    assert "\x1b" not in text and "\x07" not in text


def test_the_one_that_was_looked_at_comes_first_then_the_failed_then_the_newest(store: Store) -> None:
    run_id = store.failed_run()
    with closing(connect_reader(store.path)) as connection:

        def chosen(name: str | None, run: int = run_id, job: str = FOREST) -> str:
            found = read_details(connection, run, job, name)
            assert found is not None and found.attempt is not None
            return found.attempt.name

        assert chosen(None) == f"{run_id}-Train forest-1-1"
        assert chosen(f"{run_id}-Train forest-2-1") == f"{run_id}-Train forest-2-1"
        assert chosen(None, job=job_id("Clean")) == f"{run_id}-Clean-0-1"


def test_a_job_without_an_attempt_says_what_it_waits_for(store: Store) -> None:
    run_id = store.run()
    store.set_task(run_id, "Train forest", TaskState.QUEUED, reason="needs 1 cpu, Train linear has it")
    assert "needs 1 cpu, Train linear has it" in details_of(store, run_id)


async def test_a_task_that_goes_on_is_read_again(store: Store) -> None:
    run_id = store.running_run()
    app = app_on(store)
    async with app.run_test(size=(110, 50)) as pilot:
        await pilot.press("d")
        await shown(pilot)
        store.attempt(run_id, "Train forest", NOW - 50, NOW - 2, instance=1, number=2, verdict=OUT_OF_MEMORY)
        store.set_task(run_id, "Train forest", TaskState.FAILED, NOW - 271, NOW, verdict=OUT_OF_MEMORY)
        store.set_run(run_id, RunState.FAILED, NOW - 384, NOW)
        await until(pilot, lambda: "verdict  out of memory" in text_of(app))
