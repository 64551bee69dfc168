"""The user's keys and own commands laid over the table of commands; what clashes is refused in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from skafos_tui.config.own_commands import OwnCommand
from skafos_tui.tui.command import KEY_NAMES, Command, Fact, Where, flaws, key_name

OWN = "own."
"""How the ids of own commands begin."""
ALWAYS: Mapping[str, str] = {"quit": "ctrl+q", "help": "f1", "palette": "ctrl+p"}
"""Keys that stay, so that there is always a way out, and one to everything else."""
_WORDS = {name.lower(): key for key, name in KEY_NAMES.items()} | {key: key for key in KEY_NAMES}
_MODIFIED = re.compile(r"(ctrl|alt)\+([a-z0-9]|space|up|down|left|right|home|end|pageup|pagedown|enter)|shift\+[a-z]+")
_NAMED = re.compile(r"f([1-9]|1[0-2])|backspace|delete|insert")
_NEEDS = {"job": Fact.JOBS, "run": Fact.RUN, "log": Fact.RUN}


class KeymapError(Exception):
    """The keys of the settings can't be used; one line that says which and why."""


def table_of(
    commands: Sequence[Command], keymap: Mapping[str, tuple[str, ...]], own: Sequence[OwnCommand]
) -> tuple[Command, ...]:
    """The table with the user's keys and commands. Raises KeymapError."""
    if not keymap and not own:
        return tuple(commands)
    known = {command.id: command for command in commands}
    for command_id, keys in keymap.items():
        if command_id not in known:
            near = get_close_matches(command_id, known, n=1)
            hint = f": did you mean `{near[0]}`?" if near else "; the palette names them all"
            raise KeymapError(f"keymap: there is no command `{command_id}`{hint}")
        known[command_id] = replace(known[command_id], keys=tuple(key_of(key, command_id) for key in keys))
        if (kept := ALWAYS.get(command_id)) is not None and kept not in known[command_id].keys:
            raise KeymapError(f"keymap: {command_id}: {key_name(kept)} must be among its keys")
    made = (*known.values(), *(_row_of(command) for command in own))
    # What the table allows itself is no business of the user's.
    allowed = set(flaws(commands))
    # The user's come last: what is wrong is then said of them.
    checked = sorted(made, key=lambda command: command.id in keymap or command.id.startswith(OWN))
    wrong = next((flaw for flaw in flaws(checked) if flaw not in allowed), None)
    if wrong is not None:
        place = "commands" if wrong.startswith(OWN) else "keymap"
        raise KeymapError(f"{place}: {wrong.removeprefix(OWN)}: take another key")
    return made


def key_of(written: str, command_id: str) -> str:
    """A key, or a sequence of them, as the table has it; `gg`, `PgDn` are known as written. Raises KeymapError."""
    whole = _WORDS.get(written.strip().lower()) if len(written.strip()) > 1 else None
    if whole is not None:
        return whole
    return " ".join(_one_key(part, command_id) for part in written.split()) or _one_key(written, command_id)


def _one_key(written: str, command_id: str) -> str:
    if len(written) == 1 and written.isprintable() and written != " ":
        return written
    low = written.lower()
    key = _WORDS.get(low, low)
    if key in KEY_NAMES or _MODIFIED.fullmatch(key) or _NAMED.fullmatch(key):
        return key
    raise KeymapError(f"keymap: {command_id}: `{written}` is no key: keys are x, X, ctrl+x, F5, PgDn, or two: g x")


def _row_of(own: OwnCommand) -> Command:
    needs = tuple(dict.fromkeys(_NEEDS[name] for name in sorted(own.wants) if name in _NEEDS))
    where = (Where.DASHBOARD,) if needs else (Where.ANYWHERE,)
    keys = (key_of(own.key, own.name),) if own.key else ()
    return Command(f"{OWN}{own.name}", keys, own.title, f"Your own: {own.title}.", where, needs, changes=True)
