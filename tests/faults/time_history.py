"""What must be true of the moments of a history: of slots, of what is active, of overlap (SPEC 3 and 12)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from history import check_run, check_transitions
from house import TOKEN
from moments import Moment, SlotRow, TimedHouse

from skafos_tui.engine import timetable
from skafos_tui.model.run import (
    Activation,
    ActivationKind,
    ActivationState,
    DeploymentState,
    Run,
    RunState,
    Task,
    TaskState,
    TriggerKind,
)
from skafos_tui.runners.base import LABEL_DEPLOYMENT, LABEL_PROJECT, LABEL_RUN

if TYPE_CHECKING:
    from time_scenario import People

RUNS = (TaskState.STARTING, TaskState.RUNNING)
SLOWNESS_S = 5.0
"""Between reading the clock and the commit, on a machine that is busy; the clock is set by minutes."""
DECIDE = {"deploy", "rollback", "undeploy", "reload_snapshot", "build_ready"}
"""The commits that may change what is active."""


def check_times(house: TimedHouse, people: People) -> None:
    """Raise AssertionError for any broken promise."""
    assert not house.daemon.violations, house.daemon.violations
    assert not house.daemon.containers, "containers are left over"
    for before, after in pairwise(house.moments):
        try:
            _check_step(before, after)
        except AssertionError as error:
            raise AssertionError(f"commit {after.commit}: {error}") from error
    states = [
        {(run.id, ""): str(run.state) for run in moment.runs.values()}
        | {key: str(task.state) for key, task in moment.tasks.items()}
        for moment in house.moments
    ]
    check_transitions(states)
    last = house.moments[-1]
    _check_end(last, people)
    _check_requests(house, last, people)
    _check_marks(house, last, people)
    _check_attempts(house, last)
    _check_overlap(house, last)
    for run in last.runs.values():
        if run.state is not RunState.MISSED:
            check_run(run, {job: task for (run_id, job), task in last.tasks.items() if run_id == run.id})


def _check_step(before: Moment, after: Moment) -> None:
    """One commit."""
    _check_active(before, after)
    _check_since(before, after)
    _check_resumed(before, after)
    _check_kept(after)
    _check_slots(before, after)
    _check_dropped(before, after)
    _check_begun(before, after)


# Slots ---------------------------------------------------------------------------------------------------------


def slots_between(expression: str, after: float, until: float) -> list[int]:
    """The slots of a simple expression (minute, hour) in UTC, `after` left out: minute by minute, by the calendar."""
    minute, hour, *_ = expression.split()
    found = []
    for slot in range((int(after) // 60 + 1) * 60, int(until) + 1, 60):
        moment = time.gmtime(slot)
        if _matches(minute, moment.tm_min) and _matches(hour, moment.tm_hour):
            found.append(slot)
    return found


def _matches(word: str, value: int) -> bool:
    if word.startswith("*/"):
        return value % int(word[2:]) == 0
    return word == "*" or int(word) == value


def _jobs(moment: Moment, deployment: int) -> dict[str, dict[str, Any]]:
    config = json.loads(moment.deployments[deployment].config)
    return {job["job_id"]: job for job in config["jobs"]}


def _check_resumed(before: Moment, after: Moment) -> None:
    """Slots of a pause, or of the time a directory was away, are nobody's: it goes on from that moment."""
    if after.commit not in ("resume", "directory"):
        return
    # A resume reads the clock in between; a directory that is back may have been seen before the clock was set.
    asked = after.looked if after.commit == "resume" else before.clock
    for job, row in after.schedules.items():
        if after.running(job) and not before.running(job):
            assert row.since >= min(asked, after.clock) - SLOWNESS_S, f"{job} fires for its pause: {row} {after.clock}"


def _check_since(before: Moment, after: Moment) -> None:
    """Until when slots are decided changes only for the reasons there are, and to the moment that is recorded."""
    decided = _became_active(before, after)
    for job, row in after.schedules.items():
        old = before.schedules.get(job)
        where = f"{job}: {old} -> {row}"
        if old is None or (old.expression, old.timezone) != (row.expression, row.timezone):
            assert decided is not None, f"a schedule out of nothing: {where}"
            assert row.since == decided.decided_at, f"not from the activation on: {where} {decided}"
        elif after.commit in ("resume", "directory", "slots"):
            assert row.since >= old.since, f"moved back: {where}"
        elif after.commit == "clock":
            assert row.since <= old.since, f"not moved back: {where}"
        else:
            assert row.since == old.since, f"moved: {where}"
    for job in before.schedules.keys() - after.schedules.keys():
        assert _switched(before, after), f"the schedule of {job} is gone"


def _check_slots(before: Moment, after: Moment) -> None:
    """The slots that a commit decides are exactly those that came due since the last decision, each fired or missed."""
    changed = {key: row for key, row in after.slots.items() if before.slots.get(key) != row}
    assert not before.slots.keys() - after.slots.keys(), "slots vanished"
    for key in changed:
        old = before.slots.get(key)
        assert old is None or not old.fired, f"{key} fired already: {old} -> {changed[key]}"
    if after.commit != "slots":
        assert not changed, f"slots out of nothing: {changed}"
        return
    expected: dict[tuple[str, int], SlotRow | None] = {}
    for job, row in after.schedules.items():
        since = before.schedules[job].since
        if row.since == since:
            continue
        assert before.running(job), f"{job} does not run, but its slots were decided"
        fires, missed = _verdict(row.catchup, slots_between(row.expression, since, row.since), row.since)
        done = {slot for slot in fires if (known := before.slots.get((job, slot))) is not None and known.fired}
        expected.update({(job, slot): None for slot in fires if slot not in done})
        for slot, count, first in missed:
            if (known := before.slots.get((job, slot))) is None or not known.fired:
                expected[job, slot] = SlotRow(0, False, count, first)
    assert expected.keys() == changed.keys(), _apart(expected, changed, before, after)
    for key, wanted in expected.items():
        _check_slot(key, wanted, changed[key], after)
    _check_parts(changed, after)


def _apart(expected: Mapping[Any, Any], found: Mapping[Any, Any], before: Moment, after: Moment) -> str:
    lacking, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
    return f"not decided: {sorted(lacking)}; not due: {sorted(extra)}; {before.schedules} -> {after.schedules}"


def _verdict(catchup: str, slots: list[int], now: float) -> tuple[list[int], list[tuple[int, int, int | None]]]:
    """By SPEC 3: the slots that fire, and the rows of those that don't: newest slot, count, oldest slot."""
    on_time = [slot for slot in slots if now - slot < 60]
    late = [slot for slot in slots if now - slot >= 60]
    fires: list[int] = []
    if catchup == "all":
        fires = late[-timetable.ALL_AT_MOST :]
    elif catchup == "latest" and late and not on_time and now - late[-1] <= 24 * 3600:
        fires = late[-1:]
    rest = late[: len(late) - len(fires)]
    single = rest[-timetable.MISSED_ONE_BY_ONE :]
    many = rest[: len(rest) - len(single)]
    rows: list[tuple[int, int, int | None]] = [(slot, 1, None) for slot in single]
    if many:
        rows.append((many[-1], len(many), many[0] if len(many) > 1 else None))
    return fires + on_time, rows


def _check_slot(key: tuple[str, int], wanted: SlotRow | None, found: SlotRow, after: Moment) -> None:
    """One slot and its run."""
    run = after.runs[found.run_id]
    assert (run.trigger, run.scheduled_at) == (TriggerKind.SCHEDULE, key[1]), f"{key}: {run}"
    assert run.deployment == after.active, f"{key} on a deployment that is not active: {run}"
    if wanted is None:
        assert found.fired, f"{key} is due and did not fire: {found}"
        assert (run.id, key[0]) in after.tasks, f"{key} has no task in {run}"
        return
    assert not found.fired, f"{key} is missed and fired: {found}"
    assert (found.count, found.first) == (wanted.count, wanted.first), f"{key}: {found}, not {wanted}"
    assert run.state is RunState.MISSED, f"{key}: {run}"


def _check_parts(changed: Mapping[tuple[str, int], SlotRow], after: Moment) -> None:
    """Slots of one minute share a run within a connected part of the graph, and only there."""
    assert after.active is not None
    parts = _parts(_jobs(after, after.active))
    shared: dict[tuple[str, int, bool], int] = {}
    of_run: dict[int, str] = {}
    for (job, slot), row in changed.items():
        assert shared.setdefault((parts[job], slot, row.fired), row.run_id) == row.run_id, f"{job} at {slot}: two runs"
        assert of_run.setdefault(row.run_id, parts[job]) == parts[job], f"run {row.run_id} mixes parts"


def _parts(jobs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    part = {job: job for job in jobs}
    for job, item in jobs.items():
        for parent in item["dependencies"]:
            old, new = part[job], part[parent]
            part = {key: new if value == old else value for key, value in part.items()}
    return part


# Activation ----------------------------------------------------------------------------------------------------


def _switched(before: Moment, after: Moment) -> list[Activation]:
    """The activations that were made active by this commit, oldest first: all that waited for one image."""
    active = ActivationState.ACTIVE
    return [
        each
        for number, each in sorted(after.activations.items())
        if each.state is active and ((old := before.activations.get(number)) is None or old.state is not active)
    ]


def _became_active(before: Moment, after: Moment) -> Activation | None:
    switched = [each for each in _switched(before, after) if each.deployment is not None]
    return switched[-1] if switched else None


def _check_active(before: Moment, after: Moment) -> None:
    """What is active follows from activations alone; what was decided stays decided."""
    switched = _switched(before, after)
    assert len({each.deployment for each in switched}) <= 1, switched
    if switched:
        one = switched[-1]
        assert after.commit in DECIDE, f"{one} by {after.commit}"
        assert after.active == one.deployment, f"{one}, but {after.active} is active"
        later = [each for each in before.activations.values() if each.state is ActivationState.ACTIVE]
        assert all(each.id < one.id for each in later), f"{one} after a later one"
        if one.deployment is not None:
            found = after.deployments[one.deployment]
            assert found.state is DeploymentState.READY, f"{one} without an image: {found.state}"
            assert found.collected_at is None, f"{one} was given up"
        stale = [each for each in after.activations.values() if each.state is ActivationState.WAITING]
        assert all(each.id > one.id for each in stale), f"{stale} wait although {one} is decided"
    elif before.project is not None:
        assert after.active == before.active, f"{before.active} -> {after.active} by nothing"
    for number, old in before.activations.items():
        if old.state is not ActivationState.WAITING:
            assert after.activations[number] == old, f"decided twice: {old} -> {after.activations[number]}"
    for number in after.activations.keys() - before.activations.keys():
        new = after.activations[number]
        if new.kind is ActivationKind.RELOAD and new.state is not ActivationState.INVALID:
            waits = any(each.state is ActivationState.WAITING for each in before.activations.values())
            assert before.active is not None or waits, f"nothing is deployed: {new}"


def _check_kept(after: Moment) -> None:
    """What is active, what waits to be, and what runs keeps its files; without an active deployment nothing fires."""
    wanted = {run.deployment for run in after.runs.values() if not run.state.finished}
    waiting = [each for each in after.activations.values() if each.state is ActivationState.WAITING]
    wanted |= {number for number in (after.active, *(each.deployment for each in waiting)) if number is not None}
    for number in wanted:
        assert after.deployments[number].collected_at is None, f"deployment {number} is wanted and was given up"
    assert after.active is not None or not after.schedules, "schedules without an active deployment"


def _check_dropped(before: Moment, after: Moment) -> None:
    """What is only queued for slots of removed jobs is cancelled by the activation, and nothing else is."""
    one = _became_active(before, after)
    fresh = {
        run.id: run
        for run in after.runs.values()
        if run.cancelled_by and run.id in before.runs and not before.runs[run.id].cancelled_by
    }
    expected = {}
    if one is not None and one.deployment is not None:
        kept, number = _jobs(after, one.deployment), after.deployments[one.deployment].number
        for run in before.runs.values():
            due = [job for (job, _), row in before.slots.items() if row.run_id == run.id]
            if run.state is RunState.QUEUED and due and not set(due) & set(kept) and not run.cancelled_by:
                expected[run.id] = f"deployment {number}, without it"
    assert {run_id: run.cancelled_by for run_id, run in fresh.items()} == expected


def _check_end(last: Moment, people: People) -> None:
    """The file as it stands at the end is in force, unless somebody decided otherwise after it was saved."""
    assert not [each for each in last.activations.values() if each.state is ActivationState.WAITING]
    invalid = {each.text for each in people.plan.versions if not each.valid}
    for each in last.activations.values():
        if each.state is ActivationState.ACTIVE and each.deployment is not None:
            assert last.deployments[each.deployment].config not in invalid, f"{each} has an invalid config"
    decided = [each for each in last.activations.values() if each.state is ActivationState.ACTIVE]
    newest = max(decided, key=lambda each: each.id, default=None)
    assert last.active == (newest.deployment if newest is not None else None)
    if newest is None or not people.file.valid:
        return
    switch = people.switches[-1] if people.switches else None
    if switch is not None and (switch.edits == people.edits or switch.digest == people.file.digest):
        own = last.activations[switch.activation]
        if own.state is not ActivationState.FAILED:
            # Only an edit made after it may follow it, were it one that leads back to the same file.
            edited = switch.kind == "deploy" or switch.edits != people.edits
            same = edited and last.active is not None and last.deployments[last.active].config == people.file.text
            assert newest.id == own.id or same, f"{own} did not stay: {newest}"
            return
    if newest.kind is ActivationKind.UNDEPLOY:
        return
    reloads = [each for each in last.activations.values() if each.config_digest == people.file.digest]
    if any(each.state is ActivationState.FAILED for each in [*reloads, *_after(last, newest)]):
        return
    assert last.active is not None
    told = [(each.id, each.kind.value, each.state.value, each.error) for each in last.activations.values()]
    assert last.deployments[last.active].config == people.file.text, f"the last edit is not active: {told}"


def _after(last: Moment, newest: Activation) -> Iterator[Activation]:
    return (each for each in last.activations.values() if each.id > newest.id)


def _check_requests(house: TimedHouse, last: Moment, people: People) -> None:
    """What was accepted is there, once; what was refused has left no trace."""
    made = dict(house.query(lambda c: c.execute("SELECT request_id, id FROM activations").fetchall()))
    ran = dict(house.query(lambda c: c.execute("SELECT request_id, id FROM runs").fetchall()))
    for request, (activation, run) in people.answers.items():
        assert made.get(request) == activation, f"{request}: {made.get(request)}, answered {activation}"
        assert ran.get(request) == run, f"{request}: {ran.get(request)}, answered {run}"
    known = {request for request in made if not request.startswith("reload/")}
    known |= {request for request in ran if not request.startswith(("slot/", "missed/"))}
    assert known == set(people.answers), "requests took effect that were not accepted, or the other way round"
    assert len(ran) == len(last.runs)


# Deployments and attempts --------------------------------------------------------------------------------------


def _check_marks(house: TimedHouse, last: Moment, people: People) -> None:
    """No deployment mixes two edits."""
    assert house.marks.keys() == last.deployments.keys()
    for number, pair in house.marks.items():
        assert pair in people.on_disk, f"deployment {number} mixes {pair}"
        text = last.deployments[number].config
        assert json.loads(text)["environment"]["MARK"] == pair[0]


def _check_attempts(house: TimedHouse, last: Moment) -> None:
    """Whatever ran did so on its run's deployment, with its files and its words."""
    images = {each.id: each.images for moment in house.moments for each in moment.deployments.values() if each.images}
    for name, run_id in last.attempts.items():
        record = house.daemon.records.get(name)
        if record is None:
            continue
        run = last.runs[run_id]
        deployment, spec = last.deployments[run.deployment], record.spec
        mark = json.loads(deployment.config)["environment"]["MARK"]
        where = f"{name} of deployment {deployment.number}"
        assert spec.labels[LABEL_DEPLOYMENT] == str(deployment.number), where
        assert (spec.labels[LABEL_PROJECT], spec.labels[LABEL_RUN]) == (TOKEN, str(run_id)), where
        assert spec.environment["SKAFOS_DEPLOYMENT_ID"] == str(deployment.number), where
        assert spec.environment["MARK"] == mark, where
        assert spec.image == images[deployment.id][record.job_id], where
        assert deployment.code_digest[:12] in spec.image, where
        assert [segment.text for segment in spec.segments] == [
            _jobs(last, run.deployment)[record.job_id]["entrypoint"]
        ], where
        slot = "SKAFOS_SCHEDULED_AT" in spec.environment
        assert slot == (run.trigger is TriggerKind.SCHEDULE), where


# Overlap -------------------------------------------------------------------------------------------------------


def _policy(moment: Moment, run: Run, job: str) -> str | None:
    """What overlap says of a task; None: it waits for its turn."""
    item = _jobs(moment, run.deployment)[job]
    if run.trigger is not TriggerKind.SCHEDULE or run.scheduled_at is None:
        return None
    if item["catchup"] == "all" and run.created_at - run.scheduled_at >= 60:
        return None
    policy: str = item["overlap"]
    return policy


def _check_begun(before: Moment, after: Moment) -> None:
    """What becomes of a task when it could begin is what its overlap says; given-up deployments begin nothing."""
    for (run_id, job), task in after.tasks.items():
        old = before.tasks.get((run_id, job))
        if old is task or (old is not None and old.state is not TaskState.WAITING) or task.state is TaskState.WAITING:
            continue
        policy = _policy(after, after.runs[run_id], job)
        skipped = task.state is TaskState.SKIPPED and task.reason.startswith("overlap")
        assert not skipped or policy in ("skip", "queue"), f"{task} with overlap {policy}"
        if task.state.active:
            _check_turn(before, after, task, policy)
    for name in after.attempts.keys() - before.attempts.keys():
        deployment = after.deployments[after.runs[after.attempts[name]].deployment]
        assert deployment.collected_at is None, f"{name} is of deployment {deployment.number}, which was given up"


def _check_turn(before: Moment, after: Moment, task: Task, policy: str | None) -> None:
    """A task that is queued, or more: those of the same job in other runs that run, or were queued before it."""
    others = {key: each for key, each in after.tasks.items() if key[1] == task.job_id and key[0] != task.run_id}
    ahead = [
        each
        for key, each in others.items()
        if (old := before.tasks.get(key)) is not None
        and (old.state in RUNS or (old.state is TaskState.QUEUED and key[0] < task.run_id))
        and each.state.active
    ]
    if policy == "skip":
        assert not ahead, f"{task} beside {ahead}"
    elif policy == "queue":
        assert len(ahead) <= 1, f"{task} behind {ahead}"
    elif policy == "replace":
        unmoved = [each for each in ahead if not each.cancelled_by and not after.runs[each.run_id].cancelled_by]
        assert not unmoved, f"{task} does not replace {unmoved}"


def _check_overlap(house: TimedHouse, last: Moment) -> None:
    """Two runs have the same job running at the same time only where the one admitted later says `parallel`."""
    admitted: dict[str, int] = {}
    for number, moment in enumerate(house.moments):
        for name in moment.attempts.keys() - admitted.keys():
            admitted[name] = number
    spans = [
        (admitted[record.name], record.run_id, record)
        for record in house.daemon.records.values()
        if record.started_ns is not None and record.end_ns is not None
    ]
    spans.sort(key=lambda span: span[:2])
    for number, (_, _, first) in enumerate(spans):
        for _, _, later in spans[number + 1 :]:
            if later.job_id != first.job_id or later.run_id == first.run_id:
                continue
            if later.started_ns < first.end_ns and first.started_ns < later.end_ns:
                policy = _policy(last, last.runs[later.run_id], later.job_id)
                assert policy == "parallel", f"{later.job_id}: run {later.run_id} ({policy}) beside run {first.run_id}"
