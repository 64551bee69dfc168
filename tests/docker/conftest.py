"""What the Docker tests share: the base image, a runner, attempts that are removed again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from runner_attempts import Attempts

from skafos_tui.runners.base import Runner
from skafos_tui.runners.docker.runner import DockerRunner


@pytest.fixture
async def runner(base_image: str) -> AsyncIterator[Runner]:
    """The Docker runner."""
    made = DockerRunner()
    yield made
    await made.close()


@pytest.fixture
async def attempts(runner: Runner, base_image: str, tmp_path: Path) -> AsyncIterator[Attempts]:
    """Attempts on the runner, removed at the end."""
    made = Attempts(runner, base_image, tmp_path)
    yield made
    await made.remove_all()
