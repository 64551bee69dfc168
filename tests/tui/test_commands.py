"""The table of commands: one meaning a key, none that can't be sent, and everything it names can be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skafos_tui.tui.command import (
    Command,
    Fact,
    Keys,
    Situation,
    Where,
    commands_now,
    flaws,
    footer_commands,
    key_name,
)
from skafos_tui.tui.commands import COMMANDS
from skafos_tui.tui.screens.base import CommandScreen, handler_of
from skafos_tui.tui.screens.config import ConfigScreen
from skafos_tui.tui.screens.dashboard import DashboardScreen
from skafos_tui.tui.screens.deployments import DeploymentsScreen
from skafos_tui.tui.screens.help import help_lines
from skafos_tui.tui.screens.history import HistoryScreen
from skafos_tui.tui.screens.palette import matching
from skafos_tui.tui.screens.projects import ProjectsScreen
from skafos_tui.tui.screens.text import TextScreen
from skafos_tui.tui.widgets.alerts import AlertsPane
from skafos_tui.tui.widgets.document import Document
from skafos_tui.tui.widgets.footer import fitting
from skafos_tui.tui.widgets.graph import GraphPane
from skafos_tui.tui.widgets.jobs import JobsPane
from skafos_tui.tui.widgets.log.pane import LogPane
from skafos_tui.tui.widgets.metrics.pane import MetricsPane
from skafos_tui.tui.widgets.table import Table

BUSY = Situation(frozenset(Where), frozenset(Fact))


def test_the_table_has_no_flaws() -> None:
    assert flaws(COMMANDS) == []


@pytest.mark.parametrize(
    ("keys", "flaw"),
    [
        (("ctrl+b",), "ctrl+b can't be sent"),
        (("ctrl+i",), "ctrl+i can't be sent"),
        (("ctrl+shift+k",), "ctrl+shift+k can't be sent"),
        (("g ctrl+m",), "ctrl+m can't be sent"),
        (("j",), "j means down"),
        (("g",), "g begins or continues another key"),
        (("j j",), "j j begins or continues another key"),
        (("escape",), "Esc needs a second key"),
    ],
)
def test_the_lint_catches(keys: tuple[str, ...], flaw: str) -> None:
    added = Command("new", keys, "new", "New.")
    assert f"new: {flaw}" in flaws((*COMMANDS, added))


def test_the_lint_catches_an_id_used_twice() -> None:
    assert "down: the id is used twice" in flaws((*COMMANDS, Command("down", ("J",), "down", "Down.")))


PLACES: dict[Where, tuple[type, ...]] = {
    Where.ANYWHERE: (CommandScreen,),
    Where.DASHBOARD: (DashboardScreen,),
    Where.CONFIG: (ConfigScreen,),
    Where.LOG: (LogPane, DashboardScreen),
    Where.JOBS: (JobsPane, DashboardScreen),
    Where.TEXT: (Document, TextScreen),
    Where.HISTORY: (Table, HistoryScreen),
    Where.DEPLOYMENTS: (Table, DeploymentsScreen),
    Where.GRAPH: (GraphPane, DashboardScreen),
    Where.PROJECTS: (Table, ProjectsScreen),
    Where.METRICS: (MetricsPane, DashboardScreen),
    Where.ALERTS: (AlertsPane, DashboardScreen),
}
"""Where a command of the table is looked for, by the place it belongs to."""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_every_command_is_done_wherever_it_is_offered(command: Command) -> None:
    assert all(callable(handler_of(command.id, *PLACES[where])) for where in command.where)


def test_read_only_has_nothing_that_changes_anything() -> None:
    assert any(command.changes for command in commands_now(BUSY, COMMANDS))
    assert not any(command.changes for command in commands_now(replace(BUSY, read_only=True), COMMANDS))


def test_a_sequence_is_one_command_and_its_first_key_none() -> None:
    keys = Keys(COMMANDS)
    assert keys.typed("g", BUSY) is None
    assert keys.begun == "g"
    found = keys.typed("g", BUSY)
    assert found is not None and found.id == "top"
    assert keys.begun == ""


def test_a_key_that_does_not_go_on_a_sequence_means_itself() -> None:
    keys = Keys(COMMANDS)
    keys.typed("g", BUSY)
    found = keys.typed("k", BUSY)
    assert found is not None and found.id == "up"


@pytest.mark.parametrize(("key", "command"), [("question_mark", "help"), ("colon", "palette"), ("full_stop", "live")])
def test_keys_as_textual_names_them(key: str, command: str) -> None:
    found = Keys(COMMANDS).typed(key, BUSY)
    assert found is not None and found.id == command


def test_the_footer_names_only_what_works_now() -> None:
    idle = Situation(frozenset({Where.ANYWHERE, Where.DASHBOARD}))
    assert {command.id for command in footer_commands(idle, COMMANDS)} >= {"help", "palette"}
    assert "cancel" not in {command.id for command in footer_commands(idle, COMMANDS)}
    assert "cancel" in {command.id for command in footer_commands(BUSY, COMMANDS)}


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_the_footer_never_loses_the_way_to_all_others(width: int) -> None:
    shown = fitting(tuple(footer_commands(BUSY, COMMANDS)), width)
    assert [command.id for command in shown][-2:] == ["palette", "help"]
    text = "  ".join(f"{key_name(command.keys[0])} {command.title}" for command in shown)
    assert len(text) <= max(width, 20)


def test_help_names_every_command_with_all_its_keys() -> None:
    lines = help_lines(commands_now(BUSY, COMMANDS))
    rows = [line for line in lines if line.startswith("  ") and line[2:3].strip()]
    assert len(rows) == len([command for command in COMMANDS if command.keys])
    assert any(line.startswith("  gg Home ") and line.endswith("To the first row.") for line in lines)


def test_the_palette_finds_by_any_word_and_prefers_the_title() -> None:
    assert matching(COMMANDS, "zo")[0].id == "zoom"
    assert {command.id for command in matching(COMMANDS, "whole screen log")} == {"focus.log"}
    assert matching(COMMANDS, "no such thing") == []
