"""The project's files while they are looked at: the star beside the deployment, a config that changes or is mended."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from screens import GOOD_ENGINE, app_on, text_of
from textual.pilot import Pilot
from wines import NOW, PIPELINE, TOKEN, Store, config_of

from skafos_tui.store import working_tree
from skafos_tui.store.home import Home
from skafos_tui.store.working_tree import fingerprint_of, take_snapshot
from skafos_tui.tui import project_watch
from skafos_tui.tui.bridge import Bridge
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.opening import read_other, screen_of
from skafos_tui.tui.project_watch import ProjectWatch
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.written import Written, read_written

SIZE = (120, 30)
BROKEN = "project_token: nonsense\nname: wine\njobs: []\n"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_watch, "LOOK_S", 0.05)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.create()
    return found


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A project's directory with its config and one script."""
    made = tmp_path / "wine"
    made.mkdir()
    (made / "metis.config.yml").write_text(config_of(PIPELINE), encoding="utf-8")
    (made / "main.py").write_text("print(1)\n", encoding="utf-8")
    return made


async def until(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError(text_of(pilot.app))


def watch_of(directory: Path) -> ProjectWatch:
    config = directory / "metis.config.yml"
    watch = ProjectWatch(directory, config, read_written(config))
    watch.is_compared = True
    return watch


def test_the_digest_is_that_of_a_snapshot(directory: Path) -> None:
    watch = watch_of(directory)
    watch.look()
    assert watch.digest == take_snapshot(directory).digest
    (directory / ".gitignore").write_text("*.log\n", encoding="utf-8")
    (directory / "noise.log").write_text("noise", encoding="utf-8")
    (directory / "main.py").chmod(0o755)
    watch.look()
    assert watch.digest == take_snapshot(directory).digest


def test_only_files_with_another_stamp_are_read(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def reading(place: Path, path: str) -> bytes:
        read.append(path)
        return fingerprint_of(place, path)

    monkeypatch.setattr(working_tree, "fingerprint_of", reading)
    told: list[str] = []
    watch = watch_of(directory)
    watch.told = lambda: told.append(watch.digest)
    watch.look()
    assert read == ["main.py", "metis.config.yml"]
    watch.look()
    assert len(read) == 2 and len(told) == 1
    (directory / "main.py").write_text("print(2)\n", encoding="utf-8")
    os.utime(directory / "main.py", (1, 1))
    watch.look()
    assert read[2:] == ["main.py"] and len(told) == 2


def test_a_directory_that_goes_is_no_error(directory: Path) -> None:
    watch = watch_of(directory)
    watch.look()
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    watch.look()
    assert watch.digest == ""


def test_nothing_is_read_where_there_is_nothing_to_compare_with(directory: Path) -> None:
    watch = watch_of(directory)
    watch.is_compared = False
    watch.look()
    assert watch.digest == ""


def test_of_very_large_projects_it_stays_unknown(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_watch, "MOST_BYTES", 12)
    watch = watch_of(directory)
    watch.look()
    assert watch.digest == ""


def test_without_a_file_nothing_is_written() -> None:
    assert read_written(None) == Written()


def test_a_config_with_errors_says_the_first_one(directory: Path) -> None:
    config = directory / "metis.config.yml"
    config.write_text(BROKEN, encoding="utf-8")
    written = read_written(config)
    assert written.project is None
    assert written.note.startswith("metis.config.yml has ") and ": line 1: " in written.note


async def test_a_star_stands_beside_the_deployment_while_the_files_are_others(store: Store, directory: Path) -> None:
    digest = take_snapshot(directory).digest

    def deployed(connection: Any) -> None:
        connection.execute("UPDATE deployments SET code_digest = ?", (digest,))

    store.write(deployed)
    posted: list[Any] = []
    bridge = Bridge(
        store.path,
        DashboardReader(TOKEN),
        lambda view: posted[0].post_message(type(posted[0]).ViewChanged(view)),
        engine=lambda: GOOD_ENGINE,
        now=lambda: NOW,
        files=watch_of(directory),
    )
    app = app_on(store)
    app.bridge, app.view = bridge, bridge.first()
    posted.append(app)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.view.tree == digest)
        assert "deployed 1 " in text_of(app)
        (directory / "main.py").write_text("print('other')\n", encoding="utf-8")
        await until(pilot, lambda: "deployed 1* " in text_of(app))
        (directory / "main.py").write_text("print(1)\n", encoding="utf-8")
        await until(pilot, lambda: "deployed 1 " in text_of(app))


async def test_before_anything_is_deployed_the_jobs_are_those_of_the_config(home: Home, directory: Path) -> None:
    config = directory / "metis.config.yml"
    app = screen_of(Opened(home, TOKEN, "wine", directory, config), read_written(config), read_only=True)
    app.engine_watch = None
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "Train forest" in text_of(app)
        config.write_text(config_of({"Only one": ()}), encoding="utf-8")
        await until(pilot, lambda: "Only one" in text_of(app) and "Train forest" not in text_of(app))


async def test_a_broken_config_says_what_is_wrong_and_is_taken_up_once_mended(home: Home, directory: Path) -> None:
    config = directory / "metis.config.yml"
    config.write_text(BROKEN, encoding="utf-8")
    app = screen_of(Opened(home, "", "wine", directory, config), read_written(config), read_only=True)
    app.engine_watch = None
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        lines = text_of(app).splitlines()
        assert lines[2].startswith(" metis.config.yml has ")
        assert lines[3] == " e opens it there"
        config.write_text(config_of(PIPELINE), encoding="utf-8")
        await until(pilot, lambda: "Train forest" in text_of(app))
        assert app.opened is not None and app.opened.token == TOKEN


async def test_what_is_being_edited_is_not_taken_away(home: Home, directory: Path) -> None:
    config = directory / "metis.config.yml"
    config.write_text(BROKEN, encoding="utf-8")
    app = screen_of(Opened(home, "", "wine", directory, config), read_written(config), read_only=True)
    app.engine_watch = None
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        above = app.screen
        config.write_text(config_of(PIPELINE), encoding="utf-8")
        assert app.dashboard is not None
        first = app.dashboard
        await until(pilot, lambda: first.when_back is not None)
        assert app.screen is above
        await pilot.press("escape")
        await until(pilot, lambda: "Train forest" in text_of(app))


def test_the_config_of_another_project_is_not_this_ones(home: Home, directory: Path) -> None:
    assert read_other(home, TOKEN, "wine", directory)[1].project is not None
    assert read_other(home, "c" * 24, "wine", directory)[1] == Written()
