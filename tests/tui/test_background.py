"""The terminal's answer about its background: understood in all its forms, and never taken for typing."""

from __future__ import annotations

import os
import pty
import termios
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from screens import app_on
from wines import Store

from skafos_tui.tui.background import QUESTION, Answers, ask, can_be_asked, is_light
from skafos_tui.tui.theme import Role

LIGHT = "\x1b]11;rgb:fafa/fafa/fafa\x1b\\"
DARK = "\x1b]11;rgb:10/12/16\x07"


@pytest.mark.parametrize(
    ("answer", "light"),
    [
        ("rgb:ffff/ffff/ffff", True),
        ("rgb:ff/ff/ff", True),
        ("rgba:fdf6/e3e3/e3e3/ffff", True),
        ("rgb:0000/0000/0000", False),
        ("rgb:28/2a/36", False),
        ("rgb:0/0/8", False),
        ("?", None),
        ("#ffffff", None),
    ],
)
def test_a_colour_is_light_or_dark(answer: str, light: bool | None) -> None:
    assert is_light(answer) is light


KEYS = st.text(st.sampled_from("ajx:/?\r\x1b[A"), max_size=6)


@given(KEYS, KEYS, st.sampled_from([LIGHT, DARK]), st.sets(st.integers(0, 40), max_size=4), st.booleans())
def test_wherever_an_answer_is_broken_in_two_only_the_keys_come_out(
    before: str, after: str, answer: str, cuts: set[int], late: bool
) -> None:
    # An Esc that is the last of a piece is a key by then: no cut stands between it and the rest of the answer.
    begins = len(before)
    data = before + answer + after
    places = sorted({cut for cut in cuts if cut <= len(data) and cut != begins + 1} | {0, len(data)})
    told: list[bool] = []
    answers = Answers(told.append)
    out = "".join(answers.take(data[a:b]) for a, b in pairwise(places))
    assert told == [answer == LIGHT]
    assert out + answers.give_up() == before + after


def test_keys_that_only_begin_like_an_answer_come_back() -> None:
    answers = Answers(lambda light: None)
    assert answers.take("a\x1b]1") == "a"
    assert answers.take("x") == "\x1b]1x"
    assert answers.take("\x1b]11;rgb:") == ""
    assert answers.give_up() == "\x1b]11;rgb:"
    assert answers.take(LIGHT) == LIGHT


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "screen-256color", "TMUX": "/tmp/x"}, True),
        ({"TERM": "screen"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_only_who_does_not_mind_is_asked(environment: dict[str, str], asked: bool) -> None:
    assert can_be_asked(environment) is asked


def test_the_answer_is_not_echoed_and_what_was_typed_ahead_is_kept() -> None:
    controller, terminal = pty.openpty()
    try:
        asked = ask({"TERM": "xterm"}, terminal, terminal)
        assert asked is not None
        assert os.read(controller, 100).decode() == QUESTION
        assert not termios.tcgetattr(terminal)[3] & termios.ECHO
        os.write(controller, ("j" + LIGHT + "q").encode())
        asked.read()
        assert asked.light is True
        assert asked.typed == b"jq"
        asked.restore()
        assert termios.tcgetattr(terminal)[3] & termios.ECHO
    finally:
        os.close(controller)
        os.close(terminal)


async def test_a_late_answer_changes_the_colours_unless_the_setting_has_chosen(store: Store) -> None:
    for setting, changes in ((None, True), ("auto", True), ("dark", False)):
        app = app_on(store, setting=setting)
        async with app.run_test(size=(80, 24)) as pilot:
            before = app.roles[Role.RUN]
            app.use_light(True)
            await pilot.pause()
            assert (app.roles[Role.RUN] != before) is changes
            assert (app.theme == "skafos-light") is changes
