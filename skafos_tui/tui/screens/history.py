"""The history: all runs of the project, newest first, filtered by what is typed; Enter shows one in the dashboard."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Input

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.text.durations import clock
from skafos_tui.text.tables import clip, pad
from skafos_tui.tui.command import Fact, Where
from skafos_tui.tui.reading_history import Filter, RunRow, job_names, read_filter, run_ids, run_rows, words_of
from skafos_tui.tui.screens.stored import StoredScreen
from skafos_tui.tui.screens.text import Title
from skafos_tui.tui.theme import LOOKS, Role
from skafos_tui.tui.widgets.footer import Footer
from skafos_tui.tui.widgets.header import RUN_LOOKS
from skafos_tui.tui.widgets.pane import PLAIN, Piece
from skafos_tui.tui.widgets.table import Table

PAGE = 200
T = TypeVar("T")
FAILED = LOOKS[TaskState.FAILED]


class HistoryScreen(StoredScreen):
    """The list is ids; the rows that are seen are read page by page, in a thread."""

    subject = "the history"

    DEFAULT_CSS = """
    HistoryScreen { layout: vertical; }
    HistoryScreen Footer { height: 1; }
    HistoryScreen Input { height: 1; border: none; padding: 0 1; display: none; }
    """

    class Found(Message):
        """The ids that a filter takes; `count` is of all runs."""

        def __init__(self, typed: str, wanted: Filter, ids: array[int], count: int) -> None:
            super().__init__()
            self.typed = typed
            self.wanted = wanted
            self.ids = ids
            self.count = count

    class Page(Message):
        """A page of rows."""

        def __init__(self, ids: Sequence[int], rows: Sequence[RunRow]) -> None:
            super().__init__()
            self.ids = ids
            self.rows = rows

    def __init__(self) -> None:
        super().__init__()
        self.heading = Title("HISTORY", "reading …")
        self.table = Table(self._head, self._pieces)
        self.prompt = Input(placeholder="failed, schedule, a job's name, or any text")
        # Hidden it must not have the keys.
        self.prompt.can_focus = False
        self.typed_filter = ""
        self.ids: array[int] = array("q")
        self._rows: dict[int, RunRow] = {}
        self._asked: set[int] = set()

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.table
        yield self.prompt
        yield Footer()

    def on_mount(self) -> None:
        self.table.focus()
        self.update_footer()
        self.find(self.typed_filter)

    def read_again(self) -> None:
        self.find(self.typed_filter)

    def find(self, typed: str) -> None:
        """List the runs that what was typed takes."""

        def work(connection: sqlite3.Connection, token: str) -> HistoryScreen.Found:
            wanted = read_filter(typed, job_names(connection, token) if typed.strip() else {})
            ids = run_ids(connection, token, wanted)
            total = connection.execute("SELECT COUNT(*) FROM runs WHERE project = ?", (token,)).fetchone()[0]
            return self.Found(typed, wanted, ids, total)

        self.read_stored(work, "ids")

    def on_history_screen_found(self, message: Found) -> None:
        """The list is there; the selection stays on its run."""
        chosen = self.selected_run
        self.typed_filter = message.typed
        self.ids, self._asked = message.ids, set()
        self._rows = {run: row for run, row in self._rows.items() if row.state.finished}
        taken = "" if message.wanted.empty else f"{len(self.ids):,} of "
        noun = "run" if message.count == 1 else "runs"
        self.heading.show("HISTORY", f"{taken}{message.count:,} {noun}   {message.typed}".rstrip())
        found = self._place_of(chosen) if chosen is not None else None
        self.table.show(len(self.ids), found or 0)

    def on_history_screen_page(self, message: Page) -> None:
        """Rows that were asked for."""
        self._rows.update({row.id: row for row in message.rows})
        self.table.refresh()

    @property
    def selected_run(self) -> int | None:
        """The id of the selected run."""
        return self.ids[self.table.selected] if self.table.selected < len(self.ids) else None

    def keys_pane(self) -> Table:
        return self.table

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.HISTORY})

    def facts(self) -> frozenset[Fact]:
        return frozenset({Fact.ROWS, Fact.RUN})

    def typed(self, key: str) -> bool:
        """While the filter is typed, keys are its own."""
        if not self.prompt.has_focus:
            return super().typed(key)
        if key == "escape":
            self._close_prompt()
        return key == "escape"

    def on_input_changed(self, event: Input.Changed) -> None:
        self.find(event.value)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self._close_prompt()

    def on_table_opened(self, _message: Table.Opened) -> None:
        self.do_deeper()

    def on_resize(self, _event: events.Resize) -> None:
        self.table.refresh()

    def do_find(self) -> None:
        """Type a filter."""
        self.prompt.can_focus = self.prompt.display = True
        self.prompt.focus()

    def do_only(self) -> None:
        """Only runs that failed, or all again."""
        words = self.typed_filter.split()
        failed = RunState.FAILED.value
        self.find(" ".join([word for word in words if word != failed] if failed in words else [*words, failed]))

    def do_deeper(self) -> None:
        """Show the selected run in the dashboard."""
        run = self.selected_run
        if run is not None:
            self.skafos.bridge.choose(run)
            self.skafos.pop_screen()

    def do_diff(self) -> None:
        """What changed since the last good run before the selected one."""
        from skafos_tui.tui.screens.compare import CompareScreen

        run = self.selected_run
        if run is not None:
            self.skafos.push_screen(CompareScreen(run))

    def do_back(self) -> None:
        """What was typed goes first."""
        if self.typed_filter:
            self.prompt.value = ""
            self.find("")
        else:
            self.skafos.pop_screen()

    def _close_prompt(self) -> None:
        self.table.focus()
        self.prompt.can_focus = self.prompt.display = False
        self.update_footer()

    def _place_of(self, run: int) -> int | None:
        """Where a run stands in the list, which goes down."""
        low, high = 0, len(self.ids)
        while low < high:
            middle = (low + high) // 2
            if self.ids[middle] > run:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self.ids) else None

    def _row_of(self, number: int) -> RunRow | None:
        """A row, if it is there; its page is read if it isn't."""
        run = self.ids[number]
        found = self._rows.get(run)
        page = number // PAGE
        if found is None and page not in self._asked:
            self._asked.add(page)
            ids = self.ids[page * PAGE : (page + 1) * PAGE].tolist()
            now = self.skafos.now()
            self.read_stored(lambda connection, _: self.Page(ids, run_rows(connection, ids, now)), f"page-{page}")
        return found

    # Drawing -------------------------------------------------------------------------------------------------

    def _head(self) -> list[Piece]:
        deployment = f"{'DEPLOYED':>8}  " if self.size.width >= ROOMY else ""
        return [(f"{'RUN':>6}  {'STATE':<11} {'WHEN':<16} {'TOOK':>8}  {'TRIGGER':<13} {deployment}WHAT", PLAIN)]

    def _pieces(self, number: int, chosen: bool) -> list[Piece]:
        row = self._row_of(number)
        idle = self.table.role(Role.IDLE)
        if row is None:
            return [(f"{self.ids[number]:>6}  …", idle)]
        look = RUN_LOOKS[row.state]
        when = datetime.fromtimestamp(row.when, UTC).astimezone()
        pieces: list[Piece] = [
            (f"{row.id:>6}  ", PLAIN),
            (pad(f"{look.glyph} {look.word}", 11) + " ", self.table.role(look.role, bold=look.bold)),
            (f"{when:%Y-%m-%d %H:%M} {clock(row.duration_s):>8}  ", PLAIN),
            (pad(clip(row.trigger, 13), 13) + " ", idle),
        ]
        if self.size.width >= ROOMY:
            pieces.append((f"{row.deployment or '':>8}  ", idle))
        parameters = " ".join(f"{key}={value}" for key, value in row.parameters.items())
        failed: Piece = (words_of(row), self.table.role(FAILED.role) if row.failed else idle)
        return [*pieces, failed, (f"{'  ' if words_of(row) else ''}{parameters}", PLAIN)]


ROOMY = 90
"""From so many columns on there is room for the deployment."""
