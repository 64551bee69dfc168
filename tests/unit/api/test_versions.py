"""The order of versions decides who gives way: client or engine."""

from __future__ import annotations

import itertools

import pytest

from skafos_tui import __version__
from skafos_tui.api.versions import UNKNOWN, is_newer, order_of

ASCENDING = [
    "0.9",
    "0.10.dev1",
    "0.10a1.dev2",
    "0.10a1",
    "0.10a2",
    "0.10b1",
    "0.10rc1",
    "0.10rc11",
    "0.10",
    "0.10.post1.dev1",
    "0.10.post1",
    "0.10.1.dev3",
    "0.10.1",
    "1.0",
    "1!0.1",
]


@pytest.mark.parametrize(("older", "newer"), list(itertools.combinations(ASCENDING, 2)))
def test_versions_are_in_the_order_of_their_releases(older: str, newer: str) -> None:
    assert is_newer(newer, older)
    assert not is_newer(older, newer)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.0", "1"),
        ("1.0.0", "1.0"),
        ("1.0+local.7", "1.0"),
        ("v1.0", "1.0"),
        ("1.0-1", "1.0.post1"),
        ("1.0C1", "1rc1"),
    ],
)
def test_two_spellings_of_one_version_are_equal(one: str, other: str) -> None:
    assert not is_newer(one, other)
    assert not is_newer(other, one)


@pytest.mark.parametrize("nonsense", ["", "None", "unknown", "1..2", "1.0 beta what"])
def test_what_is_no_version_is_older_than_every_version(nonsense: str) -> None:
    assert is_newer("0.0.dev0", nonsense)
    assert not is_newer(nonsense, "0.0.dev0")


def test_this_program_has_a_version() -> None:
    assert order_of(__version__) != UNKNOWN
