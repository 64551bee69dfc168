"""The deployments: what was deployed, what is active, what each changed; looked at, compared, rolled back to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.message import Message

from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import clip, pad
from skafos_tui.tui.asking import ask_engine
from skafos_tui.tui.command import Fact, Where
from skafos_tui.tui.control import Control
from skafos_tui.tui.reading_deployments import DeploymentLine, Listing, read_lines, read_listing
from skafos_tui.tui.screens.stored import StoredScreen
from skafos_tui.tui.screens.text import Title
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.deployment_words import about_rows, look_of, run_of, when_of
from skafos_tui.tui.widgets.document import Document
from skafos_tui.tui.widgets.footer import Footer
from skafos_tui.tui.widgets.pane import PLAIN, Piece
from skafos_tui.tui.widgets.table import Table

if TYPE_CHECKING:
    from skafos_tui.tui.screens.go_menu import GoMenu

PAGE = 50
ROOMY = 100
"""From so many columns on dates have their year."""


class DeploymentsScreen(StoredScreen):
    """The list is numbers; the deployments that are seen are read page by page, in a thread."""

    subject = "the deployments"

    DEFAULT_CSS = """
    DeploymentsScreen { layout: vertical; }
    DeploymentsScreen Footer { height: 1; }
    DeploymentsScreen #about { height: 2; }
    """

    class Found(Message):
        """Which deployments there are."""

        def __init__(self, listing: Listing) -> None:
            super().__init__()
            self.listing = listing

    class Page(Message):
        """Deployments that were asked for."""

        def __init__(self, lines: Sequence[DeploymentLine]) -> None:
            super().__init__()
            self.lines = lines

    class Planned(Message):
        """What going back to a deployment changes in the config, as the lines of a question."""

        def __init__(self, number: int, question: str) -> None:
            super().__init__()
            self.number = number
            self.question = question

    def __init__(self) -> None:
        super().__init__()
        self.heading = Title("DEPLOYMENTS", "reading …")
        self.table = Table(self._head, self._pieces)
        self.about = Document(id="about")
        # It only says more about the selected one.
        self.about.can_focus = False
        self.listing = Listing()
        self._lines: dict[int, DeploymentLine] = {}
        self._asked: set[int] = set()

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.table
        yield self.about
        yield Footer()

    def on_mount(self) -> None:
        self.table.focus()
        self.update_footer()
        self.read_again()

    def read_again(self) -> None:
        """Read the list, and then what is seen of it."""
        self.read_stored(lambda connection, token: self.Found(read_listing(connection, token)), "numbers")

    def on_deployments_screen_found(self, message: Found) -> None:
        """The list is there; the selection stays on its deployment, and begins on the newest."""
        chosen = self.selected
        self.listing, self._asked = message.listing, set()
        numbers = self.listing.numbers
        count = "none yet" if not numbers else f"{len(numbers):,} in all"
        self.heading.show("DEPLOYMENTS", "; ".join([count, *self.listing.notes]))
        self.table.show(len(numbers), numbers.index(chosen) if chosen is not None and chosen in numbers else 0)
        self.update_footer()

    def on_deployments_screen_page(self, message: Page) -> None:
        """They are there."""
        self._lines.update({line.number: line for line in message.lines})
        self.table.refresh()
        self._tell_more()

    @property
    def selected(self) -> int | None:
        """The number of the selected deployment."""
        numbers = self.listing.numbers
        return numbers[self.table.selected] if self.table.selected < len(numbers) else None

    @property
    def line(self) -> DeploymentLine | None:
        """The selected deployment, once it has been read."""
        return self._lines.get(self.selected or 0)

    def keys_pane(self) -> Table:
        return self.table

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.DEPLOYMENTS})

    def facts(self) -> frozenset[Fact]:
        """What is active has jobs; what is compared is the selected deployment."""
        found = {Fact.ROWS, Fact.RUN} if self.listing.numbers else set()
        return frozenset(found | ({Fact.JOBS} if self.listing.active is not None else set()))

    def menu_for(self, begun: str) -> GoMenu:
        """What can follow the first key of a sequence, as a popup."""
        if begun != "r":
            return super().menu_for(begun)
        from skafos_tui.tui.as_command import command
        from skafos_tui.tui.screens.run_menu import RunMenu

        equal = {"deploy": command("deploy"), "pause": command("resume" if self.listing.paused else "pause")}
        return RunMenu(self.commands(), equal, self.skafos.view.name)

    def on_table_selected(self, _message: Table.Selected) -> None:
        self._tell_more()

    def on_table_opened(self, _message: Table.Opened) -> None:
        self.do_deeper()

    def do_deeper(self) -> None:
        """The newest run of this deployment, in the dashboard."""
        line = self.line
        if line is not None and line.run is None:
            self.tell(f"deployment {line.number} has no runs")
        elif line is not None and line.run is not None:
            self.skafos.bridge.choose(line.run)
            self.go_to(None)

    def do_diff(self) -> None:
        """What the selected deployment changed."""
        from skafos_tui.tui.screens.deployment_diff import DeploymentDiffScreen

        if self.selected is not None:
            self.skafos.push_screen(DeploymentDiffScreen(self.selected))

    def do_rollback(self) -> None:
        """Show what going back to the selected deployment changes, and ask."""
        line, opened, now = self.line, self.skafos.opened, self.skafos.now()
        if line is None or opened is None:
            return
        if line.active:
            self.tell(f"deployment {line.number} is active")
            return
        if line.given_up:
            self.tell(f"deployment {line.number} is old: its files and image were given up")
            return
        from skafos_tui.tui.screens.deploy import rollback_question

        number = line.number
        self.read_stored(
            lambda connection, token: self.Planned(number, rollback_question(connection, token, number, now)), "plan"
        )

    def on_deployments_screen_planned(self, message: Planned) -> None:
        """Ask; No is the default."""
        from skafos_tui.tui.screens.deploy import said
        from skafos_tui.tui.screens.question import QuestionScreen

        number, app = message.number, self.skafos

        def answered(key: str | None) -> None:
            if key:
                problem = f"deployment {number} is not made active"
                ask_engine(app, problem, lambda control: said(control.rollback(number)), self.read_again)

        if self.is_current:
            app.push_screen(QuestionScreen(message.question), answered)

    def do_undeploy(self) -> None:
        """Make no deployment the active one, after a question."""
        from skafos_tui.tui.screens.question import QuestionScreen

        app, active = self.skafos, self.listing.active

        def undeploy(control: Control) -> str:
            control.undeploy()
            return "nothing is active, no schedule fires"

        def answered(key: str | None) -> None:
            if key:
                ask_engine(app, f"deployment {active} stays active", undeploy, self.read_again)

        question = f"Turn all schedules of {plain(app.view.name)} off?\n\n"
        more = f"Deployment {active} is active no more; runs go on. A deploy or a rollback turns schedules on again."
        app.push_screen(QuestionScreen(question + more), answered)

    def do_deploy(self) -> None:
        """Deploy the working tree; it asks first where a job goes or a schedule begins to fire."""
        from skafos_tui.tui.screens.deploy import ask_deploy

        ask_deploy(self.skafos, self.read_again)

    def do_pause(self) -> None:
        """Pause all schedules of the project; where they are paused, go on with them."""
        resumes = self.listing.paused

        def ask(control: Control) -> str:
            (control.resume if resumes else control.pause)()
            return "schedules go on" if resumes else "all schedules are paused"

        ask_engine(self.skafos, "the schedules stay as they are", ask, self.read_again)

    # Reading -------------------------------------------------------------------------------------------------

    def _line_of(self, place: int) -> DeploymentLine | None:
        """What is known of a deployment of the list; its page is read, again where something may have changed."""
        numbers, page = self.listing.numbers, place // PAGE
        if page not in self._asked:
            self._asked.add(page)
            below, now = numbers[page * PAGE] + 1, self.skafos.now()
            self.read_stored(
                lambda connection, token: self.Page(read_lines(connection, token, below, PAGE, now)), f"page-{page}"
            )
        return self._lines.get(numbers[place])

    # Drawing -------------------------------------------------------------------------------------------------

    def _tell_more(self) -> None:
        """All that is known of the selected deployment, below the list."""
        line = self.line
        self.about.show(about_rows(line) if line is not None else ())

    def _head(self) -> list[Piece]:
        when = pad("MADE", 16 if self.size.width >= ROOMY else 11)
        number, last = f"{'NO':>{self._number_width}}", pad("LAST RUN", self._run_width)
        return [(f"{number}  {'STATE':<10}  {when}  {'BY':<8} {'RUNS':>5}  {last}  CHANGED", PLAIN)]

    @property
    def _number_width(self) -> int:
        return max(3, len(f"{max(self.listing.numbers, default=0)}"))

    @property
    def _run_width(self) -> int:
        return 18 if self.size.width >= ROOMY else 15

    def _pieces(self, place: int, chosen: bool) -> list[Piece]:
        line, role = self._line_of(place), self.table.role
        number = f"{self.listing.numbers[place]:>{self._number_width}}  "
        if line is None:
            return [(f"{number}…", role(Role.IDLE))]
        look = look_of(line)
        when = when_of(line, self.skafos.now(), years=self.size.width >= ROOMY)
        run, run_role = run_of(line)
        return [
            (number, PLAIN),
            (pad(f"{look.glyph} {look.word}", 10) + "  ", role(look.role, bold=look.bold)),
            (f"{when}  {pad(clip(line.made_by, 8), 8)} {line.runs or '':>5}  ", PLAIN),
            (pad(clip(run, self._run_width), self._run_width) + "  ", role(run_role)),
            (line.changed if not line.remark else line.remark, role(look.role if line.remark else Role.IDLE)),
        ]
