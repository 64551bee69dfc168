"""The critical path, live and afterwards (SCREENS 4)."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from skafos_tui.model.critical import critical_path, longest_remaining, remaining_seconds

WINE = {
    "Ingest": [],
    "Check": ["Ingest"],
    "Clean": ["Ingest"],
    "Features": ["Clean"],
    "Forest": ["Features"],
    "Linear": ["Features"],
    "Evaluate": ["Forest", "Linear"],
    "Score": ["Evaluate"],
    "Report": ["Check", "Evaluate"],
}


def test_a_finished_run_is_read_back_from_the_last_job_over_the_parents_that_ended_last() -> None:
    ended = {"Ingest": 12.0, "Check": 20.0, "Clean": 43.0, "Features": 105.0, "Forest": 200.0, "Linear": 300.0}
    ended |= {"Evaluate": 320.0, "Score": 335.0, "Report": 325.0}
    assert critical_path(WINE, ended, {}) == ("Ingest", "Clean", "Features", "Linear", "Evaluate", "Score")


def test_a_failed_run_ends_where_its_last_job_ended() -> None:
    assert critical_path(WINE, {"Ingest": 12.0, "Check": 90.0, "Clean": 43.0}, {}) == ("Ingest", "Check")


def test_a_live_run_takes_what_is_longest_from_now_on_and_what_led_there() -> None:
    ended = {"Ingest": 12.0, "Check": 20.0, "Clean": 43.0, "Features": 105.0, "Linear": 149.0}
    remaining = {"Forest": 31.0, "Evaluate": 20.0, "Score": 15.0, "Report": 5.0}
    path = critical_path(WINE, ended, remaining)
    assert path == ("Ingest", "Clean", "Features", "Forest", "Evaluate", "Score")
    assert sum(remaining.get(job, 0) for job in path) == 66


def test_where_nothing_is_known_of_durations_more_jobs_are_longer() -> None:
    assert longest_remaining(WINE, dict.fromkeys(WINE, 0.0))[:5] == (
        "Ingest",
        "Clean",
        "Features",
        "Forest",
        "Evaluate",
    )


def test_nothing_ran_and_nothing_is_to_come() -> None:
    assert critical_path(WINE, {}, {}) == ()
    assert critical_path({}, {}, {}) == ()


def test_a_parent_outside_the_run_ends_the_path() -> None:
    assert critical_path(WINE, {"Features": 3.0, "Forest": 5.0}, {}) == ("Features", "Forest")


@pytest.mark.parametrize(
    ("usual", "elapsed", "left"), [(60.0, 20.0, 40.0), (60.0, 90.0, 0.0), (None, 5.0, 0.0), (60.0, 0.0, 60.0)]
)
def test_what_a_job_still_takes_is_never_negative_and_nothing_where_nothing_is_known(
    usual: float | None, elapsed: float, left: float
) -> None:
    assert remaining_seconds(usual, elapsed) == left


def test_no_other_chain_takes_longer() -> None:
    for seed in range(100):
        chance = random.Random(seed)
        graph = {str(n): [str(m) for m in range(n) if chance.random() < 0.3] for n in range(9)}
        remaining = {job: float(chance.randrange(5)) for job in graph if chance.random() < 0.8}

        def longest(job: str, graph: dict[str, list[str]] = graph, left: dict[str, float] = remaining) -> float:
            return left[job] + max((longest(parent) for parent in graph[job] if parent in left), default=0.0)

        path = longest_remaining(graph, remaining)
        assert all(first in graph[second] for first, second in pairwise(path))
        assert sum(remaining[job] for job in path) == max(map(longest, remaining), default=0.0)
