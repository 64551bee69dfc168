"""The engine killed at any point of random scenarios, over a daemon in memory; the history is checked afterwards.

One scenario again: SKAFOS_KILL_SEEDS=123 (or 100-199) pytest tests/faults/test_kill_memory.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from scenario import play

import skafos_tui
from skafos_tui.store.database import migrate

SEEDS = 1000
CHUNK = 50
AIMED_SEEDS = 200
"""Scenarios to try until one reaches the failpoint; nearly always it is among the first three."""


def chunks() -> list[range]:
    """The seeds to play, some at a time."""
    wanted = os.environ.get("SKAFOS_KILL_SEEDS", f"0-{SEEDS - 1}")
    first, _, last = wanted.partition("-")
    begin, end = int(first), int(last or first) + 1
    return [range(at, min(at + CHUNK, end)) for at in range(begin, end, CHUNK)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty state database, to be copied: making one costs as much as a scenario."""
    path = tmp_path_factory.mktemp("template") / "state.db"
    migrate(path)
    return path


def names_in_source() -> list[str]:
    """The failpoints that an engine over the daemon in memory can reach: every commit, and the calls of attempts."""
    room = Path(skafos_tui.__file__).parent
    engine = "\n".join(path.read_text() for path in sorted((room / "engine").glob("*.py")))
    commits = set(re.findall(r'\b(?:commit|transact)\(\s*"(\w+)"', engine)) - {"forget"}
    plain = set(re.findall(r'\bfailpoint\("([\w.]+)"\)', engine))
    docker = room / "runners" / "docker"
    calls = set(re.findall(r'\bcall\("(\w+)"', (docker / "containers.py").read_text())) | {"info", "build", "commit"}
    streams = (docker / "streams.py").read_text() + (docker / "events.py").read_text()
    plain |= set(re.findall(r'\bfailpoint\("([\w.]+)"\)', streams))
    both = {f"commit.{name}" for name in commits} | {f"docker.{name}" for name in calls}
    return sorted(plain | {f"{name}.{side}" for name in both for side in ("before", "after")})


@pytest.mark.parametrize("swept", [False, True], ids=["", "and everything removed meanwhile"])
@pytest.mark.parametrize("name", names_in_source())
async def test_every_failpoint_is_survived(name: str, swept: bool, template: Path) -> None:
    for seed in range(AIMED_SEEDS):
        if name in await play(seed, template, aim=name, swept=swept):
            return
    raise AssertionError(f"no scenario of {AIMED_SEEDS} reaches {name}")


@pytest.mark.parametrize("seeds", chunks(), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
async def test_every_run_ends_as_it_should_wherever_the_engine_is_killed(seeds: range, template: Path) -> None:
    deaths = 0
    for seed in seeds:
        try:
            deaths += len(await play(seed, template))
        except AssertionError as error:
            raise AssertionError(f"SKAFOS_KILL_SEEDS={seed}: {error}") from error
    assert deaths or len(seeds) < CHUNK
