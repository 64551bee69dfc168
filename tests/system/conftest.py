"""A person with a project of their own for each test, on the base image that stands in for a pulled one."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from system import Person

from skafos_tui.runners.base import RunnerError
from skafos_tui.runners.docker.bootstrap import bootstrap


@pytest.fixture(scope="session")
def base_image() -> str:
    """The bootstrapped base image; made here where it is missing, once for all workers."""
    with (Path(tempfile.gettempdir()) / f"skafos-test-base-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return bootstrap(print)
        except RunnerError as error:
            pytest.fail(f"these tests need Docker and a base image: {error}. See scripts/docker-engine.", pytrace=False)


@pytest.fixture
def person(base_image: str) -> Iterator[Person]:
    """Somebody with an empty project."""
    # Sockets' paths are short, pytest's directories are long.
    with tempfile.TemporaryDirectory(prefix="sk-", dir="/tmp") as directory:
        someone = Person(Path(directory))
        yield someone
        someone.leave()
