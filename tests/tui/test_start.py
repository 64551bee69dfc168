"""Where there is no project: what a person can begin with, one key each."""

from __future__ import annotations

from pathlib import Path

import pytest
from screens import text_of
from wines import NOW, Store

from skafos_tui.store.home import Home
from skafos_tui.tui.start import Beginning, StartApp, known_projects

SIZE = (80, 24)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.create()
    return found


def start(home: Home, directory: Path, *, read_only: bool = False) -> StartApp:
    app = StartApp(home, Beginning(directory, "wine", known_projects(home)), read_only=read_only)
    app.now = lambda: NOW
    return app


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (["1"], "demo"),
        (["2"], "init"),
        (["3"], "open"),
        (["j", "enter"], "init"),
        (["G", "enter"], "open"),
        (["4"], None),
        (["escape"], None),
        (["q"], None),
        (["colon", "escape", "q"], None),
    ],
)
async def test_one_key_begins(home: Home, tmp_path: Path, keys: list[str], kind: str | None) -> None:
    Store(home.state_database).make(tmp_path / "wine").failed_run()
    app = start(home, tmp_path / "empty")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        assert (app.choice.kind if app.choice else None) == kind
        assert app._exit == (kind is not None or keys[-1] == "q")


async def test_it_says_what_there_is(home: Home, tmp_path: Path) -> None:
    Store(home.state_database).make(tmp_path / "wine").failed_run()
    app = start(home, tmp_path / "empty")
    async with app.run_test(size=(140, 24)) as pilot:
        await pilot.pause()
        lines = text_of(app).splitlines()
        assert lines[0].endswith(f"there is no metis.config.yml in {tmp_path}/empty or above")
        assert lines[2] == "▌1  demo  a sample project, copied to ./wine and run at once"
        assert lines[3].startswith(" 2  init  a new project in this directory, empty")
        assert lines[4].startswith(" 3  wine                ✗ run 1 failed, 38 min ago")
        assert "Enter open" in lines[-1] and "q quit" in lines[-1]


async def test_a_click_chooses_and_two_begin(home: Home, tmp_path: Path) -> None:
    app = start(home, tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.click("#table", offset=(8, 2))
        assert app.choice is None
        await pilot.click("#table", offset=(8, 2), times=2)
        await pilot.pause()
        assert app.choice is not None and app.choice.kind == "init"


async def test_read_only_makes_nothing_new(home: Home, tmp_path: Path) -> None:
    app = start(home, tmp_path, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("1", "enter")
        await pilot.pause()
        assert "no project is known yet" in text_of(app)
        assert app.choice is None and not app._exit


async def test_names_and_places_control_no_terminal(home: Home, tmp_path: Path) -> None:
    app = start(home, tmp_path / "e\x1b]0;gotcha\x07vil")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "\x1b" not in text_of(app) and "a new project in this directory, evil" in text_of(app)
