"""What the user's settings make of the screen: the table of commands with their keys, and what a failure does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skafos_tui.config.own_commands import OwnCommand
from skafos_tui.config.settings import Settings
from skafos_tui.tui.command import Command
from skafos_tui.tui.commands import COMMANDS
from skafos_tui.tui.keymap import OWN, table_of


@dataclass(frozen=True, slots=True)
class Preferences:
    """The table of commands, own commands by the ids they have there, and what happens when a run has failed."""

    table: tuple[Command, ...] = COMMANDS
    own: Mapping[str, OwnCommand] = field(default_factory=dict)
    bell: bool = True
    title: bool = True


def preferences_of(settings: Settings) -> Preferences:
    """The preferences in the settings. Raises KeymapError."""
    own = {f"{OWN}{command.name}": command for command in settings.commands}
    return Preferences(table_of(COMMANDS, settings.keymap, settings.commands), own, settings.bell, settings.title)
