"""What the tests of the screen share: a terminal that looks the same everywhere, and a store."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from wines import Store


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A UTF-8 terminal with all colours, on a machine in UTC."""
    for name, value in {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TZ": "UTC", "LC_ALL": "C.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("locale.getpreferredencoding", lambda _do=True: "UTF-8")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a key asks for, no test here starts an engine: it would outlive the test."""
    monkeypatch.setattr("skafos_tui.api.client.spawn_engine", lambda _home: subprocess.Popen(["false"]))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with the wine project, deployed and active; nothing has run."""
    return Store(tmp_path / "state.db").make(tmp_path)
