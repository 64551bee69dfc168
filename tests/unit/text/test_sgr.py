"""Text from jobs can never control the terminal; its colours and its last state stay."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.text.sgr import PLAIN, Span, Style, parse, plain, safe_ansi, sgr

OURS = re.compile(r"\x1b\[0(?:;[0-9]+)*m")
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

INTRODUCERS = [
    *(
        "\x1b[",
        "\x9b",
        "\x1b]0;",
        "\x1b]52;c;",
        "\x1b]8;;http://x",
        "\x9d2;",
        "\x1bP",
        "\x90",
        "\x1b_",
        "\x9f",
        "\x1b^",
        "\x9e",
    ),
    *(
        "\x1bX",
        "\x98",
        "\x1b(",
        "\x1b#",
        "\x1b%",
        "\x1b ",
        "\x1b",
        "\x1b\x1b[",
        "\x1b[?",
        "\x1b[>",
        "\x1b[ ",
        "\x8d",
        "\x84",
    ),
]
BODIES = [
    "",
    "A",
    "2J",
    "31m",
    "?1049h",
    "6n",
    "c",
    "title\x07",
    "t\x1b\\",
    "t\x9c",
    "1;2;3",
    "38;5;9m",
    "\x18x",
    "é\x1b[",
]
NASTY = [
    f"before{head}{body}{tail}" for head, body in itertools.product(INTRODUCERS, BODIES) for tail in ("", "after\n")
]
NASTY += [
    *(
        "\x00",
        "\x07",
        "\x08\x08\x08",
        "a\x0bb\x0cc",
        "\x0e\x0f",
        "\x7f",
        "\u202eevil",
        "\u2066x\u2069",
        "\u2028new\u2029",
    ),
    *(
        "\x1b[31;999999999999999m",
        "\x1b[38;2;1m",
        "\x1b[38;5m",
        "\x1b[;;;m",
        "\x1b[38:2::1:2:3m",
        "\ud800",
        "\u061c",
        "\x85next",
    ),
    *(
        "\x1b[0;31",
        "\x1b[31\x1b[32m",
        "\x1b]0;a\rb",
        "\x1b[\x07m",
        "\x1b[1\u009b2Jm",
        "\x1bc",
        "\x1bM",
        "\x1b[!p",
        "\x1b7\x1b8",
    ),
]


def assert_harmless(text: str) -> None:
    rest = OURS.sub("", text)
    assert not FORBIDDEN.search(rest), repr(text)


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_is_harmless(text: str) -> None:
    assert_harmless(safe_ansi(text))
    assert not FORBIDDEN.search(plain(text))
    assert "\x1b" not in plain(text)


def test_there_are_hundreds_of_nasty_samples() -> None:
    assert len(NASTY) > 200


@given(st.text(st.sampled_from("\x1b\x9b\x9d\x90[]P_^X;:0123478?!mHJK\\\x07\x18\r\t\b \u202e\ud800é日ab"), max_size=60))
def test_made_up_sequences_are_harmless(text: str) -> None:
    assert_harmless(safe_ansi(text))
    assert plain(text) == "".join(span.text for span in parse(text)) == OURS.sub("", safe_ansi(text))


@given(st.binary(max_size=60))
def test_any_bytes_are_harmless(raw: bytes) -> None:
    assert_harmless(safe_ansi(raw))


@given(st.text(st.characters(blacklist_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), max_size=60))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert plain(text) == safe_ansi(text) == text
    assert plain(text.encode()) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("10%\r20%\r30%", "30%"),
        ("100%\r", "100%"),
        ("a\r\x1b[K", "a"),
        ("working\r\x1b[2Kdone\r\n", "done"),
        ("|\b/\b-", "-"),
        ("a\tb", "a       b"),
        ("日\tb", "日      b"),
        ("xx\r\ty", "        y"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]0;title\x1b\\text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Btext\x1b[?25l", "text"),
        ("\x1bPpayload\x1b[31mred", "red"),
        (b"caf\xe9 \x9b31m", "caf\ufffd \ufffd31m"),
        (b"\xc2\x9b31mred", "red"),
    ],
)
def test_the_last_state_of_a_line_is_shown(raw: bytes | str, shown: str) -> None:
    assert plain(raw) == shown


@pytest.mark.parametrize(
    ("sequence", "style"),
    [
        ("31", Style(foreground=1)),
        ("1;4;93", Style(foreground=11, bold=True, underline=True)),
        ("38;5;200", Style(foreground=200)),
        ("48;2;1;2;3", Style(background=(1, 2, 3))),
        ("38:2::1:2:3", Style(foreground=(1, 2, 3))),
        ("38:2:1:2:3", Style(foreground=(1, 2, 3))),
        ("38:5:9;1", Style(foreground=9, bold=True)),
        ("38;5;9;1", Style(foreground=9, bold=True)),
        ("38;2;1;2;3;7", Style(foreground=(1, 2, 3), reverse=True)),
        ("31;0", PLAIN),
        ("31;", PLAIN),
        ("", PLAIN),
        ("1;2;22", PLAIN),
        ("104;49", PLAIN),
        ("38;5;300", PLAIN),
        ("8;5", PLAIN),
    ],
)
def test_colours_are_understood(sequence: str, style: Style) -> None:
    assert parse(f"\x1b[{sequence}mx") == [Span("x", style)]


@given(
    st.builds(
        Style,
        st.one_of(st.none(), st.integers(0, 255), st.tuples(*[st.integers(0, 255)] * 3)),
        st.one_of(st.none(), st.integers(0, 255), st.tuples(*[st.integers(0, 255)] * 3)),
        *[st.booleans()] * 6,
    )
)
def test_a_style_survives_being_written_and_read(style: Style) -> None:
    assert parse(f"{sgr(style)}x") == [Span("x", style)]


def test_a_colour_ends_with_its_line() -> None:
    assert safe_ansi("a\x1b[31mred") == "a\x1b[0;31mred\x1b[0m"
