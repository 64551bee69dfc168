"""Who may start on this machine (SPEC 3)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import a_job

from skafos_tui.engine.admission import (
    DEFAULT_CPU,
    DEFAULT_MEMORY,
    HEAD_PATIENCE_S,
    Held,
    Request,
    admit,
    clamp_warning,
    limits_of,
    request_of,
)
from skafos_tui.engine.planner import Want
from skafos_tui.model.project import Job, Resources

GIBIBYTE = 1 << 30
MACHINE = Resources(4.0, 8 * GIBIBYTE)
NOTHING = Resources()


def want(name: str, ready_at: float = 0.0, run_id: int = 1, position: int = 0, instance: int = 0) -> Want:
    """A retry: a first attempt is never asked for ahead of time."""
    return Want(run_id, name, name, position, instance, 2, ready_at)


def asking(cpu: float, memory: int = 0) -> Request:
    return Request(cpu, memory)


def sized(requests: Resources = NOTHING, limits: Resources = NOTHING) -> Job:
    return replace(a_job("a"), requests=requests, limits=limits)


@pytest.mark.parametrize(
    ("job", "request_", "limits"),
    [
        (sized(), (DEFAULT_CPU, DEFAULT_MEMORY), (4.0, 8 * GIBIBYTE)),
        (sized(limits=Resources(2, GIBIBYTE)), (2, GIBIBYTE), (2, GIBIBYTE)),
        (sized(Resources(1, 5), Resources(2, GIBIBYTE)), (1, 5), (2, GIBIBYTE)),
        (sized(Resources(9, 99 * GIBIBYTE)), (4, 8 * GIBIBYTE), (4, 8 * GIBIBYTE)),
        (sized(limits=Resources(9, None)), (4, DEFAULT_MEMORY), (4, 8 * GIBIBYTE)),
    ],
)
def test_a_request_is_what_was_declared_clamped_to_the_machine(
    job: Job, request_: tuple[float, int], limits: tuple[float, int]
) -> None:
    assert request_of(job, MACHINE) == Request(*request_)
    assert limits_of(job, MACHINE) == Request(*limits)


def test_what_is_clamped_is_warned_of() -> None:
    assert (
        clamp_warning(sized(limits=Resources(3, GIBIBYTE)), Resources(2.0, GIBIBYTE)) == "asks for 3 cpu, runs with 2"
    )
    assert clamp_warning(sized(limits=Resources(2, GIBIBYTE)), Resources(2.0, GIBIBYTE)) is None


def test_first_in_first_out_by_time_then_run_then_place_in_the_config() -> None:
    wants = [want("d", 2.0), want("c", 1.0, run_id=2), want("b", 1.0, position=1), want("a", 1.0)]
    admission = admit(wants, [], MACHINE, lambda _: asking(1), 10.0)
    assert [w.job_id for w in admission.admitted] == ["a", "b", "c", "d"]


def test_who_does_not_fit_is_told_what_is_missing_and_who_has_it() -> None:
    sizes = {"big": asking(3, 5 * GIBIBYTE)}
    held = [Held(name, Request(0.5, GIBIBYTE)) for name in ("a", "a", "b", "c", "d")]
    admission = admit([want("big")], held, MACHINE, lambda w: sizes[w.job_id], 1.0)
    assert not admission.admitted
    assert list(admission.reasons.values()) == [
        "needs 3 cpu (1.5 free) and 5.0Gi memory (3.0Gi free), a, b, c and 1 more have it"
    ]


def test_smaller_ones_pass_a_young_head_and_wait_behind_an_old_one() -> None:
    sizes = {"big": asking(4), "small": asking(1)}
    held = [Held("x", asking(2))]
    wants = [want("big", 0.0), want("small", 1.0)]
    young = admit(wants, held, MACHINE, lambda w: sizes[w.job_id], HEAD_PATIENCE_S - 1)
    assert [w.job_id for w in young.admitted] == ["small"]
    old = admit(wants, held, MACHINE, lambda w: sizes[w.job_id], HEAD_PATIENCE_S)
    assert not old.admitted
    assert old.reasons[wants[1]] == "big has waited a minute and goes first"


def test_what_is_not_due_is_neither_admitted_nor_told_a_reason() -> None:
    admission = admit([want("later", 50.0)], [], MACHINE, lambda _: asking(1), 10.0)
    assert (admission.admitted, dict(admission.reasons)) == ((), {})


def test_a_first_attempt_does_not_wait_for_a_time_that_was_taken_back() -> None:
    queued_before_the_clock_was_set_back = Want(1, "a", "a", 0, 0, 1, 3600.0)
    admission = admit([queued_before_the_clock_was_set_back], [], MACHINE, lambda _: asking(1), 10.0)
    assert admission.admitted == (queued_before_the_clock_was_set_back,)


def test_fractions_that_add_up_to_the_machine_fit() -> None:
    wants = [want(f"j{n}", position=n) for n in range(40)]
    assert len(admit(wants, [], MACHINE, lambda _: asking(0.1), 1.0).admitted) == 40


sizes_of_machine = st.tuples(st.integers(1, 8), st.integers(1, 8))


@settings(max_examples=150, deadline=None)
@given(
    sizes_of_machine,
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 40)), max_size=25),
    st.integers(0, 1000),
)
def test_never_more_than_the_machine_never_past_an_old_head_and_everybody_in_the_end(
    machine: tuple[int, int], asked: list[tuple[int, int, int]], seed: int
) -> None:
    dice = random.Random(seed)
    capacity = Resources(float(machine[0]), machine[1])
    wants = {
        want(f"j{n}", float(ready), position=n): Request(min(cpu, machine[0]), min(memory, machine[1]))
        for n, (cpu, memory, ready) in enumerate(asked)
    }
    waiting, held, now = set(wants), [], 0.0
    for _ in range(len(asked) * 6 + 60):
        admission = admit(list(waiting), [Held(w.job_id, wants[w]) for w in held], capacity, wants.__getitem__, now)
        due = sorted((w for w in waiting if w.ready_at <= now), key=lambda w: (w.ready_at, w.position))
        assert set(admission.admitted) | set(admission.reasons) == set(due)
        refused = [w for w in due if w in admission.reasons]
        if refused and now - refused[0].ready_at >= HEAD_PATIENCE_S:
            assert all(due.index(w) < due.index(refused[0]) for w in admission.admitted)
        if due and not held:
            assert admission.admitted, "an idle machine refuses"
        held.extend(admission.admitted)
        waiting -= set(admission.admitted)
        assert sum(wants[w].cpu for w in held) <= machine[0] + 1e-9
        assert sum(wants[w].memory for w in held) <= machine[1]
        if held and dice.random() < 0.6:
            held.remove(dice.choice(held))
        now += dice.choice([1.0, 20.0])
    assert not waiting, "somebody starves"
