"""What all screens share: keys go through the table of commands, and the footer says what works."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual.widget import Widget

from skafos_tui.tui.command import Command, Fact, Keys, Situation, Where, commands_now, footer_commands
from skafos_tui.tui.screens.quick import QuickScreen
from skafos_tui.tui.widgets.footer import Footer
from skafos_tui.tui.widgets.pane import Lines

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp
    from skafos_tui.tui.screens.go_menu import GoMenu
    from skafos_tui.tui.views import Dashboard


REMARK_S = 8.0
"""So long a remark stands where the keys are named."""
MENU_S = 0.4
"""After this what can follow the first key of a sequence is listed."""
MENUS = frozenset({"g", "r"})
"""The keys that lead to such a list."""


class CommandScreen(QuickScreen, inherit_bindings=False):
    """A screen whose keys are commands.

    What does one is a method named after its id (`focus.next` is `do_focus_next`), of the pane that has the keys, else
    of the screen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last_key = ""
        self._remark = ""
        self._remarks = 0

    @property
    def skafos(self) -> SkafosApp:
        """Our app."""
        return cast("SkafosApp", self.app)

    @cached_property
    def keys(self) -> Keys:
        """Follows what is typed here."""
        return Keys(self.skafos.preferences.table)

    def keys_pane(self) -> Widget | None:
        """The pane that has the keys; its `do_` methods come before the screen's."""
        return None

    def where(self) -> frozenset[Where]:
        """Where the keys go now."""
        return frozenset({Where.ANYWHERE})

    def facts(self) -> frozenset[Fact]:
        """What is so now."""
        return frozenset()

    def situation(self) -> Situation:
        """What decides which commands work now."""
        return Situation(self.where(), self.facts(), self.skafos.read_only)

    def on_key(self, event: events.Key) -> None:
        """A key that no widget has taken."""
        if self.typed(event.key):
            event.stop()
            event.prevent_default()

    def typed(self, key: str) -> bool:
        """Take a key: do its command, or wait for the rest of its sequence; whether it was either."""
        self.last_key, self._remark = key, ""
        command = self.keys.typed(key, self.situation())
        if command is not None:
            self.perform(command)
        elif self.keys.begun in MENUS:
            self.set_timer(MENU_S, self._offer_menu)
        self.update_footer()
        return command is not None or bool(self.keys.begun)

    def _offer_menu(self) -> None:
        """List what can follow, if nothing has."""
        begun = self.keys.begun
        if begun not in MENUS or not self.is_current:
            return

        def chosen(key: str | None) -> None:
            if key is None:
                self.keys.forget()
                self.update_footer()
            else:
                self.typed(key)

        self.skafos.push_screen(self.menu_for(begun), chosen)

    def menu_for(self, begun: str) -> GoMenu:
        """What can follow the first key of a sequence, as a popup."""
        from skafos_tui.tui.screens.go_menu import GoMenu

        return GoMenu(self.commands())

    def perform(self, command: Command) -> None:
        """Do what a command says, if it works now."""
        if not command.works(self.situation()):
            return
        own = self.skafos.preferences.own.get(command.id)
        if own is not None:
            from skafos_tui.tui.own import do_own

            do_own(self.skafos, own)
        else:
            handler_of(command.id, self.keys_pane(), self)()
        self.update_footer()

    def commands(self) -> list[Command]:
        """What works now."""
        return commands_now(self.situation(), self.skafos.preferences.table)

    def update_footer(self) -> None:
        """Name in the footer what works now, else what was remarked or begun."""
        begun = f"{self.keys.begun} …" if self.keys.begun else ""
        for footer in self.query(Footer):
            named = footer_commands(self.situation(), self.skafos.preferences.table)
            footer.show(tuple(named), self._remark or begun)

    def tell(self, remark: str) -> None:
        """Say something in the footer, until the next key or for as long as it takes to read it."""
        self._remark = remark
        self._remarks += 1
        self.update_footer()
        if remark:
            self.set_timer(REMARK_S, partial(self._end_remark, self._remarks))

    def _end_remark(self, number: int) -> None:
        if number == self._remarks and self._remark:
            self._remark = ""
            self.update_footer()

    def keep(self) -> None:
        """Write down what would be lost if the app ended here."""

    def restyle(self) -> None:
        """Colours or glyphs have changed."""
        for lines in self.query(Lines):
            lines.refresh()

    def view_changed(self, view: Dashboard) -> None:
        """What the dashboard shows has changed while this screen is over it."""

    def do_quit(self) -> None:
        self.skafos.leave()

    def do_back(self) -> None:
        """To the screen before."""
        self.skafos.pop_screen()

    def do_go_dashboard(self) -> None:
        """Back over all screens."""
        self.go_to(None)

    def do_go_history(self) -> None:
        from skafos_tui.tui.screens.history import HistoryScreen

        self.go_to(HistoryScreen)

    def do_go_deployments(self) -> None:
        from skafos_tui.tui.screens.deployments import DeploymentsScreen

        self.go_to(DeploymentsScreen)

    def go_to(self, screen: Callable[[], CommandScreen] | None) -> None:
        """To a screen that stands right above the dashboard, or to the dashboard itself."""
        app = self.skafos
        if app.dashboard is None or app.dashboard not in app.screen_stack:
            return
        while app.screen is not app.dashboard:
            app.pop_screen()
        if screen is not None:
            app.push_screen(screen())

    def do_go_config(self) -> None:
        self.edit_config(None)

    def edit_config(self, job_id: str | None) -> None:
        """Open the config editor at a job, or at the top."""
        from skafos_tui.tui.screens.config import open_config

        self.tell(open_config(self.skafos, job_id))

    def do_doctor(self) -> None:
        from skafos_tui.store.home import find_home
        from skafos_tui.tui.screens.doctor import DoctorScreen

        if isinstance(self, DoctorScreen):
            self.read_again()
            return
        opened = self.skafos.opened
        home = opened.home if opened is not None else find_home()
        self.skafos.push_screen(DoctorScreen(home, may_start=self.skafos.may_start_engine))

    def do_go_projects(self) -> None:
        from skafos_tui.tui.screens.projects import ProjectsScreen

        opened = self.skafos.opened
        if opened is not None and not isinstance(self, ProjectsScreen):
            self.skafos.push_screen(ProjectsScreen(opened))

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

        self.skafos.push_screen(HelpScreen(self.commands()))

    def do_palette(self) -> None:
        from skafos_tui.tui.screens.palette import Choice, JobChoice, PaletteScreen

        def chosen(choice: Choice | None) -> None:
            if isinstance(choice, Command):
                self.perform(choice)
            elif choice is not None:
                self.skafos.go_to_job(choice.job_id)

        jobs = (JobChoice(row.job_id, row.name) for row in self.skafos.view.rows)
        self.skafos.push_screen(PaletteScreen(self.commands(), jobs), chosen)

    def do_mouse(self) -> None:
        is_on = self.skafos.switch_mouse()
        self.tell("" if is_on else "mouse off: the terminal marks text; M brings it back")


def handler_of(command_id: str, *places: Any) -> Callable[[], None]:
    """The method that does a command, of the first of these that has one; AttributeError where none has."""
    name = f"do_{command_id.replace('.', '_')}"
    for place in places:
        found: Callable[[], None] | None = getattr(place, name, None)
        if found is not None:
            return found
    raise AttributeError(f"nothing here has {name}")
