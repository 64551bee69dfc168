"""States and what may follow them (SPEC 3)."""

from __future__ import annotations

from skafos_tui.model.run import RUN_TRANSITIONS, TASK_TRANSITIONS, AttemptState, RunState, TaskState


def test_what_has_ended_stays_so() -> None:
    assert {state for state in TaskState if state.finished}.isdisjoint(TASK_TRANSITIONS)
    assert {state for state in RunState if state.finished}.isdisjoint(RUN_TRANSITIONS)
    assert {state for state in TaskState if not state.finished} == set(TASK_TRANSITIONS)
    assert {state for state in RunState if not state.finished} == set(RUN_TRANSITIONS)


def test_every_state_can_be_reached() -> None:
    reached = {TaskState.WAITING} | {state for following in TASK_TRANSITIONS.values() for state in following}
    assert reached == set(TaskState)
    runs = {RunState.QUEUED} | {state for following in RUN_TRANSITIONS.values() for state in following}
    assert runs == set(RunState)


def test_only_a_task_that_never_ran_is_skipped_or_upstream_failed() -> None:
    for state, following in TASK_TRANSITIONS.items():
        if state is not TaskState.WAITING:
            assert following.isdisjoint({TaskState.SKIPPED, TaskState.UPSTREAM_FAILED, TaskState.WAITING})


def test_an_attempt_holds_its_share_of_the_machine_until_it_has_a_verdict() -> None:
    assert {state for state in AttemptState if state.open} == {
        AttemptState.PLANNED,
        AttemptState.STARTING,
        AttemptState.RUNNING,
    }
