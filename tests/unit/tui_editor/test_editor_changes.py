"""Differences are as few edits as possible, and two changes come together without losing either."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.config.editing import apply_edits
from skafos_tui.tui.editor.changes import Hunk, edits_between, lines_of, merge

LINES = st.sampled_from(["a\n", "b\n", "c\r\n", "name: x\n", "\n", "    entrypoint: a.py\n", "language: python\n"])
TEXTS = st.builds(lambda lines, last: "".join(lines) + last, st.lists(LINES, max_size=30), st.sampled_from(["", "end"]))


@given(TEXTS, TEXTS)
def test_the_edits_between_two_texts_make_one_of_the_other(old: str, new: str) -> None:
    assert apply_edits(old, edits_between(old, new)) == new


def test_only_what_differs_in_a_line_is_edited() -> None:
    (edit,) = edits_between("a: 1\nschedule: 0 9 * * *\nb: 2\n", "a: 1\nschedule: 0 7 * * *\nb: 2\n")
    assert (edit.end - edit.start, edit.replacement) == (1, "7")


@given(TEXTS, TEXTS)
def test_a_change_of_one_side_alone_is_taken(base: str, other: str) -> None:
    for merged in (merge(base, base, other), merge(base, other, base), merge(base, other, other)):
        assert not merged.hunks
        assert merged.text() == other


@given(TEXTS, TEXTS, TEXTS)
def test_taking_one_side_everywhere_loses_nothing_of_it(base: str, mine: str, theirs: str) -> None:
    merged = merge(base, mine, theirs)
    for is_mine in (True, False):
        text = merged.text([is_mine] * len(merged.hunks))
        side = mine if is_mine else theirs
        added = set(lines_of(side)) - set(lines_of(base))
        assert added <= set(lines_of(text))


@given(st.lists(LINES, min_size=9, max_size=30), TEXTS, TEXTS)
def test_changes_far_from_each_other_are_both_taken(lines: list[str], top: str, bottom: str) -> None:
    lines = [f"{number} {line}" for number, line in enumerate(lines)]
    top, bottom = (text if text.endswith("\n") else f"{text}\n" for text in (top, bottom))
    mine, theirs = top + "".join(lines[2:]), "".join(lines[:-2]) + bottom
    merged = merge("".join(lines), mine, theirs)
    assert not merged.hunks
    assert merged.text() == top + "".join(lines[2:-2]) + bottom


def test_neighbouring_lines_are_different_regions() -> None:
    merged = merge("a: 1\nb: 2\n", "a: 9\nb: 2\n", "a: 1\nb: 8\n")
    assert merged.text() == "a: 9\nb: 8\n" and not merged.hunks


def test_one_line_changed_twice_is_for_a_person() -> None:
    merged = merge("a: 1\nb: 2\nc: 3\n", "a: 1\nb: 7\nc: 3\n", "a: 1\nb: 8\nc: 3\n")
    assert merged.hunks == (Hunk(2, "b: 2\n", "b: 7\n", "b: 8\n"),)
    assert merged.text([True]) == "a: 1\nb: 7\nc: 3\n"
    assert merged.text([False]) == "a: 1\nb: 8\nc: 3\n"


def test_two_insertions_at_one_place_are_for_a_person() -> None:
    merged = merge("a\nb\n", "a\nmine\nb\n", "a\ntheirs\nb\n")
    assert [(hunk.base, hunk.mine, hunk.theirs) for hunk in merged.hunks] == [("", "mine\n", "theirs\n")]


def test_of_a_thousand_jobs_only_what_differs_is_edited() -> None:
    old = "".join(f"  - job_id: {n}\n    language: python\n    name: J{n}\n    parallelism: 2\n" for n in range(1500))
    new = old.replace("name: J3\n", "name: K3\n").replace("name: J1400\n", "name: K1400\nmore: 1\n")
    assert len(edits_between(old, new)) == 2
