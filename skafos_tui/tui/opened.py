"""The project that the screen was opened on: where it lives and what it is called; facts only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skafos_tui.store.home import Home


@dataclass(frozen=True, slots=True)
class Opened:
    """One project of one home. `config` is its file, None where it is gone; `token` is empty before there is one."""

    home: Home
    token: str
    name: str
    directory: Path
    config: Path | None = None
