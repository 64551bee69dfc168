"""Completion under the fingers: when the list opens, what Tab takes, and what closes it."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.geometry import Offset

from skafos_tui.model.diagnostic import Edit
from skafos_tui.text.tables import cell_width
from skafos_tui.tui.editor.complete import Known, Suggestion, suggestions
from skafos_tui.tui.editor.complete_list import CompletionList
from skafos_tui.tui.editor.config_text import ConfigText
from skafos_tui.tui.editor.place import Place, Spot, place_at

_ERASING = frozenset(["backspace", "delete", "ctrl+w"])


class Completion:
    """Offers what fits while somebody types in a buffer; `known` gives what values may name."""

    def __init__(self, buffer: ConfigText, shown: CompletionList, known: Callable[[list[str], Place], Known]) -> None:
        self._buffer = buffer
        self._shown = shown
        self._known = known
        self._place: Place | None = None
        self._at = (-1, -1)
        self._revision = -1
        self._is_typed = False
        buffer.takers.append(self._take_key)

    def text_changed(self) -> None:
        """The text is another: go on with what is typed, or close."""
        if not self._is_typed:
            self.close()
            return
        if self._revision != self._buffer.revision:
            self._look(asked=False)

    def cursor_moved(self) -> None:
        """The cursor stands elsewhere: without a change of the text there is nothing to complete any more."""
        if self._shown.is_open and self._revision == self._buffer.revision and self._at != self._buffer.cursor_location:
            self.close()

    def ask(self) -> str:
        """Open the list, or choose the next of it; a remark where nothing fits."""
        if self._buffer.read_only:
            return ""
        if self._shown.is_open:
            self._shown.choose_next()
            return ""
        self._look(asked=True)
        return "" if self._shown.is_open else "nothing to complete here"

    def close(self) -> None:
        """Show no list."""
        self._place = None
        if self._shown.is_open:
            self._shown.close()

    def take(self, chosen: Suggestion) -> None:
        """Write a suggestion in the place of what was typed; a key's values are offered at once."""
        place, row = self._place, self._at[0]
        self.close()
        if place is None:
            return
        config = self._buffer.config
        start, end = config.offset_of((row, place.start)), config.offset_of((row, place.end))
        text = chosen.text.replace("\n", config.usual_newline)
        at = start + len(text) - chosen.back
        self._is_typed = place.spot is Spot.KEY or text.endswith(": ")
        self._buffer.apply([Edit(start, end, text)], select=(at, at))

    def _take_key(self, event: events.Key) -> bool:
        self._is_typed = event.is_printable or (event.key in _ERASING and self._shown.is_open)
        current = self._shown.current
        if current is not None and event.key == "tab":
            self.take(current)
            return True
        if current is not None and event.key == "escape":
            self.close()
            return True
        return False

    def _look(self, *, asked: bool) -> None:
        buffer = self._buffer
        row, column = buffer.cursor_location
        lines = buffer.document.lines
        self._at, self._revision = (row, column), buffer.revision
        self._place = place_at(lines, row, column)
        found: list[Suggestion] = []
        if self._place.spot is not Spot.NOTHING:
            found = suggestions(self._place, self._known(lines, self._place))
            if not asked and not _comes_by_itself(self._place, found):
                found = []
        if found or self._shown.is_open:
            x, y = buffer.cursor_screen_offset
            begun = cell_width(lines[row][self._place.start : column])
            self._shown.offer(tuple(found), Offset(x - begun, y), buffer.screen.size)


def _comes_by_itself(place: Place, found: list[Suggestion]) -> bool:
    """Whether a list opens while one types: there is a beginning of a word, or the value is one of a few."""
    if place.typed:
        return True
    return place.spot is not Spot.KEY and any(each.is_choice for each in found)
