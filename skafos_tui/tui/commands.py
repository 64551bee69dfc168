"""The one table of commands: what keys do, what the footer, the palette and the help say (SCREENS 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Where(Enum):
    """The panes and screens that a command belongs to; ANYWHERE: all of them."""

    ANYWHERE = "anywhere"
    DASHBOARD = "dashboard"
    JOBS = "jobs"


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether a command works now."""

    where: frozenset[Where] = frozenset({Where.ANYWHERE})
    read_only: bool = False
    has_jobs: bool = False
    has_run: bool = False
    run_is_open: bool = False
    live: bool = True


Condition = Callable[[Situation], bool]


def _always(_: Situation) -> bool:
    return True


def _with_jobs(now: Situation) -> bool:
    return now.has_jobs


def _with_run(now: Situation) -> bool:
    return now.has_run


def _looking_back(now: Situation) -> bool:
    return not now.live


def _with_open_run(now: Situation) -> bool:
    return now.run_is_open


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do. `keys` are as Textual names them, a sequence has blanks in it; the first one is shown.

    `title` is the footer's and palette's, `help` one sentence. `in_footer` orders the footer, 0 is not there.
    `changes` says that it changes something: a read-only screen hasn't got it.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    where: Where = Where.ANYWHERE
    when: Condition = _always
    in_footer: int = 0
    changes: bool = False

    def works(self, now: Situation) -> bool:
        """Whether it does something in this situation."""
        return self.where in now.where and not (self.changes and now.read_only) and self.when(now)


COMMANDS: tuple[Command, ...] = (
    Command("help", ("?", "f1"), "help", "What the keys do here.", in_footer=101),
    Command("palette", (":", "ctrl+p"), "all", "All commands by name.", in_footer=100),
    Command("focus.jobs", ("1",), "jobs", "To the jobs; again: they take the whole screen.", Where.DASHBOARD),
    Command("focus.graph", ("2",), "graph", "To the graph, where there is room for it.", Where.DASHBOARD),
    Command("focus.log", ("3",), "log", "To the log; again: it takes the whole screen.", Where.DASHBOARD),
    Command("focus.metrics", ("4",), "metrics", "To the metrics; again: they take the whole screen.", Where.DASHBOARD),
    Command("focus.alerts", ("5",), "alerts", "To the alerts; again: they take the whole screen.", Where.DASHBOARD),
    Command("focus.next", ("tab",), "next pane", "To the next pane.", Where.DASHBOARD),
    Command("focus.previous", ("shift+tab",), "previous pane", "To the pane before.", Where.DASHBOARD),
    Command("zoom", ("z",), "zoom", "This pane takes the whole screen, and gives it back.", Where.DASHBOARD),
    Command("down", ("j", "down"), "down", "One row down.", Where.JOBS, _with_jobs),
    Command("up", ("k", "up"), "up", "One row up.", Where.JOBS, _with_jobs),
    Command("page.down", ("ctrl+d", "pagedown"), "half a page down", "Half a page down.", Where.JOBS, _with_jobs),
    Command("page.up", ("ctrl+u", "pageup"), "half a page up", "Half a page up.", Where.JOBS, _with_jobs),
    Command("top", ("g g", "home"), "top", "To the first row.", Where.JOBS, _with_jobs),
    Command("bottom", ("G", "end"), "bottom", "To the last row.", Where.JOBS, _with_jobs),
    Command("deeper", ("enter", "l", "right"), "log", "Into the log of this job.", Where.JOBS, _with_jobs, 20),
    Command("back", ("q", "escape", "h", "left"), "back", "Back; at the top `q` quits, and jobs go on."),
    Command(
        "order", ("o",), "order", "By dependencies, or by time: what took longest first.", Where.JOBS, _with_jobs, 40
    ),
    Command("older", ("[",), "older run", "The run before this one.", Where.DASHBOARD, _with_run, 30),
    Command("newer", ("]",), "newer run", "The run after this one.", Where.DASHBOARD, _looking_back, 31),
    Command("live", (".",), "live", "Back to the run that matters now.", Where.DASHBOARD, _looking_back, 32),
    Command(
        "cancel", ("x",), "cancel", "Cancel this job's task, after a question.", Where.JOBS, _with_open_run, 10, True
    ),
    Command("copy", ("ctrl+c",), "copy", "Copy what is marked; it never stops a job."),
    Command("suspend", ("ctrl+z",), "suspend", "To the shell; `fg` brings you back."),
    Command("quit", ("ctrl+q",), "quit", "Quit from anywhere; jobs go on."),
)

KEY_NAMES: Mapping[str, str] = {
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "shift+Tab",
    "f1": "F1",
    "down": "Down",
    "up": "Up",
    "left": "Left",
    "right": "Right",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "g g": "gg",
}
"""How keys are written where they aren't as they are typed."""
TYPED: Mapping[str, str] = {
    "question_mark": "?",
    "colon": ":",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "full_stop": ".",
}
"""Textual's names of keys to ours."""
UNSENDABLE = frozenset(
    {
        "ctrl+b",
        "ctrl+a",
        "ctrl+h",
        "ctrl+i",
        "ctrl+j",
        "ctrl+m",
        "ctrl+left_square_bracket",
        "shift+enter",
        "f10",
        "f11",
    }
)
"""Keys that terminals and multiplexers keep for themselves or send as others; so is every `ctrl+shift+x`."""


def key_name(key: str) -> str:
    """A key as the screen writes it."""
    return KEY_NAMES.get(key, key)


def commands_now(now: Situation, table: Iterable[Command] = COMMANDS) -> list[Command]:
    """The commands that do something in this situation, in the order of the table."""
    return [command for command in table if command.works(now)]


def footer_commands(now: Situation) -> list[Command]:
    """Those that the footer names, the most important first; how to get at all others comes last."""
    shown = [command for command in commands_now(now) if command.in_footer]
    return sorted(shown, key=lambda command: command.in_footer)


class Keys:
    """Follows the keys that are typed, sequences too."""

    def __init__(self, table: Sequence[Command] = COMMANDS) -> None:
        self._table = table
        self._begun = ""

    @property
    def begun(self) -> str:
        """The keys of a sequence that has begun, empty where none has."""
        return self._begun

    def typed(self, key: str, now: Situation) -> Command | None:
        """The command that a key, as Textual names it, completes; None where it completes none."""
        name = TYPED.get(key, key)
        sequence, self._begun = f"{self._begun} {name}".strip(), ""
        working = commands_now(now, self._table)
        for tried in (sequence, name):
            for command in working:
                if tried in command.keys:
                    return command
            if any(other.startswith(f"{tried} ") for command in working for other in command.keys):
                self._begun = tried
                return None
        return None

    def forget(self) -> None:
        """Drop a sequence that has begun."""
        self._begun = ""


def flaws(table: Sequence[Command] = COMMANDS) -> list[str]:
    """What is wrong with a table, one line each: keys no terminal sends, keys with two meanings, ids used twice."""
    found = []
    meaning: dict[str, str] = {}
    ids: set[str] = set()
    for command in table:
        if command.id in ids:
            found.append(f"{command.id}: the id is used twice")
        ids.add(command.id)
        for key in command.keys:
            for part in key.split():
                if part in UNSENDABLE or part.startswith("ctrl+shift+"):
                    found.append(f"{command.id}: {part} can't be sent")
            if key in meaning:
                found.append(f"{command.id}: {key} means {meaning[key]}")
            elif any(key.startswith(f"{other} ") or other.startswith(f"{key} ") for other in meaning):
                found.append(f"{command.id}: {key} begins or continues another key")
            meaning[key] = command.id
        if "escape" in command.keys and len(command.keys) < 2:
            found.append(f"{command.id}: Esc needs a second key")
    return found
