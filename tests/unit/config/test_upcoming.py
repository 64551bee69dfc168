"""The preview of a schedule says when it fires, what clock changes do to it, and what usually still runs then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.cron import parse_cron
from skafos_tui.config.upcoming import Clash, clash_words, clashes, coming_fires, preview
from skafos_tui.model.project import Job, Overlap, Project, Segment, SegmentKind

NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


def job(job_id: str, schedule: str | None = None, after: tuple[str, ...] = (), **fields: object) -> Job:
    segments = (Segment(SegmentKind.SCRIPT, "x.py", "x.py"),)
    made = Job(job_id, job_id.title(), "x.py", segments, schedule=schedule, dependencies=after)
    return replace(made, **fields)  # type: ignore[arg-type]


def project(*jobs: Job) -> Project:
    return Project("t", "p", jobs)


def found(jobs: list[Job], job_id: str, usual: dict[str, float], count: int = 2) -> list[str]:
    """The clashes at the next fires, in words with the time of the fire."""
    whole = project(*jobs)
    fires = preview(whole.job(job_id).schedule or "", whole.job(job_id).timezone, NOW, count).fires
    listed = clashes(whole, whole.job(job_id), fires, usual)
    return [f"{clash.at:%H:%M} {clash_words(clash, whole.job(job_id))}" for clash in listed]


def test_the_next_fires_are_those_of_the_schedule() -> None:
    shown = preview("0 9 * * *", "Europe/Berlin", NOW)
    assert [fire.isoformat() for fire in shown.fires[:2]] == ["2026-11-25T08:00:00+00:00", "2026-11-26T08:00:00+00:00"]
    assert len(shown.fires) == 5 and shown.notes == ("",) * 5
    assert (shown.problem, shown.remark) == ("", "")


@pytest.mark.parametrize(
    ("schedule", "zone", "problem"),
    [
        ("0 9 * *", "UTC", "5"),
        ("", "UTC", "5"),
        ("0 0 30 2 *", "UTC", "never fires"),
        ("0 9 * * *", "Mars/Base", "no time zone"),
    ],
)
def test_what_is_half_typed_has_a_problem_and_no_fires(schedule: str, zone: str, problem: str) -> None:
    shown = preview(schedule, zone, NOW)
    assert shown.fires == () and problem in shown.problem


def test_a_skipped_hour_is_said_at_the_fire_it_moves() -> None:
    shown = preview("30 2 * * *", "Europe/Berlin", datetime(2027, 3, 27, 12, tzinfo=UTC), 2)
    assert shown.fires[0] == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert shown.notes == ("its hour is skipped that day: fires right after it", "")
    assert "02:30 is skipped on 2027-03-28" in shown.remark


def test_a_repeated_hour_is_said_at_the_fire_it_concerns() -> None:
    once = preview("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert once.notes == ("the hour comes twice: only this one fires", "")
    twice = preview("30 * * * *", "Europe/Berlin", datetime(2026, 10, 24, 23, tzinfo=UTC), 4)
    assert twice.notes == ("", "the hour comes twice: both fire", "the hour's second pass", "")


@given(
    st.sampled_from(["30 2 * * *", "0 * * * *", "*/20 1-3 * * *", "0 3 * * 0"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(0, 730),
)
@settings(max_examples=150, deadline=None)
def test_a_note_stands_exactly_where_the_clocks_have_a_hand_in_it(schedule: str, zone: str, day: int) -> None:
    shown = preview(schedule, zone, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day), 30)
    cron = parse_cron(schedule)
    from zoneinfo import ZoneInfo

    for fire, note in zip(shown.fires, shown.notes, strict=True):
        wall = fire.astimezone(ZoneInfo(zone))
        ambiguous = wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
        assert bool(note) == (ambiguous or not cron.matches(wall.replace(tzinfo=None)))


def test_a_predecessor_that_usually_still_runs_is_named_with_its_end() -> None:
    jobs = [job("train", "0 9 * * *"), job("score", "10 9 * * *", ("train",))]
    assert found(jobs, "score", {"train": 900.0}, 1) == ["09:10 Train usually still runs, until 09:15: it waits"]
    assert found(jobs, "score", {"train": 500.0}) == []
    assert found(jobs, "score", {}) == []


def test_what_leads_to_the_predecessor_counts_too() -> None:
    jobs = [
        job("ingest", "0 9 * * *"),
        job("clean", None, ("ingest",)),
        job("train", None, ("clean",)),
        job("score", "10 9 * * *", ("train",)),
    ]
    usual = {"ingest": 300.0, "clean": 240.0, "train": 120.0}
    assert found(jobs, "score", usual, 1) == ["09:10 Train usually still runs, until 09:11: it waits"]
    assert found(jobs, "score", usual | {"clean": 60.0}, 1) == []


def test_in_the_same_run_the_order_is_kept() -> None:
    jobs = [job("train", "0 9 * * *"), job("score", "0 9 * * *", ("train",))]
    assert found(jobs, "score", {"train": 900.0}, 1) == ["09:00 Train starts with it: it waits until about 09:15"]


@pytest.mark.parametrize(
    ("overlap", "words"),
    [
        (Overlap.SKIP, "this one is skipped (overlap: skip)"),
        (Overlap.QUEUE, "this one waits (overlap: queue)"),
        (Overlap.REPLACE, "this one ends it (overlap: replace)"),
        (Overlap.PARALLEL, "both run (overlap: parallel)"),
    ],
)
def test_a_job_that_outlasts_its_own_pace_is_told_by_its_overlap(overlap: Overlap, words: str) -> None:
    jobs = [job("poll", "*/10 * * * *", overlap=overlap)]
    assert found(jobs, "poll", {"poll": 660.0}, 2) == [
        f"08:40 the one before usually runs until 08:41: {words}",
        f"08:50 the one before usually runs until 08:51: {words}",
    ]
    assert found(jobs, "poll", {"poll": 540.0}) == []


def test_a_disabled_predecessor_and_a_circle_start_nothing() -> None:
    jobs = [job("a", "0 9 * * *", enabled=False), job("b", "5 9 * * *", ("a", "c")), job("c", None, ("c", "b"))]
    assert found(jobs, "b", {"a": 9000.0, "c": 60.0}, 1) == []


def test_the_words_are_of_the_job_s_own_clock() -> None:
    here = job("score", "10 9 * * *", ("train",), timezone="Asia/Tokyo")
    clash = Clash(NOW, job("train"), NOW + timedelta(minutes=5))
    assert clash_words(clash, here) == "Train usually still runs, until 17:35: it waits"


def test_fires_of_several_jobs_come_in_order() -> None:
    listed = coming_fires([job("a", "0 9 * * *"), job("b", "0 */12 * * *"), job("c")], NOW)
    first = [next(listed) for _ in range(4)]
    assert [(fire.job.id, fire.at.hour) for fire in first] == [("a", 9), ("b", 12), ("b", 0), ("a", 9)]
