"""What tests of several rooms share."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def base_image() -> str:
    """The bootstrapped base image; made here where it is missing, once for all workers."""
    from skafos_tui.runners.base import RunnerError, RunnerUnreachable
    from skafos_tui.runners.docker.bootstrap import bootstrap

    with (Path(tempfile.gettempdir()) / f"skafos-test-base-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return bootstrap(print)
        except RunnerUnreachable as error:
            pytest.fail(f"the Docker tests need Docker: {error}. `scripts/docker-engine` gets it.", pytrace=False)
        except RunnerError as error:
            pytest.fail(f"the Docker tests need a base image: {error}", pytrace=False)
