"""A home of its own for every test, a project, a store, and an engine that only answers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_support import CONFIG, FakeEngine, Store

from skafos_tui.store.home import Home


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home under a short path (its socket must fit), no settings, and an engine that never starts by itself."""
    path = Path(tempfile.mkdtemp(prefix="sk-"))
    monkeypatch.setenv("SKAFOS_HOME", str(path))
    monkeypatch.setenv("SKAFOS_SETTINGS", str(path / "settings.yml"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("skafos_tui.api.client.spawn_engine", lambda home: subprocess.Popen(["false"]))
    yield Home(path)
    shutil.rmtree(path)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and the directory we are in."""
    place = tmp_path.resolve() / "wines"
    place.mkdir()
    (place / "metis.config.yml").write_text(CONFIG)
    for name in ("ingest", "train", "report"):
        (place / f"{name}.py").write_text("print('hello')\n")
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def store(home: Home, directory: Path) -> Iterator[Store]:
    """A store that knows the project and one deployment of it."""
    filled = Store(home, directory)
    yield filled
    filled.connection.close()


@pytest.fixture
def engine(home: Home) -> Iterator[FakeEngine]:
    """An engine that only answers."""
    fake = FakeEngine(home)
    yield fake
    fake.close()
