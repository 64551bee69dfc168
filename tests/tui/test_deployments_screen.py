"""The deployments: the list and what it says of each, what one changed, rolling back after a look at the plan."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

from screens import app_on, text_of
from test_dashboard import dashboard, until
from test_run_menu import Engine, with_config
from textual.pilot import Pilot
from wines import CHANGED_CODE, CODE, NOW, PIPELINE, TOKEN, Store, config_of

from skafos_tui.model.run import ActivationKind, ActivationState, RunState
from skafos_tui.store import activations, projects, schedules
from skafos_tui.store.database import connect_reader
from skafos_tui.tui.reading_deployments import read_lines, read_listing
from skafos_tui.tui.screens.deployments import DeploymentsScreen
from skafos_tui.tui.screens.question import DEAF_S, QuestionScreen
from skafos_tui.tui.screens.run_menu import RunMenu

SIZE = (100, 24)
NARROW = (80, 24)


def screen(pilot: Pilot[None]) -> DeploymentsScreen:
    found = pilot.app.screen
    assert isinstance(found, DeploymentsScreen)
    return found


def deploy(store: Store, *, parallelism: int = 3, code: dict[str, str] = CODE, ready: bool = True) -> int:
    """A further deployment, made by `skafos deploy`; the store's digest of configs is made to tell them apart."""
    found = store.deploy(parallelism=parallelism, code=code, ready=ready)

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE deployments SET config_digest = ? WHERE id = ?", (str(parallelism), found))
        activations.insert_activation(
            connection,
            project=TOKEN,
            kind=ActivationKind.DEPLOY,
            state=ActivationState.ACTIVE if ready else ActivationState.WAITING,
            deployment=found,
            previous=None,
            request_id=f"deploy-{found}",
            now=NOW - 5,
        )

    store.write(work)
    return found


async def opened(pilot: Pilot[None], *numbers: int) -> None:
    """The deployments with these numbers, drawn."""
    await pilot.press("g", "p")
    await until(
        pilot,
        lambda: isinstance(pilot.app.screen, DeploymentsScreen) and tuple(screen(pilot).listing.numbers) == numbers,
    )
    await until(pilot, lambda: screen(pilot).line is not None)
    await pilot.pause()


async def answer(pilot: Pilot[None], key: str) -> str:
    """What is asked, answered with this key once it may be."""
    await until(pilot, lambda: isinstance(pilot.app.screen, QuestionScreen))
    await pilot.pause()
    text = text_of(pilot.app)
    await asyncio.sleep(DEAF_S)
    await pilot.press(key)
    return text


async def test_each_says_what_made_it_what_it_changed_and_its_last_run(store: Store) -> None:
    good = store.good_run(NOW - 9000)
    deploy(store, parallelism=4)
    deploy(store, parallelism=4, code=CHANGED_CODE)
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 3, 2, 1)
        title, head, *rows = text_of(app).splitlines()
        assert title.split() == ["DEPLOYMENTS", "3", "in", "all;", "3", "is", "active"]
        assert head.split() == ["NO", "STATE", "MADE", "BY", "RUNS", "LAST", "RUN", "CHANGED"]
        assert rows[0].split() == ["▌", "3", "✓", "active", "2023-11-14", "22:13", "deploy", "code"]
        assert rows[1].split() == ["2", "✓", "ready", "2023-11-14", "22:13", "deploy", "~1", "job"]
        assert rows[2].split() == f"1 ✓ ready 2023-11-14 22:13 run 1 ✓ {good} done the first one".split()
        await pilot.press("j")
        await until(pilot, lambda: "deployment 2, made by deploy; changed: ~1 job; no runs" in text_of(app))


async def test_nothing_is_cut_that_the_line_below_does_not_say(store: Store) -> None:
    failed = deploy(store, ready=False)
    error = "pip install failed: " + "no matching distribution found for numpy " * 2
    store.write(lambda connection: projects.deployment_failed(connection, failed, error))
    app = app_on(store)
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot, 2, 1)
        text = text_of(app)
        assert "✗ failed" in text and "1 is active" in text and "11-14 22:13" in text
        assert "".join(error.split()) in "".join("".join(text.splitlines()[-3:-1]).split())


async def test_enter_shows_the_newest_run_in_the_dashboard(store: Store) -> None:
    good = store.good_run(NOW - 9000)
    deploy(store)
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 2, 1)
        await pilot.press("enter")
        assert "deployment 2 has no runs" in text_of(app).splitlines()[-1]
        await pilot.press("j", "enter")
        await until(pilot, lambda: app.screen is dashboard(app) and f"HISTORY run {good}" in text_of(app))


async def test_what_is_made_is_seen_with_its_step(store: Store) -> None:
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 1)
        made = deploy(store, ready=False)
        store.step(made, "pip: pandas 0:14")
        await until(pilot, lambda: "◌ building" in text_of(app) and "pip: pandas 0:14" in text_of(app))
        assert screen(pilot).selected == 1
        store.write(lambda connection: projects.deployment_ready(connection, made, {}, "", NOW))
        await until(pilot, lambda: "○ waiting" in text_of(app))


async def test_the_difference_to_the_one_before_is_one_key_away(store: Store) -> None:
    deploy(store, parallelism=4, code=CHANGED_CODE)
    app = app_on(store)
    async with app.run_test(size=(100, 40)) as pilot:
        await opened(pilot, 2, 1)
        await pilot.press("D")
        await until(pilot, lambda: "what deployment 2 changed: against 1, the one before" in text_of(app))
        text = text_of(app)
        assert "parallelism 2 -> 4" in text and "+    parallelism: 4" in text
        assert "features.py  changed" in text and "+wide = True" in text
        await pilot.press("q", "j", "D")
        await until(pilot, lambda: "it is the first one" in text_of(app))


async def test_a_secret_is_in_no_difference(store: Store) -> None:
    secret = projects.Variable("KEY", "ratio = 3", True)
    store.write(lambda connection: projects.set_variable(connection, TOKEN, secret))
    deploy(store, parallelism=4, code=CHANGED_CODE)
    app = app_on(store)
    async with app.run_test(size=(100, 40)) as pilot:
        await opened(pilot, 2, 1)
        await pilot.press("D")
        await until(pilot, lambda: "+wide = True" in text_of(app))
        assert "ratio = 3" not in text_of(app)


async def test_rolling_back_shows_the_plan_and_no_is_the_default(store: Store) -> None:
    deploy(store, parallelism=4)
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 2, 1)
        assert "R roll back" in text_of(app).splitlines()[-1]
        await pilot.press("R")
        assert "deployment 2 is active" in text_of(app).splitlines()[-1]
        await pilot.press("j", "R")
        asked = await answer(pilot, "enter")
        assert "Roll back to deployment 1?" in asked and "parallelism 4 -> 2" in asked
        assert "The code is another one." not in asked
        await until(pilot, lambda: isinstance(app.screen, DeploymentsScreen))
        assert engine.asked == []
        await pilot.press("R")
        await answer(pilot, "y")
        await until(pilot, lambda: engine.asked == [("rollback", 1)])
        await until(pilot, lambda: "deployment 1 becomes active" in text_of(app).splitlines()[-1])


async def test_the_question_says_so_where_only_the_code_is_another(store: Store) -> None:
    deploy(store, parallelism=2, code=CHANGED_CODE)
    app = app_on(store, control=Engine())
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 2, 1)
        await pilot.press("j", "R")
        asked = await answer(pilot, "n")
        assert "Nothing changes in the config." in asked and "The code is another one." in asked


async def test_what_was_given_up_is_not_asked_about(store: Store) -> None:
    old, _ = store.deployment, deploy(store)
    store.write(lambda connection: projects.give_up_deployments(connection, [old], NOW))
    app = app_on(store, control=Engine())
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 2, 1)
        assert "– given up" in text_of(app)
        await pilot.press("j", "R")
        assert "deployment 1 is old" in text_of(app).splitlines()[-1]


async def test_what_the_engine_refuses_is_said(store: Store) -> None:
    deploy(store)
    app = app_on(store, control=Engine("the disk is full"))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 2, 1)
        await pilot.press("j", "R")
        await answer(pilot, "y")
        await until(pilot, lambda: "deployment 1 is not made active: the disk is full" in text_of(app))


async def test_undeploy_is_in_the_palette_and_asks(store: Store) -> None:
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 1)
        await pilot.press("colon", *"undeploy", "enter")
        asked = await answer(pilot, "y")
        assert "Turn all schedules of wine off?" in asked and "Deployment 1 is active no more" in asked
        await until(pilot, lambda: engine.asked == [("undeploy",)])
        await until(pilot, lambda: "nothing is active" in text_of(app).splitlines()[-1])


async def test_all_schedules_are_paused_and_go_on(store: Store) -> None:
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 1)
        await pilot.press("r", "z")
        await until(pilot, lambda: engine.asked == [("pause", None)])
        store.write(lambda connection: schedules.pause(connection, TOKEN, None, NOW))
        await until(pilot, lambda: "all schedules are paused" in text_of(app).splitlines()[0])
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RunMenu))
        await pilot.pause()
        assert "skafos deploy" in text_of(app) and "skafos resume" in text_of(app)
        await pilot.press("z")
        await until(pilot, lambda: engine.asked[1:] == [("resume", None)])


async def test_deploying_works_from_here(store: Store) -> None:
    engine = Engine()
    app = with_config(store, config_of(PIPELINE, parallelism=2), control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 1)
        await pilot.press("r", "d")
        await until(pilot, lambda: engine.asked == [("deploy",)])


async def test_who_may_only_look_has_no_way_to_change_anything(store: Store) -> None:
    deploy(store)
    app = app_on(store, control=Engine(), read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, 2, 1)
        changing = {"rollback", "undeploy", "deploy", "pause"}
        assert not changing & {command.id for command in screen(pilot).commands()}
        await pilot.press("j", "R", "r", "d")
        assert isinstance(app.screen, DeploymentsScreen)


def test_what_has_to_be_known_first_stands_above(store: Store) -> None:
    store.write(lambda connection: projects.set_active(connection, TOKEN, None))
    store.write(
        lambda connection: activations.insert_activation(
            connection,
            project=TOKEN,
            kind=ActivationKind.RELOAD,
            state=ActivationState.FAILED,
            deployment=None,
            previous=None,
            request_id="r",
            now=NOW,
            error="no \x1b[31mspace",
        )
    )
    with closing(connect_reader(store.path)) as connection:
        assert read_listing(connection, TOKEN).notes == (
            "nothing is active, no schedule fires",
            "the last reload failed: no space",
        )
        assert read_listing(connection, "another").numbers.tolist() == []


def test_the_newest_of_its_runs_is_named(store: Store) -> None:
    store.good_run(NOW - 9000)
    failed = store.failed_run()
    store.good_run(NOW - 8000)
    again = store.run_with({})
    with closing(connect_reader(store.path)) as connection:
        lines = read_lines(connection, TOKEN, 9, 9, NOW)
        runs = [(line.number, line.runs, line.run, line.run_state) for line in lines]
        assert [line.number for line in read_lines(connection, TOKEN, 2, 9, NOW)] == [1]
    assert runs == [(2, 1, failed, RunState.FAILED), (1, 3, again, RunState.SUCCEEDED)]


async def test_thousands_are_read_only_where_they_are_seen(store: Store) -> None:
    with store.batch():
        store.write(many_deployments)
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "p")
        await until(
            pilot, lambda: isinstance(pilot.app.screen, DeploymentsScreen) and len(screen(pilot).listing.numbers) > 5000
        )
        await pilot.press("G")
        await until(pilot, lambda: screen(pilot).line is not None and "…" not in text_of(app))
        assert screen(pilot).selected == 1 and len(screen(pilot)._lines) <= 200


def many_deployments(connection: sqlite3.Connection) -> None:
    config = config_of(PIPELINE)
    connection.executemany(
        "INSERT INTO deployments (project, number, state, config, config_digest, code_digest, created_at)"
        " VALUES (?, ?, 'ready', ?, ?, 'c', ?)",
        ((TOKEN, number, config, str(number), NOW - 9000 + number) for number in range(2, 5002)),
    )
