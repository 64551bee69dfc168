"""What the screen remembers of a project from one time to the next: one small file in the home."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from skafos_tui.store.database import DatabaseError, connect_reader
from skafos_tui.store.home import Home

FILE = "screen.json"
MOST_PROJECTS = 50
SIZE_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Remembered:
    """How the dashboard was left. `run` and `state` are those it showed, `newest` the newest run there was then.

    `chosen` says that a person had chosen the run; `selected` is a job id; `at` and `face` name panes.
    """

    run: int = 0
    state: str = ""
    newest: int = 0
    chosen: bool = False
    selected: str = ""
    at: str = "jobs"
    face: str = "jobs"
    zoomed: bool = False
    by_time: bool = False


def recall(home: Home, token: str) -> Remembered:
    """How the project was left; the beginning where nothing is known, or what is known can't be read."""
    found = _read(home.path / FILE).get(token)
    if not isinstance(found, dict):
        return Remembered()
    kinds = {field.name: type(field.default) for field in fields(Remembered)}
    known: dict[str, Any] = {name: value for name, value in found.items() if type(value) is kinds.get(name)}
    return Remembered(**known)


def remember(home: Home, token: str, left: Remembered) -> None:
    """Write it down, the project that was left last at the end. Raises OSError."""
    path = home.path / FILE
    known = _read(path)
    known.pop(token, None)
    known[token] = asdict(left)
    for oldest in list(known)[:-MOST_PROJECTS]:
        del known[oldest]
    scratch = path.with_name(f".{FILE}.{os.getpid()}")
    try:
        scratch.touch(mode=0o600)
        scratch.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def newest_run(home: Home, token: str) -> int:
    """The id of the project's newest run; 0 where there is none."""
    found = None
    if home.state_database.exists():
        with contextlib.suppress(sqlite3.Error, DatabaseError), closing(connect_reader(home.state_database)) as store:
            found = store.execute("SELECT MAX(id) FROM runs WHERE project = ?", (token,)).fetchone()[0]
    return int(found or 0)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
        found = json.loads(data) if len(data) <= SIZE_LIMIT else None
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
