"""Tables line up in cells, fit the width asked for, and cut visibly; durations read as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.text.durations import clock, relative, rfc3339, roughly
from skafos_tui.text.tables import cell_width, clip, draw_table, pad


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("a\u200bb", 2), ("", 0), ("ｆ", 2)]
)
def test_width_counts_cells_not_characters(text: str, width: int) -> None:
    assert cell_width(text) == width


@given(st.text(st.characters(exclude_categories=("Cs",))), st.integers(1, 30))
def test_a_clipped_text_never_takes_more_than_its_width_and_says_that_it_was_cut(text: str, width: int) -> None:
    clipped = clip(text, width)
    assert cell_width(clipped) <= width
    assert clipped == text or clipped.endswith("…")


@given(st.text("ab日é", max_size=12), st.booleans())
def test_a_padded_text_takes_exactly_its_width(text: str, right: bool) -> None:
    padded = pad(text, 30, right=right)
    assert cell_width(padded) == 30
    assert padded.strip() == text


def test_columns_line_up_also_with_wide_characters() -> None:
    lines = draw_table(("job", "took"), [("日本", "0:41"), ("Train", "1:02:03")], right={1})
    assert lines == ["job       took", "日本      0:41", "Train  1:02:03"]


def test_no_line_ends_with_spaces() -> None:
    lines = draw_table(("a", "b", "c"), [("long text", "", ""), ("x", "y", "")])
    assert all(line == line.rstrip() for line in lines)


def test_the_widest_column_is_cut_to_fit_and_the_short_ones_stay() -> None:
    lines = draw_table(("job", "state", "why"), [("Train", "failed", "x" * 200)], width=40)
    assert max(map(cell_width, lines)) == 40
    assert lines[1].startswith("Train  failed  xxx")
    assert lines[1].endswith("…")


@given(st.lists(st.tuples(*[st.text("ab日", max_size=50)] * 3), max_size=5), st.integers(30, 120))
def test_a_table_fits_any_width_of_a_real_terminal(rows: list[tuple[str, str, str]], width: int) -> None:
    assert all(cell_width(line) <= width for line in draw_table(("one", "two", "three"), rows, width=width))


def test_colours_do_not_move_columns() -> None:
    plain = draw_table(("a", "b"), [("x", "y")])
    painted = draw_table(("a", "b"), [("x", "y")], paint=lambda row, column, text: f"<{text}>")
    assert painted[1].replace("<", "").replace(">", "") == plain[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0:00"), (0.9, "0:00"), (41.2, "0:41"), (3723, "1:02:03"), (90_000, "25:00:00"), (-3, "0:00")],
)
def test_a_duration_reads_like_a_clock(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("distance", "text"),
    [(5 * 3600 + 60, "in 5 h"), (-190, "3 min ago"), (0.4, "now"), (200_000, "in 2 d"), (-1, "1 s ago")],
)
def test_an_instant_reads_relative_to_now(distance: float, text: str) -> None:
    assert relative(1000.0 + distance, 1000.0) == text


def test_half_a_second_is_no_second() -> None:
    assert roughly(0.5) == "0 s"


def test_times_for_programs_are_utc() -> None:
    assert rfc3339(0.12) == "1970-01-01T00:00:00.120Z"
    assert rfc3339(None) is None
