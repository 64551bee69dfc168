"""Alerts on the screen: counted, acknowledged with one key, and gone to where they came from or can be mended."""

from __future__ import annotations

import pytest
from screens import app_on, text_of
from test_card import Doors
from test_dashboard import until
from wines import NOW, TOKEN, Store, job_id

from skafos_tui.model.alert import IMAGE, AlertKey, AlertKind, Cause
from skafos_tui.tui.app import SkafosApp

SMALL = (80, 24)
MEDIUM = (140, 40)


def failure(store: Store, run_id: int, name: str, at: float = NOW, times: int = 1) -> None:
    cause = Cause("failed: exit 3", "ended with exit 3", name, run_id, ("Report",))
    store.alert(AlertKey(TOKEN, AlertKind.FAILURE, job_id(name)), cause, at, times)


def missed(store: Store, run_id: int, at: float = NOW) -> None:
    cause = Cause("a slot was mssed", "2023-11-14 03:00 UTC", "Ingest", run_id)
    store.alert(AlertKey(TOKEN, AlertKind.MISSED, job_id("Ingest")), cause, at)


def alert_lines(app: SkafosApp) -> list[str]:
    """The rows of the pane beside the log."""
    rows = [line.partition("│")[2] for line in text_of(app).splitlines()]
    first = next(number for number, row in enumerate(rows) if "5 ALERTS" in row)
    return [row for row in rows[first:] if row.strip()]


async def test_on_a_small_screen_one_line_tells_the_newest_and_how_many_more(store: Store) -> None:
    run_id = store.good_run(NOW - 9000)
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.pause()
        assert text_of(app).splitlines()[1] == " 5 no alerts"
        failure(store, run_id, "Check", NOW - 100)
        missed(store, run_id)
        await until(pilot, lambda: "and 1 more" in text_of(app))
        line = text_of(app).splitlines()[1]
        assert line == " 5 ◇ Ingest a slot was mssed  2023-11-14 03:00 UTC  22:13   and 1 more"


async def test_the_list_is_newest_first_counted_and_tells_the_reason_of_the_selected_one(store: Store) -> None:
    run_id = store.good_run(NOW - 9000)
    failure(store, run_id, "Check", NOW - 100, times=3)
    missed(store, run_id)
    store.alert(AlertKey("", AlertKind.DISK), Cause("nothing new starts: the disk is full", "0.1Gi free"), NOW - 90_000)
    app = app_on(store)
    async with app.run_test(size=MEDIUM) as pilot:
        await pilot.pause()
        assert alert_lines(app) == [
            " 5 ALERTS  3 firing",
            "▌22:13 ◇ Ingest a slot was mssed",
            "         2023-11-14 03:00 UTC",
            " 22:11 ✗ Check failed: exit 3 (3 times)",
            " 13 Nov ! nothing new starts: the disk is …",
        ]
        await pilot.press("5", "j")
        assert alert_lines(app)[2:4] == ["▌22:11 ✗ Check failed: exit 3 (3 times)", "         stops Report"]


async def test_the_selected_alert_is_acknowledged_and_stays_selected(store: Store) -> None:
    run_id = store.good_run(NOW - 9000)
    failure(store, run_id, "Check", NOW - 100)
    missed(store, run_id)
    doors = Doors(store)
    app = app_on(store, control=doors)
    async with app.run_test(size=MEDIUM) as pilot:
        await pilot.pause()
        assert "a ack" not in text_of(app).splitlines()[-1]
        await pilot.press("5")
        await pilot.pause()
        assert "a ack" in text_of(app).splitlines()[-1]
        await pilot.press("a")
        await until(pilot, lambda: "1 acknowledged" in text_of(app))
        assert doors.taken == [[2]]
        lines = alert_lines(app)
        assert lines[0] == "▌5 ALERTS  1 firing, 1 acknowledged"
        assert lines[1] == " 22:11 ✗ Check failed: exit 3"
        assert lines[2].startswith("▌22:13 ◇ Ingest a slot was m") and lines[2].endswith("acknowledged")
        await until(pilot, lambda: "Ingest: acknowledged; `5 a` takes it back" in text_of(app))
        await pilot.press("a")
        await until(pilot, lambda: "2 firing" in text_of(app))
        assert doors.taken == [[2]] and doors.taken_back == [[2]]


async def test_an_alert_leads_to_its_run_and_job(store: Store) -> None:
    old = store.good_run(NOW - 9000)
    store.running_run()
    failure(store, old, "Check")
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("5", "5", "enter")
        await until(pilot, lambda: f"HISTORY run {old}" in text_of(app))
        await pilot.pause()
        assert app.dashboard is not None and not app.dashboard.zoomed and app.dashboard.at == "jobs"
        assert app.dashboard.jobs.selected == job_id("Check")


async def test_an_alert_of_the_shown_run_only_selects_its_job(store: Store) -> None:
    run_id = store.running_run()
    failure(store, run_id, "Check")
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("5", "l")
        await pilot.pause()
        assert app.dashboard is not None and app.view.live
        assert app.dashboard.jobs.selected == job_id("Check")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (AlertKey("", AlertKind.DISK), "skafos prune --dry-run"),
        (AlertKey("", AlertKind.RUNNER, "docker"), "skafos doctor says"),
        (AlertKey(TOKEN, AlertKind.DIRECTORY), "skafos projects list"),
        (AlertKey(TOKEN, AlertKind.CONFIG), "skafos validate"),
        (AlertKey(TOKEN, AlertKind.CONFIG, IMAGE), "skafos validate"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_an_alert_without_a_run_leads_to_what_mends_it(store: Store, key: AlertKey, told: str) -> None:
    store.alert(key, Cause("something is wrong", "here"))
    app = app_on(store)
    reached: list[str] = []
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("5")
        dashboard = app.dashboard
        assert dashboard is not None
        # Only where it leads counts here: some of these commands start an engine.
        performed = dashboard.perform
        dashboard.perform = lambda command: (  # type: ignore[method-assign]
            performed(command) if command.id == "deeper" else reached.append(command.id)
        )
        await pilot.press("enter")
        await pilot.pause()
        led = set(reached) & {"go.config", "go.projects", "doctor"}
        assert led or told in text_of(app)


async def test_a_rule_is_named(store: Store) -> None:
    run_id = store.good_run(NOW - 9000)
    key = AlertKey(TOKEN, AlertKind.FAILURE, job_id("Check"), "slow one")
    store.alert(key, Cause("took 12:00, more than 10:00", "", "Check", run_id))
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.pause()
        assert " 5 ✗ slow one: Check took 12:00, more than 10:00  22:13" in text_of(app)


async def test_more_alerts_than_rows_scroll_with_the_selection(store: Store) -> None:
    run_id = store.good_run(NOW - 9000)
    names = list(store.pipeline)
    for number, name in enumerate(names):
        failure(store, run_id, name, NOW - number)
    app = app_on(store)
    async with app.run_test(size=(140, 24)) as pilot:
        await pilot.press("5", "G")
        await pilot.pause()
        assert any(line.startswith(f"▌22:13 ✗ {names[-1]} ") for line in alert_lines(app))
        await pilot.press("g", "g")
        await pilot.pause()
        assert any(line.startswith(f"▌22:13 ✗ {names[0]} ") for line in alert_lines(app))


async def test_a_click_selects_and_a_double_click_goes_there(store: Store) -> None:
    old = store.good_run(NOW - 9000)
    store.running_run()
    failure(store, old, "Check", NOW - 50)
    missed(store, old)
    app = app_on(store)
    async with app.run_test(size=MEDIUM) as pilot:
        await pilot.pause()
        await pilot.click("#alerts", offset=(12, 3))
        assert alert_lines(app)[2].startswith("▌22:12 ✗ Check")
        await pilot.click("#alerts", offset=(12, 2), times=2)
        await until(pilot, lambda: f"HISTORY run {old}" in text_of(app))


async def test_without_unicode_alerts_are_ascii(store: Store) -> None:
    run_id = store.good_run(NOW - 9000)
    missed(store, run_id)
    failure(store, run_id, "Check")
    app = app_on(store, setting="ascii")
    async with app.run_test(size=MEDIUM) as pilot:
        await pilot.pause()
        assert text_of(app).isascii() and "X Check failed: exit 3" in text_of(app)


async def test_a_failed_run_has_all_its_alerts_acknowledged_at_once(store: Store) -> None:
    store.good_run(NOW - 9000)
    run_id = store.failed_run()
    failure(store, run_id, "Check", NOW - 2200)
    doors = Doors(store)
    app = app_on(store, control=doors)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: bool(doors.taken))
        assert sorted(doors.taken[0]) == [1, 2]
