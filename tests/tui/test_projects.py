"""All projects of a person on one screen, and going from one to another; what is missing on this machine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from screens import GOOD_ENGINE, app_on, text_of
from textual.pilot import Pilot
from wines import NOW, TOKEN, Store, config_of, job_id

from skafos_tui.machine import Check
from skafos_tui.model.run import TaskState
from skafos_tui.store import projects
from skafos_tui.store.database import connect_reader
from skafos_tui.store.home import Home
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.banner import banner_of
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.reading_projects import read_projects
from skafos_tui.tui.screens import doctor
from skafos_tui.tui.screens.projects import ProjectsScreen
from skafos_tui.tui.views import Dashboard, EngineFacts, EngineState

SIZE = (100, 24)
OTHER = "b" * 24
NO_DOCKER = replace(GOOD_ENGINE, runners=(("docker", "Docker does not answer at /var/run/docker.sock"),))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.create()
    return found


@pytest.fixture
def store(home: Home, tmp_path: Path) -> Store:
    """The wine project, and another one that has a config and never ran."""
    made = Store(home.state_database).make(tmp_path)
    directory = tmp_path / "beer"
    directory.mkdir()
    text = config_of({"Brew": (), "Drink": ("Brew",)}).replace(TOKEN, OTHER).replace("name: wine", "name: beer")
    (directory / "metis.config.yml").write_text(text, encoding="utf-8")
    row = projects.ProjectRow(OTHER, "beer", str(directory), "process", NOW - 50)
    made.write(lambda connection: projects.save_project(connection, row))
    return made


def app_of(store: Store, home: Home, tmp_path: Path, engine: EngineFacts = GOOD_ENGINE) -> SkafosApp:
    return app_on(store, engine=engine, opened=Opened(home, TOKEN, "wine", tmp_path))


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError(text_of(pilot.app))


def test_a_project_is_read_with_its_last_run_what_comes_next_and_its_alerts(store: Store) -> None:
    store.failed_run()
    store.schedule("Ingest", "0 3 * * *")
    with closing(connect_reader(store.path)) as connection:
        wine, beer = read_projects(connection, NOW)
    assert (wine.name, wine.deployment, wine.gone) == ("wine", 2, False)
    assert wine.run is not None and wine.run.state.value == "failed"
    assert wine.next_at is not None and 0 < wine.next_at - NOW < 86_400
    assert (beer.name, beer.run, beer.next_at) == ("beer", None, None)


async def test_g_j_lists_them_and_q_goes_back(store: Store, home: Home, tmp_path: Path) -> None:
    store.failed_run()
    app = app_of(store, home, tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "j")
        await until(pilot, lambda: "2 known" in text_of(app))
        lines = text_of(app).splitlines()
        assert lines[2].startswith("▌* wine") and "✗ run 1 failed, 38 min ago" in lines[2]
        assert "beer" in lines[3] and "never ran" in lines[3]
        assert "Enter open" in lines[-1]
        await pilot.press("g", "j", "g", "j", "exclamation_mark", "exclamation_mark", "q", "q")
        await pilot.pause()
        assert app.screen is app.dashboard


async def test_enter_shows_another_project_and_leaves_the_first_one_alone(
    store: Store, home: Home, tmp_path: Path
) -> None:
    store.running_run()
    app = app_of(store, home, tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        first = app.bridge
        await pilot.press("g", "j")
        await until(pilot, lambda: "2 known" in text_of(app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: app.screen is app.dashboard and "Brew" in text_of(app))
        assert app.opened is not None and app.opened.token == OTHER
        assert "beer" in text_of(app).splitlines()[0] and "no runs yet" in text_of(app)
        first.join(2)
        assert not first._thread.is_alive()
        app.post_message(SkafosApp.ViewChanged(Dashboard(TOKEN, "too late")))
        await pilot.pause()
        assert "too late" not in text_of(app)
        await pilot.press("g", "j")
        await until(pilot, lambda: isinstance(app.screen, ProjectsScreen) and "2 known" in text_of(app))
        await pilot.press("g", "g", "enter")
        await until(pilot, lambda: app.screen is app.dashboard and "Train forest" in text_of(app))
        store.set_task(1, "Report", TaskState.CANCELLED)
        await until(pilot, lambda: "cancelled" in text_of(app))


async def test_a_double_click_opens_a_project(store: Store, home: Home, tmp_path: Path) -> None:
    app = app_of(store, home, tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "j")
        await until(pilot, lambda: "2 known" in text_of(app))
        row = next(
            number for number, line in enumerate(text_of(app).splitlines()) if "never ran" in line and "beer" in line
        )
        await pilot.click("#table", offset=(10, row - 1), times=2)
        await until(pilot, lambda: app.screen is app.dashboard and "Brew" in text_of(app))


async def test_a_directory_that_has_gone_is_told(store: Store, home: Home, tmp_path: Path) -> None:
    (tmp_path / "beer" / "metis.config.yml").unlink()
    (tmp_path / "beer").rmdir()
    app = app_of(store, home, tmp_path)
    async with app.run_test(size=(140, 30)) as pilot:
        await pilot.press("g", "j")
        await until(pilot, lambda: "(gone)" in text_of(app))
        await pilot.press("g", "g", "enter")
        await until(pilot, lambda: app.screen is app.dashboard and text_of(app).startswith(" beer"))


@pytest.mark.parametrize(
    ("runner", "engine", "banner"),
    [
        ("docker", GOOD_ENGINE, ""),
        ("docker", NO_DOCKER, "jobs wait: Docker does not answer at /var/run/docker.sock"),
        ("", NO_DOCKER, "local processes: Docker does not answer at /var/run/docker.sock"),
        ("process", NO_DOCKER, "local processes: Docker does not answer at /var/run/docker.sock"),
        ("process", GOOD_ENGINE, ""),
        ("docker", EngineFacts(EngineState.STARTING, NOW), ""),
        ("docker", EngineFacts(EngineState.LOST, NOW, problem="it does not start"), "it does not start"),
        ("docker", replace(GOOD_ENGINE, problem="the disk is full"), "the disk is full"),
    ],
)
def test_the_banner_names_the_cause_and_what_follows(runner: str, engine: EngineFacts, banner: str) -> None:
    assert banner_of(Dashboard(TOKEN, "wine", runner=runner, engine=engine)) == banner


def test_what_a_daemon_says_controls_no_terminal() -> None:
    engine = replace(GOOD_ENGINE, runners=(("docker", "no\x1b]0;gotcha\x07 socket"),))
    assert banner_of(Dashboard(TOKEN, "wine", runner="docker", engine=engine)) == "jobs wait: no socket"


async def test_the_banner_stands_below_the_header_and_one_key_says_what_is_missing(
    store: Store, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [Check("python", True, "3.11"), Check("docker", False, "does not answer", "sudo systemctl start docker")]
    monkeypatch.setattr(doctor, "look_at_machine", lambda asked, **_: checks if asked == home else [])
    app = app_of(store, home, tmp_path, engine=NO_DOCKER)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "jobs wait: Docker does not answer at /var/run/docker.sock  ! doctor" in text_of(app)
        assert "1 JOBS" in text_of(app)
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "1 missing" in text_of(app))
        lines = [line.strip() for line in text_of(app).splitlines()]
        assert lines[1:3] == ["missing docker: does not answer", "sudo systemctl start docker"]
        assert "ok      python: 3.11" in lines
        await pilot.press("q")
        await pilot.pause()
        assert app.screen is app.dashboard


async def test_queued_says_for_what(store: Store, home: Home, tmp_path: Path) -> None:
    store.running_run()
    app = app_of(store, home, tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert app.view.row_of[job_id("Score")].task is not None
        assert "queued: needs 1 cpu, Train linear has it" in text_of(app)


async def test_read_only_looks_at_the_machine_and_starts_nothing(
    store: Store, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skafos_tui.api.client.ensure_engine", lambda *_: pytest.fail("an engine was started"))
    app = app_of(store, home, tmp_path)
    assert app.read_only
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "missing engine" in text_of(app))
