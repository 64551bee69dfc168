"""The rails in one row of a list as pieces: the glyph of the job's state, lanes and joins in their styles."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from skafos_tui.text.rails import RailCell, RailKind, Rails, RailTrace
from skafos_tui.tui.theme import Look, Role
from skafos_tui.tui.widgets.pane import PLAIN, Piece

Styles = Callable[[Role], Style]


def rail_pieces(rails: Rails, number: int, look: Look, trace: RailTrace | None, role: Styles) -> list[Piece]:
    """The pieces of a row, filled to the width of the rails; edges into a running job have its colour.

    `trace` is the family of the selected job: it is bright, the rest dim.
    """
    rail = rails.rows[number]
    bright = trace.row(number) if trace else (False,) * len(rail.cells)
    glyph = role(look.role) + Style(bold=True) if look.bold else role(look.role)
    into_running = look.bold and look.role is Role.RUN
    pieces = [
        (look.glyph, glyph)
        if cell.kind is RailKind.NODE
        else (cell.character, role(Role.RUN) if into_running and _leads_in(cell) else _shade(role, is_bright))
        for cell, is_bright in zip(rail.cells, bright, strict=True)
    ]
    if len(rail.cells) < rails.width:
        pieces.append((" " * (rails.width - len(rail.cells)), PLAIN))
    return pieces


def _leads_in(cell: RailCell) -> bool:
    return bool(cell.sources) and cell.kind in (RailKind.LINK, RailKind.JOIN)


def _shade(role: Styles, is_bright: bool) -> Style:
    return PLAIN if is_bright else role(Role.IDLE)
