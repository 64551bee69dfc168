"""The dependency graph, and what a trigger runs in it (SPEC 3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.model.graph import (
    children_of,
    everything,
    find_cycles,
    follows_from,
    graph_of,
    reachable,
    topological,
)
from skafos_tui.model.project import Job, Project


def a_project(*jobs: Job) -> Project:
    return Project("t", "p", jobs)


def a_job(name: str, *after: str, schedule: str | None = None, enabled: bool = True) -> Job:
    return Job(name, name, "true", (), dependencies=after, schedule=schedule, enabled=enabled)


def test_unknown_dependencies_are_left_out() -> None:
    assert graph_of(a_project(a_job("a"), a_job("b", "a", "x"))) == {"a": (), "b": ("a",)}


def test_children_come_in_the_order_of_the_file() -> None:
    assert children_of({"c": ["a"], "a": [], "b": ["a"]}) == {"c": (), "a": ("c", "b"), "b": ()}


def test_what_is_reachable_goes_neither_through_nor_into_a_stop() -> None:
    edges = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["e"], "e": []}
    assert reachable(["a"], edges) == {"b", "c", "d", "e"}
    assert reachable(["a"], edges, stop={"b"}) == {"c", "d", "e"}
    assert reachable(["a"], edges, stop={"d"}) == {"b", "c"}


def test_parents_come_first_else_the_order_of_the_file() -> None:
    assert topological({"c": ["a"], "b": [], "a": [], "d": ["c", "b", "c"]}) == ["b", "a", "c", "d"]


def test_jobs_on_a_cycle_and_behind_it_have_no_order() -> None:
    assert topological({"a": [], "b": ["c"], "c": ["b"], "d": ["c"]}) == ["a"]


def test_a_cycle_is_named_in_the_direction_of_waiting() -> None:
    assert find_cycles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == [("a", "b", "c")]
    assert find_cycles({"a": ["b"], "b": [], "c": ["d"], "d": ["c"]}) == [("c", "d")]


def test_a_job_that_waits_for_itself_or_for_nobody_known_is_no_cycle_here() -> None:
    assert find_cycles({"a": ["a"], "b": ["x"]}) == []


def test_a_chain_of_any_length_is_fine() -> None:
    chain = {str(n): [str(n + 1)] for n in range(50_000)} | {"50000": []}
    assert find_cycles(chain) == []
    assert topological(chain)[0] == "50000"
    chain["50000"] = ["0"]
    assert len(find_cycles(chain)[0]) == 50_001


def test_a_trigger_runs_what_is_downstream_but_what_has_its_own_time_and_hangs_on_it() -> None:
    project = a_project(
        a_job("ingest"),
        a_job("train", "ingest"),
        a_job("nightly", "train", schedule="0 3 * * *"),
        a_job("mail", "nightly"),
        a_job("both", "nightly", "train"),
        a_job("off", "train", enabled=False),
        a_job("behind", "off"),
        a_job("other"),
    )
    assert follows_from(project, ["ingest"]) == {"ingest", "train", "both"}
    assert follows_from(project, ["nightly"]) == {"nightly", "mail", "both"}
    assert follows_from(project, ["off"]) == {"off", "behind"}
    assert everything(project) == {job.id for job in project.jobs} - {"off"}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    names = [str(n) for n in range(draw(st.integers(1, 8)))]
    return {name: draw(st.lists(st.sampled_from(names), max_size=4)) for name in names}


@given(graphs())
def test_a_graph_has_an_order_or_a_cycle_and_both_are_true(graph: dict[str, list[str]]) -> None:
    order = topological(graph)
    place = {job: number for number, job in enumerate(order)}
    for job in order:
        assert all(place[parent] < place[job] for parent in graph[job])
    alone = any(job in parents for job, parents in graph.items())
    cycles = find_cycles(graph)
    assert (len(order) == len(graph)) == (not cycles and not alone)
    for cycle in cycles:
        for job, following in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            assert following in graph[job]
    flat = [job for cycle in cycles for job in cycle]
    assert len(flat) == len(set(flat))
