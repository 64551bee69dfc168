"""Why a text is not YAML, in words that say what would be right, with a fix where one makes it YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from skafos_tui.config.nodes import NodeError, compose
from skafos_tui.config.places import Places, short
from skafos_tui.model.diagnostic import Edit, Fix

_DASH = re.compile(r"([ ]*)-([ ]+|$)")
_NO_SPACE = re.compile(r"[ ]*(?:-[ ]+)*[A-Za-z_][\w-]*(:)(?=[^\s:/\\])")
_KEY_VALUE = re.compile(r"([ ]*(?:-[ ]+)*[\w -]*?\w:[ ]+)([^\s\"'#].*?)([ ]+#.*)?$")
_ITEM = re.compile(r"([ ]*-[ ]+)([^\s\"'#-].*?)([ ]+#.*)?$")


def explain(text: str, error: NodeError) -> tuple[NodeError, Fix | None]:
    """The error in better words and at a better place, and an edit after which the text is YAML.

    Each idea (a tab, a dash out of line, a missing space, a value that needs quotes) counts only if the text with
    it composes.
    """
    if error.code != "yaml-syntax":
        return error, None
    places = Places(text)
    for message, start, end, fix in _ideas(text, places, error.start):
        if _composes(text, fix):
            return NodeError("yaml-syntax", message, start, end), fix
    return NodeError("yaml-syntax", f"this is not YAML: {error.message}", error.start, error.end), None


def _composes(text: str, fix: Fix) -> bool:
    for edit in sorted(fix.edits, key=lambda each: each.start, reverse=True):
        text = text[: edit.start] + edit.replacement + text[edit.end :]
    try:
        compose(text)
    except NodeError:
        return False
    return True


Idea = tuple[str, int, int, Fix]


def _ideas(text: str, places: Places, offset: int) -> Iterator[Idea]:
    """What may be wrong on the line of the error, then on the nearest line with content before it."""
    lines = [places.line_start(min(offset, len(text)))]
    start = lines[0]
    while start > 0 and len(lines) < 2:
        start = places.line_start(start - 1)
        if places.line_text(start).strip():
            lines.append(start)
    for start in lines:
        line = places.line_text(start)
        yield from _tabs(start, line)
        yield from _dash(text, places, start, line)
        yield from _no_space(start, line)
        yield from _needs_quotes(start, line)


def _tabs(start: int, line: str) -> Iterator[Idea]:
    lead = line[: len(line) - len(line.lstrip(" \t-"))]
    if "\t" not in lead:
        return
    at = start + lead.index("\t")
    for width in (2, 4, 8):
        spaces = lead.replace("-\t", "- ").replace("\t", " " * width)
        fix = Fix("Replace the tabs by spaces", (Edit(start, start + len(lead), spaces),))
        yield "a tab can't indent in YAML; use spaces", at, at + 1, fix


def _dash(text: str, places: Places, start: int, line: str) -> Iterator[Idea]:
    """A `-` that stands beside the column of the list's other items."""
    match = _DASH.match(line)
    if match is None:
        return
    column, tried = len(match[1]), {len(match[1])}
    before = start
    while before > 0 and len(tried) < 4:
        before = places.line_start(before - 1)
        other = _DASH.match(places.line_text(before))
        if other is None or len(other[1]) in tried:
            continue
        wanted = len(other[1])
        tried.add(wanted)
        message = f"this `-` stands in column {column + 1}, the list's other items in column {wanted + 1}; align it"
        # The key behind the dash keeps its column where it can: its further keys are below it.
        behind = max(1, len(match[0]) - wanted - 1)
        for gap in (behind, len(match[2]) or 1):
            title = f"Move the `-` to column {wanted + 1}"
            fix = Fix(title, (Edit(start, start + match.end(), f"{' ' * wanted}-{' ' * gap}"),))
            yield message, start + column, start + column + 1, fix


def _no_space(start: int, line: str) -> Iterator[Idea]:
    match = _NO_SPACE.match(line)
    if match is not None:
        at = start + match.end(1)
        fix = Fix("Add a space after the colon", (Edit(at, at, " "),))
        yield "a space is missing after this `:`", at - 1, at, fix


def _needs_quotes(start: int, line: str) -> Iterator[Idea]:
    for pattern in (_KEY_VALUE, _ITEM):
        match = pattern.match(line)
        if match is None:
            continue
        value = match[2]
        quoted = f'"{value}"' if "\\" not in value and '"' not in value else "'" + value.replace("'", "''") + "'"
        at = start + match.start(2)
        fix = Fix("Put the text in quotes", (Edit(at, at + len(value), quoted),))
        yield f"this text needs quotes in YAML: {short(quoted)}", at, at + len(value), fix
