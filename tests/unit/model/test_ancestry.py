"""Implied edges and families, against slow and obvious ways to the same."""

from __future__ import annotations

import random

import pytest

from skafos_tui.model.ancestry import edges_between, family, reduced
from skafos_tui.model.graph import children_of, reachable


def a_graph(seed: int) -> dict[str, list[str]]:
    chance = random.Random(seed)
    graph = {str(n): [str(m) for m in range(n) if chance.random() < 0.35] for n in range(10)}
    return dict(chance.sample(list(graph.items()), len(graph)))


def test_an_edge_that_a_longer_path_implies_is_dropped_and_a_repeated_one_counts_once() -> None:
    assert reduced({"a": [], "b": ["a", "a"], "c": ["a", "b"]}) == {"a": (), "b": ("a",), "c": ("b",)}


def test_the_reduced_graph_reaches_the_same_and_no_edge_of_it_can_go() -> None:
    for seed in range(100):
        graph = a_graph(seed)
        small = reduced(graph)
        assert list(small) == list(graph)
        for job in graph:
            assert reachable([job], small) == reachable([job], graph)
            for parent in small[job]:
                rest = {**small, job: tuple(other for other in small[job] if other != parent)}
                assert parent not in reachable([job], rest)


def test_a_family_is_the_job_what_it_waits_for_and_what_waits_for_it() -> None:
    for seed in range(30):
        graph = a_graph(seed)
        for job in graph:
            relatives = family(graph, job)
            expected = {other for other in graph if other == job or job in reachable([other], graph)}
            assert relatives == expected | reachable([job], graph)
            children = children_of(graph)
            assert edges_between(graph, relatives) == {
                (parent, child) for parent in relatives for child in children[parent] if child in relatives
            }


def test_jobs_that_wait_for_each_other_or_for_themselves_are_refused() -> None:
    for graph in ({"a": ["b"], "b": ["a"]}, {"a": ["a"]}):
        with pytest.raises(ValueError, match="no order"):
            reduced(graph)
