"""Random histories of ends, slots and notices against a table kept by hand; a restart in between changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skafos_tui.engine.alerting import Machine, acknowledge, follow
from skafos_tui.engine.scheduler import record_missed
from skafos_tui.engine.timetable import Missed
from skafos_tui.engine.triggers import Refusal, create_slot_run
from skafos_tui.model.alert import Alert, AlertKind, AlertState
from skafos_tui.model.project import Job, Project
from skafos_tui.model.run import ActivationKind, ActivationState, RunState, TaskState, TriggerKind
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store import activations, projects, runs
from skafos_tui.store.alerts import list_alerts, open_alerts
from skafos_tui.store.database import CHANGES_KEPT, MIGRATIONS, Writer, connect, last_change, migrate, note_change

TOKEN = "0123456789abcdef01234567"
JOBS = ("a", "b", "c")
FAILED = Verdict(VerdictKind.EXITED, 3, "ended with exit 3")
FAILURES = (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.LOST)


def project(jobs: tuple[str, ...] = JOBS) -> Project:
    """A chain of jobs: each depends on the one before."""
    chain = [
        Job(
            id=name,
            name=name.upper(),
            entrypoint="true",
            segments=(),
            dependencies=jobs[:number][-1:],
            schedule="* * * * *",
        )
        for number, name in enumerate(jobs)
    ]
    return Project(token=TOKEN, name="house", jobs=tuple(chain))


@dataclass
class Books:
    """What stands in the way of new work, and the one config there is."""

    shortage: str = ""
    machines: Mapping[str, Machine] = field(default_factory=lambda: {"docker": SimpleNamespace(problem="")})
    project: Project = field(default_factory=project)

    def config(self, connection: sqlite3.Connection, deployment: int) -> Project:
        """The project of any deployment."""
        return self.project


class History:
    """A store in memory or in a file, written as the engine writes it."""

    def __init__(self, path: str = ":memory:") -> None:
        self.path = path
        self.books = Books()
        self.now = 1_700_000_000.0
        self.requests = 0
        self.connection = open_store(path)
        projects.save_project(
            self.connection, projects.ProjectRow(TOKEN, "house", "/home/ann/house", "docker", self.now)
        )
        self.deployment = projects.insert_deployment(
            self.connection, project=TOKEN, config="", config_digest="c", code_digest="d", missing={}, now=self.now
        )

    @contextmanager
    def commit(self) -> Iterator[sqlite3.Connection]:
        """One transaction of the engine, with its alerts."""
        self.now += 60.0
        self.connection.execute("BEGIN")
        since = last_change(self.connection)
        yield self.connection
        follow(self.connection, self.books, since, self.now)
        self.connection.execute("COMMIT")

    def request(self) -> str:
        """An id nobody has used."""
        self.requests += 1
        return f"r{self.requests}"

    def run(self, *jobs: str) -> int:
        """A run of these jobs that has begun."""
        with self.commit() as connection:
            return runs.insert_run(
                connection,
                project=TOKEN,
                deployment=self.deployment,
                trigger=TriggerKind.MANUAL,
                request_id=self.request(),
                now=self.now,
                tasks=[(name, name.upper(), 1) for name in jobs],
                parameters={},
            )

    def end(self, run_id: int, ends: Mapping[str, TaskState], verdict: Verdict = FAILED) -> None:
        """Tasks of a run end in one commit."""
        with self.commit() as connection:
            for task in runs.tasks_of(connection, run_id):
                if task.job_id in ends:
                    runs.update_task(
                        connection, replace(task, state=ends[task.job_id], ended_at=self.now, verdict=verdict)
                    )
            run = runs.get_run(connection, run_id)
            assert run is not None
            runs.update_run(connection, replace(run, state=RunState.RUNNING))

    def miss(self, job_id: str, count: int) -> None:
        """So many slots of a job are missed."""
        with self.commit() as connection:
            slot = int(self.now)
            gap = Missed(slot, count, slot - 60 * count if count > 1 else None)
            record_missed(connection, self.books.project, self.deployment, slot, [(job_id, gap)], self.now)

    def fire(self, job_id: str) -> int:
        """A slot of a job fires."""
        with self.commit() as connection:
            return create_slot_run(
                connection, self.books.project, self.deployment, int(self.now), [job_id], [job_id], self.now
            )

    def activation(self, state: ActivationState, digest: str = "", **more: Any) -> None:
        """A saved config, as hot reload records it."""
        with self.commit() as connection:
            projects.set_seen(connection, TOKEN, digest)
            activations.insert_activation(
                connection,
                project=TOKEN,
                kind=ActivationKind.RELOAD,
                state=state,
                previous=None,
                request_id=self.request(),
                now=self.now,
                config_digest=digest,
                **{"deployment": None, **more},
            )

    def ack(self, *ids: int) -> list[int]:
        """Somebody takes notice; of all where no ids are given."""
        with self.commit() as connection:
            return acknowledge(connection, TOKEN, ids or None, "ann", self.now)

    def restart(self) -> None:
        """The engine ends, and another one looks at what there is."""
        if self.path != ":memory:":
            self.connection.close()
            self.connection = open_store(self.path)
        with self.commit():
            pass

    def alerts(self) -> dict[tuple[str, str], Alert]:
        """All alerts by kind and subject."""
        found = list_alerts(self.connection, TOKEN, all_states=True)
        return {(alert.key.kind.value, alert.key.subject): alert for alert in found}

    def only(self) -> Alert:
        """The one alert there is."""
        (alert,) = self.alerts().values()
        return alert


def open_store(path: str) -> sqlite3.Connection:
    """A connection as the engine's."""
    if path != ":memory:":
        migrate(Path(path))
        return connect(Path(path))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    for script in MIGRATIONS:
        connection.executescript(script)
    return connection


@pytest.fixture
def history() -> Iterator[History]:
    """An empty history."""
    found = History()
    with closing(found.connection):
        yield found


def test_a_failure_says_how_where_and_what_it_stops(history: History) -> None:
    run_id = history.run("a", "b")
    history.end(run_id, {"a": TaskState.FAILED, "b": TaskState.UPSTREAM_FAILED})
    alert = history.only()
    assert (alert.key.kind, alert.key.subject, alert.state) == (AlertKind.FAILURE, "a", AlertState.FIRING)
    assert (alert.cause.what, alert.cause.evidence, alert.cause.name) == ("failed: exit 3", "ended with exit 3", "A")
    # C follows B in the config, but is no part of this run.
    assert (alert.cause.run_id, alert.cause.stops) == (run_id, ("B",))


@pytest.mark.parametrize(
    ("state", "kind", "what"), [(TaskState.TIMED_OUT, "failure", "timed out"), (TaskState.LOST, "lost", "lost")]
)
def test_timeouts_are_failures_and_losses_are_their_own_kind(
    history: History, state: TaskState, kind: str, what: str
) -> None:
    history.end(history.run("a"), {"a": state}, Verdict(VerdictKind.TIMEOUT, 143, "limit 90s"))
    alert = history.only()
    assert (alert.key.kind.value, alert.cause.what, alert.cause.evidence) == (kind, what, "limit 90s")


@pytest.mark.parametrize("state", [TaskState.CANCELLED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED])
def test_what_people_cancel_and_what_did_not_run_needs_nobody(history: History, state: TaskState) -> None:
    history.end(history.run("a"), {"a": state})
    assert history.alerts() == {}


def test_a_thousand_failing_runs_are_one_alert_and_read_no_more_for_it(history: History) -> None:
    for _ in range(1000):
        history.end(history.run("a"), {"a": TaskState.FAILED})
    assert history.only().count == 1000
    read: list[str] = []
    history.connection.set_trace_callback(read.append)
    history.end(history.run("a"), {"a": TaskState.FAILED})
    plans = [
        row["detail"]
        for statement in read
        if statement.lstrip().startswith("SELECT")
        for row in history.connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
    history.connection.set_trace_callback(None)
    assert len(plans) > 10
    # Every table is searched by a key; `c` are the tasks that this very transaction has changed.
    assert [line for line in plans if line.startswith("SCAN")] == ["SCAN c"]


@pytest.mark.parametrize("state", FAILURES)
def test_a_success_of_the_same_job_resolves_and_one_of_another_does_not(history: History, state: TaskState) -> None:
    history.end(history.run("a"), {"a": state})
    history.end(history.run("b"), {"b": TaskState.SUCCEEDED})
    assert history.only().state is AlertState.FIRING
    history.end(history.run("a"), {"a": TaskState.SUCCEEDED})
    assert history.only().state is AlertState.RESOLVED


@pytest.mark.parametrize("last", [TaskState.FAILED, TaskState.SUCCEEDED])
def test_of_two_ends_in_one_commit_the_later_one_counts(history: History, last: TaskState) -> None:
    older, newer = history.run("a"), history.run("a")
    first = TaskState.SUCCEEDED if last is TaskState.FAILED else TaskState.FAILED
    with history.commit() as connection:
        for run_id, state in ((newer, first), (older, last)):
            (task,) = runs.tasks_of(connection, run_id)
            runs.update_task(connection, replace(task, state=state, ended_at=history.now, verdict=FAILED))
    assert history.only().open == (last is TaskState.FAILED)


def test_missed_slots_are_counted_and_over_once_somebody_has_seen_them_and_the_next_one_fires(
    history: History,
) -> None:
    history.miss("a", 3)
    history.miss("a", 1)
    assert (history.only().count, history.only().cause.what) == (4, "a slot was missed")
    run_id = history.fire("a")
    assert history.only().state is AlertState.FIRING, "nobody has seen it yet"
    history.ack()
    history.end(run_id, {"a": TaskState.SUCCEEDED})
    assert history.only().state is AlertState.ACKNOWLEDGED, "that slot had fired before"
    history.fire("b")
    assert history.only().state is AlertState.ACKNOWLEDGED, "that was another job"
    history.fire("a")
    assert history.only().state is AlertState.RESOLVED


def test_an_invalid_config_stays_until_another_content_is_seen(history: History) -> None:
    finding = "metis.config.yml:3:1: error[bad-cron] no"
    history.activation(ActivationState.INVALID, "d1", findings=[finding])
    assert history.only().cause.evidence == finding
    history.activation(ActivationState.INVALID, "d2", findings=[finding, "another"])
    alert = history.only()
    assert (alert.count, alert.cause.evidence) == (2, f"{finding} (and 1 more)")
    with history.commit() as connection:
        projects.set_problem(connection, TOKEN, "")
    assert history.only().state is AlertState.FIRING, "other news of the project say nothing about it"
    with history.commit() as connection:
        projects.set_seen(connection, TOKEN, "d3")
    assert history.only().state is AlertState.RESOLVED


def test_an_image_that_cannot_be_made_is_told_until_something_becomes_active(history: History) -> None:
    history.activation(ActivationState.WAITING, "d1", deployment=history.deployment)
    (waiting,) = activations.waiting_activations(history.connection)
    for _ in range(2):
        with history.commit() as connection:
            activations.decide_activation(
                connection, waiting.id, ActivationState.FAILED, history.now, "no such package"
            )
    alert = history.only()
    assert (alert.count, alert.cause.what, alert.cause.evidence) == (1, "no image for deployment 1", "no such package")
    history.activation(ActivationState.ACTIVE, "d2", deployment=history.deployment)
    assert history.only().state is AlertState.RESOLVED


def test_alerts_of_jobs_that_are_gone_from_what_is_active_are_over(history: History) -> None:
    history.end(history.run(*JOBS), dict.fromkeys(JOBS, TaskState.FAILED))
    history.books.project = project(("a", "b"))
    history.activation(ActivationState.ACTIVE, "d", deployment=history.deployment)
    found = {subject: alert.state for (_, subject), alert in history.alerts().items()}
    assert found == {"a": AlertState.FIRING, "b": AlertState.FIRING, "c": AlertState.RESOLVED}


def test_a_directory_that_is_gone_is_critical_until_it_is_back(history: History) -> None:
    for problem in ("/home/ann/house is gone", "/home/ann/house is gone"):
        with history.commit() as connection:
            projects.set_problem(connection, TOKEN, problem)
    alert = history.only()
    assert (alert.count, alert.severity.value, alert.cause.evidence) == (1, "critical", "/home/ann/house is gone")
    with history.commit() as connection:
        projects.set_problem(connection, TOKEN, "")
    assert history.only().state is AlertState.RESOLVED


def test_a_full_disk_is_told_once_for_all_projects(history: History) -> None:
    history.books.shortage = "the disk of /home is full: 3Mi free, new work needs 64Mi"
    history.restart()
    history.restart()
    alert = history.only()
    assert (alert.key.project, alert.count, alert.cause.evidence) == ("", 1, history.books.shortage)
    history.books.shortage = ""
    history.restart()
    assert history.only().state is AlertState.RESOLVED


def test_a_runner_that_does_not_answer_is_told_only_where_something_waits_for_it(history: History) -> None:
    history.books.machines["docker"].problem = "Docker doesn't answer"
    history.restart()
    assert history.alerts() == {}
    history.run("a")
    assert (history.only().key.subject, history.only().cause.evidence) == ("docker", "Docker doesn't answer")
    history.books.machines["docker"].problem = ""
    history.restart()
    assert history.only().state is AlertState.RESOLVED


async def test_a_transaction_of_more_changes_than_are_kept_misses_none(tmp_path: Path) -> None:
    history = History(str(tmp_path / "state.db"))
    run_id = history.run("a")
    writer = await Writer.open(tmp_path / "state.db")

    def work(connection: sqlite3.Connection) -> None:
        since = last_change(connection)
        (task,) = runs.tasks_of(connection, run_id)
        runs.update_task(connection, replace(task, state=TaskState.FAILED, ended_at=history.now, verdict=FAILED))
        for number in range(CHANGES_KEPT * 2):
            note_change(connection, "deployment", number)
        follow(connection, history.books, since, history.now)

    await writer.transact("test", work)
    await writer.close()
    assert history.only().count == 1
    (kept,) = history.connection.execute("SELECT COUNT(*) FROM changes").fetchone()
    assert kept == CHANGES_KEPT
    history.connection.close()


def test_forgetting_a_project_drops_its_alerts_and_those_of_the_engine_stay(history: History) -> None:
    history.books.shortage = "full"
    history.end(history.run("a"), {"a": TaskState.FAILED})
    with history.commit() as connection:
        projects.delete_project(connection, TOKEN)
    assert history.only().key.kind is AlertKind.DISK


def test_secrets_are_masked_in_what_a_build_or_a_finding_quotes(history: History) -> None:
    projects.set_variable(history.connection, TOKEN, projects.Variable("PASSWORD", "hunter2-is-a-secret", True))
    history.activation(ActivationState.INVALID, "d1", findings=["metis.config.yml:1:1: no `hunter2-is-a-secret`"])
    assert history.only().cause.evidence == "metis.config.yml:1:1: no `***`"


def test_notice_of_an_unknown_alert_is_refused_and_takes_none(history: History) -> None:
    history.end(history.run("a"), {"a": TaskState.FAILED})
    with pytest.raises(Refusal) as refusal:
        acknowledge(history.connection, TOKEN, [history.only().id, 99], "ann", history.now)
    assert (refusal.value.code, refusal.value.exit_code) == ("unknown-alert", 2)
    assert history.only().state is AlertState.FIRING


@dataclass
class Expected:
    """The table kept by hand: state and count by kind and subject."""

    table: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)

    def occur(self, kind: str, subject: str, times: int = 1) -> None:
        state, count = self.table.get((kind, subject), ("resolved", 0))
        self.table[kind, subject] = ("firing", times if state == "resolved" else count + times)

    def resolve(self, kind: str, subject: str, only: str | None = None) -> None:
        if (kind, subject) in self.table:
            state, count = self.table[kind, subject]
            if only is None or state == only:
                self.table[kind, subject] = ("resolved", count)

    def acknowledge(self) -> None:
        for key, (state, count) in self.table.items():
            if state == "firing":
                self.table[key] = ("acknowledged", count)


def ending(job_id: str, state: TaskState) -> Callable[[History, Expected], None]:
    def act(history: History, expected: Expected) -> None:
        history.end(history.run(job_id), {job_id: state})
        if state is TaskState.SUCCEEDED:
            expected.resolve("failure", job_id)
            expected.resolve("lost", job_id)
        elif state in FAILURES:
            expected.occur("lost" if state is TaskState.LOST else "failure", job_id)

    return act


def missing(job_id: str, count: int) -> Callable[[History, Expected], None]:
    def act(history: History, expected: Expected) -> None:
        history.miss(job_id, count)
        expected.occur("missed", job_id, count)

    return act


def firing(job_id: str) -> Callable[[History, Expected], None]:
    def act(history: History, expected: Expected) -> None:
        history.fire(job_id)
        expected.resolve("missed", job_id, only="acknowledged")

    return act


def saving(valid: bool, digest: str) -> Callable[[History, Expected], None]:
    def act(history: History, expected: Expected) -> None:
        if valid:
            history.activation(ActivationState.WAITING, digest)
            expected.resolve("config", "")
        else:
            history.activation(ActivationState.INVALID, f"bad {digest}", findings=["no"])
            expected.occur("config", "")

    return act


def going(gone: bool) -> Callable[[History, Expected], None]:
    def act(history: History, expected: Expected) -> None:
        with history.commit() as connection:
            projects.set_problem(connection, TOKEN, "gone" if gone else "")
        if not gone:
            expected.resolve("directory", "")
        elif expected.table.get(("directory", ""), ("resolved", 0))[0] == "resolved":
            expected.occur("directory", "")

    return act


def filling(full: bool) -> Callable[[History, Expected], None]:
    def act(history: History, expected: Expected) -> None:
        history.books.shortage = "full" if full else ""
        history.restart()
        if not full:
            expected.resolve("disk", "")
        elif expected.table.get(("disk", ""), ("resolved", 0))[0] == "resolved":
            expected.occur("disk", "")

    return act


def noticing(history: History, expected: Expected) -> None:
    """Somebody takes notice of everything."""
    firing_now = {key for key, (state, _) in expected.table.items() if state == "firing"}
    ids = {alert.id for key, alert in history.alerts().items() if key in firing_now}
    assert set(history.ack()) == ids
    expected.acknowledge()


def restarting(history: History, expected: Expected) -> None:
    """Another engine takes over."""
    before = history.alerts()
    history.restart()
    assert history.alerts() == before


jobs = st.sampled_from(JOBS[:2])
steps = st.one_of(
    st.builds(ending, jobs, st.sampled_from([*FAILURES, TaskState.SUCCEEDED, TaskState.CANCELLED, TaskState.SKIPPED])),
    st.builds(missing, jobs, st.integers(1, 9)),
    st.builds(firing, jobs),
    st.builds(saving, st.booleans(), st.sampled_from("xyz")),
    st.builds(going, st.booleans()),
    st.builds(filling, st.booleans()),
    st.just(noticing),
    st.just(restarting),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=10, max_size=40))
def test_any_history_leaves_the_alerts_that_a_person_would_count(
    moments: list[Callable[[History, Expected], None]],
) -> None:
    history, expected = History(), Expected()
    with closing(history.connection):
        for moment in moments:
            moment(history, expected)
            found = {key: (alert.state.value, alert.count) for key, alert in history.alerts().items()}
            assert found == expected.table
        assert len({alert.id for alert in history.alerts().values()}) == len(expected.table)


def test_a_new_process_reads_what_the_last_one_wrote(tmp_path: Path) -> None:
    history = History(str(tmp_path / "state.db"))
    history.end(history.run("a"), {"a": TaskState.FAILED})
    history.ack()
    before = history.alerts()
    history.restart()
    assert history.alerts() == before
    history.end(history.run("a"), {"a": TaskState.FAILED})
    assert open_alerts(history.connection, TOKEN, (AlertKind.FAILURE,))[0].count == 2
    history.connection.close()
