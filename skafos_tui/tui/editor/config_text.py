"""The buffer of the config editor: a TextArea that keeps bytes, indents like YAML and marks findings."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual._text_area_theme import TextAreaTheme
from textual.cache import LRUCache
from textual.document._document import EditResult, Location, Selection
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.strip import Strip
from textual.widgets import TextArea

from skafos_tui.config.editing import apply_edits
from skafos_tui.model.diagnostic import Edit, Severity
from skafos_tui.tui.editor.document import ConfigDocument, split_lines
from skafos_tui.tui.editor.findings import Placed, moved, worst_of
from skafos_tui.tui.editor.indent import STEP, next_indent
from skafos_tui.tui.theme import Role

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp

MARKS = {Severity.ERROR: ("✗", Role.BAD), Severity.WARNING: ("!", Role.WARN), Severity.INFO: ("·", Role.IDLE)}
"""The gutter's sign of a finding."""
ABOVE = 2
"""So many rows stand above what was gone to."""
_AHEAD = 60
"""So many rows are looked up in the syntax tree at once."""
_KEPT_STEPS = 10_000
_HARMLESS = dict.fromkeys((*range(9), *range(10, 32), *range(127, 160), 1564, 65279), "�")
_HARMLESS |= dict.fromkeys((*range(8206, 8208), *range(8232, 8239), *range(8294, 8298)), "�")
"""What a terminal could act on is drawn as one sign in its place."""
_MOVES: Mapping[str, tuple[str, bool]] = {
    "up": ("cursor_up", False),
    "down": ("cursor_down", False),
    "left": ("cursor_left", False),
    "right": ("cursor_right", False),
    "ctrl+left": ("cursor_word_left", False),
    "ctrl+right": ("cursor_word_right", False),
    "home": ("cursor_line_start", False),
    "end": ("cursor_line_end", False),
    "shift+up": ("cursor_up", True),
    "shift+down": ("cursor_down", True),
    "shift+left": ("cursor_left", True),
    "shift+right": ("cursor_right", True),
    "shift+home": ("cursor_line_start", True),
    "shift+end": ("cursor_line_end", True),
}
"""Keys to TextArea's actions, and whether they select."""
_GOES: Mapping[str, str] = {
    "pageup": "cursor_page_up",
    "pagedown": "cursor_page_down",
    "ctrl+u": "half_page_up",
    "ctrl+d": "half_page_down",
    "ctrl+home": "to_start",
    "ctrl+end": "to_end",
    "f7": "select_all",
}
_EDITS: Mapping[str, str] = {
    "enter": "new_line",
    "tab": "indent",
    "shift+tab": "outdent",
    "backspace": "delete_left",
    "delete": "delete_right",
    "ctrl+w": "delete_word_left",
    "ctrl+k": "delete_lines",
    "ctrl+x": "cut",
    "ctrl+v": "paste",
    "ctrl+z": "undo",
    "ctrl+y": "redo",
}


def is_text_key(key: str, *, read_only: bool) -> bool:
    """Whether a key of a command means something else in the text: it is typed, moves the cursor or edits."""
    if key in _MOVES or key in _GOES:
        return True
    return not read_only and (len(key) == 1 or " " in key or key in _EDITS)


class _Unwrapped(WrappedDocument):
    """Lines as they are; its height is asked for with every line that is drawn."""

    @property
    def height(self) -> int:
        return len(self._wrap_offsets)


class ConfigText(TextArea, inherit_bindings=False):
    """The text of a config under the fingers; `revision` counts every change of it.

    `takers` are asked first about every key: one that says True has taken it.
    """

    BINDINGS: ClassVar = []
    revision = 0

    def __init__(self, *, read_only: bool = False, id: str = "buffer") -> None:
        self._known_rows: set[int] = set()
        self._marks: dict[int, list[Placed]] = {}
        self._strips: LRUCache[Hashable, Strip] = LRUCache(512)
        self.takers: list[Callable[[events.Key], bool]] = []
        self.movers: list[Callable[[Location, Location, Location], None]] = []
        super().__init__(
            "", soft_wrap=False, show_line_numbers=True, read_only=read_only, max_checkpoints=_KEPT_STEPS, id=id
        )
        self.cursor_blink = False
        self.indent_width = STEP

    @property
    def skafos(self) -> SkafosApp:
        """Our app, with its colours."""
        return cast("SkafosApp", self.app)

    @property
    def config(self) -> ConfigDocument:
        """The document, which knows offsets, line breaks and the syntax tree."""
        assert isinstance(self.document, ConfigDocument)
        return self.document

    @property
    def cursor_index(self) -> int:
        """The offset of the cursor in the text."""
        return self.config.offset_of(self.cursor_location)

    def on_mount(self) -> None:
        self.restyle()

    def restyle(self) -> None:
        """Take the colours of the app's roles."""
        roles = self.skafos.roles
        styles = {
            "key": roles[Role.RUN],
            "number": roles[Role.OK],
            "constant": roles[Role.OK],
            "reference": roles[Role.WARN],
            "mark": roles[Role.IDLE],
            "comment": roles[Role.IDLE],
        }
        self.register_theme(TextAreaTheme("skafos", syntax_styles=styles))
        self.theme = "skafos"

    def load(self, text: str) -> None:
        """Begin with a text: nothing can be undone."""
        self.load_text(text)
        self.revision += 1

    def apply(self, edits: Sequence[Edit], *, select: tuple[int, int] | None = None) -> None:
        """Make edits, whose offsets are those of the text now and which are sorted, in one step of undo.

        The cursor stays at its text; `select` are two offsets of the new text to select instead. ValueError as in
        `apply_edits`.
        """
        before = self.text
        changing = [edit for edit in edits if before[edit.start : edit.end] != edit.replacement]
        after = apply_edits(before, edits)
        if changing:
            first, last = changing[0].start, changing[-1].end
            inserted = after[first : len(after) - (len(before) - last)]
            anchor, cursor = (self._after(edits, place) for place in self.selection)
            config = self.config
            self.history.checkpoint()
            self.replace(inserted, config.location_of(first), config.location_of(last))
            self.history.checkpoint()
            self.selection = Selection(self.config.location_of(anchor), self.config.location_of(cursor))
        if select is not None:
            start, end = (self.config.location_of(offset) for offset in select)
            self.selection = Selection(start, end)
        self.record_cursor_width()

    def mark(self, start: int, end: int) -> None:
        """Select the stretch between two offsets, and show it."""
        self.selection = Selection(self.config.location_of(start), self.config.location_of(end))
        self.history.checkpoint()
        self.record_cursor_width()

    def go_to_row(self, row: int, column: int = 0) -> None:
        """Put the cursor there, in the middle of the screen."""
        self.move_cursor((row, column), center=True)

    def go_near_top(self, row: int) -> None:
        """Put the cursor there, so that most of what is seen stands below it."""
        self.go_to_row(row)
        # What stands beside the text may still take room; the top of the text stays where it is.
        self.call_after_refresh(self.scroll_to, y=max(0, row - ABOVE), animate=False, immediate=True)

    @property
    def marks(self) -> tuple[Placed, ...]:
        """The findings where they stand now, row by row."""
        return tuple(item for row in sorted(self._marks) for item in self._marks[row])

    def show_findings(self, marks: Iterable[Placed]) -> None:
        """Mark these findings in the text and beside it."""
        self._place(marks)
        self.refresh()

    def findings_in(self, row: int) -> Sequence[Placed]:
        """The findings of a row."""
        return self._marks.get(row, ())

    # What TextArea leaves to its heirs

    def _set_document(self, text: str, language: str | None) -> None:
        self.document = ConfigDocument(text, self._moved)
        self.wrapped_document = _Unwrapped(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def _build_highlight_map(self) -> None:
        """Nothing is known of any row now; the rows that are drawn are looked up then."""
        self._highlights.clear()
        self._known_rows.clear()

    def notify_style_update(self) -> None:
        """Colours have changed."""
        self._strips.clear()
        super().notify_style_update()

    def get_line(self, line_index: int) -> Text:
        line = Text(self.document.get_line(line_index).translate(_HARMLESS), end="", no_wrap=True)
        for item in self.findings_in(line_index):
            if not item.is_old:
                role = MARKS[item.finding.severity][1]
                line.stylize(self.skafos.roles[role] + Style(underline=True), item.start, max(item.start + 1, item.end))
        return line

    def render_line(self, y: int) -> Strip:
        """A row; one that looks as it did is not made again, wherever the text around it changed."""
        row = y + self.scroll_offset.y
        if row >= self.document.line_count:
            return Strip.blank(self.size.width, self.rich_style)
        self._look_up(row)
        top, bottom = sorted(self.selection)
        marked = self.selection if top[0] <= row <= bottom[0] else None
        marks = self.findings_in(row)
        bracket = self._matching_bracket_location
        key = (
            (row, self.document.get_line(row), tuple(self._highlights[row]), tuple(marks)),
            (marked, bracket if bracket is not None and row in (bracket[0], self.cursor_location[0]) else None),
            (self.size, self.virtual_size.width, self.scroll_offset.x, self.gutter_width, self._draw_cursor),
        )
        found = self._strips.get(key)
        if found is None:
            strip = self._render_line(y)
            found = Strip.join([self._gutter_strip(row, marks), strip.crop(self.gutter_width)])
            self._strips[key] = found
        return found

    def _replace_via_keyboard(self, insert: str, start: Location, end: Location) -> EditResult | None:
        lines, _ = split_lines(insert)
        return super()._replace_via_keyboard(self.config.usual_newline.join(lines), start, end)

    async def _on_key(self, event: events.Key) -> None:
        """Moving and editing; what is no text and does neither goes on to the screen."""
        if any(taker(event) for taker in self.takers) or self._pressed(event.key):
            event.stop()
            event.prevent_default()

    def _pressed(self, key: str) -> bool:
        if key in _MOVES:
            name, select = _MOVES[key]
            getattr(self, f"action_{name}")(select)
            return True
        name = _GOES.get(key) or ("" if self.read_only else _EDITS.get(key, ""))
        if name:
            getattr(self, f"action_{name}")()
        return bool(name)

    # What keys do

    def action_new_line(self) -> None:
        """A new line, indented for what may stand there."""
        start, end = sorted(self.selection)
        line = self.document.get_line(start[0])
        rest = self.document.get_line(end[0])[end[1] :]
        blanks = len(rest) - len(rest.lstrip(" ")) if rest.strip() else 0
        self._replace_via_keyboard("\n" + next_indent(line[: start[1]]), start, (end[0], end[1] + blanks))

    def action_indent(self) -> None:
        """Two blanks; several marked lines are indented."""
        start, end = sorted(self.selection)
        if start[0] == end[0]:
            self._replace_via_keyboard(" " * STEP, start, end)
            return
        rows = (row for row in self._marked_rows() if self.document.get_line(row).strip())
        offsets = (self.config.offset_of((row, 0)) for row in rows)
        self.apply([Edit(offset, offset, " " * STEP) for offset in offsets])

    def action_outdent(self) -> None:
        """Take two blanks from the beginning of the marked lines."""
        edits = []
        for row in self._marked_rows():
            line, offset = self.document.get_line(row), self.config.offset_of((row, 0))
            blanks = min(STEP, len(line) - len(line.lstrip(" ")))
            edits.append(Edit(offset, offset + blanks, ""))
        self.apply(edits)

    def action_delete_lines(self) -> None:
        """Delete the line of the cursor, or all marked ones."""
        self.action_delete_line()

    def action_half_page_up(self) -> None:
        """Half a page up."""
        self.move_cursor_relative(rows=-max(1, self.size.height // 2))

    def action_half_page_down(self) -> None:
        """Half a page down."""
        self.move_cursor_relative(rows=max(1, self.size.height // 2))

    def action_to_start(self) -> None:
        """To the first line."""
        self.move_cursor((0, 0))

    def action_to_end(self) -> None:
        """To the last line."""
        self.move_cursor(self.document.end)

    # Inside

    def _marked_rows(self) -> Iterator[int]:
        start, end = sorted(self.selection)
        last = end[0] - 1 if end[1] == 0 and end[0] > start[0] else end[0]
        yield from range(start[0], last + 1)

    def _moved(self, top: Location, bottom: Location, new_end: Location) -> None:
        self.revision += 1
        if self._marks and (top[0] in self._marks or not top[0] == bottom[0] == new_end[0]):
            self._place(moved(self.marks, top, bottom, new_end))
        for mover in self.movers:
            mover(top, bottom, new_end)

    def _place(self, marks: Iterable[Placed]) -> None:
        self._marks = {}
        for item in marks:
            self._marks.setdefault(item.row, []).append(item)

    def _after(self, edits: Sequence[Edit], place: Location) -> int:
        """The offset that a place has once edits are made."""
        offset = self.config.offset_of(place)
        shift = 0
        for edit in edits:
            if edit.end <= offset and edit.start < offset:
                shift += len(edit.replacement) - (edit.end - edit.start)
            elif edit.start < offset:
                return edit.start + shift + min(offset - edit.start, len(edit.replacement))
        return offset + shift

    def _look_up(self, row: int) -> None:
        """What the row and its neighbours consist of, if that isn't known."""
        if row in self._known_rows or row >= self.document.line_count:
            return
        from skafos_tui.tui.editor.syntax import stretches

        first, last = row, min(row + _AHEAD, self.document.line_count - 1)
        self._known_rows.update(range(first, last + 1))
        tree = self.config.tree
        for found in range(first, last + 1):
            self._highlights[found] = []
        if tree is not None:
            self._highlights.update(stretches(tree, first, last))

    def _gutter_strip(self, row: int, marks: Sequence[Placed]) -> Strip:
        """The sign of the worst finding, and the line's number."""
        width, roles = self.gutter_width, self.skafos.roles
        worst = worst_of(marks)
        sign, style = " ", Style()
        if worst is not None:
            sign, role = MARKS[worst.finding.severity]
            sign = {"✗": "X", "·": "."}.get(sign, sign) if self.skafos.ascii else sign
            style = roles[Role.IDLE] if worst.is_old else roles[role] + Style(bold=True)
        number = Style(bold=True) if row == self.cursor_location[0] else roles[Role.IDLE]
        base = self.rich_style
        return Strip([Segment(sign, base + style), Segment(f"{row + 1:>{width - 2}} ", base + number)], width)
