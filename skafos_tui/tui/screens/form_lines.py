"""The parts of a job's form: its title, its rows, and what is said about the chosen one."""

from __future__ import annotations

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from skafos_tui.config.fields import Kind
from skafos_tui.config.job_form import FormRow
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import clip, pad
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.beside import SIGNS, fire_lines, fires_of, wrap
from skafos_tui.tui.widgets.beside_facts import FireFacts
from skafos_tui.tui.widgets.pane import BOLD, FOCUS, PLAIN, Lines, Piece

_LABELS = 26
_MOST_VALUE = 44
TYPING = "Enter take it  Right take what is suggested  Esc leave it"
KEYS = "Enter type  Space next value  Del remove  ctrl+z undo  ctrl+y redo  Esc back"


class FormTitle(Lines):
    """Whose form it is, and why it can't be changed, if so."""

    name_shown, job_id, reason = "", "", ""

    def show(self, name: str, job_id: str, reason: str) -> None:
        """Say this."""
        if (name, job_id, reason) != (self.name_shown, self.job_id, self.reason):
            self.name_shown, self.job_id, self.reason = name, job_id, reason
            self.refresh()

    def render_line(self, y: int) -> Strip:
        pieces: list[Piece] = [(" FORM ", BOLD), (clip(plain(self.name_shown), 40), PLAIN)]
        if self.reason:
            pieces.append((f"  {plain(self.reason)}", self.role(Role.WARN)))
        else:
            pieces.append((f"  {plain(self.job_id)}", self.role(Role.IDLE)))
        return self.strip(pieces)


class FormRows(Lines, can_focus=True):
    """The rows, one of them chosen; scrolls to keep it in sight."""

    class Chosen(Message):
        """A row was clicked, `twice` where it was chosen before."""

        def __init__(self, number: int, *, twice: bool) -> None:
            super().__init__()
            self.number = number
            self.twice = twice

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.rows: tuple[FormRow, ...] = ()
        self.at = 0
        self._top = 0
        self._is_old = False

    @property
    def current(self) -> FormRow | None:
        """The chosen row."""
        return self.rows[self.at] if self.rows else None

    @property
    def value_region(self) -> Region:
        """Where the value of the chosen row stands on the screen."""
        x, y, width, _ = self.region
        left = 1 + _LABELS + 1
        return Region(x + left, y + self.at - self._top, max(1, width - left - 1), 1)

    def show(self, rows: tuple[FormRow, ...], *, is_old: bool) -> None:
        """Show these rows; the choice stays with its key. `is_old`: the text says nothing now, this is what it said."""
        before = self.current
        self.rows, self._is_old = rows, is_old
        if before is None:
            self.at = next((number for number, row in enumerate(rows) if not row.locked), 0)
        else:
            same = [n for n, row in enumerate(rows) if (row.path, row.is_new) == (before.path, before.is_new)]
            self.at = same[0] if same else min(self.at, max(0, len(rows) - 1))
        self._keep_in_sight()
        self.refresh()

    def move(self, by: int) -> None:
        """Choose the row so many further."""
        self.select(self.at + by)

    def select(self, number: int) -> None:
        """Choose a row."""
        self.at = max(0, min(number, len(self.rows) - 1))
        self._keep_in_sight()
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        self._keep_in_sight()

    def on_click(self, event: events.Click) -> None:
        number = self._top + event.y
        if number < len(self.rows):
            self.post_message(self.Chosen(number, twice=number == self.at))

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self._scroll(3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self._scroll(-3)

    def render_line(self, y: int) -> Strip:
        number = self._top + y
        if number >= len(self.rows):
            return self.strip([])
        return self.strip(self._pieces(self.rows[number], chosen=number == self.at))

    def _pieces(self, row: FormRow, *, chosen: bool) -> list[Piece]:
        idle = self.role(Role.IDLE)
        room = max(8, min(_MOST_VALUE, self.size.width - _LABELS - 22))
        label = f"{row.label} +" if row.is_new else row.label + ("*" if row.required else "")
        shown, style = value_shown(row)
        value_style = idle if style == "idle" or row.locked or self._is_old else PLAIN
        note, note_style = self._note(row)
        return [
            (FOCUS if chosen else " ", BOLD),
            (f"{pad(clip(label, _LABELS), _LABELS)} ", BOLD if chosen else idle if self._is_old else PLAIN),
            (f"{pad(clip(plain(shown), room), room)} ", value_style + (Style(bold=chosen))),
            (note, note_style),
        ]

    def _note(self, row: FormRow) -> tuple[str, Style]:
        if row.findings:
            sign, role = SIGNS[str(row.findings[0].severity)]
            return f"{sign} {plain(row.findings[0].message)}", self.role(role)
        return (plain(row.locked) if row.locked and row.value is not None else ""), self.role(Role.IDLE)

    def _scroll(self, by: int) -> None:
        self._top = max(0, min(self._top + by, len(self.rows) - self.size.height))
        self.refresh()

    def _keep_in_sight(self) -> None:
        height = max(1, self.size.height)
        self._top = max(0, min(max(self._top, self.at - height + 1), self.at, max(0, len(self.rows) - height)))


class FormHelp(Lines):
    """What the chosen key means, what is wrong with it, and when the job fires."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._row: FormRow | None = None
        self._problem = ""
        self._fires: FireFacts | None = None
        self._typing = False

    def show(self, row: FormRow | None, problem: str, *, typing: bool = False) -> None:
        """Tell about this row; `problem` is of what is being typed."""
        self._row, self._problem, self._typing = row, problem, typing
        self.refresh()

    def say(self, problem: str) -> None:
        """Say why something was not done."""
        self._problem = problem
        self.refresh()

    def show_fires(self, fires: FireFacts | None) -> None:
        """Show when the job fires; None: that is not asked for here."""
        self._fires = fires
        self.refresh()

    def render_line(self, y: int) -> Strip:
        lines = self._lines()
        if y == 0:
            return self.strip([("─" * self.size.width, self.role(Role.IDLE))])
        if y == self.size.height - 1:
            return self.strip([(f" {TYPING if self._typing else KEYS}", self.role(Role.IDLE))])
        return self.strip([lines[y - 1]] if y <= len(lines) else [])

    def _lines(self) -> list[Piece]:
        idle, lines, width = self.role(Role.IDLE), [], self.size.width - 2
        row = self._row
        if self._problem:
            lines += [(f" {part}", self.role(Role.BAD)) for part in wrap(self._problem, width, 2)]
        elif row is not None and row.findings and not self._typing:
            role = SIGNS[str(row.findings[0].severity)][1]
            lines += [(f" {part}", self.role(role)) for part in wrap(row.findings[0].message, width, 2)]
        if row is not None:
            lines += [(f" {part}", PLAIN) for part in wrap(about(row), width, 2)]
        if self._fires is not None:
            lines.append((f" NEXT {plain(fires_of(self._fires))}", BOLD))
            is_found = row is not None and bool(row.findings) and not self._typing
            for text, role_of in fire_lines(self._fires, self.skafos.now(), with_remark=not is_found):
                style = PLAIN if role_of is None else self.role(role_of)
                lines += [(f" {'' if role_of is None else '  '}{part}", style) for part in wrap(text, width - 2, 2)]
        return lines or [("", idle)]


def value_shown(row: FormRow) -> tuple[str, str]:
    """A row's value as the form shows it; `idle`, and in brackets, where it is only the default."""
    if row.is_new:
        return "NAME=value", "idle"
    if row.value is not None:
        return row.value, ""
    return (f"({row.field.default})", "idle") if row.field.default else ("–", "idle")


def about(row: FormRow) -> str:
    """What a key means, in a line."""
    words = [row.field.help]
    choices = choices_of(row)
    if choices:
        words.append(f"One of {', '.join(choices)}.")
    if row.field.default:
        words.append(f"Without it: {row.field.default}.")
    elif row.field.example and row.value is None:
        words.append(f"Such as {row.field.example}.")
    if row.locked:
        words.append(f"({row.locked})")
    return " ".join(words)


def choices_of(row: FormRow) -> tuple[str, ...]:
    """The few values a row can have; empty where it can have any."""
    if row.field.kind is Kind.BOOLEAN:
        return ("true", "false")
    return row.field.choices
