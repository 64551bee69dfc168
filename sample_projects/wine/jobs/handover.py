"""How the jobs hand data on: files in the project's data directory, each whole or not there at all."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

Item = TypeVar("Item")

DATA = Path(os.environ.get("SKAFOS_DATA", "data"))
INSTANCE = int(os.environ.get("SKAFOS_INSTANCE", "0"))
INSTANCES = int(os.environ.get("SKAFOS_INSTANCES", "1"))
PACE_S = float(os.environ.get("PACE", "0"))


def say(line: str = "") -> None:
    """Print one line, and give people time to read it."""
    print(line, flush=True)
    time.sleep(PACE_S)


@contextmanager
def writing(name: str) -> Iterator[Path]:
    """A path to write to; it becomes `name` in one step at the end, so that no reader ever sees half a file.

    A job can be stopped at any moment. Then the old file, or none, is there, and no torn one.
    """
    DATA.mkdir(parents=True, exist_ok=True)
    unfinished = DATA / f".{secrets.token_hex(4)}.{name}"
    try:
        yield unfinished
        unfinished.replace(DATA / name)
    finally:
        unfinished.unlink(missing_ok=True)


def existing(name: str, made_by: str) -> Path:
    """The path of what the job `made_by` wrote; ends this job with a clear word where it isn't there."""
    path = DATA / name
    if not path.exists():
        sys.exit(f"{name} is not there yet: the job {made_by!r} writes it, run that one first")
    return path


def write_json(name: str, value: Any) -> None:
    """Hand on plain values: numbers, texts, lists, dicts."""
    with writing(name) as path:
        path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def read_json(name: str, made_by: str) -> Any:
    """What `write_json` wrote in the job `made_by`."""
    return json.loads(existing(name, made_by).read_text(encoding="utf-8"))


def own_share(items: Sequence[Item]) -> Sequence[Item]:
    """This instance's items: with three instances every third one. All shares together are all items."""
    return items[INSTANCE::INSTANCES]


def write_share(name: str, value: Any) -> None:
    """Hand on what this instance made, as `name-0.json`, `name-1.json` and so on.

    The first instance clears away what an earlier run with more instances left behind.
    """
    write_json(f"{name}-{INSTANCE}.json", value)
    if INSTANCE == 0:
        for path in DATA.glob(f"{name}-*.json"):
            if int(path.stem.rpartition("-")[2]) >= INSTANCES:
                path.unlink(missing_ok=True)


def read_shares(name: str, made_by: str) -> list[Any]:
    """What all instances of the job `made_by` wrote, in their order."""
    existing(f"{name}-0.json", made_by)
    return [read_json(path.name, made_by) for path in sorted(DATA.glob(f"{name}-*.json"))]
