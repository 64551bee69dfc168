"""What a command is, which of them work now, and how keys become commands; `commands` has the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum


class Where(Enum):
    """The panes and screens that a command belongs to; ANYWHERE: all of them."""

    ANYWHERE = "anywhere"
    DASHBOARD = "dashboard"
    JOBS = "jobs"
    GRAPH = "graph"
    LOG = "log"
    METRICS = "metrics"
    ALERTS = "alerts"
    CONFIG = "config"
    HISTORY = "history"
    DEPLOYMENTS = "deployments"
    PROJECTS = "projects"
    TEXT = "text"


class Fact(Enum):
    """What is so now, and decides whether a command does something."""

    JOBS = "there are jobs"
    ROWS = "there are rows to move in"
    RUN = "a run is shown"
    SEARCHED = "something was looked for"
    INSTANCES = "there are several instances"
    ATTEMPTS = "something was tried again"
    JOB_OPEN = "the selected job's task has not ended"
    FAILED = "the shown run has failed"
    LOOKING_BACK = "a run was chosen, the newest isn't followed"
    FINDINGS = "the config has findings"
    FIX = "a fix is offered at the cursor"
    JOB_HERE = "the cursor is in a job"
    APART = "the config was changed on disk, too"
    SAVED = "a save can be taken back"
    ATTEMPT_RUNS = "an attempt of the selected job runs"
    ATTEMPT_ENDED = "all attempts of the selected job have ended"
    NOTHING_BELOW = "no screen is below: back is out"
    TO_ACK = "there is an alert here that nobody has acknowledged"


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the keys go, and what is so there."""

    where: frozenset[Where] = frozenset({Where.ANYWHERE})
    facts: frozenset[Fact] = frozenset()
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do. `keys` are as Textual names them, a sequence has blanks in it; the first one is shown.

    `title` is the footer's and palette's, `called` what the footer calls it in some places, `help` one sentence.
    `needs` must all be so. `in_footer` orders the footer, 0 is not there; `in_footer_at` does so in some places. It
    stands there only where all of `footer_needs` are so: elsewhere it says in a line why it can't. `changes` says that
    it changes something: a read-only screen hasn't got it.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    where: tuple[Where, ...] = (Where.ANYWHERE,)
    needs: tuple[Fact, ...] = ()
    in_footer: int = 0
    changes: bool = False
    called: tuple[tuple[Where, str], ...] = ()
    footer_needs: tuple[Fact, ...] = ()
    in_footer_at: tuple[tuple[Where, int], ...] = ()

    def works(self, now: Situation) -> bool:
        """Whether it does something in this situation."""
        if self.changes and now.read_only:
            return False
        return not now.where.isdisjoint(self.where) and now.facts.issuperset(self.needs)

    def named_for(self, now: Situation) -> Command:
        """The command with the title that it has here."""
        title = next((title for where, title in self.called if where in now.where), None)
        return self if title is None else replace(self, title=title)

    def footer_place(self, now: Situation) -> int:
        """Where it stands in the footer here: what is lower comes first."""
        return next((place for where, place in self.in_footer_at if where in now.where), self.in_footer)


KEY_NAMES: Mapping[str, str] = {
    "escape": "Esc",
    "space": "Space",
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
    "exclamation_mark": "!",
    "quotation_mark": '"',
    "number_sign": "#",
    "dollar_sign": "$",
    "percent_sign": "%",
    "ampersand": "&",
    "apostrophe": "'",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "asterisk": "*",
    "plus": "+",
    "comma": ",",
    "minus": "-",
    "full_stop": ".",
    "slash": "/",
    "colon": ":",
    "semicolon": ";",
    "less_than_sign": "<",
    "equals_sign": "=",
    "greater_than_sign": ">",
    "question_mark": "?",
    "at": "@",
    "left_square_bracket": "[",
    "backslash": "\\",
    "right_square_bracket": "]",
    "circumflex_accent": "^",
    "underscore": "_",
    "grave_accent": "`",
    "left_curly_bracket": "{",
    "vertical_line": "|",
    "right_curly_bracket": "}",
    "tilde": "~",
    "ctrl+@": "ctrl+space",
}
"""Textual's names of keys to ours; a terminal sends the same for ctrl+space and ctrl+@."""
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


def commands_now(now: Situation, table: Iterable[Command]) -> list[Command]:
    """The commands that do something in this situation, in the order of the table."""
    return [command for command in table if command.works(now)]


def footer_commands(now: Situation, table: Iterable[Command]) -> list[Command]:
    """Those that the footer names, the most important first; how to get at all others comes last."""
    shown = [
        command.named_for(now)
        for command in commands_now(now, table)
        if command.in_footer and command.keys and now.facts.issuperset(command.footer_needs)
    ]
    return sorted(shown, key=lambda command: command.footer_place(now))


class Keys:
    """Follows the keys that are typed, sequences too."""

    def __init__(self, table: Sequence[Command]) -> None:
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


def flaws(table: Sequence[Command]) -> list[str]:
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
