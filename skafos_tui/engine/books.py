"""The engine's books as its parts see them: durable transactions, readings, the configs of deployments."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from skafos_tui.engine.links import Link
from skafos_tui.model.project import Project
from skafos_tui.store.home import Home

T = TypeVar("T")


class Books(Protocol):
    """What every part of the engine may ask of the engine itself."""

    home: Home

    async def commit(
        self, name: str, apply: Callable[[sqlite3.Connection], T], touched: Iterable[int] | None = None
    ) -> T:
        """One durable transaction that applies an event and advances the runs in `touched` (None: all)."""
        ...

    async def record(self, name: str, apply: Callable[[sqlite3.Connection], T]) -> T:
        """One durable transaction from which nothing follows until the next `commit`."""
        ...

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """A reading closure that sees every commit before it."""
        ...

    def config(self, connection: sqlite3.Connection, deployment: int) -> Project:
        """The project of a deployment, for use in a reading or writing closure."""
        ...

    def link(self, kind: str) -> Link:
        """The link to the runner of this kind."""
        ...
