"""A pane without a frame: a title line and rows below, drawn by lines; only visible ones are laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from rich.style import Style
from textual._styles_cache import StylesCache
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from skafos_tui.text.glyphs import ASCII
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import cell_width, clip
from skafos_tui.tui.command import Fact
from skafos_tui.tui.theme import Role

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp

FOCUS = "▌"
Piece = tuple[str, Style]
_ASCII = ASCII | str.maketrans({FOCUS: ">", "█": "#", "▒": "=", "░": "-"})
BOLD = Style(bold=True)
PLAIN = Style()
_cells = lru_cache(4096)(cell_width)
"""Rails, glyphs and words come again and again."""


class _BareLines(StylesCache):
    """Textual's cache of lines without what it puts around each.

    Ours have their width and their styles, and neither border nor padding, opacity, tint nor hatch: what looks for
    those in every line takes half of the time of a frame.
    """

    def render_line(
        self,
        _styles: object,
        y: int,
        _size: object,
        _content_size: object,
        _padding: object,
        _base_background: object,
        _background: object,
        render_content_line: Callable[[int], Strip],
        *_rest: object,
    ) -> Strip:
        return render_content_line(y)


class Lines(Widget, inherit_bindings=False):
    """A widget drawn by lines in the roles of the theme; its style sheet gives it a place and a size, nothing else."""

    _base: Style | None = None

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._styles_cache = _BareLines()

    @property
    def skafos(self) -> SkafosApp:
        """Our app, with its colours and its clock."""
        return cast("SkafosApp", self.app)

    def role(self, role: Role, *, bold: bool = False) -> Style:
        """The style of a role."""
        style = self.skafos.roles[role]
        return style + BOLD if bold else style

    def notify_style_update(self) -> None:
        """The theme or a pseudo class has changed."""
        self._base = None
        super().notify_style_update()

    def _base_style(self) -> Style:
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def strip(self, pieces: Iterable[Piece]) -> Strip:
        """One line of exactly the widget's width; what is longer is cut, and nothing in it controls a terminal."""
        base, width, used = self._base_style(), self.size.width, 0
        ascii_only = self.skafos.ascii
        segments = []
        for text, style in pieces:
            shown = text if text.isprintable() else plain(text)
            if ascii_only:
                shown = shown.translate(_ASCII)
            cells = _cells(shown)
            if used + cells > width:
                shown = clip(shown, width - used).translate(_ASCII) if ascii_only else clip(shown, width - used)
                cells = _cells(shown)
            if shown:
                segments.append(Segment(shown, base + style))
                used += cells
            if used >= width:
                break
        if used < width:
            segments.append(Segment(" " * (width - used), base))
        return Strip(segments, width)


class Pane(Lines, can_focus=True):
    """A pane of the dashboard; `number` is its key. Subclasses give `heading` and `row`."""

    class Focused(Message):
        """A click has come to this pane."""

        def __init__(self, pane: Pane) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, number: int, name: str, *, id: str) -> None:
        super().__init__(id=id)
        self.number = number
        self.label = name

    def heading(self) -> list[Piece]:
        """What stands behind the title, in the title line."""
        return []

    def facts(self) -> dict[Fact, bool]:
        """What is so here, where that differs from the dashboard as a whole."""
        return {}

    def row(self, number: int) -> list[Piece]:
        """The pieces of a row below the title, from 0."""
        return []

    def render_line(self, y: int) -> Strip:
        """The title, or a row."""
        return self.title_strip() if y == 0 else self.strip(self.row(y - 1))

    def title_strip(self) -> Strip:
        """The title line: bold and marked where the keys go to this pane."""
        title = f"{self.number} {self.label}"
        style = BOLD if self.has_focus else self.role(Role.IDLE)
        return self.strip([(FOCUS if self.has_focus else " ", style), (title, style), *self.heading()])

    def refresh_row(self, number: int) -> None:
        """Draw one row anew."""
        if 0 <= number < self.size.height - 1:
            self.refresh(Region(0, number + 1, self.size.width, 1))

    def watch_has_focus(self, _focused: bool) -> None:
        """The title tells where the keys go."""
        super().watch_has_focus(_focused)
        if self.is_mounted:
            self.refresh(Region(0, 0, self.size.width, 1))


class EmptyPane(Pane):
    """A titled pane that has nothing to show yet."""
