"""A person with a project of their own for each test, on the base image that stands in for a pulled one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from system import Person


@pytest.fixture
def person(base_image: str) -> Iterator[Person]:
    """Somebody with an empty project."""
    # Sockets' paths are short, pytest's directories are long.
    with tempfile.TemporaryDirectory(prefix="sk-", dir="/tmp") as directory:
        someone = Person(Path(directory))
        yield someone
        someone.leave()
