"""The engine killed at any point while time passes and the config changes; every commit is checked afterwards.

One scenario again: SKAFOS_TIME_SEEDS=123 (or 100-199) pytest tests/faults/test_kill_time.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from failpoints_in_source import of_time
from seeds import chunks
from time_scenario import play

SEEDS = 3000 if os.environ.get("SKAFOS_SOAK") else 300
CHUNK = 25
AIMED_SEEDS = 40
"""Scenarios to try until one reaches the failpoint; nearly always it is the first."""


@pytest.mark.parametrize("name", of_time())
async def test_every_failpoint_of_time_and_change_is_survived(name: str, template: Path) -> None:
    for seed in range(AIMED_SEEDS):
        if name in await play(seed, template, aim=name):
            return
    raise AssertionError(f"no scenario of {AIMED_SEEDS} reaches {name}")


@pytest.mark.parametrize(
    "seeds", chunks("SKAFOS_TIME_SEEDS", SEEDS, CHUNK), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}"
)
async def test_slots_and_activations_are_as_promised_wherever_the_engine_is_killed(
    seeds: range, template: Path
) -> None:
    deaths = 0
    for seed in seeds:
        try:
            deaths += len(await play(seed, template))
        except AssertionError as error:
            raise AssertionError(f"SKAFOS_TIME_SEEDS={seed}: {error}") from error
    assert deaths or len(seeds) < CHUNK
