"""A schedule is five crontab fields; anything else says what is wrong, where, and what would be right."""

from __future__ import annotations

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.cron import CronError, parse_cron

NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def item(low: int, high: int) -> st.SearchStrategy[str]:
    """One item of a field's list: a number, a range, or either with a step."""
    number = st.integers(low, high)
    # Of two numbers: croniter 7.0 reads the weekdays `1-1` as all of them.
    pair = st.lists(number, min_size=2, max_size=2, unique=True).map(sorted)
    return st.one_of(
        number.map(str),
        pair.map(lambda p: f"{p[0]}-{p[1]}"),
        st.tuples(pair, st.integers(1, high)).map(lambda p: f"{p[0][0]}-{p[0][1]}/{p[1]}"),
        st.integers(1, high).map(lambda n: f"*/{n}"),
        st.just("*"),
    )


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """A field: mostly `*` or one item, sometimes a list."""
    one = item(low, high)
    return st.one_of(st.just("*"), one, st.lists(one, min_size=2, max_size=3).map(",".join))


EXPRESSIONS = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)).map(" ".join)


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_every_field_means_what_croniter_reads_in_it(text: str) -> None:
    cron = parse_cron(text)
    ranges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    found = (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays)
    for (low, high), expanded, ours in zip(ranges, croniter.expand(text)[0][:5], found, strict=True):
        theirs = set(range(low, high + 1)) if "*" in expanded else {int(value) for value in expanded}
        assert set(ours) == theirs


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [
        ("0 0 * * Wed,Sun", (0, 3)),
        ("0 0 * * sun,WED", (0, 3)),
        ("0 0 * * 0", (0,)),
        ("0 0 * * 7", (0,)),
        ("0 0 * * 0,7", (0,)),
        ("0 0 * * 5-7", (0, 5, 6)),
        ("0 0 * * Fri-Sun", (0, 5, 6)),
        ("0 0 * * Mon-Fri", (1, 2, 3, 4, 5)),
        ("0 0 * * */2", (0, 2, 4, 6)),
        ("0 0 * * 1-5/2", (1, 3, 5)),
    ],
)
def test_weekdays_may_be_names_and_sunday_is_0_and_7(text: str, weekdays: tuple[int, ...]) -> None:
    assert parse_cron(text).weekdays == weekdays


def test_lists_may_stand_in_any_order_and_months_have_names() -> None:
    cron = parse_cron("45,5,30 10-18 * DEC,jan,6-7 *")
    assert (cron.minutes, cron.months) == ((5, 30, 45), (1, 6, 7, 12))


@pytest.mark.parametrize("text", ["  0 9 * * *  ", "0\t9  * *\t*", "0 9 * * *\n"])
def test_blanks_around_and_between_the_fields_do_not_matter(text: str) -> None:
    assert parse_cron(text).text == "0 9 * * *"


@pytest.mark.parametrize(
    ("text", "wrong", "says"),
    [
        ("@daily", "@daily", "write '0 0 * * *'"),
        ("@HOURLY", "@HOURLY", "write '0 * * * *'"),
        ("@reboot", "@reboot", "5 fields"),
        ("0 0 9 * * *", "0 0 9 * * *", "perhaps '0 9 * * *'"),
        ("0 0 9 * * * 2026", "0 0 9 * * * 2026", "7 fields"),
        ("0 9 * *", "0 9 * *", "4 fields"),
        ("0", "0", "1 field;"),
        ("", "", "empty"),
        ("   ", "   ", "empty"),
        ("0 0 L * *", "L", "last day"),
        ("0 0 * * 5L", "5L", "last day"),
        ("0 0 * * 5#2", "5#2", "n-th weekday"),
        ("0 0 15W * *", "15W", "nearest weekday"),
        ("0 0 ? * *", "?", "write *"),
        ("R * * * *", "R", "random"),
        ("R(0-9) * * * *", "R(0-9)", "random"),
        ("H * * * *", "H", "hashed"),
        ("H/15 * * * *", "H/15", "hashed"),
        ("60 * * * *", "60", "0 to 59"),
        ("0 24 * * *", "24", "0 to 23"),
        ("0 0 0 * *", "0", "1 to 31"),
        ("0 0 32 * *", "32", "1 to 31"),
        ("0 0 * 13 *", "13", "1 to 12"),
        ("0 0 * * 8", "8", "0 to 7"),
        ("0 0 * * 1,2,8", "8", "0 to 7"),
        ("-5 * * * *", "-5", "0 to 59"),
        ("0 22-2 * * *", "22-2", "write 22-23,0-2"),
        ("0 0 * * Sat-Mon", "Sat-Mon", "write 6,0-1"),
        ("0 0 * * Monday", "Monday", "write Mon"),
        ("0 0 * foo *", "foo", "Jan to Dec"),
        ("Mon * * * *", "Mon", "0 to 59"),
        ("*/0 * * * *", "*/0", "1 to 60"),
        ("*/90 * * * *", "*/90", "1 to 60"),
        ("5/15 * * * *", "5/15", "write 5-59/15"),
        ("1,,2 * * * *", ",", "comma"),
        ("1, * * * *", ",", "comma"),
        (",1 * * * *", ",", "comma"),
        ("*-5 * * * *", "*-5", "whole range"),
        ("1.5 * * * *", "1.5", "0 to 59"),
        ("\u0663 * * * *", "\u0663", "0 to 59"),
        ("0\u00a09 * * *", "0\u00a09 * * *", "plain spaces"),
        ("0 9 * * 1-5 # weekdays", "0 9 * * 1-5 # weekdays", "7 fields"),
    ],
)
def test_anything_else_is_refused_with_its_place_and_what_would_be_right(text: str, wrong: str, says: str) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(text)
    assert text[caught.value.start : caught.value.end] == wrong
    assert says in caught.value.message


@given(st.text(max_size=40) | st.text("0123456789*/-,LW#?RH @", max_size=20))
@settings(max_examples=300, deadline=None)
def test_a_text_is_a_schedule_or_a_cron_error_with_a_place_inside_it(text: str) -> None:
    try:
        assert len(parse_cron(text).text.split()) == 5
    except CronError as error:
        assert 0 <= error.start <= error.end <= len(text)
        assert "\n" not in error.message


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("* */1 * * *", "0 */1 * * *"),
        ("* 9 * * *", "0 9 * * *"),
        ("*/1 */6 * * Mon", "0 */6 * * Mon"),
        ("* * * * *", None),
        ("*/1 * * * *", None),
        ("*/5 9 * * *", None),
        ("0-59 9 * * *", None),
        ("0 */1 * * *", None),
    ],
)
def test_every_minute_of_certain_hours_is_probably_a_slip(text: str, meant: str | None) -> None:
    assert parse_cron(text).every_minute_slip() == meant


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("0 0 30 2 *", True),
        ("0 0 31 4,6,9,11 *", True),
        ("0 0 31 2-4/2 */2", True),
        ("0 0 29 2 *", False),
        ("0 0 30 2 1", False),  # either day: every Monday of February
        ("0 0 31 * *", False),
    ],
)
def test_a_day_no_month_has_never_fires(text: str, never: bool) -> None:
    assert parse_cron(text).never_fires() is never
