"""Which slots fire and which are missed: rule by rule, and against a naive reading of the rules (SPEC 3)."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.cron import CronError, parse_cron
from skafos_tui.engine.timetable import Due, Missed, Schedule, Timetable
from skafos_tui.model.project import Catchup

MINUTE, HOUR, DAY = 60, 3600, 86400


def unix(text: str) -> int:
    """Unix seconds of a UTC time in March 2026, such as `02 09:00`."""
    return int(datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=UTC).timestamp())


NINE = unix("02 09:00")


def daily(job_id: str = "train", catchup: Catchup = Catchup.LATEST, since: float = NINE - HOUR) -> Schedule:
    return Schedule("wine", job_id, "0 9 * * *", "UTC", catchup, since)


def hourly(catchup: Catchup = Catchup.LATEST, since: float = NINE - MINUTE) -> Schedule:
    return Schedule("wine", "train", "0 * * * *", "UTC", catchup, since)


def timetable(*schedules: Schedule) -> Timetable:
    table = Timetable()
    for schedule in schedules:
        table.put(schedule)
    return table


def decided(schedule: Schedule, now: float) -> Due:
    """What becomes of the only schedule of a timetable."""
    (due,) = timetable(schedule).due(now)
    return due


def jobs(dues: Sequence[Due]) -> list[str]:
    return [due.job_id for due in dues]


# What fires.


@pytest.mark.parametrize("catchup", Catchup)
@pytest.mark.parametrize("late_s", [0, 0.01, 59.9])
def test_a_slot_within_its_minute_fires_whatever_catchup_says(catchup: Catchup, late_s: float) -> None:
    assert decided(daily(catchup=catchup), NINE + late_s) == Due("wine", "train", (NINE,), (), NINE + late_s)


@pytest.mark.parametrize("catchup", [Catchup.LATEST, Catchup.ALL])
def test_a_minute_late_a_slot_is_caught_up(catchup: Catchup) -> None:
    due = decided(daily(catchup=catchup), NINE + 60)
    assert (due.fire, due.missed) == ((NINE,), ())


def test_a_minute_late_a_slot_is_missed_where_nothing_is_caught_up() -> None:
    due = decided(daily(catchup=Catchup.NONE), NINE + 60)
    assert (due.fire, due.missed) == ((), (Missed(NINE),))


def test_none_fires_only_what_is_on_time() -> None:
    due = decided(hourly(Catchup.NONE), NINE + 2 * HOUR + 1)
    assert (due.fire, due.missed) == ((NINE + 2 * HOUR,), (Missed(NINE), Missed(NINE + HOUR)))


def test_latest_fires_the_newest_of_the_late_slots() -> None:
    due = decided(hourly(), NINE + 2 * HOUR + 30 * MINUTE)
    assert (due.fire, due.missed) == ((NINE + 2 * HOUR,), (Missed(NINE), Missed(NINE + HOUR)))


def test_a_slot_of_this_very_second_is_decided_with_the_late_ones() -> None:
    due = decided(hourly(Catchup.ALL), NINE + HOUR)
    assert (due.fire, due.since) == ((NINE, NINE + HOUR), NINE + HOUR)


def test_latest_fires_no_late_slot_beside_one_that_is_on_time() -> None:
    due = decided(hourly(), NINE + HOUR + 5)
    assert (due.fire, due.missed) == ((NINE + HOUR,), (Missed(NINE),))


@pytest.mark.parametrize(("late_s", "fires"), [(DAY - 1, True), (DAY, True), (DAY + 1, False), (5 * DAY, False)])
def test_latest_fires_nothing_older_than_a_day(late_s: int, fires: bool) -> None:
    yearly = replace(daily(), expression="0 9 2 3 *")
    due = decided(yearly, NINE + late_s)
    assert (due.fire, due.missed) == (((NINE,), ()) if fires else ((), (Missed(NINE),)))


def test_all_fires_every_late_slot_oldest_first() -> None:
    due = decided(hourly(Catchup.ALL), NINE + 3 * HOUR + 1)
    assert (due.fire, due.missed) == (tuple(NINE + n * HOUR for n in range(4)), ())


def test_all_fires_the_newest_hundred_late_slots_and_the_one_on_time() -> None:
    due = decided(hourly(Catchup.ALL), NINE + 110 * HOUR)
    assert due.fire == tuple(NINE + n * HOUR for n in range(10, 111))
    assert due.missed == tuple(Missed(NINE + n * HOUR) for n in range(10))


# What is missed.


@pytest.mark.parametrize("catchup", Catchup)
def test_missed_slots_before_the_newest_hundred_are_one_row_with_their_count(catchup: Catchup) -> None:
    spared = {Catchup.NONE: 0, Catchup.LATEST: 1, Catchup.ALL: 100}[catchup]
    due = decided(hourly(catchup), NINE + (249 + spared) * HOUR + 30 * MINUTE)
    assert len(due.fire) == spared
    assert due.missed[0] == Missed(NINE + 149 * HOUR, 150, NINE)
    assert due.missed[1:] == tuple(Missed(NINE + n * HOUR) for n in range(150, 250))


def test_a_single_older_one_needs_no_count() -> None:
    due = decided(hourly(Catchup.NONE), NINE + 100 * HOUR + 30 * MINUTE)
    assert due.missed == tuple(Missed(NINE + n * HOUR) for n in range(101))


@pytest.mark.parametrize("catchup", Catchup)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Australia/Lord_Howe"])
def test_a_year_of_minutes_is_counted_to_the_minute(catchup: Catchup, zone: str) -> None:
    every_minute = Schedule("wine", "train", "* * * * *", zone, catchup, NINE)
    due = decided(every_minute, NINE + 365 * DAY)
    assert len(due.fire) + sum(row.count for row in due.missed) == 365 * 24 * 60
    assert due.missed[0].first == NINE + MINUTE
    assert len(due.missed) == 101


# Clock changes are cron's: the slot is the real minute.


def test_a_slot_in_the_skipped_hour_is_the_minute_after_it() -> None:
    night = Schedule("wine", "train", "30 2 * * *", "Europe/Paris", Catchup.LATEST, unix("28 12:00"))
    assert decided(night, unix("29 01:00")).fire == (unix("29 01:00"),)


# Nothing twice, nothing left out.


def test_a_decided_slot_does_not_come_again() -> None:
    table = timetable(daily())
    assert table.due(NINE - 1) == []
    assert table.due(NINE) != []
    assert table.due(NINE) == table.due(NINE + 30) == []
    assert table.next_at() == NINE + DAY


def test_after_a_restart_it_goes_on_where_what_was_recorded_ends() -> None:
    (recorded,) = timetable(hourly()).due(NINE + 10)
    assert timetable(hourly(since=recorded.since)).next_at() == NINE + HOUR


def test_what_was_not_recorded_is_decided_again_when_put_again() -> None:
    table = timetable(hourly())
    lost = table.due(NINE + 10)
    table.put(hourly())
    assert table.due(NINE + 20) == [replace(lost[0], since=NINE + 20)]


@pytest.mark.parametrize("before_s", [1e-3, 5e-7])
def test_a_slot_just_after_since_is_not_rounded_away(before_s: float) -> None:
    assert timetable(daily(since=NINE - before_s)).next_at() == NINE
    assert timetable(daily(since=NINE)).next_at() == NINE + DAY


# The order, and what changes it.


def test_schedules_come_in_the_order_of_their_slots_then_as_they_were_put() -> None:
    table = timetable(daily("z"), daily("a"), replace(daily("early"), expression="30 8 * * *"), daily("m"))
    assert jobs(table.due(NINE)) == ["early", "z", "a", "m"]
    table.put(replace(daily("z", since=NINE), catchup=Catchup.ALL))
    table.drop("wine", "a")
    table.put(daily("a", since=NINE))
    assert jobs(table.due(NINE + DAY)) == ["early", "z", "m", "a"]


def test_a_bounded_call_leaves_the_rest_for_the_next() -> None:
    table = timetable(*(daily(name) for name in "abcde"))
    found = []
    while (at := table.next_at()) is not None and at <= NINE:
        found.append(jobs(table.due(NINE, most=2)))
    assert found == [["a", "b"], ["c", "d"], ["e"]]


def test_it_says_when_to_look_again() -> None:
    assert timetable().next_at() is None
    assert timetable(replace(daily(), expression="0 0 30 2 *")).next_at() is None
    table = timetable(daily(), hourly(since=NINE))
    assert table.next_at() == NINE + HOUR
    table.drop("wine", "train")
    assert table.next_at() is None


def test_a_changed_schedule_replaces_the_one_before() -> None:
    table = timetable(daily())
    table.put(replace(daily(), expression="0 10 * * *"))
    assert table.next_at() == NINE + HOUR
    assert table.due(NINE) == []
    assert table.due(NINE + HOUR)[0].fire == (NINE + HOUR,)


def test_a_schedule_that_cannot_be_read_leaves_the_one_before() -> None:
    table = timetable(daily())
    with pytest.raises(CronError):
        table.put(replace(daily(), expression="@daily"))
    with pytest.raises(ValueError, match="Mars"):
        table.put(replace(daily(), timezone="Mars/Olympus"))
    assert jobs(table.due(NINE)) == ["train"]


def test_dropped_schedules_do_not_fire() -> None:
    table = timetable(daily("a"), daily("b"), replace(daily("a"), project="digits"))
    table.drop("wine", "a")
    table.drop("wine", "unknown")
    table.drop("unknown")
    assert [(due.project, due.job_id) for due in table.due(NINE)] == [("wine", "b"), ("digits", "a")]
    table.drop("digits")
    assert [(due.project, due.job_id) for due in table.due(NINE + DAY)] == [("wine", "b")]


def test_schedules_changed_over_and_over_take_no_room() -> None:
    table = timetable(*(daily(str(n)) for n in range(20)))
    tracemalloc.start()
    try:
        for n in range(5000):
            table.put(replace(daily("0"), expression=f"{n % 60} 9 * * *"))
            table.drop("wine", "1")
            table.put(daily("1"))
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 500_000
    assert len(table.due(NINE + HOUR)) == 20


# Clocks that are set back.


@pytest.mark.parametrize("back_s", [0, 1, 60])
def test_a_clock_set_back_by_up_to_a_minute_changes_nothing(back_s: int) -> None:
    table = timetable(daily())
    table.due(NINE + 1)
    assert table.clock_set_back(NINE + 1 - back_s) == []
    assert table.due(NINE) == []


def test_after_a_clock_is_set_back_the_slots_of_the_future_come_again() -> None:
    table = timetable(daily("a"), hourly(), daily("b", since=NINE - 2 * HOUR))
    wrong, right = NINE + 10 * DAY, NINE + 30 * MINUTE
    table.due(wrong)
    table.put(daily("untouched", since=NINE))
    assert table.clock_set_back(right) == [("wine", "a"), ("wine", "train"), ("wine", "b")]
    assert table.clock_set_back(right) == []
    assert table.next_at() == NINE + HOUR
    assert table.due(NINE + HOUR)[0].fire == (NINE + HOUR,)
    assert jobs(table.due(NINE + DAY)) == ["train", "a", "b", "untouched"]


def test_only_schedules_decided_ahead_of_the_clock_are_taken_back() -> None:
    table = timetable(daily("a", since=NINE + 30), daily("b", since=NINE + DAY))
    assert table.clock_set_back(NINE) == [("wine", "b")]
    assert jobs(table.due(NINE + DAY)) == ["a", "b"]


def test_a_schedule_put_with_a_future_since_is_set_back_too() -> None:
    table = timetable(daily(since=NINE + 10 * DAY))
    assert table.clock_set_back(NINE - 5) == [("wine", "train")]
    assert table.next_at() == NINE


# Any schedule, any moments: against a naive reading of the rules, slot by slot.

EXPRESSIONS = ("* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *", "0,1,59 1-3 * * *", "15 */5 * * Mon-Fri")
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
SCHEDULES = st.builds(
    Schedule,
    st.just("wine"),
    st.just("train"),
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(ZONES),
    st.sampled_from(Catchup),
    # Around the clock changes of Paris and Lord Howe as well as on usual days.
    st.integers(unix("28 00:00"), unix("30 00:00")) | st.integers(NINE, NINE + 300 * DAY),
)
GAPS = st.lists(
    st.floats(0.01, 59) | st.integers(1, 4).map(lambda n: n * HOUR) | st.floats(60, 6 * DAY), min_size=1, max_size=12
).map(lambda gaps: list(itertools.accumulate(gaps)))


def slots_between(schedule: Schedule, after: float, until: float) -> list[int]:
    start, end = (datetime.fromtimestamp(moment // 1, UTC) for moment in (after, until))
    fires = parse_cron(schedule.expression).fires_between(start, end, schedule.timezone)
    return [int(fire.timestamp()) for fire in fires]


def fires_naively(catchup: Catchup, slots: list[int], now: float, n: int) -> bool:
    """Whether the n-th of the undecided slots fires."""
    late_s = now - slots[n]
    if late_s < 60:
        return True
    if catchup is Catchup.LATEST:
        return slots[n] == slots[-1] and late_s <= DAY
    later_late_ones = sum(1 for slot in slots[n + 1 : n + 102] if now - slot >= 60)
    return catchup is Catchup.ALL and later_late_ones < 100


def covered(schedule: Schedule, row: Missed) -> list[int]:
    """The slots a row of missed ones stands for."""
    found = slots_between(schedule, (row.first or row.slot) - 1, row.slot)
    assert len(found) == row.count
    return found


@given(SCHEDULES, GAPS)
@settings(max_examples=60, deadline=None)
def test_every_slot_is_decided_once_by_the_rules(schedule: Schedule, gaps: list[float]) -> None:
    table = timetable(schedule)
    since = schedule.since
    for gap in gaps:
        now = schedule.since + gap
        slots = slots_between(schedule, since, now)
        dues = table.due(now)
        assert bool(dues) == bool(slots)
        for due in dues:
            verdicts = [fires_naively(schedule.catchup, slots, now, n) for n in range(len(slots))]
            assert list(due.fire) == list(itertools.compress(slots, verdicts))
            missed = list(itertools.compress(slots, [not fires for fires in verdicts]))
            assert [slot for row in due.missed for slot in covered(schedule, row)] == missed
            assert [row.slot for row in due.missed[-100:]] == missed[-100:]
            assert len(due.missed) <= 101
            since = due.since


@given(SCHEDULES, GAPS, st.sets(st.integers(0, 11)))
@settings(max_examples=100, deadline=None)
def test_a_restart_changes_nothing(schedule: Schedule, gaps: list[float], restarts: set[int]) -> None:
    steady, restarted, since = timetable(schedule), timetable(schedule), schedule.since
    for n, gap in enumerate(gaps):
        if n in restarts:
            restarted = timetable(replace(schedule, since=since))
        dues = restarted.due(schedule.since + gap)
        assert dues == steady.due(schedule.since + gap)
        since = dues[0].since if dues else since


@given(SCHEDULES, st.lists(st.floats(0.01, 59.9), min_size=5, max_size=80))
@settings(max_examples=100, deadline=None)
def test_looked_at_every_minute_all_slots_fire_however_the_minutes_are_cut(
    schedule: Schedule, gaps: list[float]
) -> None:
    table = timetable(schedule)
    moments = [schedule.since + gap for gap in itertools.accumulate(gaps)]
    dues = [due for now in moments for due in table.due(now)]
    assert [slot for due in dues for slot in due.fire] == slots_between(schedule, schedule.since, moments[-1])
    assert not any(due.missed for due in dues)
