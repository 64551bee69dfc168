"""When schedules fire: against a minute-by-minute reading of SPEC 3, around clock changes of every kind."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
import wall_clock
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.cron import nearest_timezone, parse_cron, valid_timezone

MINUTE = timedelta(minutes=1)

CHANGES = (
    ("Europe/Paris", "2026-03-29 01:00"),
    ("Europe/Paris", "2026-10-25 01:00"),
    ("America/New_York", "2026-03-08 07:00"),
    ("America/New_York", "2026-11-01 06:00"),
    ("America/St_Johns", "2006-04-02 03:31"),  # at 00:01
    ("Australia/Lord_Howe", "2026-04-04 15:00"),  # half an hour
    ("Australia/Lord_Howe", "2026-10-03 15:30"),
    ("America/Sao_Paulo", "2018-11-04 03:00"),  # at midnight
    ("America/Sao_Paulo", "2018-02-18 02:00"),
    ("Asia/Beirut", "2026-03-28 22:00"),
    ("Africa/Cairo", "2026-04-23 22:00"),
    ("Africa/Cairo", "2026-10-29 21:00"),
    ("Pacific/Apia", "2011-12-30 10:00"),  # a whole day
    ("Pacific/Apia", "2012-03-31 14:00"),
    ("Africa/Casablanca", "2026-02-15 02:00"),  # Ramadan
    ("Africa/Casablanca", "2026-03-22 02:00"),
    ("Africa/Monrovia", "1972-01-07 00:44"),  # 44 minutes and 30 seconds
    ("Antarctica/Troll", "2026-03-29 01:00"),  # two hours
    ("Antarctica/Troll", "2026-10-25 01:00"),
    ("Asia/Tokyo", "2026-03-29 01:00"),  # none
    ("UTC", "2026-03-29 01:00"),
)


@cache
def walk_around(name: str, change: str) -> wall_clock.Walk:
    at = wall_clock.unix(change)
    return wall_clock.walk(name, at - 12 * 3600, at + 12 * 3600)


def number_field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    return st.one_of(
        number.map(str),
        st.lists(number, min_size=2, max_size=4).map(lambda found: ",".join(map(str, found))),
        st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        st.integers(1, high).map(lambda step: f"*/{step}"),
        st.just("*"),
    )


EXPRESSIONS = st.tuples(
    number_field(0, 59),
    st.one_of(number_field(0, 23), number_field(0, 4)),
    st.one_of(st.just("*"), st.just("*"), number_field(1, 31)),
    st.one_of(st.just("*"), st.just("*"), number_field(1, 12)),
    st.one_of(st.just("*"), st.just("*"), number_field(0, 7)),
).map(" ".join)


@given(EXPRESSIONS, st.sampled_from(CHANGES), st.integers(-300, 120), st.integers(0, 59))
@settings(max_examples=400, deadline=None)
def test_fire_times_are_those_of_the_clock_on_the_wall(
    text: str, change: tuple[str, str], minutes: int, seconds: int
) -> None:
    name, at = change
    start = wall_clock.unix(at) + 60 * minutes + seconds
    end = start + 320 * 60
    after, until = (datetime.fromtimestamp(moment, UTC) for moment in (start, end))
    ours = [int(fire.timestamp()) for fire in parse_cron(text).fires_between(after, until, name)]
    assert ours == wall_clock.fires(wall_clock.read(text), walk_around(name, at), start, end)


def fires(text: str, zone: str, after: str, count: int) -> list[str]:
    """The next fire times as wall times with offset, `after` a UTC time."""
    found = parse_cron(text).fires_after(datetime.fromisoformat(after).replace(tzinfo=UTC), zone)
    return [f"{fire.astimezone(ZoneInfo(zone)):%m-%d %H:%M %z}" for fire in itertools.islice(found, count)]


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        ("30 2 * * *", "Europe/Paris", "2026-03-28 12:00", ["03-29 03:00 +0200", "03-30 02:30 +0200"]),
        ("0,20,40 2 * * *", "Europe/Paris", "2026-03-28 12:00", ["03-29 03:00 +0200", "03-30 02:00 +0200"]),
        ("30 2 * * *", "Europe/Paris", "2026-10-24 12:00", ["10-25 02:30 +0200", "10-26 02:30 +0100"]),
        ("30 2 * * *", "Europe/Paris", "2026-10-25 00:45", ["10-26 02:30 +0100"]),
        ("30 */2 * * *", "Europe/Paris", "2026-10-25 00:00", ["10-25 02:30 +0200", "10-25 02:30 +0100"]),
        ("0 * * * *", "Europe/Paris", "2026-10-24 23:30", ["10-25 02:00 +0200", "10-25 02:00 +0100"]),
        ("0 * * * *", "Europe/Paris", "2026-03-29 00:30", ["03-29 03:00 +0200", "03-29 04:00 +0200"]),
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00", ["11-04 01:00 -0200", "11-05 00:00 -0200"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00", ["10-04 02:30 +1100", "10-05 02:15 +1100"]),
        ("0 9 * * *", "Pacific/Apia", "2011-12-30 00:00", ["12-31 00:00 +1400", "12-31 09:00 +1400"]),
        ("*/20 0 * * *", "Africa/Monrovia", "1972-01-06 12:00", ["01-07 00:45 +0000", "01-08 00:00 +0000"]),
    ],
)
def test_a_skipped_time_fires_after_the_gap_and_a_repeated_one_once(
    text: str, zone: str, after: str, expected: list[str]
) -> None:
    assert fires(text, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [("2026-03-28 23:00", "2026-03-29 21:00", 23), ("2026-10-24 22:00", "2026-10-25 22:00", 25)],
)
def test_a_spring_day_has_23_hourly_fires_and_an_autumn_day_25(first: str, last: str, hours: int) -> None:
    start, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last))
    found = parse_cron("0 * * * *").fires_after(start - MINUTE, "Europe/Paris")
    assert list(itertools.islice(found, hours)) == [start + timedelta(hours=n) for n in range(hours)]
    assert end == start + timedelta(hours=hours - 1)


def test_fire_times_years_ahead_are_found_and_a_missing_day_ends_the_search() -> None:
    after = datetime(2096, 3, 1, tzinfo=UTC)
    assert parse_cron("0 0 29 2 *").next_fire(after, "UTC") == datetime(2104, 2, 29, tzinfo=UTC)
    # A field that starts with `*` narrows the other: the 29th of February on a Sunday.
    assert parse_cron("0 0 29 2 */7").next_fire(after, "UTC") == datetime(2128, 2, 29, tzinfo=UTC)
    assert parse_cron("0 0 30 2 *").next_fire(after, "UTC") is None
    assert parse_cron("0 0 * * *").next_fire(datetime(9999, 6, 1, tzinfo=UTC), "UTC") is None


def test_fires_are_strictly_after_the_instant_whatever_its_zone() -> None:
    at = datetime(2026, 5, 1, 7, 0, tzinfo=UTC)
    cron = parse_cron("0 9 * * *")
    assert cron.next_fire(at - timedelta(microseconds=1), "Europe/Paris") == at
    assert cron.next_fire(at.astimezone(ZoneInfo("Asia/Tokyo")), "Europe/Paris") == at + timedelta(days=1)
    with pytest.raises(ValueError, match="Mars"):
        cron.next_fire(at, "Mars/Olympus")


@pytest.mark.parametrize(
    ("text", "zone", "says"),
    [
        ("30 2 * * *", "Europe/Paris", ("02:30 is skipped on 2027-03-28", "03:00", "twice on 2026-10-25")),
        ("0 0 * * *", "Asia/Beirut", ("00:00 is skipped on 2027-03-28", "01:00")),
        ("30 2 * * Sun", "America/New_York", ("02:30 is skipped on 2027-03-14",)),
        ("30 1 * * *", "America/New_York", ("01:30 comes twice on 2026-11-01",)),
        ("30 * * * *", "Europe/Paris", ("02:30 is skipped", "03:00")),
    ],
)
def test_a_time_that_clocks_skip_or_repeat_is_remarked_with_its_next_date(
    text: str, zone: str, says: tuple[str, ...]
) -> None:
    remark = parse_cron(text).dst_remark(zone, datetime(2026, 5, 1, tzinfo=UTC))
    assert remark is not None
    for words in (zone, *says):
        assert words in remark


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("30 2 * * *", "UTC"),
        ("30 2 * * *", "Asia/Tokyo"),
        ("0 9 * * *", "Europe/Paris"),
        ("30 2 * * Wed", "Europe/Paris"),
        ("0 * * * *", "Europe/Paris"),
        ("*/15 * * * *", "Europe/Paris"),
        ("0 2 30 2 *", "Europe/Paris"),
    ],
)
def test_a_schedule_no_clock_change_touches_has_no_remark(text: str, zone: str) -> None:
    assert parse_cron(text).dst_remark(zone, datetime(2026, 5, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("name", ["UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"])
def test_zones_of_the_database_are_known(name: str) -> None:
    assert valid_timezone(name)


@pytest.mark.parametrize(
    "name",
    (
        *("", "Paris", "utc", "Europe", "Europe/", "../UTC", "/etc/localtime", "right/UTC", "posix/UTC"),
        *("UTC+1", "Europe/Paris\n", "tzdata.zi", "posixrules", "localtime", "leapseconds", "A" * 5000, "\0"),
    ),
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    assert not valid_timezone(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("europe/paris", "Europe/Paris"),
        ("Paris", "Europe/Paris"),
        ("New York", "America/New_York"),
        ("Europe/Pari", "Europe/Paris"),
        ("US/New_York", "America/New_York"),
        ("PST", "America/Los_Angeles"),
        ("utc", "UTC"),
        ("qwertz", None),
    ],
)
def test_the_nearest_zone_is_the_one_a_person_meant(name: str, meant: str | None) -> None:
    assert nearest_timezone(name) == meant
