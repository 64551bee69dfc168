"""Each runner in turn, with what it needs to run attempts: the same tests for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from runner_attempts import TOKEN, Attempts, archive_of

from skafos_tui.runners.base import ImageRequest, Runner
from skafos_tui.runners.docker.runner import DockerRunner
from skafos_tui.runners.process.runner import ProcessRunner


@pytest.fixture(scope="session")
def process_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The directory of a process runner, with an image of a project without requirements."""
    directory = tmp_path_factory.mktemp("process-runner")
    archive, digest = archive_of({"main.py": "print('main')\n"}, directory)

    async def build() -> str:
        runner = ProcessRunner(directory / "process")
        built = await runner.build(ImageRequest(TOKEN, None, None, archive, digest), print)
        await runner.close()
        return built.reference

    # On a thread: whoever asks for this may have a loop running.
    with ThreadPoolExecutor(1) as pool:
        return directory / "process", pool.submit(lambda: asyncio.run(build())).result()


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "process"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which runner is asked."""
    return str(request.param)


@pytest.fixture
async def runner(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Runner]:
    """The runner under test."""
    made: Runner
    if kind == "docker":
        request.getfixturevalue("base_image")
        made = DockerRunner()
    else:
        directory, _ = request.getfixturevalue("process_home")
        made = ProcessRunner(directory)
    yield made
    await made.close()


@pytest.fixture
async def attempts(
    kind: str, runner: Runner, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Attempts]:
    """Attempts on the runner, removed at the end."""
    image = request.getfixturevalue("base_image") if kind == "docker" else request.getfixturevalue("process_home")[1]
    made = Attempts(runner, image, tmp_path)
    yield made
    await made.remove_all()
