"""What the Docker tests share: the base image, a runner, attempts that are removed again."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from docker_attempts import Attempts

from skafos_tui.runners.base import Runner, RunnerError, RunnerUnreachable
from skafos_tui.runners.docker.bootstrap import bootstrap
from skafos_tui.runners.docker.runner import DockerRunner


@pytest.fixture(scope="session")
def base_image() -> str:
    """The bootstrapped base image; made here where it is missing, once for all workers."""
    with (Path(tempfile.gettempdir()) / f"skafos-test-base-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return bootstrap(print)
        except RunnerUnreachable as error:
            pytest.fail(f"the Docker tests need Docker: {error}. `scripts/docker-engine` gets it.", pytrace=False)
        except RunnerError as error:
            pytest.fail(f"the Docker tests need a base image: {error}", pytrace=False)


@pytest.fixture
async def runner(base_image: str) -> AsyncIterator[Runner]:
    """The runner under test: the conformance suite runs against whatever this gives."""
    made = DockerRunner()
    yield made
    await made.close()


@pytest.fixture
async def attempts(runner: Runner, base_image: str, tmp_path: Path) -> AsyncIterator[Attempts]:
    """Attempts on the runner, removed at the end."""
    made = Attempts(runner, base_image, tmp_path)
    yield made
    await made.remove_all()
