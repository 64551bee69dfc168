"""Ten thousand random schedules in every time zone there is, against a walk over real minutes (SPEC 3)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
import wall_clock
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.cron import parse_cron

HOUR_S = 3600
ROUNDS = 15
ZONES = sorted(files("tzdata").joinpath("zones").read_text().split())
SLICES = 8

PECULIAR = (
    ("Africa/Casablanca", "2026-02-15 00:00"),  # Ramadan
    ("Africa/Casablanca", "2026-03-22 00:00"),
    ("Africa/Monrovia", "1972-01-07 00:00"),  # 44 minutes and 30 seconds
    ("America/Sao_Paulo", "2018-11-04 00:00"),  # at midnight
    ("America/St_Johns", "2006-10-29 00:00"),  # at 00:01
    ("Antarctica/Casey", "2023-03-08 12:00"),  # three hours
    ("Antarctica/Troll", "2026-03-29 00:00"),  # two hours
    ("Antarctica/Troll", "2026-10-25 00:00"),
    ("Antarctica/Vostok", "1994-01-31 12:00"),  # seven hours
    ("Asia/Kathmandu", "1985-12-31 12:00"),  # a quarter of an hour, once
    ("Australia/Lord_Howe", "2026-04-04 12:00"),  # half an hour
    ("Australia/Lord_Howe", "2026-10-03 12:00"),
    ("Europe/Dublin", "2026-03-29 00:00"),  # winter is the saving time
    ("Europe/Dublin", "2026-10-25 00:00"),
    ("Pacific/Apia", "2011-12-30 00:00"),  # a skipped day
    ("Pacific/Kwajalein", "1969-09-30 00:00"),  # a repeated day, but for an hour
    ("Pacific/Kwajalein", "1993-08-21 00:00"),
)


def random_field(chance: random.Random, low: int, high: int) -> str:
    """A number, a list, a range or a step."""
    numbers = sorted(chance.sample(range(low, high + 1), chance.randint(2, 4)))
    step = chance.randint(1, high)
    return chance.choice(
        (
            str(numbers[0]),
            ",".join(map(str, chance.sample(numbers, len(numbers)))),
            f"{numbers[0]}-{numbers[-1]}",
            f"{numbers[0]}-{numbers[-1]}/{min(step, 7)}",
            f"*/{step}",
            "*",
        )
    )


def random_expression(chance: random.Random) -> str:
    """Five fields, dense enough to fire within a day or two more often than not."""
    return " ".join(
        (
            random_field(chance, 0, 59),
            random_field(chance, 0, chance.choice((4, 23, 23))),
            chance.choice(("*", "*", random_field(chance, 1, 31))),
            chance.choice(("*", "*", "*", random_field(chance, 1, 12))),
            chance.choice(("*", "*", random_field(chance, 0, 7), "Mon-Fri", "sun,Wed")),
        )
    )


def check(chance: random.Random, zone: str, real: wall_clock.Walk, around: int, cases: int) -> None:
    """Random schedules from random instants near `around`: the same fires, the same next one, the same count."""
    for _ in range(cases):
        text = random_expression(chance)
        after = around + chance.randint(-4 * HOUR_S, 30 * HOUR_S)
        until = chance.randint(after, around + 36 * HOUR_S)
        expected = wall_clock.fires(wall_clock.read(text), real, after, until)
        start, end = datetime.fromtimestamp(after, UTC), datetime.fromtimestamp(until, UTC)
        cron = parse_cron(text)
        case = f"{text!r} in {zone} after {start} until {end}"
        assert [int(fire.timestamp()) for fire in cron.fires_between(start, end, zone)] == expected, case
        assert cron.count_between(start, end, zone) == len(expected), case
        following = cron.next_fire(start, zone)
        if expected:
            assert following is not None and following.timestamp() == expected[0], case
        else:
            assert following is None or following > end, case


@pytest.mark.parametrize("part", range(SLICES))
def test_every_zone_fires_by_the_clock_on_its_walls(part: int) -> None:
    for zone in ZONES[part::SLICES]:
        chance = random.Random(f"{zone} 2026")
        moment = datetime(chance.randint(1973, 2060), 1, 1, tzinfo=UTC) + timedelta(days=chance.randint(0, 364))
        around = wall_clock.change_near(zone, moment) or int(moment.timestamp())
        real = wall_clock.walk(zone, around - 12 * HOUR_S, around + 36 * HOUR_S)
        check(chance, zone, real, around, ROUNDS)


@pytest.mark.parametrize(("zone", "at"), PECULIAR)
def test_peculiar_clock_changes_fire_by_the_clock_on_the_wall(zone: str, at: str) -> None:
    chance = random.Random(f"{zone} {at}")
    around = wall_clock.unix(at)
    real = wall_clock.walk(zone, around - 24 * HOUR_S, around + 36 * HOUR_S)
    assert real.skipped or any(minute.second_pass for day in real.minutes.values() for minute in day)
    check(chance, zone, real, around, 5 * ROUNDS)


@given(
    st.randoms(use_true_random=False),
    st.sampled_from(("UTC", "Asia/Tokyo", *(zone for zone, _ in PECULIAR))),
    st.integers(wall_clock.unix("1992-01-01"), wall_clock.unix("2040-01-01")),
    st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_fires_of_years_are_counted_exactly(chance: random.Random, zone: str, after: int, share: float) -> None:
    text = random_expression(chance)
    cron = parse_cron(text)
    # About five thousand fires at most, so that the denser schedules get the shorter spans.
    days = min(5000 / (len(cron.minutes) * len(cron.hours)), 1200) * share
    start = datetime.fromtimestamp(after, UTC)
    end = start + timedelta(days=days)
    assert cron.count_between(start, end, zone) == sum(1 for _ in cron.fires_between(start, end, zone))


def test_a_year_of_minutes_is_counted_at_once() -> None:
    every_minute = parse_cron("* * * * *")
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    for zone in ("UTC", "Europe/Paris", "Pacific/Apia"):
        assert every_minute.count_between(start, end, zone) == 365 * 24 * 60
    assert every_minute.count_between(end, start, "UTC") == 0
    assert parse_cron("0 0 30 2 *").count_between(start, end, "UTC") == 0
    # One pass of the repeated hour: an hour of minutes less; the skipped hour fires once, with the minute after it.
    assert parse_cron("* 0-23 * * *").count_between(start, end, "Europe/Paris") == 365 * 24 * 60 - 60


def test_a_second_pass_that_began_the_day_before_is_not_counted() -> None:
    # Kwajalein's clocks went back by 23 hours at 13:00 UTC of the day before.
    start, end = datetime(1969, 10, 1, 1, tzinfo=UTC), datetime(1969, 10, 1, 10, tzinfo=UTC)
    assert parse_cron("0 12-20 * * *").count_between(start, end, "Pacific/Kwajalein") == 0
    assert parse_cron("0 * * * *").count_between(start, end, "Pacific/Kwajalein") == 9
