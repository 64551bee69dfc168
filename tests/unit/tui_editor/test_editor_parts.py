"""Indenting, and findings and jobs that move with their lines."""

from __future__ import annotations

import pytest

from skafos_tui.model.diagnostic import Diagnostic, Severity
from skafos_tui.tui.editor.findings import (
    JobSpan,
    Placed,
    counted,
    job_at,
    moved,
    moved_spans,
    placed,
    worst_of,
)
from skafos_tui.tui.editor.indent import next_indent
from skafos_tui.tui.editor.spans import job_spans


@pytest.mark.parametrize(
    ("before", "indent"),
    [
        ("jobs:", 2),
        ("  - job_id: x", 4),
        ("    resources:", 6),
        ("    limits:  # both", 6),
        ("  - name:", 6),
        ("  - ", 4),
        ("  - - a", 6),
        ("    run: |", 6),
        ("    run: >-", 6),
        ("name: wine", 0),
        ("    url: http://a:", 6),
        ("    name: 'a:'", 4),
        ("    # jobs:", 4),
        ("    ", 4),
        ("", 0),
    ],
)
def test_a_new_line_is_indented_for_what_may_follow(before: str, indent: int) -> None:
    assert next_indent(before) == " " * indent


def finding(severity: Severity = Severity.ERROR, line: int = 1, column: int = 1, end: int = 4) -> Diagnostic:
    return Diagnostic(severity, "bad-cron", "no", line, column, end)


AT = Placed(finding(), 5, 4, 9)


@pytest.mark.parametrize(
    ("top", "bottom", "new_end", "place"),
    [
        ((2, 0), (2, 0), (3, 0), (6, 4, 9)),  # a line above
        ((2, 0), (4, 0), (2, 0), (3, 4, 9)),  # two lines above are gone
        ((7, 0), (8, 0), (7, 0), (5, 4, 9)),  # below
        ((5, 0), (5, 0), (5, 2), (5, 6, 11)),  # typed before it
        ((5, 12), (5, 12), (5, 14), (5, 4, 9)),  # typed behind it
        ((5, 6), (5, 6), (5, 7), (5, 4, 10)),  # typed inside
        ((5, 0), (5, 0), (6, 0), (6, 4, 9)),  # Enter at the beginning of its line
        ((4, 3), (5, 4), (4, 3), (4, 3, 8)),  # its line joined with the one before
    ],
)
def test_a_finding_moves_with_its_line(top: tuple, bottom: tuple, new_end: tuple, place: tuple) -> None:
    (found,) = moved([AT], top, bottom, new_end)
    assert (found.row, found.start, found.end) == place


def test_a_finding_whose_line_is_gone_is_gone() -> None:
    assert moved([AT], (4, 0), (7, 0), (4, 0)) == ()


def test_jobs_keep_their_rows_as_lines_come_and_go() -> None:
    spans = (JobSpan("a", 2, 5), JobSpan("b", 5, 9))
    assert moved_spans(spans, (3, 0), (3, 0), (5, 0)) == (JobSpan("a", 2, 7), JobSpan("b", 7, 11))
    assert moved_spans(spans, (6, 0), (7, 0), (6, 0)) == (JobSpan("a", 2, 5), JobSpan("b", 5, 8))
    assert moved_spans(spans, (2, 0), (5, 0), (2, 0)) == (JobSpan("b", 2, 6),)
    assert job_at(spans, 4) == "a" and job_at(spans, 5) == "b" and job_at(spans, 1) is None


def test_the_rows_of_jobs_go_up_to_the_next_job_or_key() -> None:
    text = "jobs:\n  # the first\n  - job_id: a\n    name: A\n\n  - job_id: b\n    name: B\nname: x\n"
    assert job_spans(text) == (JobSpan("a", 2, 5), JobSpan("b", 5, 7))
    assert job_spans("jobs:\r\n  - job_id: a\r\n    x: |\r\n      1\r\n") == (JobSpan("a", 1, 5),)
    assert job_spans("name: 'x\n") is None
    assert job_spans("name: x\n") == job_spans("jobs: []\r") == job_spans("jobs: [1]") == ()


def test_places_count_from_zero_and_the_worst_comes_first() -> None:
    items = placed([finding(Severity.WARNING, 3, 2, 5), finding(Severity.ERROR, 3, 7, 9)])
    assert (items[0].row, items[0].start, items[0].end) == (2, 1, 4)
    assert worst_of(items) is items[1]
    assert counted(items) == "1 error, 1 warning"
