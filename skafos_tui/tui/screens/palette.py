"""All commands by name: type a part of one, Enter does it."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from skafos_tui.text.tables import pad
from skafos_tui.tui.command import Command, key_name
from skafos_tui.tui.screens.popup import PopupScreen

_TITLE_WIDTH = 18


class PaletteScreen(PopupScreen["Command | None"]):
    """Gives the chosen command, or None."""

    def __init__(self, working: Iterable[Command]) -> None:
        super().__init__()
        self._all = [command for command in working if command.id != "palette"]

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Input(placeholder="a command")
            yield OptionList(*_options(self._all), markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.query_one(OptionList).highlighted = 0

    def on_input_changed(self, event: Input.Changed) -> None:
        """List what has the typed words in it."""
        found = matching(self._all, event.value)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(_options(found))
        options.highlighted = 0 if found else None

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self._choose()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._dismiss_with(event.option.id)

    def on_key(self, event: events.Key) -> None:
        """The arrows move in the list while the typing goes on."""
        options = self.query_one(OptionList)
        if event.key == "down":
            options.action_cursor_down()
        elif event.key == "up":
            options.action_cursor_up()
        else:
            return
        event.stop()
        event.prevent_default()

    def _choose(self) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self._dismiss_with(options.get_option_at_index(options.highlighted).id)

    def _dismiss_with(self, command_id: str | None) -> None:
        self.dismiss(next((command for command in self._all if command.id == command_id), None))


def matching(commands: Iterable[Command], typed: str) -> list[Command]:
    """The commands with all typed words in their title or help; those whose title begins so come first."""
    words = typed.lower().split()
    found = [c for c in commands if all(word in f"{c.title} {c.help}".lower() for word in words)]
    return sorted(found, key=lambda command: not command.title.lower().startswith(typed.lower().strip()))


def _options(commands: Iterable[Command]) -> list[Option]:
    return [Option(f"{pad(c.title, _TITLE_WIDTH)} {key_name(c.keys[0])}", id=c.id) for c in commands]
