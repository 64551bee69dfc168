"""Whole screens as text, compared exactly.

After a change that is meant: `SKAFOS_GOLDENS=renew pytest tests/tui/test_goldens.py`, then read the difference in git.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from screens import GOOD_ENGINE, app_on, settled, text_of
from test_dashboard import until
from wines import NOW, Store

from skafos_tui.model.run import TaskState
from skafos_tui.tui.views import EngineFacts, EngineState

GOLDENS = Path(__file__).parent / "goldens"
SIZES = ((60, 16), (80, 24), (100, 30), (140, 40), (220, 60))
LOST = EngineFacts(EngineState.STARTING, NOW - 70)


def idle(store: Store) -> EngineFacts:
    """The last run was good, the next one has its time."""
    return GOOD_ENGINE


def running(store: Store) -> EngineFacts:
    """SCREENS 1."""
    run_id = store.running_run()
    begin = NOW - 271
    store.sample([f"{run_id}-Train forest-0-1"], begin, 238)
    store.sample([f"{run_id}-Train forest-{instance}-1" for instance in (1, 2)], begin, 271)
    return GOOD_ENGINE


def failed(store: Store) -> EngineFacts:
    """SCREENS 2."""
    store.sample([f"{number}-Train forest-0-1" for number in range(1, 9)], NOW - 9000, 3, 1434 << 20)
    run_id, end = store.failed_run(), NOW - 38 * 60
    store.sample([f"{run_id}-Train forest-{instance}-1" for instance in range(3)], end - 95, 95)
    return GOOD_ENGINE


def building(store: Store) -> EngineFacts:
    """A run waits for its image."""
    deployment = store.deploy(ready=False)
    store.step(deployment, "pip: pandas")
    run_id = store.run(deployment=deployment)
    store.set_task(run_id, "Ingest", TaskState.WAITING, reason="for the image: pip: pandas")
    return GOOD_ENGINE


def engine_lost(store: Store) -> EngineFacts:
    """The engine has gone while a run was on."""
    store.running_run()
    return LOST


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("scene", [idle, running, failed, building, engine_lost], ids=lambda scene: scene.__name__)
async def test_the_screen_is_as_agreed(
    scene: Callable[[Store], EngineFacts], size: tuple[int, int], store: Store
) -> None:
    for number in range(8):
        store.good_run(NOW - 80_000 + 3600 * number)
    store.schedule("Ingest", "0 3 * * *")
    app = app_on(store, engine=scene(store))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await until(pilot, lambda: settled(app))
        text = text_of(app)
    golden = GOLDENS / f"{scene.__name__}-{size[0]}x{size[1]}.txt"
    if os.environ.get("SKAFOS_GOLDENS") == "renew":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
