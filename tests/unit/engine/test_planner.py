"""What happens next in a run (SPEC 3)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import GOOD, Book, a_job, exited, random_verdict

from skafos_tui.engine.planner import Ahead, Outside, Standing, advance, retry_delay, should_retry
from skafos_tui.model.project import RetryPolicy
from skafos_tui.model.run import (
    RUN_TRANSITIONS,
    TASK_TRANSITIONS,
    Attempt,
    AttemptState,
    DeploymentState,
    RunState,
    TaskState,
)
from skafos_tui.model.verdict import Verdict, VerdictKind


def ended(verdict: Verdict, number: int = 1) -> Attempt:
    return Attempt(1, 1, "a", 0, number, "a", AttemptState.ENDED, 1, 1, 0.0, 0.0, 1.0, None, verdict)


def test_a_task_goes_from_waiting_to_succeeded() -> None:
    book = Book(a_job("a"), a_job("b", "a"))
    book.step()
    assert book.states() == {"a": "queued", "b": "waiting"}
    assert (book.task("b").reason, book.run.state) == ("for a", RunState.QUEUED)
    [want] = book.wants
    assert (want.job_id, want.instance, want.number, want.ready_at) == ("a", 0, 1, 100.0)
    attempt = book.plan(want)
    book.step()
    assert (book.states()["a"], book.run.state, book.wants) == ("starting", RunState.RUNNING, ())
    attempt = book.begin(attempt)
    book.step()
    assert book.states()["a"] == "running"
    book.end(attempt, GOOD)
    book.step()
    assert book.states() == {"a": "succeeded", "b": "queued"}
    assert [want.job_id for want in book.wants] == ["b"]
    book.run_all()
    assert (book.run.state, book.run.ended_at) == (RunState.SUCCEEDED, book.now)


def test_what_depends_on_a_failure_is_upstream_failed_and_the_rest_goes_on() -> None:
    book = Book(a_job("a"), a_job("b", "a"), a_job("c", "b"), a_job("d"))
    book.run_all(("a", exited(3)))
    assert book.states() == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed", "d": "succeeded"}
    assert (book.task("b").reason, book.task("c").reason) == ("a: failed", "b: upstream failed")
    assert (book.run.state, book.run.reason) == (RunState.FAILED, "a: exit 3")


def test_a_task_succeeds_when_all_its_instances_do_and_siblings_of_a_failed_one_finish() -> None:
    book = Book(a_job("a", parallelism=3))
    book.step()
    attempts = [book.begin(book.plan(want)) for want in book.wants]
    assert [attempt.instance for attempt in attempts] == [0, 1, 2]
    book.end(attempts[1], exited(1))
    book.step()
    assert book.states()["a"] == "running"
    book.end(attempts[0], GOOD)
    book.end(attempts[2], GOOD)
    book.step()
    task = book.task("a")
    assert task.state is TaskState.FAILED
    assert task.verdict is not None
    assert (task.verdict.exit_code, task.verdict.evidence) == (1, "#1: exit 1")


@pytest.mark.parametrize(
    ("verdict", "state", "run"),
    [
        (exited(1), TaskState.FAILED, RunState.FAILED),
        (Verdict(VerdictKind.OUT_OF_MEMORY, 137), TaskState.FAILED, RunState.FAILED),
        (Verdict(VerdictKind.KILLED, 137), TaskState.FAILED, RunState.FAILED),
        (Verdict(VerdictKind.COULD_NOT_START), TaskState.FAILED, RunState.FAILED),
        (Verdict(VerdictKind.TIMEOUT, 143), TaskState.TIMED_OUT, RunState.FAILED),
        (Verdict(VerdictKind.LOST), TaskState.LOST, RunState.FAILED),
        (Verdict(VerdictKind.CANCELLED, 143), TaskState.CANCELLED, RunState.CANCELLED),
    ],
)
def test_the_verdict_decides_the_task_and_the_task_the_run(verdict: Verdict, state: TaskState, run: RunState) -> None:
    book = Book(a_job("a"), a_job("b"))
    book.run_all(("a", verdict))
    assert (book.task("a").state, book.run.state) == (state, run)


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        ((exited(1), Verdict(VerdictKind.LOST)), TaskState.FAILED),
        ((Verdict(VerdictKind.LOST), Verdict(VerdictKind.TIMEOUT, 143)), TaskState.TIMED_OUT),
        ((Verdict(VerdictKind.CANCELLED), Verdict(VerdictKind.LOST)), TaskState.LOST),
    ],
)
def test_of_several_failed_instances_the_users_own_failure_decides(
    verdicts: tuple[Verdict, Verdict], state: TaskState
) -> None:
    book = Book(a_job("a", parallelism=2))
    book.run_all(*(("a", verdict) for verdict in verdicts))
    assert book.task("a").state is state


def test_a_warning_of_an_attempt_is_the_tasks() -> None:
    book = Book(a_job("a"))
    book.run_all(("a", Verdict(VerdictKind.EXITED, 0, "", "a child process was killed for memory")))
    assert (book.task("a").state, book.task("a").warning) == (
        TaskState.SUCCEEDED,
        "a child process was killed for memory",
    )


def test_tasks_wait_for_their_image_and_say_what_it_does() -> None:
    book = Book(a_job("a"), a_job("b", "a"))
    book.deployment, book.detail = DeploymentState.BUILDING, "installing numpy"
    book.step()
    assert (book.states()["a"], book.task("a").reason) == ("waiting", "for the image: installing numpy")
    book.deployment = DeploymentState.READY
    book.step()
    assert (book.states()["a"], book.task("a").reason) == ("queued", "")


def test_an_image_that_cannot_be_made_fails_the_first_tasks_with_its_words() -> None:
    book = Book(a_job("a"), a_job("b", "a"))
    book.deployment, book.detail = DeploymentState.FAILED, "no matching distribution"
    book.step()
    assert book.states() == {"a": "failed", "b": "upstream_failed"}
    assert book.task("a").verdict == Verdict(VerdictKind.COULD_NOT_START, None, "no matching distribution")
    assert book.run.state is RunState.FAILED


def test_a_missing_entrypoint_fails_only_its_own_task() -> None:
    book = Book(a_job("a"), a_job("b"))
    book.missing = {"a": "a.py"}
    book.run_all()
    assert book.states() == {"a": "failed", "b": "succeeded"}
    assert book.task("a").verdict == Verdict(VerdictKind.COULD_NOT_START, None, "a.py is not in the project")


def test_a_dependency_outside_the_run_is_waited_for_met_or_skips() -> None:
    book = Book(a_job("a", "x"), a_job("b", "a"), outside={"x": Outside(Standing.UNFINISHED, "x in run 7")})
    book.step()
    assert (book.states()["a"], book.task("a").reason) == ("waiting", "for x in run 7")
    met = Book(a_job("a", "x"), outside={"x": Outside(Standing.MET)})
    met.run_all()
    assert met.run.state is RunState.SUCCEEDED
    book.outside = {"x": Outside(Standing.UNMET, "x ended as failed in run 7")}
    book.step()
    assert book.states() == {"a": "skipped", "b": "skipped"}
    assert (book.task("a").reason, book.task("b").reason) == ("x ended as failed in run 7", "a was skipped")
    assert (book.run.state, book.run.reason) == (RunState.SKIPPED, "x ended as failed in run 7")


def test_a_task_of_another_run_goes_first() -> None:
    book = Book(a_job("a"))
    book.ahead = {"a": Ahead("a of run 7", (7,))}
    book.step()
    assert (book.states()["a"], book.task("a").reason, book.wants) == ("queued", "a of run 7 goes first", ())
    book.ahead = {}
    book.step()
    assert [want.job_id for want in book.wants] == ["a"]


def test_while_the_runner_is_away_what_is_active_says_so() -> None:
    book = Book(a_job("a"), a_job("b"))
    book.step()
    book.plan(book.wants[0])
    book.problem = "Docker does not answer"
    book.step()
    assert {task.reason for task in book.tasks} == {"Docker does not answer"}
    book.problem = ""
    book.step()
    assert {task.reason for task in book.tasks} == {""}


def test_a_retry_waits_for_its_time_and_says_so() -> None:
    book = Book(a_job("a", retries=RetryPolicy(limit=3, delay_s=10)))
    book.step()
    attempt = book.begin(book.plan(book.wants[0]))
    book.now += 5
    book.end(attempt, exited(1))
    book.step()
    [want] = book.wants
    assert (want.number, want.ready_at) == (2, book.now + 10)
    assert book.states()["a"] == "queued"
    assert book.task("a").reason.startswith("retry 1 of 3 at ")
    book.now += 10
    book.step()
    assert not book.task("a").reason.startswith("retry")
    book.run_all()
    assert book.run.state is RunState.SUCCEEDED


def test_instances_are_retried_one_by_one() -> None:
    book = Book(a_job("a", parallelism=3, retries=RetryPolicy(limit=1, delay_s=0)))
    book.run_all(("a", exited(1)))
    assert book.run.state is RunState.SUCCEEDED
    assert sorted((a.instance, a.number) for a in book.attempts) == [(0, 1), (0, 2), (1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("policy", "attempt", "again"),
    [
        (RetryPolicy(), ended(exited(1)), False),
        (RetryPolicy(limit=2), ended(exited(1)), True),
        (RetryPolicy(limit=2), ended(exited(1), 2), True),
        (RetryPolicy(limit=2), ended(exited(1), 3), False),
        (RetryPolicy(limit=2), ended(GOOD), False),
        (RetryPolicy(limit=2), ended(Verdict(VerdictKind.TIMEOUT, 143)), True),
        (RetryPolicy(limit=2), ended(Verdict(VerdictKind.OUT_OF_MEMORY, 137)), True),
        (RetryPolicy(limit=2), ended(Verdict(VerdictKind.CANCELLED, 143)), False),
        (RetryPolicy(limit=2), ended(Verdict(VerdictKind.LOST)), False),
        (RetryPolicy(limit=2, lost=True), ended(Verdict(VerdictKind.LOST)), True),
        (RetryPolicy(limit=2, lost=True, exit_codes=frozenset({7})), ended(Verdict(VerdictKind.LOST)), True),
        (RetryPolicy(limit=2, exit_codes=frozenset({7})), ended(exited(7)), True),
        (RetryPolicy(limit=2, exit_codes=frozenset({7})), ended(exited(8)), False),
    ],
)
def test_only_the_declared_policy_retries(policy: RetryPolicy, attempt: Attempt, again: bool) -> None:
    assert should_retry(policy, attempt) is again


def test_waits_grow_up_to_their_limit() -> None:
    policy = RetryPolicy(limit=9, delay_s=10, factor=2, max_delay_s=60)
    assert [retry_delay(policy, n) for n in range(1, 6)] == [10, 20, 40, 60, 60]


@given(st.integers(1, 10_000), st.floats(0, 1e6), st.floats(1, 1e6), st.floats(0, 1e7))
def test_no_wait_overflows_or_passes_its_limit(number: int, delay: float, factor: float, limit: float) -> None:
    wait = retry_delay(RetryPolicy(limit=100, delay_s=delay, factor=factor, max_delay_s=limit), number)
    assert 0 <= wait <= limit


def test_a_cancelled_run_ends_what_has_not_started_and_waits_for_what_has() -> None:
    book = Book(a_job("a"), a_job("b", "a"), a_job("c"))
    book.step()
    attempt = book.begin(book.plan(next(want for want in book.wants if want.job_id == "a")))
    book.step()
    book.run = replace(book.run, cancelled_by="ann")
    book.step()
    assert book.states() == {"a": "running", "b": "cancelled", "c": "cancelled"}
    assert (book.task("c").reason, book.wants) == ("by ann", ())
    book.end(attempt, Verdict(VerdictKind.CANCELLED, 143, "by ann"))
    book.step()
    assert (book.states()["a"], book.run.state, book.run.reason) == ("cancelled", RunState.CANCELLED, "by ann")


def test_a_task_cancelled_while_it_waits_for_its_retry_is_cancelled() -> None:
    book = Book(a_job("a", retries=RetryPolicy(limit=3)))
    book.step()
    book.end(book.begin(book.plan(book.wants[0])), exited(1))
    book.step()
    book.tasks = (replace(book.task("a"), cancelled_by="ann"),)
    book.step()
    assert (book.states()["a"], book.task("a").reason, book.run.state) == ("cancelled", "by ann", RunState.CANCELLED)


def test_a_failure_that_would_not_be_retried_stays_one_when_its_siblings_are_cancelled() -> None:
    book = Book(a_job("a", parallelism=2))
    book.step()
    first, second = (book.begin(book.plan(want)) for want in book.wants)
    book.end(first, exited(1))
    book.run = replace(book.run, cancelled_by="ann")
    book.end(second, Verdict(VerdictKind.CANCELLED, 143, "by ann"))
    book.step()
    assert book.states()["a"] == "failed"


def test_a_finished_run_is_left_alone() -> None:
    book = Book(a_job("a"))
    book.run_all()
    before = (book.run, book.tasks)
    book.now += 1000
    step = book.step()
    assert (step.run, step.tasks, step.wants) == (*before, ())


@st.composite
def books(draw: st.DrawFn) -> tuple[Book, random.Random]:
    count = draw(st.integers(1, 6))
    jobs = []
    for number in range(count):
        parents = [f"j{p}" for p in range(number) if draw(st.booleans())]
        policy = RetryPolicy(draw(st.integers(0, 2)), draw(st.sampled_from([0.0, 3.0])), lost=draw(st.booleans()))
        jobs.append(a_job(f"j{number}", *parents, parallelism=draw(st.integers(1, 3)), retries=policy))
    return Book(*draw(st.permutations(jobs))), random.Random(draw(st.integers(0, 10_000)))


def assert_legal(before: Book, tasks: tuple[object, ...], run: RunState) -> None:
    for old, new in zip(tasks, before.tasks, strict=True):
        assert _reaches(old.state, new.state, TASK_TRANSITIONS), f"{old} -> {new}"  # type: ignore[attr-defined]
    assert _reaches(run, before.run.state, RUN_TRANSITIONS)


def _reaches(start: object, end: object, transitions: object) -> bool:
    if start == end:
        return True
    todo, seen = [start], {start}
    while todo:
        for following in transitions.get(todo.pop(), ()):  # type: ignore[attr-defined]
            if following == end:
                return True
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return False


@settings(max_examples=150, deadline=None)
@given(books())
def test_every_run_ends_by_legal_steps_and_looking_again_changes_nothing(made: tuple[Book, random.Random]) -> None:
    book, dice = made
    for _ in range(400):
        tasks, run = book.tasks, book.run.state
        step = book.step()
        assert_legal(book, tasks, run)
        assert advance(book.view(), book.now) == step, "advance is not idempotent"
        assert len({(w.job_id, w.instance) for w in step.wants}) == len(step.wants)
        if book.run.state.finished:
            break
        still = [a for a in book.attempts if a.verdict is None]
        for want in step.wants:
            parents = book.jobs[want.job_id].dependencies
            assert all(book.task(parent).state is TaskState.SUCCEEDED for parent in parents)
        ready = [want for want in step.wants if want.ready_at <= book.now]
        choices = [*ready, *still]
        if dice.random() < 0.03:
            book.run = replace(book.run, cancelled_by="ann")
        elif not choices:
            book.now = min(want.ready_at for want in step.wants)
        else:
            chosen = dice.choice(choices)
            if not isinstance(chosen, Attempt):
                book.plan(chosen)
            elif chosen.started_at is None and dice.random() < 0.8:
                book.begin(chosen)
            else:
                book.now += dice.random()
                book.end(chosen, random_verdict(dice))
    assert book.run.state.finished
    assert all(task.state.finished for task in book.tasks)
    for task in book.tasks:
        if task.state is TaskState.SUCCEEDED:
            own = [a for a in book.attempts if a.job_id == task.job_id]
            good = {a.instance for a in own if a.verdict is not None and a.verdict.succeeded}
            assert good == set(range(task.instances))
