"""The engine killed at any point of random scenarios, over a daemon in memory; the history is checked afterwards.

One scenario again: SKAFOS_KILL_SEEDS=123 (or 100-199) pytest tests/faults/test_kill_memory.py
"""

from __future__ import annotations

from pathlib import Path

import pytest
from failpoints_in_source import of_runs
from scenario import play
from seeds import chunks

SEEDS = 1000
CHUNK = 50
AIMED_SEEDS = 200
"""Scenarios to try until one reaches the failpoint; nearly always it is among the first three."""


@pytest.mark.parametrize("swept", [False, True], ids=["", "and everything removed meanwhile"])
@pytest.mark.parametrize("name", of_runs())
async def test_every_failpoint_is_survived(name: str, swept: bool, template: Path) -> None:
    for seed in range(AIMED_SEEDS):
        if name in await play(seed, template, aim=name, swept=swept):
            return
    raise AssertionError(f"no scenario of {AIMED_SEEDS} reaches {name}")


@pytest.mark.parametrize(
    "seeds", chunks("SKAFOS_KILL_SEEDS", SEEDS, CHUNK), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}"
)
async def test_every_run_ends_as_it_should_wherever_the_engine_is_killed(seeds: range, template: Path) -> None:
    deaths = 0
    for seed in seeds:
        try:
            deaths += len(await play(seed, template))
        except AssertionError as error:
            raise AssertionError(f"SKAFOS_KILL_SEEDS={seed}: {error}") from error
    assert deaths or len(seeds) < CHUNK
