"""What all screens share: keys go through the table of commands, and the footer says what works."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual.screen import Screen

from skafos_tui.tui.commands import Command, Keys, Situation, commands_now, footer_commands
from skafos_tui.tui.widgets.footer import Footer

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp


class CommandScreen(Screen[None], inherit_bindings=False):
    """A screen whose keys are commands; `do` methods are named after their ids, `focus.next` is `do_focus_next`."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = Keys()
        self.last_key = ""
        self._remark = ""

    @property
    def skafos(self) -> SkafosApp:
        """Our app."""
        return cast("SkafosApp", self.app)

    def situation(self) -> Situation:
        """What decides which commands work now."""
        return Situation(read_only=self.skafos.read_only)

    def on_key(self, event: events.Key) -> None:
        """A key that no widget has taken."""
        self.last_key, self._remark = event.key, ""
        command = self.keys.typed(event.key, self.situation())
        if command is not None:
            event.stop()
            event.prevent_default()
            self.perform(command)
        elif self.keys.begun:
            event.stop()
            event.prevent_default()
        self.update_footer()

    def perform(self, command: Command) -> None:
        """Do what a command says, if it works now."""
        if command.works(self.situation()):
            handler_of(self, command.id)()
            self.update_footer()

    def commands(self) -> list[Command]:
        """What works now."""
        return commands_now(self.situation())

    def update_footer(self) -> None:
        """Name in the footer what works now, else what was remarked or begun."""
        begun = f"{self.keys.begun} …" if self.keys.begun else ""
        for footer in self.query(Footer):
            footer.show(tuple(footer_commands(self.situation())), self._remark or begun)

    def tell(self, remark: str) -> None:
        """Say something in the footer, until the next key."""
        self._remark = remark
        self.update_footer()

    def do_quit(self) -> None:
        self.skafos.leave()

    def do_suspend(self) -> None:
        self.skafos.action_suspend_process()

    def do_copy(self) -> None:
        marked = self.get_selected_text()
        if marked:
            self.skafos.copy_to_clipboard(marked)
            self.tell("copied")
        else:
            self.tell("nothing is marked; ctrl+q quits, x cancels a job")

    def do_help(self) -> None:
        from skafos_tui.tui.screens.help import HelpScreen

        self.skafos.push_screen(HelpScreen(self.situation()))

    def do_palette(self) -> None:
        from skafos_tui.tui.screens.palette import PaletteScreen

        def chosen(command: Command | None) -> None:
            if command is not None:
                self.perform(command)

        self.skafos.push_screen(PaletteScreen(self.situation()), chosen)


def handler_of(screen: Any, command_id: str) -> Callable[[], None]:
    """The method of a screen that does a command; AttributeError where it has none."""
    found: Callable[[], None] = getattr(screen, f"do_{command_id.replace('.', '_')}")
    return found
