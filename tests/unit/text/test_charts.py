"""Charts say what the numbers say: read back from the dots, and without Unicode."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.text.charts import BLANK, DOTS, draw_chart, merged, resample, round_top, time_axis
from skafos_tui.text.glyphs import ASCII

_UP = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
SERIES = st.lists(st.one_of(st.none(), st.floats(0, 1e12)), max_size=60)


def levels_of(rows: list[str]) -> list[int]:
    """How many dots each column has, filled from below without a hole."""
    found = []
    for cell in range(len(rows[0])):
        for column in _UP:
            dots = [
                row[cell] != BLANK and bool((ord(row[cell]) - 0x2800) & dot) for row in reversed(rows) for dot in column
            ]
            assert dots == sorted(dots, reverse=True)
            found.append(sum(dots))
    return found


@given(SERIES, st.integers(1, 30), st.integers(1, 8), st.floats(1e-3, 1e12))
def test_the_dots_read_back_as_the_values(values: list[float | None], width: int, height: int, top: float) -> None:
    rows = draw_chart(values, width, height, top)
    assert [len(row) for row in rows] == [width] * height
    levels = levels_of(rows)
    for value, level in zip(values, levels, strict=False):
        if value is None:
            assert level == 0
        else:
            share = min(1.0, value / top) * DOTS * height
            assert level >= 1 and abs(level - max(1, share)) <= 0.5001
    assert not any(levels[len(values) :])


def test_nothing_and_a_value_of_zero_are_told_apart() -> None:
    assert draw_chart([None, 0.0, 0.0, None], 2, 1, 10.0) == ["\u2880\u2840"]


def test_a_top_of_zero_divides_nothing() -> None:
    assert draw_chart([0.0, 0.0], 1, 1, 0.0) == ["\u28c0"]


@given(SERIES, st.integers(1, 12), st.integers(1, 4))
def test_without_unicode_a_chart_is_ascii(values: list[float | None], width: int, height: int) -> None:
    for row in draw_chart(values, width, height, 5e11):
        assert row.translate(ASCII).isascii() and len(row.translate(ASCII)) == width


@given(SERIES, st.integers(1, 80))
def test_a_resampled_series_stays_within_its_values(values: list[float | None], count: int) -> None:
    found = resample(values, count)
    there = [value for value in values if value is not None]
    assert len(found) == count
    assert all(
        value is None or (min(there) <= value * (1 + 1e-9) and value <= max(there) * (1 + 1e-9)) for value in found
    )
    if there and count <= len(values):
        assert max(value for value in resample(values, count, peaks=True) if value is not None) == max(there)


def test_a_shorter_series_is_stretched_and_a_longer_one_has_its_means() -> None:
    assert resample([1.0, 2.0], 4) == [1.0, 1.0, 2.0, 2.0]
    assert resample([1.0, 3.0, None, 5.0], 2) == [2.0, 5.0]
    assert resample([1.0, 3.0, None, None], 2, peaks=True) == [3.0, None]
    assert merged([1.0, 3.0, 5.0], 2) == [2.0, 5.0]


@pytest.mark.parametrize(
    ("span", "width", "axis"),
    [
        (60, 60, "0:00      0:10      0:20      0:30      0:40      0:50"),
        (384, 40, "0:00        2:00         4:00"),
        (7200, 30, "0:00           1:00:00"),
        (0, 30, "0:00"),
        (60, 3, "0:0"),
    ],
)
def test_an_axis_has_round_marks(span: float, width: int, axis: str) -> None:
    assert time_axis(span, width) == axis


@given(st.floats(0.1, 1e7), st.integers(0, 200))
def test_an_axis_fits_and_its_marks_keep_apart(span: float, width: int) -> None:
    axis = time_axis(span, width)
    assert len(axis) <= max(width, 0)
    if axis:
        assert axis.startswith("0:00"[:width])


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.3, 1), (3, 5), (999, 1000), (1001, 2000), (120_000, 200_000)])
def test_a_top_is_round(value: float, top: float) -> None:
    assert round_top(value) == top


def test_a_top_of_bytes_is_round_in_their_units() -> None:
    assert round_top(600 * 1024, base=1024) == 1024 * 1024
    assert round_top(3 << 30, base=1024) == 5 << 30
