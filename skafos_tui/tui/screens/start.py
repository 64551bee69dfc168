"""What a person can begin with, one key each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult

from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import clip, pad
from skafos_tui.tui.command import Fact, Where
from skafos_tui.tui.reading_projects import ProjectLine
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.screens.projects import run_pieces
from skafos_tui.tui.screens.text import Title
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.footer import Footer
from skafos_tui.tui.widgets.pane import BOLD, PLAIN, Piece
from skafos_tui.tui.widgets.table import Table

if TYPE_CHECKING:
    from skafos_tui.tui.start import Beginning, StartApp

DEMO, INIT, OPEN = "demo", "init", "open"
MOST_KEYS = 9
NAME = 20
KIND = 6
"""So wide are the words for what is new."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing to begin with; `project` is the known one that `open` opens."""

    kind: str
    says: str = ""
    project: ProjectLine | None = None


class StartScreen(CommandScreen):
    """Numbers choose at once; `q` leaves."""

    DEFAULT_CSS = "StartScreen { layout: vertical; } StartScreen Footer { height: 1; }"

    def __init__(self, beginning: Beginning, *, can_change: bool) -> None:
        super().__init__()
        self.offers = offers_of(beginning, can_change=can_change)
        directory = plain(str(beginning.directory))
        self.heading = Title("skafos", f"there is no metis.config.yml in {directory} or above")
        self.table = Table(self._head, self._row)

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.table
        yield Footer()

    def on_mount(self) -> None:
        self.table.show(len(self.offers))
        self.table.focus()
        self.update_footer()

    def _head(self) -> Sequence[Piece]:
        return [("what to begin with" if self.offers else "no project is known yet", PLAIN)]

    def _row(self, number: int, _chosen: bool) -> Sequence[Piece]:
        offer = self.offers[number]
        key: Piece = (f"{number + 1 if number < MOST_KEYS else ' '}  ", BOLD)
        if offer.project is None:
            return [key, (pad(offer.kind, KIND), PLAIN), (offer.says, self.table.role(Role.IDLE))]
        line = offer.project
        name: Piece = (pad(clip(line.name, NAME - 1), NAME), PLAIN)
        where = f"{plain(line.directory)}{' (gone)' if line.gone else ''}"
        runs = run_pieces(line, self.skafos.now(), self.table.role)
        return [key, name, *runs, (where, self.table.role(Role.IDLE))]

    def on_table_opened(self, _message: Table.Opened) -> None:
        self.do_deeper()

    def keys_pane(self) -> Table:
        return self.table

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.PROJECTS})

    def facts(self) -> frozenset[Fact]:
        return frozenset({Fact.NOTHING_BELOW, *([Fact.ROWS] if self.offers else [])})

    def typed(self, key: str) -> bool:
        if key.isdigit() and 0 < int(key) <= len(self.offers):
            self._choose(int(key) - 1)
            return True
        return super().typed(key)

    def do_deeper(self) -> None:
        if self.offers:
            self._choose(self.table.selected)

    def do_back(self) -> None:
        if self.last_key == "q":
            self.skafos.leave()

    def _choose(self, number: int) -> None:
        cast("StartApp", self.app).choose(self.offers[number])


def offers_of(beginning: Beginning, *, can_change: bool) -> list[Offer]:
    """What there is to begin with: nothing new where nothing may change."""
    here = plain(beginning.directory.name or str(beginning.directory))
    new = [
        Offer(DEMO, f"a sample project, copied to ./{beginning.sample} and run at once"),
        Offer(INIT, f"a new project in this directory, {here}: a config and a first job"),
    ]
    return [*(new if can_change else []), *(Offer(OPEN, project=line) for line in beginning.known)]
