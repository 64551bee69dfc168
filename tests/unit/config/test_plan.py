"""The plan of a change of the config: every field under its key, moved schedules, lines for people, JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from config_samples import SCORE, TOKEN, TRAIN
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.config.plan import JobChange, JobLine, Move, Plan, plan_of
from skafos_tui.config.plan_values import FieldChange, job_values, project_values
from skafos_tui.config.quantities import MAX_MEMORY, read_duration, read_memory
from skafos_tui.config.reader import parse_config
from skafos_tui.config.written import duration_text, memory_text
from skafos_tui.model.project import (
    AddOn,
    AlertRule,
    Catchup,
    Job,
    Overlap,
    Project,
    Resources,
    RetryPolicy,
    Segment,
    SegmentKind,
)

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
GI = 2**30


def job(job_id: str = TRAIN, name: str = "Train", **given: Any) -> Job:
    entrypoint = given.pop("entrypoint", "train.py")
    segments = (Segment(SegmentKind.SCRIPT, entrypoint, entrypoint),)
    return Job(job_id, name, entrypoint, segments, **given)


def project(*jobs: Job, **given: Any) -> Project:
    return Project(TOKEN, given.pop("name", "my-project"), jobs, **given)


def plan(old: Job | Project, new: Job | Project) -> Plan:
    before, after = (item if isinstance(item, Project) else project(item) for item in (old, new))
    return plan_of(before, after, NOW)


def texts(found: tuple[FieldChange, ...]) -> list[tuple[str, str | None, str | None]]:
    return [(change.key, change.old, change.new) for change in found]


# Every field -----------------------------------------------------------------------------------------------------

JOB_FIELDS: dict[str, tuple[Any, list[tuple[str, str | None, str | None]]]] = {
    "name": ("Fit", [("name", "Train", "Fit")]),
    "entrypoint": ("fit.py", [("entrypoint", "train.py", "fit.py")]),
    "language": ("r", [("language", "python", "r")]),
    "schedule": ("0 9 * * *", [("schedule", None, "0 9 * * *")]),
    "timezone": ("Europe/Berlin", [("timezone", "UTC", "Europe/Berlin")]),
    "dependencies": ((SCORE,), [("dependencies", None, f"[{SCORE}]")]),
    "parallelism": (3, [("parallelism", "1", "3")]),
    "requests": (
        Resources(0.5, GI // 2),
        [("resources.requests.cpu", None, "0.5"), ("resources.requests.memory", None, "512Mi")],
    ),
    "limits": (
        Resources(2.0, 2 * GI),
        [("resources.limits.cpu", None, "2"), ("resources.limits.memory", None, "2Gi")],
    ),
    "environment": ({"MODE": "fast"}, [("environment.MODE", None, "fast")]),
    "parameters": ({"DAYS": "7"}, [("parameters.DAYS", None, "7")]),
    "timeout_s": (90.0, [("timeout", None, "90s")]),
    "retries": (RetryPolicy(limit=3), [("retries.limit", "0", "3")]),
    "overlap": (Overlap.QUEUE, [("overlap", "skip", "queue")]),
    "catchup": (Catchup.NONE, [("catchup", "latest", "none")]),
    "image": ("python:3.12", [("image", None, "python:3.12")]),
    "enabled": (False, [("enabled", "true", "false")]),
}
NO_FIELDS = {"id": "what tells jobs apart", "segments": "read from the entrypoint"}

RETRY_FIELDS: dict[str, tuple[Any, tuple[str, str | None, str | None]]] = {
    "limit": (2, ("retries.limit", "0", "2")),
    "delay_s": (90.0, ("retries.delay", "10s", "90s")),
    "factor": (1.5, ("retries.factor", "2", "1.5")),
    "max_delay_s": (7200.0, ("retries.max_delay", "10m", "2h")),
    "exit_codes": (frozenset([75, 3]), ("retries.exit_codes", None, "[3, 75]")),
    "lost": (True, ("retries.lost", "false", "true")),
}

PROJECT_FIELDS: dict[str, tuple[Any, list[tuple[str, str | None, str | None]]]] = {
    "token": ("f" * 24, [("project_token", TOKEN, "f" * 24)]),
    "name": ("other", [("name", "my-project", "other")]),
    "image": ("python:3.12", [("image", None, "python:3.12")]),
    "timezone": ("Europe/Berlin", [("timezone", "UTC", "Europe/Berlin")]),
    "environment": ({"A": ""}, [("environment.A", None, "")]),
    "alerts": (
        (AlertRule("failure", notify=("team",)),),
        [("alerts.failure", None, "{when: failure, severity: warning, notify: [team]}")],
    ),
    "notify": ({"me": {"email": "a@b.org"}}, [("notify.me", None, "{email: a@b.org}")]),
    "add_ons": (
        (AddOn("queue", {"engine": "rabbitmq"}),),
        [("add-ons.queue", None, "{name: queue, engine: rabbitmq}")],
    ),
}

ALERT_FIELDS: dict[str, tuple[Any, str]] = {
    "when": ("cpu", "alerts.a.when"),
    "name": ("b", "alerts.b"),
    "job": (TRAIN, "alerts.a.job"),
    "severity": ("critical", "alerts.a.severity"),
    "for_s": (120.0, "alerts.a.for"),
    "notify": (("team",), "alerts.a.notify"),
    "settings": ({"above": "90"}, "alerts.a.above"),
}


def names_of(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("field", sorted(names_of(Job) - NO_FIELDS.keys()))
def test_each_field_of_a_job_is_told_under_its_key_as_it_would_be_written(field: str) -> None:
    value, expected = JOB_FIELDS[field]
    [change] = plan(job(), replace(job(), **{field: value})).changed
    assert texts(change.fields) == expected
    back = plan(replace(job(), **{field: value}), job()).changed[0].fields
    assert sorted(texts(back)) == sorted((key, new, old) for key, old, new in expected)


@pytest.mark.parametrize("field", sorted(names_of(RetryPolicy)))
def test_each_field_of_a_retry_policy_is_told(field: str) -> None:
    value, expected = RETRY_FIELDS[field]
    [change] = plan(job(), job(retries=replace(RetryPolicy(), **{field: value}))).changed
    assert texts(change.fields) == [expected]


@pytest.mark.parametrize("field", sorted(names_of(Project) - {"jobs"}))
def test_each_field_of_a_project_is_told(field: str) -> None:
    value, expected = PROJECT_FIELDS[field]
    found = plan(project(), replace(project(), **{field: value}))
    assert texts(found.project) == expected
    assert not found.changed


@pytest.mark.parametrize("field", sorted(names_of(AlertRule)))
def test_each_field_of_an_alert_is_told(field: str) -> None:
    value, key = ALERT_FIELDS[field]
    rule = AlertRule("memory", name="a")
    found = plan(project(alerts=(rule,)), project(alerts=(replace(rule, **{field: value}),)))
    assert key in [change.key for change in found.project]


def test_no_field_is_forgotten() -> None:
    assert names_of(Resources) == {"cpu", "memory"}
    assert names_of(AddOn) == {"name", "settings"}
    assert JOB_FIELDS.keys() | NO_FIELDS.keys() == names_of(Job)
    known = {key.split(".")[0] for key in (*job_values(job(), {}), *project_values(project(), {}))}
    assert known >= {"entrypoint", "resources", "retries", "project_token"}


def test_the_same_config_changes_nothing() -> None:
    text = (
        f"project_token: {TOKEN}\nname: p\nenvironment: {{A: b}}\nalerts: [{{when: failure}}]\njobs:\n"
        f'  - {{job_id: {TRAIN}, language: python, name: Train, entrypoint: train.py, schedule: "0 9 * * *",'
        " retries: {limit: 2, exit_codes: [75, 3]}, resources: {limits: {cpu: 1, memory: 2Gi}}}\n"
    )
    one, other = parse_config(text).project, parse_config(f"# a comment\n{text}").project
    assert one is not None and other is not None
    found = plan_of(one, other, NOW)
    assert found == Plan() and found.empty and found.lines() == ["nothing changes"]


# Jobs ------------------------------------------------------------------------------------------------------------


def test_a_new_job_says_when_it_starts() -> None:
    new = project(
        job(),
        job(SCORE, "Score", dependencies=(TRAIN,)),
        job("3", "Nightly", schedule="0 9 * * *"),
        job("4", "Berlin", schedule="0 9 * * *", timezone="Europe/Berlin", dependencies=(TRAIN, SCORE)),
        job("5", "Off", enabled=False),
    )
    assert plan(project(), new).added == (
        JobLine(TRAIN, "Train", "when deployed"),
        JobLine(SCORE, "Score", "after Train"),
        JobLine("3", "Nightly", "at 0 9 * * *"),
        JobLine("4", "Berlin", "at 0 9 * * * Europe/Berlin, after Train, Score"),
        JobLine("5", "Off", "when deployed, disabled"),
    )


def test_without_an_old_config_everything_is_added_and_nothing_changed() -> None:
    found = plan_of(None, project(job(schedule="0 9 * * *"), image="x", timezone="Asia/Tokyo"), NOW)
    assert (found.changed, found.removed, found.project) == ((), (), ())
    assert found.added == (JobLine(TRAIN, "Train", "at 0 9 * * *"),)
    assert found.moved == (Move(TRAIN, "Train", None, datetime(2026, 11, 24, 9, tzinfo=UTC)),)


def test_another_id_is_another_job_and_another_name_is_not() -> None:
    renamed = plan(job(), job(name="Fit"))
    assert (renamed.added, renamed.removed) == ((), ())
    assert renamed.changed == (JobChange(TRAIN, "Fit", (FieldChange("name", "Train", "Fit"),)),)
    replaced = plan(job(), job(SCORE))
    assert (replaced.added, replaced.removed) == (
        (JobLine(SCORE, "Train", "when deployed"),),
        (JobLine(TRAIN, "Train"),),
    )


def test_dependencies_are_told_by_name_and_their_order_means_nothing() -> None:
    others = (job("a", "Clean"), job("b", "Ingest"), job("c", "Split"))
    old = project(*others, job(dependencies=("b", "c")))
    new = project(*others, job(dependencies=("c", "a")))
    [change] = plan(old, new).changed
    assert change.fields == (
        FieldChange("dependencies", "[Ingest, Split]", "[Split, Clean]", added=("Clean",), removed=("Ingest",)),
    )
    assert plan(old, project(*others, job(dependencies=("c", "b")))).empty


def test_dependencies_of_one_name_are_told_with_a_piece_of_their_id() -> None:
    old = project(job(TRAIN, "Same"), job("x", "Last", dependencies=(TRAIN,)))
    new = project(job(SCORE, "Same"), job("x", "Last", dependencies=(SCORE,)))
    assert plan(old, new).lines()[1] == "~ Last  dependencies +Same (b039a0b0), -Same (20d19311)"


def test_another_order_of_the_jobs_changes_nothing() -> None:
    assert plan(project(job(), job(SCORE)), project(job(SCORE), job())).empty


def test_requests_that_follow_the_limits_are_not_told_twice() -> None:
    old = job(requests=Resources(1.0, GI), limits=Resources(1.0, GI))
    new = job(requests=Resources(2.0, GI), limits=Resources(2.0, GI))
    assert texts(plan(old, new).changed[0].fields) == [("resources.limits.cpu", "1", "2")]


def test_requests_that_come_to_be_the_limits_are_told_as_what_they_are() -> None:
    old = job(requests=Resources(0.5, GI // 4), limits=Resources(1.0, GI))
    new = job(requests=Resources(0.5, GI // 2), limits=Resources(1.0, GI // 2))
    assert texts(plan(old, new).changed[0].fields) == [
        ("resources.requests.memory", "256Mi", "512Mi"),
        ("resources.limits.memory", "1Gi", "512Mi"),
    ]


def test_a_time_zone_that_comes_from_the_project_is_told_once() -> None:
    old = project(job(), job(SCORE, "Score", timezone="Asia/Tokyo"))
    berlin = "Europe/Berlin"
    new = project(job(timezone=berlin), job(SCORE, "Score", timezone="Asia/Tokyo"), timezone=berlin)
    found = plan(old, new)
    assert found.changed == ()
    assert texts(found.project) == [("timezone", "UTC", berlin)]
    own = plan(old, project(job(), job(SCORE, "Score", timezone=berlin), timezone=berlin))
    assert [(change.name, *texts(change.fields)) for change in own.changed] == [
        ("Score", ("timezone", "Asia/Tokyo", berlin))
    ]


def test_variables_are_told_one_by_one() -> None:
    found = plan(job(environment={"A": "1", "B": "2", "C": "3"}), job(environment={"A": "1", "B": "4", "D": "none"}))
    assert texts(found.changed[0].fields) == [
        ("environment.B", "2", "4"),
        ("environment.D", None, "none"),
        ("environment.C", "3", None),
    ]
    assert found.lines() == ['~ Train  environment.B 2 -> 4, environment.D none -> "none", environment.C 3 -> none']


# Sections of the project -----------------------------------------------------------------------------------------


def test_a_section_that_stays_tells_only_what_differs_in_it() -> None:
    slow, rest = AlertRule("duration", name="slow", settings={"over": "10m"}), AlertRule("failure")
    old = project(
        alerts=(slow, rest, rest), add_ons=(AddOn("queue"),), notify={"me": {"bell": "true"}, "you": {"email": "a@b.c"}}
    )
    new = project(
        alerts=(rest, rest, replace(slow, settings={"over": "20m"}, notify=("me",))),
        add_ons=(AddOn("queue", {"engine": "rabbitmq"}),),
        notify={"me": {"bell": "true"}},
    )
    assert plan(old, new).project == (
        FieldChange("add-ons.queue.engine", None, "rabbitmq"),
        FieldChange("alerts.slow.over", "10m", "20m"),
        FieldChange("alerts.slow.notify", None, "[me]"),
        FieldChange("notify.you", "{email: a@b.c}", None),
    )


def test_the_secret_part_of_a_webhook_never_appears() -> None:
    def with_hook(url: str) -> Project:
        return project(notify={"team": {"webhook": url, "format": "slack"}})

    one, other = "https://u:pw@hooks.example.org/T0/SECRET", "https://hooks.example.org/T0/HIDDEN?k=TOKEN"
    changed, added = plan(with_hook(one), with_hook(other)), plan(project(), with_hook(one))
    assert changed.lines() == ["~ the project  notify.team.webhook changed"]
    assert added.lines()[0].startswith("~ the project  notify.team none -> {webhook: ")
    everything = "".join([changed.to_json(), added.to_json(), *changed.lines(), *added.lines()])
    assert "https://hooks.example.org/…" in everything
    assert all(word not in everything for word in ("SECRET", "HIDDEN", "TOKEN", "pw"))


# Schedules -------------------------------------------------------------------------------------------------------


def at(hour: int, minute: int = 0, day: int = 24) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


NINE = job(schedule="0 9 * * *")


@pytest.mark.parametrize(
    ("old", "new", "moves", "line"),
    [
        (
            NINE,
            replace(NINE, schedule="0 10 * * *"),
            (at(9), at(10)),
            "Train moves: 2026-11-24 09:00+00:00 -> 10:00+00:00",
        ),
        (
            NINE,
            replace(NINE, schedule="0 21 * * *"),
            (at(9), at(21, day=23)),
            "Train moves: 2026-11-24 09:00+00:00 -> 2026-11-23 21:00+00:00",
        ),
        (
            NINE,
            replace(NINE, timezone="Europe/Berlin"),
            (at(9), at(8)),
            "Train moves: 2026-11-24 09:00+00:00 -> 09:00+01:00",
        ),
        (NINE, replace(NINE, enabled=False), (at(9), None), "Train fires no more: 2026-11-24 09:00+00:00 -> none"),
        (NINE, replace(NINE, schedule=None), (at(9), None), "Train fires no more: 2026-11-24 09:00+00:00 -> none"),
        (replace(NINE, enabled=False), NINE, (None, at(9)), "Train fires next: 2026-11-24 09:00+00:00"),
        (job(), NINE, (None, at(9)), "Train fires next: 2026-11-24 09:00+00:00"),
        (project(NINE), project(), (at(9), None), "Train fires no more: 2026-11-24 09:00+00:00 -> none"),
        (project(), project(NINE), (None, at(9)), "Train fires next: 2026-11-24 09:00+00:00"),
        (NINE, replace(NINE, schedule="0 9 * * 2"), None, None),
        (NINE, replace(NINE, parallelism=2), None, None),
        (job(enabled=False, schedule="0 9 * * *"), job(enabled=False, schedule="0 10 * * *"), None, None),
    ],
)
def test_a_schedule_whose_next_fire_changes_is_moved(
    old: Job | Project, new: Job | Project, moves: tuple[datetime | None, datetime | None] | None, line: str | None
) -> None:
    found = plan(old, new)
    assert [(move.old_next, move.new_next) for move in found.moved] == ([moves] if moves else [])
    assert [text for text in found.lines() if text.startswith("  ")] == ([f"  {line}"] if line else [])
    assert not found.empty


def test_the_same_instant_in_another_zone_is_no_move() -> None:
    found = plan(NINE, replace(NINE, schedule="0 10 * * *", timezone="Europe/Berlin"))
    assert found.moved == () and len(found.changed) == 1


# Texts -----------------------------------------------------------------------------------------------------------


def test_the_lines_are_what_a_person_reads() -> None:
    old = project(NINE, job("r", "Report"))
    new = project(
        replace(NINE, schedule="0 10 * * *", parallelism=3, timezone="UTC"),
        job(SCORE, "Score", dependencies=(TRAIN,)),
        image="python:3.12",
    )
    assert plan(old, new).lines() == [
        "~ the project  image none -> python:3.12",
        "+ Score  after Train",
        "~ Train  schedule 0 9 * * * -> 0 10 * * *, parallelism 1 -> 3",
        "- Report",
        "  Train moves: 2026-11-24 09:00+00:00 -> 10:00+00:00",
    ]


def test_long_values_are_cut_in_lines_and_whole_in_json() -> None:
    long = "python x.py " + "a" * 500
    found = plan(job(), job(entrypoint=long))
    assert found.lines()[0].endswith("…") and len(found.lines()[0]) < 120
    assert long in found.to_json()


@pytest.mark.parametrize("evil", ["\x1b]0;x\x07", "two\nlines", "\u202egnol"])
def test_a_line_is_one_line_and_harmless_to_a_terminal(evil: str) -> None:
    new = project(job(name=evil, environment={evil: evil}, schedule="0 9 * * *"), job(SCORE, evil))
    for line in (*plan(job(), new).lines(), *plan(project(), new).lines()):
        assert line.isprintable()


def everything() -> Plan:
    old = project(NINE, job("r", "Report"), alerts=(AlertRule("failure"),))
    new = project(
        replace(NINE, schedule="30 9 * * *", timezone="Asia/Kathmandu", dependencies=(SCORE,), environment={"ü": "…"}),
        job(SCORE, "Score", schedule="0 0 1 1 *"),
        notify={"me": {"bell": "true"}},
    )
    return plan(old, new)


def test_a_plan_comes_back_from_its_json_as_it_was() -> None:
    found = everything()
    assert all((found.added, found.changed, found.removed, found.moved, found.project))
    assert Plan.from_json(found.to_json()) == found
    assert Plan.from_json(Plan().to_json()).empty
    assert json.loads(found.to_json())["moved"][0] == {
        "job_id": TRAIN,
        "name": "Train",
        "old_next": "2026-11-24T09:00:00.000Z",
        "new_next": "2026-11-24T03:45:00.000Z",
        "old_timezone": "UTC",
        "new_timezone": "Asia/Kathmandu",
    }


def test_keys_that_a_later_version_adds_are_left_aside() -> None:
    def grown(value: Any) -> Any:
        if isinstance(value, dict):
            return {**{key: grown(inner) for key, inner in value.items()}, "of_tomorrow": [1]}
        return [grown(item) for item in value] if isinstance(value, list) and value != [1] else value

    found = everything()
    data = grown(json.loads(found.to_json()))
    assert Plan.from_json(json.dumps(data)) == found


@pytest.mark.parametrize("text", ["", "[]", "3", '{"added": 3}', '{"added": [{"name": "x"}]}', '{"moved": [{}]}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no plan|Expecting value"):
        Plan.from_json(text)


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (memory_text, 2 * GI, "2Gi"),
        (memory_text, 3 * GI // 2, "1.5Gi"),
        (memory_text, 512 * 2**20, "512Mi"),
        (memory_text, 2_000_000_000, "2G"),
        (memory_text, 500_000_000, "500M"),
        (memory_text, int(0.1 * GI), "0.1Gi"),
        (duration_text, 90.0, "90s"),
        (duration_text, 600.0, "10m"),
        (duration_text, 5400.0, "90m"),
        (duration_text, 7200.0, "2h"),
        (duration_text, 86400.0, "1d"),
        (duration_text, 366 * 86400.0, "366d"),
        (duration_text, 3725.0, "1h2m5s"),
        (duration_text, 0.5, "0.5s"),
        (duration_text, 0.0, "0s"),
    ],
)
def test_amounts_are_written_as_people_write_them(write: Callable[[Any], str], value: Any, text: str) -> None:
    assert write(value) == text


@given(st.integers(1, MAX_MEMORY))
def test_written_memory_reads_back_as_the_same_number(size: int) -> None:
    assert read_memory(memory_text(size)) == size


@given(st.integers(1, 366 * 86_400) | st.floats(0.001, 10_000).map(lambda value: round(value, 3)))
def test_a_written_duration_reads_back_as_the_same_number(seconds: float) -> None:
    assert read_duration(duration_text(seconds)) == seconds
