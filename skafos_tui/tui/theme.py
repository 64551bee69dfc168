"""Colours, glyphs and words of states: roles for each depth of colour, and what stands without Unicode (SCREENS 6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import NamedTuple

from rich.color import Color
from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from skafos_tui.model.run import Task, TaskState
from skafos_tui.model.verdict import VerdictKind
from skafos_tui.text import glyphs

DARK_BACKGROUND = "#101216"
LIGHT_BACKGROUND = "#FAFAFA"
ANSI_DARK, ANSI_LIGHT = "skafos-ansi-dark", "skafos-ansi-light"


class Role(StrEnum):
    """What a colour says; the same in every theme."""

    RUN = "run"
    OK = "ok"
    BAD = "bad"
    WARN = "warn"
    IDLE = "idle"


class Depth(Enum):
    """How many colours a terminal shows; NONE: it shall show none."""

    TRUE = "truecolor"
    PALETTE = "256"
    STANDARD = "standard"
    NONE = "none"


TRUE_COLOURS = {
    Role.RUN: ("#60A8F0", "#0739A0"),
    Role.OK: ("#5FE0A8", "#025D38"),
    Role.BAD: ("#FF7048", "#B92006"),
    Role.WARN: ("#F5C518", "#3F3300"),
    Role.IDLE: ("#8C959D", "#5E6368"),
}
"""Dark and light."""
PALETTE_COLOURS = {
    Role.RUN: (75, 25),
    Role.OK: (79, 23),
    Role.BAD: (203, 124),
    Role.WARN: (220, 58),
    Role.IDLE: (246, 241),
}
"""Numbers of the 256-colour palette, dark and light: a conversion would turn the light `warn` black."""
STANDARD_STYLES = {
    Role.RUN: (Style(color="bright_blue"), Style(color="blue")),
    Role.OK: (Style(color="bright_green"), Style(color="green")),
    Role.BAD: (Style(color="bright_red", bold=True), Style(color="red", bold=True)),
    Role.WARN: (Style(color="yellow", bold=True), Style(color="default", bold=True)),
    Role.IDLE: (Style(color="default", dim=True), Style(color="default", dim=True)),
}
"""Never the "bright black" that several terminals show as their background."""
PLAIN_STYLES = {
    Role.RUN: Style(),
    Role.OK: Style(),
    Role.BAD: Style(bold=True),
    Role.WARN: Style(bold=True),
    Role.IDLE: Style(dim=True),
}


def role_styles(depth: Depth, *, light: bool) -> dict[Role, Style]:
    """The style of every role."""
    side = int(light)
    if depth is Depth.TRUE:
        return {role: Style(color=pair[side]) for role, pair in TRUE_COLOURS.items()}
    if depth is Depth.PALETTE:
        # As red, green and blue, which turn into exactly this number on the way out: Textual knows no palette.
        found = {role: Color.from_ansi(pair[side]).get_truecolor() for role, pair in PALETTE_COLOURS.items()}
        return {role: Style(color=Color.from_triplet(triplet)) for role, triplet in found.items()}
    if depth is Depth.STANDARD:
        return {role: pair[side] for role, pair in STANDARD_STYLES.items()}
    return dict(PLAIN_STYLES)


def depth_of(color_system: str | None, *, no_color: bool) -> Depth:
    """The depth that Rich's name of a colour system means."""
    if no_color or color_system is None:
        return Depth.NONE
    return {"truecolor": Depth.TRUE, "256": Depth.PALETTE}.get(color_system, Depth.STANDARD)


def themes() -> tuple[Theme, ...]:
    """Our themes for Textual: dark, light, and the terminal's own sixteen colours."""
    return (
        _theme("skafos-dark", 0, DARK_BACKGROUND, "#E2E5E9"),
        _theme("skafos-light", 1, LIGHT_BACKGROUND, "#1B1E22"),
        # Textual's style sheets want variables that its own ANSI themes bring.
        replace(BUILTIN_THEMES["ansi-dark"], name=ANSI_DARK),
        replace(BUILTIN_THEMES["ansi-light"], name=ANSI_LIGHT),
    )


def _theme(name: str, side: int, background: str, foreground: str) -> Theme:
    run, ok, bad, warn = (TRUE_COLOURS[role][side] for role in (Role.RUN, Role.OK, Role.BAD, Role.WARN))
    return Theme(
        name,
        primary=run,
        success=ok,
        error=bad,
        warning=warn,
        background=background,
        surface=background,
        panel=background,
        foreground=foreground,
        dark=not side,
    )


def theme_name(depth: Depth, *, light: bool) -> str:
    """Which of our themes a terminal gets."""
    if depth in (Depth.STANDARD, Depth.NONE):
        return ANSI_LIGHT if light else ANSI_DARK
    return "skafos-light" if light else "skafos-dark"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the setting `theme` asks for; `auto`: the terminal decides whether it is light."""

    light: bool = False
    ascii: bool = False
    auto: bool = False


def read_choice(setting: str | None, *, light: bool = False) -> Choice:
    """The choice in the setting, words among `auto`, `dark`, `light`, `ascii`; `light` is what the terminal said."""
    words = set((setting or "").lower().split())
    auto = words.isdisjoint(("dark", "light"))
    return Choice("light" in words or (auto and light), "ascii" in words, auto)


def wants_ascii(choice: Choice, environment: Mapping[str, str], encoding: str) -> bool:
    """Whether to draw without Unicode: asked for, on the Linux console, or where the locale is not UTF-8."""
    is_utf8 = encoding.lower().replace("-", "") in ("utf8", "cp65001")
    return choice.ascii or environment.get("TERM") == "linux" or not is_utf8


class Look(NamedTuple):
    """How a state is shown: glyph, word and role stand together, so that none is needed."""

    glyph: str
    word: str
    role: Role
    bold: bool = False


_LOOKS = {
    TaskState.WAITING: ("waiting", Role.IDLE),
    TaskState.SKIPPED: ("skipped", Role.IDLE),
    TaskState.UPSTREAM_FAILED: ("upstream", Role.IDLE),
    TaskState.QUEUED: ("queued", Role.RUN),
    TaskState.STARTING: ("starting", Role.RUN),
    TaskState.RUNNING: ("running", Role.RUN),
    TaskState.SUCCEEDED: ("done", Role.OK),
    TaskState.FAILED: ("failed", Role.BAD),
    TaskState.TIMED_OUT: ("timed out", Role.BAD),
    TaskState.LOST: ("lost", Role.BAD),
    TaskState.CANCELLED: ("cancelled", Role.WARN),
}
LOOKS: Mapping[TaskState, Look] = {
    state: Look(glyphs.STATE_GLYPHS[state], word, role, state is TaskState.RUNNING or role is Role.BAD)
    for state, (word, role) in _LOOKS.items()
}
OFF = Look(glyphs.DISABLED, "off", Role.IDLE)
OUTSIDE = Look(glyphs.NODE, "not in run", Role.IDLE)
BUILDING = Look(glyphs.STATE_GLYPHS[TaskState.STARTING], "building", Role.RUN)
NEVER = Look(glyphs.NODE, "", Role.IDLE)

_RETRY = re.compile(r"retry (\d+) of (\d+)")


def look_of(task: Task | None, *, enabled: bool = True, in_run: bool = True) -> Look:
    """How a job's task in a run is shown; None: it has none."""
    if task is None:
        return OFF if not enabled else OUTSIDE if in_run else NEVER
    if task.state is TaskState.FAILED and task.verdict is not None and task.verdict.kind is not VerdictKind.LOST:
        return LOOKS[task.state]._replace(word=task.verdict.text)
    retry = _RETRY.search(task.reason) if task.state is TaskState.QUEUED else None
    if retry:
        return Look(glyphs.RETRY_PENDING, f"retry {retry[1]}/{retry[2]}", Role.WARN)
    if task.state is TaskState.WAITING and task.reason.startswith("for the image"):
        return BUILDING
    return LOOKS[task.state]
