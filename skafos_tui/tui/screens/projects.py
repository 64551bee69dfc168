"""All projects of a person: what their last run came to, what comes next; Enter opens one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing

from rich.style import Style
from textual.app import ComposeResult
from textual.message import Message

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
from skafos_tui.tui.widgets.pane import PLAIN, Piece
from skafos_tui.tui.widgets.table import Table

AGAIN_S = 2.0
"""How often it is looked whether something has changed."""
NAME_LEAST, NAME_MOST = 12, 32
RUN, NEXT, ALERTS = 30, 10, 9


Styles = Callable[..., Style]


def run_pieces(line: ProjectLine, now: float, role: Styles) -> list[Piece]:
    """What the last run of a project came to, and when."""
    run = line.run
    if run is None:
        return [(f"{'never ran':<{RUN}}", role(Role.IDLE))]
    look = RUN_LOOKS[run.state]
    when = relative(run.ended_at or run.started_at or run.created_at, now)
    text = clip(f"{look.glyph} run {run.id} {look.word}, {when}", RUN - 1)
    return [(pad(text, RUN), role(look.role, bold=look.bold))]


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
        self.lines: Sequence[ProjectLine] = ()
        self.table = Table(self._head, self._row)
        self.heading = Title("projects")

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.table
        yield Footer()

    def on_mount(self) -> None:
        self.table.focus()
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
        if message.lines != self.lines or message.problem:
            token = self.lines[self.table.selected].token if self.lines else self._opened.token
            self.lines = message.lines
            place = next((number for number, line in enumerate(self.lines) if line.token == token), 0)
            self.heading.show("projects", message.problem or f"{len(self.lines) or 'none'} known")
            self.table.show(len(self.lines), place)
            self.update_footer()

    def keys_pane(self) -> Table:
        return self.table

    def on_table_opened(self, _message: Table.Opened) -> None:
        self.do_deeper()

    def _head(self) -> Sequence[Piece]:
        head = f"  {pad('NAME', self._name_width)}  {'LAST RUN':<{RUN}}{'NEXT':<{NEXT}}{'ALERTS':<{ALERTS}}DIRECTORY"
        return [(head, PLAIN)]

    @property
    def _name_width(self) -> int:
        return max([NAME_LEAST, *(min(NAME_MOST, cell_width(line.name)) for line in self.lines)])

    def _row(self, number: int, _chosen: bool) -> Sequence[Piece]:
        line, now, role = self.lines[number], self.skafos.now(), self.table.role
        coming = "paused" if line.paused else "" if line.next_at is None else relative(line.next_at, now)
        alerts = f"{line.firing} firing" if line.firing else ""
        where = f"{'(gone) ' if line.gone else ''}{plain(line.directory)}"
        return [
            ("* " if line.token == self._opened.token else "  ", role(Role.WARN, bold=True)),
            (pad(clip(line.name, self._name_width), self._name_width) + "  ", PLAIN),
            *run_pieces(line, now, role),
            (f"{coming:<{NEXT}}", role(Role.IDLE)),
            (f"{alerts:<{ALERTS}}", role(Role.BAD, bold=True)),
            (where, role(Role.WARN if line.gone else Role.IDLE)),
        ]

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.PROJECTS})

    def facts(self) -> frozenset[Fact]:
        return frozenset({Fact.ROWS}) if self.lines else frozenset()

    def do_deeper(self) -> None:
        """Open the selected project; the one that is open is only gone back to."""
        line = self.lines[self.table.selected] if self.lines else None
        if line is None or line.token == self._opened.token:
            self.do_back()
            return
        from skafos_tui.tui.opening import open_other

        self.tell(f"opening {line.name} …")
        open_other(self.skafos, line.token, line.name, line.directory)
