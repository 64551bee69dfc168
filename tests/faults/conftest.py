"""The in-memory daemon and its houses live with the engine's tests; all scenarios begin with one empty database."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from skafos_tui.store.database import migrate

sys.path.insert(0, str(Path(__file__).parent.parent / "engine"))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty state database, to be copied: making one costs as much as a scenario."""
    path = tmp_path_factory.mktemp("template") / "state.db"
    migrate(path)
    return path
