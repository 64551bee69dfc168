"""Beside the config's text: its findings, when the job at the cursor fires next, and what a save would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from skafos_tui.text.durations import relative
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import cell_width, clip
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.beside_facts import FireFacts, PlanFacts
from skafos_tui.tui.widgets.pane import BOLD, PLAIN, Lines, Piece

if TYPE_CHECKING:
    from skafos_tui.tui.editor.findings import Placed

WIDE = 60
"""From here on a finding has one line."""
SIGNS = {"error": ("✗", Role.BAD), "warning": ("!", Role.WARN), "info": ("·", Role.IDLE)}


@dataclass(frozen=True, slots=True)
class Row:
    """One line, and the place in the text (row and column from 0) that a click on it leads to."""

    pieces: tuple[Piece, ...]
    leads_to: tuple[int, int] | None = None


class Beside(Lines):
    """Lays out what it is given; only a change of it is drawn."""

    class Chosen(Message):
        """A finding was clicked."""

        def __init__(self, place: tuple[int, int]) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, id: str = "beside-lines") -> None:
        super().__init__(id=id)
        self._findings: tuple[Placed, ...] = ()
        self._fires: FireFacts | None = None
        self._plan = PlanFacts()
        self._rows: list[Row] | None = None

    def show(
        self,
        *,
        findings: tuple[Placed, ...] | None = None,
        fires: FireFacts | None = None,
        plan: PlanFacts | None = None,
    ) -> None:
        """Show these parts anew; the others stay."""
        before = self._findings, self._fires, self._plan
        self._findings = self._findings if findings is None else findings
        self._fires = self._fires if fires is None else fires
        self._plan = self._plan if plan is None else plan
        if before != (self._findings, self._fires, self._plan):
            self.lay_out_anew()

    def lay_out_anew(self) -> None:
        """The facts, the size or the colours have changed."""
        self._rows = None
        self.refresh()

    def tick(self) -> None:
        """Distances may read otherwise now: only then something is drawn."""
        before, self._rows = self._rows, None
        if before is None or self._laid_out() != before:
            self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        self.lay_out_anew()

    def on_click(self, event: events.Click) -> None:
        rows = self._laid_out()
        if 0 <= event.y < len(rows) and (place := rows[event.y].leads_to) is not None:
            self.post_message(self.Chosen(place))

    def render_line(self, y: int) -> Strip:
        rows = self._laid_out()
        return self.strip(rows[y].pieces if y < len(rows) else [])

    def _laid_out(self) -> list[Row]:
        if self._rows is None:
            width, height = self.size
            parts = [self._finding_rows(width), self._fire_rows(width), self._plan_rows(width)]
            self._rows = together(parts, height, self.role(Role.IDLE))
        return self._rows

    # Parts

    def _title(self, title: str, rest: str, width: int, role: Role = Role.IDLE) -> list[Row]:
        """A title and what stands behind it, on two lines at most."""
        style, indent = self.role(role), len(title) + 2
        lines = wrap(rest, width - indent - 1, 2)
        first = Row(((f" {title} ", BOLD), (lines[0], style)))
        return [first, *(Row(((" " * indent, PLAIN), (line, style))) for line in lines[1:])]

    def _finding_rows(self, width: int) -> list[Row]:
        listed = sorted(self._findings, key=lambda item: (item.is_old, item.row, item.start))
        rows = self._title("FINDINGS", str(len(listed)) if listed else "none", width)
        for item in listed:
            sign, role = SIGNS[str(item.finding.severity)]
            style = self.role(Role.IDLE if item.is_old else role)
            place = (item.row, item.start)
            lines = wrap(f"{item.finding.code}: {item.finding.message}", width - 8, 1 if width >= WIDE else 2)
            for number, line in enumerate(lines):
                lead = f" {sign}{item.row + 1:>5} " if number == 0 else " " * 8
                rows.append(Row(((lead, style), (line, self.role(Role.IDLE) if item.is_old else PLAIN)), place))
        return rows

    def _fire_rows(self, width: int) -> list[Row]:
        facts = self._fires
        if facts is None:
            return self._title("NEXT", "no job at the cursor", width)
        rows = self._title("NEXT", fires_of(facts), width)
        for line, role in fire_lines(facts, self.skafos.now()):
            indent = "   " if role is Role.WARN else " "
            for part in wrap(line, width - len(indent) - 1, 3):
                rows.append(Row(((indent + part, PLAIN if role is None else self.role(role)),)))
        return rows

    def _plan_rows(self, width: int) -> list[Row]:
        plan = self._plan
        is_bad = plan.problem.startswith("not applied")
        rows = self._title("PLAN", plan.problem or plan.words, width, Role.WARN if is_bad else Role.IDLE)
        for line in plan.lines:
            rows += [
                Row(((f" {'  ' if number else ''}{part}", PLAIN),))
                for number, part in enumerate(wrap(line, width - 4, 3))
            ]
        return rows


def fires_of(facts: FireFacts) -> str:
    """Whose fires these are, and on which clock."""
    if not facts.name:
        return facts.why_none or "no job at the cursor"
    if not facts.schedule:
        return f"{facts.name}: {facts.why_none}"
    zone = facts.preview.zone if facts.preview is not None else ""
    return f"{facts.name}  {zone}"


def fire_lines(facts: FireFacts, now: float, *, with_remark: bool = False) -> list[tuple[str, Role | None]]:
    """The coming fires as lines, what is special about one below it in a warning role; `now` is in Unix seconds.

    `with_remark`: also what the next clock change does, which is a finding of the validation, too.
    """
    from skafos_tui.config.zones import zone_named

    shown = facts.preview
    if shown is None:
        return []
    lines: list[tuple[str, Role | None]] = []
    if facts.why_none:
        lines.append((facts.why_none, Role.WARN))
    elif facts.paused:
        lines.append(("its schedule is paused", Role.WARN))
    if shown.problem:
        return [*lines, (shown.problem, Role.BAD)]
    said: set[str] = set()
    for number, fire in enumerate(shown.fires):
        there, here = fire.astimezone(zone_named(shown.zone)), fire.astimezone()
        text = f"{there:%a %d %b %H:%M}"
        if here.utcoffset() != there.utcoffset():
            text += f"  here {here:%H:%M}" if here.date() == there.date() else f"  here {here:%a %H:%M}"
        lines.append((f"{text}  {relative(fire.timestamp(), now)}", None))
        for words in [shown.notes[number], *(facts.clashes[number] if facts.clashes else ())]:
            if words and words not in said:
                said.add(words)
                lines.append((words, Role.WARN))
    if shown.remark and with_remark:
        lines.append((shown.remark, Role.WARN))
    return lines


def together(parts: Sequence[list[Row]], height: int, faint: Style) -> list[Row]:
    """The parts one below the other, each with a blank line before it if there is room; what has no room is counted."""
    apart = sum(map(len, parts)) + len(parts) - 1 <= height
    if not apart:
        shares = _shares([len(part) for part in parts], height)
        parts = [_cut(part, share, faint) for part, share in zip(parts, shares, strict=True)]
    rows: list[Row] = []
    for part in parts:
        rows += [Row(())] if apart and rows else []
        rows += part
    return rows


def _shares(wanted: list[int], height: int) -> list[int]:
    """How many rows each part gets: the smaller ones all they want, the larger ones what is left, evenly."""
    shares = [0] * len(wanted)
    left = height
    order = sorted(range(len(wanted)), key=lambda n: wanted[n])
    for done, part in enumerate(order):
        shares[part] = min(wanted[part], left // (len(order) - done))
        left -= shares[part]
    return shares


def _cut(part: list[Row], rows: int, faint: Style) -> list[Row]:
    if len(part) <= rows:
        return part
    if rows < 3:
        return part[:rows]
    return [*part[: rows - 1], Row(((f"   … {len(part) - rows + 1} more lines", faint),))]


def wrap(text: str, width: int, most: int) -> list[str]:
    """A text on at most so many lines of a width, cut with `…`; harmless to a terminal."""
    lines: list[str] = []
    words = plain(text).split(" ")
    while words and len(lines) < most:
        line = words.pop(0)
        while words and cell_width(line) + 1 + cell_width(words[0]) <= width:
            line += f" {words.pop(0)}"
        lines.append(line)
    if words:
        lines[-1] = f"{lines[-1]} {' '.join(words)}"
    return [clip(line, max(width, 0)) for line in lines]
