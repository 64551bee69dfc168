"""All projects of a person: what their last run came to, what comes next; Enter opens one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.strip import Strip

from skafos_tui.text.durations import relative
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import cell_width, clip, pad
from skafos_tui.tui.command import Fact, Where
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.reading_projects import ProjectLine, read_projects
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.screens.text import Title
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.footer import Footer
from skafos_tui.tui.widgets.header import RUN_LOOKS
from skafos_tui.tui.widgets.pane import BOLD, FOCUS, PLAIN, Lines, Piece

AGAIN_S = 2.0
"""How often it is looked whether something has changed."""
NAME_LEAST, NAME_MOST = 12, 32
RUN, NEXT, ALERTS = 30, 10, 9


class ProjectsPane(Lines, can_focus=True):
    """A row a project; the open one is marked."""

    DEFAULT_CSS = "ProjectsPane { height: 1fr; }"

    def __init__(self, current: str, *, id: str = "projects") -> None:
        super().__init__(id=id)
        self.current = current
        self.lines: Sequence[ProjectLine] = ()
        self.selected = current
        self._top = 0

    @property
    def line(self) -> ProjectLine | None:
        """The selected project."""
        return self.lines[self._at] if self.lines else None

    def show(self, lines: Sequence[ProjectLine]) -> None:
        """Show these; the selection stays on its project."""
        if lines != self.lines:
            self.lines = lines
            self._move(0)
            self.refresh()

    @property
    def _at(self) -> int:
        return next((number for number, line in enumerate(self.lines) if line.token == self.selected), 0)

    def _move(self, by: int) -> None:
        if not self.lines:
            return
        at = max(0, min(len(self.lines) - 1, self._at + by))
        self.selected = self.lines[at].token
        rows = max(1, self.size.height - 1)
        self._top = max(at - rows + 1, min(self._top, at))
        self.refresh()

    def do_down(self) -> None:
        self._move(1)

    def do_up(self) -> None:
        self._move(-1)

    def do_page_down(self) -> None:
        self._move(max(1, self.size.height // 2))

    def do_page_up(self) -> None:
        self._move(-max(1, self.size.height // 2))

    def do_top(self) -> None:
        self._move(-len(self.lines))

    def do_bottom(self) -> None:
        self._move(len(self.lines))

    def on_click(self, event: events.Click) -> None:
        number = event.y - 1 + self._top
        if event.y >= 1 and number < len(self.lines):
            self._move(number - self._at)
            if event.chain == 2 and isinstance(self.screen, ProjectsScreen):
                self.screen.do_deeper()

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self._move(3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self._move(-3)

    def render_line(self, y: int) -> Strip:
        name = max([NAME_LEAST, *(min(NAME_MOST, cell_width(line.name)) for line in self.lines)])
        if y == 0:
            head = f"   {pad('NAME', name)}  {'LAST RUN':<{RUN}}{'NEXT':<{NEXT}}{'ALERTS':<{ALERTS}}DIRECTORY"
            return self.strip([(head, self.role(Role.IDLE))])
        number = y - 1 + self._top
        return self.strip(self._pieces(self.lines[number], name) if number < len(self.lines) else [])

    def _pieces(self, line: ProjectLine, width: int) -> list[Piece]:
        chosen, idle, now = line.token == self.selected, self.role(Role.IDLE), self.skafos.now()
        coming = "paused" if line.paused else "" if line.next_at is None else relative(line.next_at, now)
        alerts = f"{line.firing} firing" if line.firing else ""
        return [
            (FOCUS if chosen else " ", self.role(Role.RUN, bold=True)),
            ("* " if line.token == self.current else "  ", self.role(Role.WARN, bold=True)),
            (pad(clip(line.name, width), width) + "  ", BOLD if chosen else PLAIN),
            *self._run_pieces(line, now),
            (f"{coming:<{NEXT}}", idle),
            (f"{alerts:<{ALERTS}}", self.role(Role.BAD, bold=True)),
            (f"{plain(line.directory)}{' (gone)' if line.gone else ''}", self.role(Role.WARN) if line.gone else idle),
        ]

    def _run_pieces(self, line: ProjectLine, now: float) -> list[Piece]:
        run = line.run
        if run is None:
            return [(f"{'never ran':<{RUN}}", self.role(Role.IDLE))]
        look = RUN_LOOKS[run.state]
        when = relative(run.ended_at or run.started_at or run.created_at, now)
        text = clip(f"{look.glyph} run {run.id} {look.word}, {when}", RUN - 1)
        return [(pad(text, RUN), self.role(look.role, bold=look.bold))]


class ProjectsScreen(CommandScreen):
    """The list; `q` goes back to the project that is open."""

    DEFAULT_CSS = "ProjectsScreen { layout: vertical; } ProjectsScreen Footer { height: 1; }"

    class Read(Message):
        """What the thread has read; `problem` where it couldn't."""

        def __init__(self, lines: Sequence[ProjectLine], problem: str = "") -> None:
            super().__init__()
            self.lines = lines
            self.problem = problem

    def __init__(self, opened: Opened) -> None:
        super().__init__()
        self._opened = opened
        self.pane = ProjectsPane(opened.token)
        self.heading = Title("projects")

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.pane
        yield Footer()

    def on_mount(self) -> None:
        self.pane.focus()
        self._look()
        self.set_interval(AGAIN_S, self._look)
        self.update_footer()

    def _look(self) -> None:
        if self.is_current:
            self.run_worker(self._read, thread=True, group="projects", exclusive=True, exit_on_error=False)

    def _read(self) -> None:
        from skafos_tui.store.database import DatabaseError, connect_reader

        path = self._opened.home.state_database
        try:
            if not path.exists():
                self.post_message(self.Read(()))
                return
            with closing(connect_reader(path)) as connection:
                self.post_message(self.Read(read_projects(connection, self.skafos.now())))
        except (DatabaseError, sqlite3.Error, OSError) as error:
            self.post_message(self.Read((), plain(f"this can't be read: {error}")))

    def on_projects_screen_read(self, message: Read) -> None:
        """It is there."""
        known = len(message.lines)
        self.heading.show("projects", message.problem or f"{known or 'none'} known")
        self.pane.show(message.lines)
        self.update_footer()

    def keys_pane(self) -> ProjectsPane:
        return self.pane

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.PROJECTS})

    def facts(self) -> frozenset[Fact]:
        return frozenset({Fact.ROWS}) if self.pane.lines else frozenset()

    def do_deeper(self) -> None:
        """Open the selected project; the one that is open is only gone back to."""
        line = self.pane.line
        if line is None or line.token == self._opened.token:
            self.do_back()
            return
        from skafos_tui.tui.opening import open_other

        self.tell(f"opening {line.name} …")
        open_other(self.skafos, line.token, line.name, line.directory)
