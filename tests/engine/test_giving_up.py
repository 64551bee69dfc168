"""Old deployments are given up: their files and images go once, and not while they are wanted again (SPEC 3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import TOKEN, Life, a_life, job, until
from test_engine_deployments import deploy

from skafos_tui.engine import giving_up
from skafos_tui.model.run import DeploymentState
from skafos_tui.store import projects

KEPT = 2


@pytest.fixture(autouse=True)
def few_and_soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two deployments are kept; older ones go at once."""
    monkeypatch.setattr(giving_up, "KEPT_DEPLOYMENTS", KEPT)
    monkeypatch.setattr(giving_up, "PAUSE_S", 0.001)
    yield


def archives(life: Life) -> set[Path]:
    """The code archives that are there."""
    return set(life.house.home.code(TOKEN, "any").parent.glob("*.tar.gz"))


async def version(life: Life, text: str, request: str) -> int:
    """Deploy the project with this code; the deployment's number."""
    (life.house.directory / "code.py").write_text(text)
    return await deploy(life, request)


async def numbers(life: Life, *, with_images: bool) -> list[int]:
    """The given-up deployments that still name images, or that don't."""
    found = await life.engine.read(lambda c: projects.list_deployments(c, TOKEN))
    return sorted(each.number for each in found if each.collected_at is not None and bool(each.images) == with_images)


async def gone(life: Life, expected: list[int]) -> bool:
    return await numbers(life, with_images=False) == expected


async def test_the_same_files_are_given_up_again_after_they_came_back() -> None:
    async with a_life([job(0)]) as life:
        for number, text in enumerate(["old", "b", "c", "old", "d", "e"]):
            await version(life, text, f"d{number}")
            await until(lambda number=number: gone(life, list(range(1, number))), "the old ones go")
        await until(lambda: len(archives(life)) == KEPT, "and their files, each time")
        assert len(life.house.daemon.images) == KEPT
        assert not await numbers(life, with_images=True)


async def test_files_that_are_just_being_deployed_again_are_not_taken_away() -> None:
    async with a_life([job(0)]) as life:
        await version(life, "old", "d0")
        (archive,) = archives(life)
        await version(life, "b", "d1")
        (life.house.directory / "code.py").write_text("old")
        asked = await life.requests.candidate(life.house.directory, None)
        await version(life, "c", "d2")
        await until(lambda: gone(life, [1]), "the first is given up")
        assert archive.exists()
        again = await life.engine.commit("deploy", lambda c: life.engine.deployments.record(c, asked.candidate, 1.0))
        await life.engine.deployments.ensure(again, asked.candidate.project)
        found = await life.engine.read(lambda c: projects.get_deployment(c, again))
        assert found is not None
        assert (found.number, found.state) == (4, DeploymentState.READY)


async def test_an_engine_does_not_ask_again_for_images_that_are_gone() -> None:
    async with a_life([job(0)]) as life:
        for number, text in enumerate(["a", "b", "c", "d"]):
            await version(life, text, f"d{number}")
        await until(lambda: gone(life, [1, 2]), "the old ones go")
        assert not await life.engine.read(giving_up.leftovers)


async def test_files_that_came_to_nothing_go_too() -> None:
    async with a_life([job(0)]) as life:
        await version(life, "a", "d0")
        (life.house.directory / "code.py").write_text("never deployed")
        asked = await life.requests.candidate(life.house.directory, None)
        assert len(archives(life)) == 2
        life.engine.deployments.release(asked.candidate)
        life.engine._giving_up.look()
        await until(lambda: len(archives(life)) == 1, "they go")
