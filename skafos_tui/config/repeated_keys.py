"""Keys that stand twice in a mapping."""

from __future__ import annotations

from skafos_tui.config.nodes import Document, Node
from skafos_tui.config.places import short
from skafos_tui.config.reading import Reading
from skafos_tui.model.diagnostic import Edit, Fix


def report_repeated_keys(reading: Reading, document: Document) -> None:
    """An error for each key that stands twice in a mapping; the fix removes one that says the same again."""
    for key, first in document.repeated_keys:
        line, _ = reading.places.line_column(first.start)
        message = f"`{short(key.text)}` is there already, in line {line}; keep one of them"
        reading.error("duplicate-key", message, key, _without(reading, document.root, key, first))


def _without(reading: Reading, root: Node | None, key: Node, first: Node) -> Fix | None:
    """The removal of the line of a key that repeats another with the same value."""
    text, places = reading.text, reading.places
    start, end = places.line_start(key.start), places.next_line(key.start)
    if root is None or root.style != "block" or text[start : key.start].strip():
        return None
    line = text[key.start : end].rstrip()
    again = text[first.start : places.next_line(first.start)].rstrip()
    pattern = line.partition(":")[2].strip()
    if line != again or not pattern or pattern[0] in "&*|>{[\"'!" or "#" in pattern:
        return None
    following = places.line_text(end) if end < len(text) else ""
    if following[:1] in (" ", "\t") and len(following) - len(following.lstrip()) > key.start - start:
        return None
    return Fix("Remove the repeated line", (Edit(start, end, ""),))
