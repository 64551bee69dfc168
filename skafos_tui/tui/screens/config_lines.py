"""The lines around the config editor's text: what is open, what was found at the cursor, what the disk says."""

from __future__ import annotations

from dataclasses import dataclass

from textual.strip import Strip

from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import cell_width, clip
from skafos_tui.tui.editor.config_text import MARKS
from skafos_tui.tui.editor.findings import Placed
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.pane import BOLD, PLAIN, Lines, Piece


@dataclass(frozen=True, slots=True)
class TitleFacts:
    """What the title says: `state` is one word or two, `found` counts findings."""

    name: str
    file: str
    state: str
    found: str
    has_errors: bool
    line: int
    column: int


class TitleLine(Lines):
    """Which file is open, whether it is saved, how many findings it has, where the cursor is."""

    facts = TitleFacts("", "", "", "", False, 1, 1)

    def show(self, facts: TitleFacts) -> None:
        """Say this."""
        if facts != self.facts:
            self.facts = facts
            self.refresh()

    def render_line(self, y: int) -> Strip:
        facts = self.facts
        place = f"{facts.line}:{facts.column} "
        found: Piece = (facts.found, self.role(Role.BAD if facts.has_errors else Role.WARN, bold=facts.has_errors))
        pieces: list[Piece] = [
            (" CONFIG ", BOLD),
            (clip(plain(facts.name), 24), PLAIN),
            (f"  {clip(plain(facts.file), 30)}", self.role(Role.IDLE)),
            (f"  {facts.state}" if facts.state else "", self.role(Role.WARN)),
            ("  ", PLAIN),
            found,
        ]
        room = self.size.width - sum(cell_width(text) for text, _ in pieces) - cell_width(place)
        return self.strip([*pieces, (" " * max(1, room), PLAIN), (place, self.role(Role.IDLE))])


class StateLine(Lines):
    """The findings at the cursor: the worst in words, its fix, how many more there are."""

    items: tuple[Placed, ...] = ()
    can_fix = True

    def show(self, items: tuple[Placed, ...], *, can_fix: bool) -> None:
        """Say this, the worst finding first."""
        if (items, can_fix) != (self.items, self.can_fix):
            self.items, self.can_fix = items, can_fix
            self.refresh()

    def render_line(self, y: int) -> Strip:
        if not self.items:
            return self.strip([])
        item = self.items[0]
        sign, role = MARKS[item.finding.severity]
        style = self.role(Role.IDLE if item.is_old else role)
        head = f" {sign} {item.finding.code} "
        lines = wrapped(plain(item.finding.message), self.size.width - cell_width(head) - 1, self._tail())
        if y >= len(lines):
            return self.strip([])
        lead = head if y == 0 else " " * cell_width(head)
        return self.strip([(lead, style + BOLD), (lines[y], style if item.is_old else PLAIN)])

    def _tail(self) -> str:
        """The fix that `ctrl+t` takes, and how many more findings there are."""
        more = f"  (+{len(self.items) - 1})" if len(self.items) > 1 else ""
        fix = next((item.finding.fix for item in self.items if item.finding.fix is not None), None)
        return f"{more}  ctrl+t: {plain(fix.title)}" if fix is not None and self.can_fix else more


class BannerLine(Lines):
    """One line that stays until what it says is over; nothing where it says nothing."""

    words = ""

    def show(self, words: str) -> None:
        """Say this, or nothing any more."""
        self.words = words
        self.display = bool(words)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        return self.strip([(f" {self.words}", self.role(Role.WARN, bold=True))])


def wrapped(text: str, width: int, tail: str = "") -> list[str]:
    """A sentence on at most two lines, what follows it at the end of the last; the sentence is cut, not the tail."""
    if width < 1:
        return []
    if cell_width(text) + cell_width(tail) <= width:
        return [text + tail]
    if cell_width(text) <= width:
        return [text, clip(tail.lstrip(), width)]
    first = clip(text, width)
    at = first.rfind(" ")
    first = first[:at] if at > width // 2 else first.removesuffix("…")
    rest = text[len(first) :].lstrip()
    room = width - cell_width(tail)
    if cell_width(rest) > room:
        rest = clip(rest, max(room, width // 3))
    return [first, clip(rest + tail, width)]
