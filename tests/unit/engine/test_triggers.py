"""What a trigger makes (SPEC 3), on a database in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from skafos_tui.engine.triggers import (
    ManualTrigger,
    Refusal,
    create_manual_run,
    create_retry,
    find_jobs,
    select_jobs,
)
from skafos_tui.model.project import Job, Project
from skafos_tui.model.run import RunState, TaskState, TriggerKind
from skafos_tui.store import projects, runs
from skafos_tui.store.database import MIGRATIONS
from skafos_tui.store.projects import ProjectRow


def a_job(name: str, *after: str, **keys: object) -> Job:
    return Job(f"id-{name}", name, "true", (), dependencies=tuple(f"id-{a}" for a in after), **keys)  # type: ignore[arg-type]


PROJECT = Project(
    "token",
    "p",
    (
        a_job("ingest", parameters={"rows": "10"}),
        a_job("train", "ingest", parallelism=2),
        a_job("nightly", "train", schedule="0 3 * * *"),
        a_job("mail", "nightly"),
        a_job("off", enabled=False),
        a_job("twin"),
        Job("id-twin2", "twin", "true", ()),
    ),
)


@pytest.fixture
def store() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    for script in MIGRATIONS:
        connection.executescript(script)
    projects.save_project(connection, ProjectRow("token", "p", "/p", "docker", 0.0))
    projects.insert_deployment(
        connection, project="token", config="", config_digest="c", code_digest="d", missing={}, now=0.0
    )
    yield connection
    connection.close()


def asking(*jobs: str, request_id: str = "r", **options: object) -> ManualTrigger:
    return ManualTrigger(request_id, jobs, **options)  # type: ignore[arg-type]


def names(ids: set[str]) -> set[str]:
    return {identity.removeprefix("id-") for identity in ids}


@pytest.mark.parametrize(
    ("trigger", "selected"),
    [
        (asking(), {"ingest", "train", "nightly", "mail", "twin", "twin2"}),
        (asking("ingest"), {"ingest", "train"}),
        (asking("id-train"), {"train"}),
        (asking("nightly"), {"nightly", "mail"}),
        (asking("ingest", only=True), {"ingest"}),
        (asking("mail", with_upstream=True), {"ingest", "train", "nightly", "mail"}),
        (asking("nightly", only=True, with_upstream=True), {"ingest", "train", "nightly"}),
        (asking("ingest", "mail"), {"ingest", "train", "mail"}),
        (asking("off"), {"off"}),
    ],
)
def test_a_trigger_runs_what_was_named_and_what_follows(trigger: ManualTrigger, selected: set[str]) -> None:
    assert names(select_jobs(PROJECT, trigger)) == selected


def refused(code: str, exit_code: int, work: object) -> str:
    with pytest.raises(Refusal) as refusal:
        work()  # type: ignore[operator]
    assert (refusal.value.code, refusal.value.exit_code) == (code, exit_code)
    assert "\n" not in refusal.value.message
    return refusal.value.message


def test_unknown_and_ambiguous_names_are_refused_with_a_way_out() -> None:
    message = refused("unknown-job", 2, lambda: find_jobs(PROJECT, ["nobody"]))
    assert "it has ingest, train, nightly" in message
    message = refused("ambiguous-job", 2, lambda: find_jobs(PROJECT, ["twin"]))
    assert "id-twin, id-twin2" in message
    assert [job.id for job in find_jobs(PROJECT, ["id-twin2"])] == ["id-twin2"]


def test_a_project_without_an_enabled_job_has_nothing_to_run() -> None:
    refused("nothing-to-run", 1, lambda: select_jobs(Project("t", "p", (a_job("a", enabled=False),)), asking()))


def test_a_run_holds_its_tasks_in_the_order_of_the_config(store: sqlite3.Connection) -> None:
    run_id = create_manual_run(store, PROJECT, 1, asking("ingest", parameters={"rows": "5"}), 7.0)
    run = runs.get_run(store, run_id)
    assert run is not None
    assert (run.state, run.trigger, run.created_at, run.parameters) == (
        RunState.QUEUED,
        TriggerKind.MANUAL,
        7.0,
        {"rows": "5"},
    )
    tasks = runs.tasks_of(store, run_id)
    assert [(t.name, t.instances, t.position, t.state) for t in tasks] == [
        ("ingest", 1, 0, TaskState.WAITING),
        ("train", 2, 1, TaskState.WAITING),
    ]


def test_a_request_seen_before_gives_its_run_again(store: sqlite3.Connection) -> None:
    first = create_manual_run(store, PROJECT, 1, asking("ingest"), 7.0)
    assert create_manual_run(store, PROJECT, 1, asking("mail"), 8.0) == first
    assert create_manual_run(store, PROJECT, 1, asking("ingest", request_id="other"), 8.0) != first


def test_a_parameter_nobody_declares_is_refused(store: sqlite3.Connection) -> None:
    message = refused(
        "unknown-parameter",
        2,
        lambda: create_manual_run(store, PROJECT, 1, asking("ingest", parameters={"row": "5"}), 7.0),
    )
    assert message.endswith("declared: rows")
    assert not runs.list_runs(store, "token")


def test_an_unmet_dependency_is_refused_and_names_the_way_out(store: sqlite3.Connection) -> None:
    message = refused("unmet-dependency", 1, lambda: create_manual_run(store, PROJECT, 1, asking("train"), 7.0))
    assert message == "train needs ingest, but ingest has never run: run it with --with-upstream"
    assert create_manual_run(store, PROJECT, 1, asking("train", with_upstream=True), 7.0)


def _finish(store: sqlite3.Connection, run_id: int, **states: TaskState) -> None:
    from dataclasses import replace

    for task in runs.tasks_of(store, run_id):
        runs.update_task(store, replace(task, state=states.get(task.name, TaskState.SUCCEEDED), ended_at=9.0))
    run = runs.get_run(store, run_id)
    assert run is not None
    runs.update_run(store, replace(run, state=RunState.FAILED, ended_at=9.0))


def test_a_retry_repeats_what_did_not_succeed_or_a_part_from_a_job_on(store: sqlite3.Connection) -> None:
    first = create_manual_run(store, PROJECT, 1, asking(parameters={"rows": "5"}), 7.0)
    retried = runs.get_run(store, first)
    assert retried is not None

    def retry(request_id: str, from_job: str | None = None) -> int:
        found = runs.get_run(store, first)
        assert found is not None
        return create_retry(store, PROJECT, 1, found, request_id=request_id, from_job=from_job, now=8.0)

    refused("unfinished", 1, lambda: retry("early"))
    _finish(store, first, nightly=TaskState.FAILED, mail=TaskState.UPSTREAM_FAILED)
    again = retry("again")
    assert retry("again") == again
    run = runs.get_run(store, again)
    assert run is not None
    assert (run.trigger, run.retry_of, run.parameters) == (TriggerKind.RETRY, first, {"rows": "5"})
    assert [task.name for task in runs.tasks_of(store, again)] == ["nightly", "mail"]
    part = retry("part", "train")
    assert [task.name for task in runs.tasks_of(store, part)] == ["train", "nightly", "mail"]
    refused("unknown-job", 2, lambda: retry("outside", "off"))


def test_a_run_in_which_nothing_failed_has_nothing_to_retry(store: sqlite3.Connection) -> None:
    first = create_manual_run(store, PROJECT, 1, asking("ingest"), 7.0)
    _finish(store, first)
    retried = runs.get_run(store, first)
    assert retried is not None
    refused(
        "nothing-to-retry",
        1,
        lambda: create_retry(store, PROJECT, 1, retried, request_id="x", from_job=None, now=8.0),
    )
