"""A whole screen with a text to read: a title, the text, the footer; what it says is read in a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from textual.app import ComposeResult
from textual.message import Message
from textual.strip import Strip

from skafos_tui.store.home import Home
from skafos_tui.text.sgr import plain
from skafos_tui.tui.command import Fact, Where
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.document import Document, Row, says
from skafos_tui.tui.widgets.footer import Footer
from skafos_tui.tui.widgets.pane import BOLD, Lines


class Title(Lines):
    """The line at the top of a screen: what it is about, and a remark."""

    DEFAULT_CSS = "Title { height: 1; }"

    def __init__(self, text: str, remark: str = "", *, id: str = "title") -> None:
        super().__init__(id=id)
        self.text = text
        self.remark = remark

    def show(self, text: str, remark: str = "") -> None:
        """Say something else."""
        if (text, remark) != (self.text, self.remark):
            self.text, self.remark = text, remark
            self.refresh()

    def render_line(self, y: int) -> Strip:
        return self.strip([(f" {self.text}", BOLD), (f"   {self.remark}", self.role(Role.IDLE))])


class TextScreen(CommandScreen):
    """Subclasses give `read`, which is called in a thread."""

    DEFAULT_CSS = "TextScreen { layout: vertical; } TextScreen Footer { height: 1; }"

    class Read(Message):
        """What the thread has read."""

        def __init__(self, title: str, rows: Sequence[Row]) -> None:
            super().__init__()
            self.title = title
            self.rows = rows

    def __init__(self, title: str) -> None:
        super().__init__()
        self.heading = Title(title)
        self.document = Document([says("reading …", Role.IDLE)])

    def read(self, home: Home, connection: sqlite3.Connection) -> tuple[str, Sequence[Row]]:
        """The title and all rows; blocking."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.document
        yield Footer()

    def on_mount(self) -> None:
        self.document.focus()
        self.update_footer()
        self.read_again()

    def read_again(self) -> None:
        """Read it in a thread, and show it when it is there."""
        self.run_worker(self._read, thread=True, group="reading", exclusive=True, exit_on_error=False)

    def _read(self) -> None:
        opened = self.skafos.opened
        if opened is None:
            return
        from skafos_tui.store.database import DatabaseError, connect_reader

        try:
            with closing(connect_reader(opened.home.state_database)) as connection:
                title, rows = self.read(opened.home, connection)
        except (DatabaseError, sqlite3.Error, OSError) as error:
            title, rows = self.heading.text, [says(f"this can't be read: {error}", Role.BAD)]
        self.post_message(self.Read(title, rows))

    def on_text_screen_read(self, message: Read) -> None:
        """It is there."""
        self.heading.show(message.title)
        self.document.show(message.rows)

    def equal_command(self) -> str:
        """The `skafos` command that shows the same; empty where there is none."""
        return ""

    def do_yank(self) -> None:
        """Copy all of the text."""
        rows = self.document.rows
        self.skafos.copy_to_clipboard("\n".join("".join(part.text for part in row) for row in rows))
        self.tell(f"copied {len(rows)} lines")

    def do_yank_command(self) -> None:
        """Copy the command that shows the same."""
        text = self.equal_command()
        if text:
            self.skafos.copy_to_clipboard(text)
        self.tell(f"copied: {plain(text)}" if text else "no command shows the same")

    def keys_pane(self) -> Document:
        return self.document

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.TEXT})

    def facts(self) -> frozenset[Fact]:
        return frozenset({Fact.ROWS})
