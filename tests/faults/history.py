"""What must be true of a finished history, by SPEC 3 and 12 and by what the daemon knows, not the engine."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from house import TOKEN, House
from memory import Record

from skafos_tui.model.run import (
    RUN_TRANSITIONS,
    TASK_TRANSITIONS,
    Attempt,
    AttemptState,
    Run,
    RunState,
    Task,
    TaskState,
)
from skafos_tui.model.verdict import StopKind, VerdictKind
from skafos_tui.store import runs
from skafos_tui.store.logs.format import GAP_PREFIX, PREFIX_LENGTH

SECRET = "hunter2-is-a-secret"
FAILED = {VerdictKind.EXITED, VerdictKind.OUT_OF_MEMORY, VerdictKind.KILLED, VerdictKind.COULD_NOT_START}


@dataclass
class Books:
    """All that is recorded."""

    runs: list[Run]
    tasks: dict[int, dict[str, Task]]
    attempts: dict[int, list[Attempt]]


def read_books(connection: sqlite3.Connection) -> Books:
    """Everything in the store."""
    found = runs.list_runs(connection, TOKEN)[::-1]
    return Books(
        found,
        {run.id: {task.job_id: task for task in runs.tasks_of(connection, run.id)} for run in found},
        {run.id: runs.attempts_of(connection, run.id) for run in found},
    )


def check_history(
    house: House,
    jobs: list[dict[str, Any]],
    accepted: Mapping[str, int],
    *,
    asked: set[str],
    refused: Mapping[str, str],
) -> None:
    """Raise AssertionError for any broken promise."""
    assert not house.daemon.violations, house.daemon.violations
    assert not house.daemon.containers, "containers are left over"
    books = house.query(read_books)
    config = {item["job_id"]: item for item in jobs}
    _check_requests(house, books, accepted, asked, refused)
    assert not house.query(lambda c: house.observe(c))
    check_transitions(house.observed)
    for run in books.runs:
        tasks, attempts = books.tasks[run.id], books.attempts[run.id]
        for attempt in attempts:
            assert attempt.state is AttemptState.COLLECTED, attempt
            _check_attempt(house, attempt, run, tasks[attempt.job_id])
        for task in tasks.values():
            own = [a for a in attempts if a.job_id == task.job_id]
            _check_retries(config[task.job_id], task, run, own)
            _check_task(config, run, tasks, task, own, house)
        check_run(run, tasks)
        _check_order(config, tasks, attempts, house)
    _check_capacity(house, books)
    _check_overlap(house)
    left = [path.name for path in (house.home.path / "attempts").glob("*")]
    assert not left, f"directories of attempts are left: {left}"


def _check_requests(
    house: House, books: Books, accepted: Mapping[str, int], asked: set[str], refused: Mapping[str, str]
) -> None:
    """Requests accepted once: one run."""
    rows = house.query(lambda c: c.execute("SELECT request_id, id FROM runs").fetchall())
    assert {row[0]: row[1] for row in rows} == dict(accepted), "runs and accepted requests differ"
    assert len(rows) == len(accepted)
    assert "run" in asked
    assert "run" not in refused
    assert set(refused) <= {"cancel", "retry"}, refused


def _reachable(start: str, end: str, transitions: Mapping[Any, frozenset[Any]]) -> bool:
    todo, seen = [start], set()
    while todo:
        state = todo.pop()
        for following in transitions.get(state, frozenset()):
            if following == end:
                return True
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return False


def check_transitions(observed: Sequence[Mapping[tuple[int, str], str]]) -> None:
    """States follow each other as the model allows; what was committed is never taken back."""
    for before, after in pairwise(observed):
        for key, state in before.items():
            now = after.get(key)
            if now == state:
                continue
            assert now is not None, f"{key} vanished"
            legal = TASK_TRANSITIONS if key[1] else RUN_TRANSITIONS
            assert _reachable(state, now, legal), f"{key}: {state} -> {now}"


def _check_attempt(house: House, attempt: Attempt, run: Run, task: Task) -> None:
    """One attempt: its verdict is what happened, its log is what was written."""
    record = house.daemon.records.get(attempt.name)
    verdict = attempt.verdict
    assert verdict is not None
    where = f"{attempt} {record}"
    by = task.cancelled_by or run.cancelled_by
    if record is None or not record.starts:
        assert verdict.kind is VerdictKind.LOST or not house.log(attempt), f"a log without a container: {where}"
        assert verdict.kind in (VerdictKind.CANCELLED, VerdictKind.COULD_NOT_START, VerdictKind.LOST), where
        if verdict.kind is VerdictKind.CANCELLED:
            assert by == "ann", where
            assert "ann" in verdict.evidence, where
        if verdict.kind is VerdictKind.LOST:
            assert record is not None, where
            assert record.removed_by == "outside", where
        return
    assert record.starts == 1, where
    behind = record.removed_by == "outside"
    if verdict.kind is VerdictKind.LOST:
        assert behind or record.ended_by == "daemon", where
    else:
        assert verdict.exit_code == record.exit_code, where
        stop = attempt.stop
        if stop is not None and (record.signals or verdict.kind is not _own_end(record)):
            wanted = VerdictKind.CANCELLED if stop.kind is StopKind.CANCELLED else VerdictKind.TIMEOUT
            assert verdict.kind is wanted, where
            assert stop.kind is StopKind.TIMEOUT or by == "ann", where
        elif record.ended_by == "itself":
            assert verdict.kind is _own_end(record), where
        elif record.ended_by == "outside":
            assert verdict.kind is VerdictKind.KILLED, where
        elif record.ended_by == "daemon":
            raise AssertionError(f"not the user's failure: {where}")
        else:
            raise AssertionError(f"signalled without a recorded reason: {where}")
    _check_log(house, attempt, record, complete=not behind)


def _own_end(record: Record) -> VerdictKind:
    if record.exit_code and record.behaviour.out_of_memory:
        return VerdictKind.OUT_OF_MEMORY
    if record.exit_code in (137, 143):
        return VerdictKind.KILLED
    return VerdictKind.EXITED


def _check_log(house: House, attempt: Attempt, record: Record, *, complete: bool) -> None:
    """No line lost, doubled or out of order; where the container was taken away, a gap says so at the end."""
    stored = house.log(attempt)
    written = record.log(10**30)
    if "PASSWORD" in record.spec.environment:
        written = [line.replace(SECRET.encode(), b"***") for line in written]
    gaps = [line for line in stored if line[PREFIX_LENGTH:].startswith(GAP_PREFIX)]
    own = [line for line in stored if line not in gaps]
    if complete:
        assert not gaps, f"{attempt.name} has gaps: {gaps}"
        assert own == written, _difference(attempt.name, own, written)
    else:
        assert own == written[: len(own)], _difference(attempt.name, own, written)
        if len(own) < len(written):
            # One gap for each engine that came to the end of it: a killed one may have said it already.
            assert gaps, f"{attempt.name}: lines are missing and nothing says so"
            assert stored[len(own) :] == gaps, f"{attempt.name}: a gap stands where nothing is missing"


def _difference(name: str, stored: list[bytes], written: list[bytes]) -> str:
    def text(lines: list[bytes]) -> str:
        return b"".join(lines).decode()

    return f"{name}: {len(stored)} lines stored\n{text(stored)}\nof {len(written)} written\n{text(written)}"


def _check_retries(config: Mapping[str, Any], task: Task, run: Run, attempts: list[Attempt]) -> None:
    """Retries by declared policy only, per instance, one after another, each after its wait."""
    policy = config.get("retries") or {"limit": 0, "delay": "0s"}
    delay = float(policy["delay"].removesuffix("s"))
    cancelled = bool(task.cancelled_by or run.cancelled_by)
    instances: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        instances[attempt.instance].append(attempt)
    for instance, own in instances.items():
        assert instance < config.get("parallelism", 1)
        assert [a.number for a in own] == list(range(1, len(own) + 1)), own
        for before, after in pairwise(own):
            assert _retried(policy, before), f"retried against the policy: {before}"
            assert before.ended_at is not None
            wait = delay * 2 ** (before.number - 1)
            assert after.planned_at >= before.ended_at + wait - 1e-3, f"too early: {before} {after}"
        if not cancelled:
            assert not _retried(policy, own[-1]), f"not retried: {own[-1]}"


def _retried(policy: Mapping[str, Any], attempt: Attempt) -> bool:
    verdict = attempt.verdict
    assert verdict is not None
    if attempt.number > policy["limit"] or (verdict.kind is VerdictKind.EXITED and verdict.exit_code == 0):
        return False
    if verdict.kind is VerdictKind.CANCELLED:
        return False
    if verdict.kind is VerdictKind.LOST:
        return bool(policy.get("lost"))
    codes = policy.get("exit_codes")
    return not codes or verdict.exit_code in codes


def _check_task(
    config: Mapping[str, Any],
    run: Run,
    tasks: Mapping[str, Task],
    task: Task,
    attempts: list[Attempt],
    house: House,
) -> None:
    """The state of a task follows from its attempts and what it depends on."""
    assert task.ended_at is not None, task
    parents = [tasks.get(parent) for parent in config[task.job_id]["dependencies"]]
    stopped = [p for p in parents if p is not None and p.state is not TaskState.SUCCEEDED]
    cancelled = bool(task.cancelled_by or run.cancelled_by)
    if not attempts:
        if task.state is TaskState.CANCELLED:
            assert cancelled, task
        elif task.state is TaskState.FAILED:
            assert task.verdict is not None, task
            assert task.verdict.kind is VerdictKind.COULD_NOT_START, task
            assert task.verdict.evidence in {"pip install failed", "no network"}, task
            assert house.daemon.build_error, task
        elif task.state is TaskState.SKIPPED:
            assert run.retry_of is not None or any(p is not None and p.state is TaskState.SKIPPED for p in parents), (
                task
            )
        else:
            assert task.state is TaskState.UPSTREAM_FAILED, task
            assert stopped, task
        return
    assert not stopped, f"ran although what it needs did not succeed: {task} {stopped}"
    last = {attempt.instance: attempt for attempt in attempts}
    kinds = [a.verdict.kind for a in last.values() if a.verdict is not None and not a.verdict.succeeded]
    whole = len(last) == config[task.job_id].get("parallelism", 1)
    policy = config[task.job_id].get("retries") or {"limit": 0}
    again = [a for a in last.values() if _retried(policy, a)]
    if whole and not kinds:
        assert task.state is TaskState.SUCCEEDED, task
    elif cancelled and (again or not whole) and len(again) == len(kinds):
        assert task.state is TaskState.CANCELLED, f"{task} {attempts}"
    else:
        expected = {TaskState.FAILED for kind in kinds if kind in FAILED}
        expected |= {TaskState.TIMED_OUT for kind in kinds if kind is VerdictKind.TIMEOUT}
        expected |= {TaskState.LOST for kind in kinds if kind is VerdictKind.LOST}
        expected |= {TaskState.CANCELLED for kind in kinds if kind is VerdictKind.CANCELLED}
        assert task.state in expected, f"{task} {attempts}"


def check_run(run: Run, tasks: Mapping[str, Task]) -> None:
    """The state of a run follows from its tasks."""
    states = {task.state for task in tasks.values()}
    assert not states & {TaskState.WAITING, TaskState.QUEUED, TaskState.STARTING, TaskState.RUNNING}, run
    assert run.ended_at is not None
    failed = bool(states & {TaskState.FAILED, TaskState.TIMED_OUT, TaskState.LOST})
    if run.cancelled_by and TaskState.CANCELLED in states:
        assert run.state is RunState.CANCELLED, run
    elif failed:
        assert run.state is RunState.FAILED, run
    elif TaskState.CANCELLED in states:
        assert run.state is RunState.CANCELLED, run
    elif states == {TaskState.SKIPPED}:
        assert run.state is RunState.SKIPPED, run
    else:
        assert run.state is RunState.SUCCEEDED, run


def _check_order(config: Mapping[str, Any], tasks: Mapping[str, Task], attempts: list[Attempt], house: House) -> None:
    """Nothing starts before what it depends on has ended."""
    for attempt in attempts:
        record = house.daemon.records.get(attempt.name)
        if record is None or record.started_ns is None:
            continue
        for parent in config[attempt.job_id]["dependencies"]:
            ends = [
                other.end_ns
                for a in attempts
                if a.job_id == parent and (other := house.daemon.records.get(a.name)) and other.end_ns is not None
            ]
            assert all(end <= record.started_ns for end in ends), f"{attempt} started before {parent} ended"


def _check_capacity(house: House, books: Books) -> None:
    """What ran at any one time fitted the machine."""
    requests = {a.name: a for attempts in books.attempts.values() for a in attempts}
    moments: list[tuple[int, float, float]] = []
    for record in house.daemon.records.values():
        if record.started_ns is not None and record.end_ns is not None:
            held = requests[record.name]
            moments.append((record.started_ns, held.cpu, held.memory))
            moments.append((record.end_ns, -held.cpu, -held.memory))
    cpu = memory = 0.0
    for _, more_cpu, more_memory in sorted(moments, key=lambda m: (m[0], m[1])):
        cpu, memory = cpu + more_cpu, memory + more_memory
        assert cpu <= (house.daemon.capacity.cpu or 0) + 1e-9, "more cpu handed out than there is"
        assert memory <= (house.daemon.capacity.memory or 0), "more memory handed out than there is"


def _check_overlap(house: House) -> None:
    """Two runs never have the same job running at the same time."""
    spans: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for record in house.daemon.records.values():
        if record.started_ns is not None and record.end_ns is not None:
            spans[record.job_id].append((record.started_ns, record.end_ns, record.run_id))
    for job, found in spans.items():
        for start, end, run_id in found:
            for other_start, other_end, other_run in found:
                overlap = run_id != other_run and start < other_end and other_start < end
                assert not overlap, f"{job} runs twice at once: runs {run_id} and {other_run}"
