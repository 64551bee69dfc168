"""Whole screens of a first run as text, compared exactly: no config, a broken one, no Docker; and the graph's face.

Renewed as those of `test_goldens`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from screens import GOOD_ENGINE, app_on, text_of
from screens import settled as is_settled
from test_dashboard import until
from test_goldens import GOLDENS, SIZES
from textual.pilot import Pilot
from wines import NOW, TOKEN, Store

from skafos_tui.store.home import Home
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.bridge import Bridge
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.reading_projects import ProjectLine
from skafos_tui.tui.start import Beginning, StartApp
from skafos_tui.tui.written import Written

NO_DOCKER = replace(
    GOOD_ENGINE, runners=(("docker", "Docker does not answer at /var/run/docker.sock: permission denied"),)
)
NOTE = "metis.config.yml has 2 errors: line 7: `entrypiont` is not a key of a job: entrypoint"
Size = tuple[int, int]
sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


async def settled(pilot: Pilot[None]) -> None:
    """Wait for what threads read."""
    app = cast(SkafosApp, pilot.app)
    await until(pilot, lambda: is_settled(app))


def compare(scene: str, size: Size, text: str) -> None:
    golden = GOLDENS / f"{scene}-{size[0]}x{size[1]}.txt"
    if os.environ.get("SKAFOS_GOLDENS") == "renew":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@sizes
async def test_where_there_is_no_config_one_key_begins(size: Size, tmp_path: Path) -> None:
    known = ProjectLine(TOKEN, "wine", "/home/ada/wine", run=None, next_at=NOW + 3600)
    app = StartApp(Home(tmp_path), Beginning(Path("/home/ada/empty"), "wine", (known,)))
    app.now = lambda: NOW
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        compare("no_config", size, text_of(app))


@sizes
async def test_a_config_with_errors_says_the_first_and_how_to_get_there(size: Size, tmp_path: Path) -> None:
    reader = DashboardReader("", "wine")
    reader.write(Written(None, NOTE))
    app = app_on(Store(tmp_path / "none.db"))
    app.bridge = Bridge(tmp_path / "none.db", reader, lambda _view: None, engine=lambda: GOOD_ENGINE)
    app.view = app.bridge.first()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await settled(pilot)
        compare("broken_config", size, text_of(app))


@sizes
async def test_a_project_that_ran_in_docker_waits_for_it(size: Size, store: Store) -> None:
    store.good_run(NOW - 9000)
    app = app_on(store, engine=NO_DOCKER)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await settled(pilot)
        compare("no_docker", size, text_of(app))


@sizes
async def test_the_graph_in_the_place_of_the_jobs(size: Size, store: Store) -> None:
    store.good_run(NOW - 9000)
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=size) as pilot:
        await pilot.press("v")
        await pilot.pause()
        await settled(pilot)
        compare("graph", size, text_of(app))
