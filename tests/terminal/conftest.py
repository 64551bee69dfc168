"""What the tests on terminals share: a person with a project, and an engine that runs its jobs as local processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from system import Person


@pytest.fixture
def person() -> Iterator[Person]:
    """A person with a home of their own; the engine ends with the test."""
    directory = Path(tempfile.mkdtemp(prefix="sk-"))
    (directory / "settings.yml").write_text("runner: process\n")
    found = Person(directory)
    found.environment["EDITOR"] = "true"
    try:
        yield found
    finally:
        found.skafos("kill")
        found.skafos("engine", "stop")
        shutil.rmtree(directory, ignore_errors=True)
