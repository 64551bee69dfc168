"""Running, retrying, cancelling, deploying and pausing from the keys: what reaches the engine, what is asked first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from screens import app_on, text_of
from test_dashboard import dashboard, until
from wines import NOW, PIPELINE, TOKEN, Store, config_of, job_id

from skafos_tui.model.project import NO_TEXT
from skafos_tui.store.home import Home
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.control import Activated, Begun, Refused
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.screens.cancel import CancelScreen
from skafos_tui.tui.screens.details import DetailsScreen
from skafos_tui.tui.screens.parameters import ParametersScreen, problem_of
from skafos_tui.tui.screens.question import QuestionScreen
from skafos_tui.tui.screens.run_menu import RunMenu

SIZE = (100, 30)
FOREST, CLEAN = job_id("Train forest"), job_id("Clean")


class Engine:
    """Takes what the screen asks for; refuses everything with `refusal`."""

    def __init__(self, refusal: str = "") -> None:
        self.asked: list[Any] = []
        self._refusal = refusal

    def _take(self, *asked: Any) -> None:
        if self._refusal:
            raise Refused(self._refusal)
        self.asked.append(asked)

    def cancel(self, run_id: int, *jobs: str) -> None:
        self._take("cancel", run_id, *jobs)

    def run(self, *jobs: str, only: bool = False, parameters: Mapping[str, str] = NO_TEXT) -> Begun:
        self._take("run", jobs, only, dict(parameters))
        return Begun(77)

    def retry(self, run_id: int, *, from_job: str | None = None, working_tree: bool = False) -> Begun:
        self._take("retry", run_id, from_job, working_tree)
        return Begun(78)

    def deploy(self) -> Activated:
        self._take("deploy")
        return Activated(14, "active", 79)

    def rollback(self, number: int) -> Activated:
        self._take("rollback", number)
        return Activated(number, "waiting")

    def undeploy(self) -> Activated:
        self._take("undeploy")
        return Activated(None, "active")

    def pause(self, job_id: str | None = None) -> bool:
        self._take("pause", job_id)
        return True

    def resume(self, job_id: str | None = None) -> bool:
        self._take("resume", job_id)
        return True

    def ack(self, alerts: Any) -> list[int]:
        self._take("ack", *alerts)
        return list(alerts)


def with_config(store: Store, text: str, **options: Any) -> SkafosApp:
    """The app on a store, with this config in the project's directory."""
    directory = Path(store.path.parent)
    config = directory / "metis.config.yml"
    config.write_text(text)
    opened = Opened(Home(directory), TOKEN, "wine", directory, config)
    return app_on(store, opened=opened, **options)


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ("rr", ("run", (FOREST,), False, {})),
        ("ro", ("run", (FOREST,), True, {})),
        ("ra", ("run", (), False, {})),
        ("rf", ("retry", 1, None, False)),
        ("rn", ("retry", 1, None, True)),
        ("rh", ("retry", 1, FOREST, False)),
        ("rz", ("pause", FOREST)),
    ],
)
async def test_two_keys_typed_fast_are_one_command(keys: str, asked: Any, store: Store) -> None:
    store.failed_run()
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*keys)
        await until(pilot, lambda: engine.asked == [asked])


async def test_what_begins_is_said(store: Store) -> None:
    store.failed_run()
    app = app_on(store, control=Engine())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*"rr")
        await until(pilot, lambda: "run 77 begins" in text_of(app).splitlines()[-1])


async def test_a_retry_says_when_the_files_are_others_by_now(store: Store) -> None:
    store.failed_run()
    app = app_on(store, control=Engine())
    async with app.run_test(size=SIZE) as pilot:
        dashboard(app).show(replace(app.view, run_code="old", tree="new"))
        await pilot.press(*"rf")
        await until(pilot, lambda: "with the files of run 1, not those of now" in text_of(app).splitlines()[-1])
        dashboard(app).show(replace(app.view, run_code="old", tree="new"))
        await pilot.press(*"rn")
        await until(pilot, lambda: text_of(app).splitlines()[-1].strip() == "run 78 begins")


async def test_marked_jobs_run_together_and_are_marked_no_more(store: Store) -> None:
    store.good_run(NOW - 9000)
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "g", "space", "G", "space", "r", "o")
        await until(pilot, lambda: engine.asked == [("run", (job_id("Ingest"), job_id("Report")), True, {})])
        await until(pilot, lambda: not dashboard(app).jobs.marked)


async def test_after_a_moment_the_menu_shows_the_commands_and_goes_on(store: Store) -> None:
    store.failed_run()
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RunMenu))
        await pilot.pause()
        text = text_of(app)
        for said in (
            "skafos run 'Train forest'",
            "skafos run 'Train forest' --only",
            "skafos retry 1",
            "skafos deploy",
        ):
            assert said in text
        await pilot.press("o")
        await until(pilot, lambda: engine.asked == [("run", (FOREST,), True, {})])
        assert app.screen is dashboard(app)


async def test_the_menu_is_left_without_doing_anything(store: Store) -> None:
    store.failed_run()
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RunMenu))
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is dashboard(app) and engine.asked == []
        assert "r …" not in text_of(app)


async def test_a_refusal_is_one_line_in_the_footer(store: Store) -> None:
    store.failed_run()
    app = app_on(store, control=Engine("Train needs Clean, but it never ran\x1b[2J"))
    async with app.run_test(size=(140, 30)) as pilot:
        await pilot.press(*"rr")
        refused = "skafos run 'Train forest' is refused: Train needs Clean, but it never ran"
        await until(pilot, lambda: refused in text_of(app).splitlines()[-1])
        assert "\x1b" not in text_of(app)


async def test_read_only_runs_nothing(store: Store) -> None:
    store.failed_run()
    engine = Engine()
    app = app_on(store, control=engine, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*"rrrarfrzx")
        await pilot.pause(0.1)
        assert engine.asked == [] and app.screen is dashboard(app)
        await pilot.press(*"rdsS")
        await pilot.pause(0.1)
        assert engine.asked == [] and isinstance(app.screen, DetailsScreen), "there is no `r d`, so `d` means itself"


async def test_a_paused_schedule_goes_on(store: Store) -> None:
    store.good_run(NOW - 9000)
    store.schedule("Ingest", "0 3 * * *")
    store.pause("Ingest")
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "g", "r", "z")
        await until(pilot, lambda: engine.asked == [("resume", job_id("Ingest"))])


# Cancelling --------------------------------------------------------------------------------------------------


async def test_the_whole_run_can_be_cancelled(store: Store) -> None:
    store.running_run()
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("x")
        await pilot.pause()
        assert "[a] run 1" in text_of(app)
        await asyncio.sleep(0.31)
        await pilot.press("a")
        await until(pilot, lambda: engine.asked == [("cancel", 1)])


async def test_marked_jobs_are_cancelled_together(store: Store) -> None:
    store.running_run()
    engine = Engine()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        dashboard(app).jobs.marked = frozenset([job_id("Train forest"), job_id("Report"), CLEAN])
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(app.screen, CancelScreen)
        assert "Cancel Train forest, Report?" in text_of(app) and "It stops Evaluate, Score." in text_of(app)
        await asyncio.sleep(0.31)
        await pilot.press("y")
        await until(pilot, lambda: engine.asked == [("cancel", 1, FOREST, job_id("Report"))])


# Parameters --------------------------------------------------------------------------------------------------

WITH_PARAMETERS = config_of(PIPELINE).replace(
    '    name: "Train forest"\n', '    name: "Train forest"\n    parameters: {EPOCHS: 10, DEPTH: 3}\n'
)


async def test_the_form_has_defaults_and_what_was_last_used_and_runs_what_differs(store: Store) -> None:
    store.failed_run()
    store.run_with({"EPOCHS": "40"})
    engine = Engine()
    app = with_config(store, WITH_PARAMETERS, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        dashboard(app).jobs.select(FOREST)
        await pilot.press("r", "p")
        await until(pilot, lambda: isinstance(app.screen, ParametersScreen))
        await pilot.pause()
        text = text_of(app)
        assert "EPOCHS   default 10" in text and "DEPTH    default 3" in text and "40" in text
        await pilot.press("end", "0", "enter")
        await until(pilot, lambda: engine.asked == [("run", (FOREST,), False, {"EPOCHS": "400"})])


async def test_upstream_jobs_take_the_parameters_of_what_follows_and_escape_runs_nothing(store: Store) -> None:
    store.failed_run()
    engine = Engine()
    app = with_config(store, WITH_PARAMETERS, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        dashboard(app).jobs.select(job_id("Ingest"))
        await pilot.press("r", "p")
        await until(pilot, lambda: isinstance(app.screen, ParametersScreen))
        await pilot.press("tab", "q", "escape")
        await pilot.pause()
        assert app.screen is dashboard(app) and engine.asked == []


async def test_without_parameters_it_says_so(store: Store) -> None:
    store.failed_run()
    app = with_config(store, WITH_PARAMETERS, control=Engine())
    async with app.run_test(size=SIZE) as pilot:
        dashboard(app).jobs.select(job_id("Report"))
        await pilot.press("r", "p")
        await until(pilot, lambda: "Report: no parameters in the config" in text_of(app))


def test_a_value_that_controls_a_terminal_is_not_taken() -> None:
    assert problem_of({"A": "ok"}) == ""
    assert problem_of({"A": "ok", "B": "\x1b[0m"}).startswith("B has")


# Deploying ---------------------------------------------------------------------------------------------------


async def test_a_harmless_deploy_asks_nothing(store: Store) -> None:
    engine = Engine()
    app = with_config(store, config_of(PIPELINE), control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("r", "d")
        await until(pilot, lambda: engine.asked == [("deploy",)])
        await until(pilot, lambda: "deployment 14 is active; run 79 begins" in text_of(app))


@pytest.mark.parametrize("change", ["a job goes", "a schedule fires"])
async def test_a_deploy_that_takes_away_or_fires_shows_its_plan_first(change: str, store: Store) -> None:
    engine = Engine()
    less = {name: parents for name, parents in PIPELINE.items() if name != "Report"}
    scheduled = config_of(PIPELINE).replace(
        "entrypoint: sleep 1\n", 'entrypoint: sleep 1\n    schedule: "0 9 * * *"\n', 1
    )
    app = with_config(store, config_of(less) if change == "a job goes" else scheduled, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("r", "d")
        await until(pilot, lambda: isinstance(app.screen, QuestionScreen))
        await pilot.pause()
        assert ("- Report" if change == "a job goes" else "Ingest fires next: 2023-11-15 09:00") in text_of(app)
        assert engine.asked == []
        await asyncio.sleep(0.31)
        await pilot.press("y")
        await until(pilot, lambda: engine.asked == [("deploy",)])
