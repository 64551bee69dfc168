"""Why a text is not YAML, in words that say what would be right, with a fix where one makes it YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from skafos_tui.config.nodes import NodeError, compose
from skafos_tui.config.places import Places, short
from skafos_tui.model.diagnostic import Edit, Fix

TRIED_CHARACTERS = 4_000_000
"""How much text is composed again in all to find what would be right: a second at most."""
MAX_TABBED_LINES = 2000
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?= |$).*", re.MULTILINE)
_TAB_LEAD = re.compile(r"^[ -]*\t[ \t-]*", re.MULTILINE)
_CLOSING = {"[": "]", "{": "}"}
_LOOKALIKES = {"：": ":", "﹕": ":", "–": "-", "—": "-", "−": "-", "－": "-", "\xa0": " ", "\u3000": " ", "\u200b": " "}
_LOOKALIKE = re.compile(f"[{''.join(_LOOKALIKES)}]")
_NO_DASH_SPACE = re.compile(r"[ ]*-(?=[A-Za-z_][\w-]*:)")
_DOUBLE_QUOTED = re.compile(r"([ ]*(?:-[ ]+)*(?:[\w -]*?\w:[ ]+)?)\"(.*)\"[ ]*(?:[ ]#.*)?$")
_OPEN_BRACKET = re.compile(r"([ ]*(?:-[ ]+)*[\w -]*?\w:[ ]+)([\[{].*?)(?:[ ]+#.*)?[ ]*$")
_KEY = re.compile(r"([ ]*(?:-[ ]+)*)[A-Za-z_][\w -]*:(?:[ ]|$)")
_HAS_COLON = re.compile(r":(?:\s|$)")
_NO_KEY = ("#", "'", '"', "[", "{", "]", "}", "*", "&", "!", "|", ">", "%", "@", "`", "...", "---", "? ", "- ")
_DASH = re.compile(r"([ ]*)-([ ]+|$)")
_NO_SPACE = re.compile(r"[ ]*(?:-[ ]+)*[A-Za-z_][\w-]*(:)(?=[^\s:/\\])")
_KEY_VALUE = re.compile(r"([ ]*(?:-[ ]+)*[\w -]*?\w:[ ]+)([^\s\"'#].*?)([ ]+#.*)?$")
_ITEM = re.compile(r"([ ]*-[ ]+)([^\s\"'#-].*?)([ ]+#.*)?$")


def explain(text: str, error: NodeError) -> tuple[NodeError, Fix | None]:
    """The error in better words and at a better place, and an edit after which the text is YAML.

    Each idea (a tab, a dash out of line, a missing space, a value that needs quotes) counts only if the text with
    it composes; one without an edit only after all others.
    """
    if error.code != "yaml-syntax":
        return error, None
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        message = "a merge conflict is left here; keep one side and remove the marks"
        return NodeError("yaml-syntax", message, conflict.start(), conflict.end()), None
    places = Places(text)
    left = max(4, min(24, TRIED_CHARACTERS // (len(text) + 1)))
    hint: NodeError | None = None
    for message, start, end, fix in _ideas(text, places, error.start):
        if fix is None:
            hint = hint or NodeError("yaml-syntax", message, start, end)
        elif left > 0:
            left -= 1
            if _composes(text, fix):
                return NodeError("yaml-syntax", message, start, end), fix
    return hint or error, None


def _composes(text: str, fix: Fix) -> bool:
    for edit in sorted(fix.edits, key=lambda each: each.start, reverse=True):
        text = text[: edit.start] + edit.replacement + text[edit.end :]
    try:
        compose(text)
    except NodeError:
        return False
    return True


Idea = tuple[str, int, int, Fix | None]


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
        yield from _tabs(text, start, line)
        yield from _dash(text, places, start, line)
        yield from _no_space(start, line)
        yield from _lookalikes(start, line)
        yield from _quotes(start, line)
        yield from _unclosed(start, line)
        yield from _needs_quotes(start, line)
    for start in lines:
        yield from _column(places, start, places.line_text(start))
    for start in reversed(lines):
        line = places.line_text(start)
        if line.strip(" -") and _HAS_COLON.search(line) is None and not line.lstrip().startswith(_NO_KEY):
            at = start + len(line) - len(line.lstrip(" "))
            yield "this line has no `:`; write `key: value`", at, start + len(line.rstrip()), None


def _tabs(text: str, start: int, line: str) -> Iterator[Idea]:
    lead = line[: len(line) - len(line.lstrip(" \t-"))]
    if "\t" not in lead:
        return
    at = start + lead.index("\t")
    message, title = "a tab can't indent in YAML; use spaces", "Replace the tabs by spaces"
    everywhere = list(_TAB_LEAD.finditer(text))[:MAX_TABBED_LINES]
    for width in (2, 4, 8):
        spaces = lead.replace("-\t", "- ").replace("\t", " " * width)
        yield message, at, at + 1, Fix(title, (Edit(start, start + len(lead), spaces),))
        edits = (Edit(m.start(), m.end(), m[0].replace("-\t", "- ").replace("\t", " " * width)) for m in everywhere)
        yield message, at, at + 1, Fix(title, tuple(edits))
    yield message, at, at + 1, None


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
    match = _NO_DASH_SPACE.match(line)
    if match is not None:
        at = start + match.end()
        yield "a space is missing after this `-`", at - 1, at, Fix("Add a space after the dash", (Edit(at, at, " "),))


def _lookalikes(start: int, line: str) -> Iterator[Idea]:
    """A colon, dash or space that only looks like one, as text processors write them."""
    edits = []
    for match in _LOOKALIKE.finditer(line):
        written = {":": ": ", "-": "-"}.get(_LOOKALIKES[match[0]], " ")
        if written == ": " and line[match.end() : match.end() + 1] in (" ", ""):
            written = ":"
        edits.append(Edit(start + match.start(), start + match.end(), written))
    if edits:
        at = edits[0].start
        character = line[at - start]
        message = f"this is U+{ord(character):04X}, which only looks like `{_LOOKALIKES[character]}`; write a plain one"
        yield message, at, at + 1, Fix("Write plain characters", (edits[0],))
        yield message, at, at + 1, Fix("Write plain characters", tuple(edits))


def _quotes(start: int, line: str) -> Iterator[Idea]:
    """Quotes or backslashes inside double quotes: in single quotes they mean themselves."""
    match = _DOUBLE_QUOTED.match(line)
    if match is None:
        return
    inside, at = match[2], start + match.start(2)
    for sign, message in (
        ('"', 'this `"` ends the text; put a text with quotes in it into single quotes'),
        ("\\", "a backslash in double quotes begins an escape; put a text with backslashes into single quotes"),
    ):
        place = inside.find(sign)
        if place >= 0:
            written = "'" + inside.replace("'", "''") + "'"
            fix = Fix("Put the text in single quotes", (Edit(at - 1, at + len(inside) + 1, written),))
            yield message, at + place, at + place + 1, fix


def _unclosed(start: int, line: str) -> Iterator[Idea]:
    """A bracket that is opened on the line and not closed there."""
    match = _OPEN_BRACKET.match(line)
    if match is None or match[2].count(match[2][0]) <= match[2].count(_CLOSING[match[2][0]]):
        return
    opened, value = match[2][0], match[2]
    at, end = start + match.start(2), start + match.start(2) + len(value)
    message = f"the bracket `{opened}` opened here is not closed; add `{_CLOSING[opened]}`"
    yield message, at, at + 1, Fix(f"Add `{_CLOSING[opened]}`", (Edit(end, end, _CLOSING[opened]),))
    yield message, at, at + 1, None


def _column(places: Places, start: int, line: str) -> Iterator[Idea]:
    """A key that stands beside the column of the keys around it."""
    column = len(line) - len(line.lstrip(" "))
    if _KEY.match(line) is None:
        return
    tried, before, wanted = {column}, start, []
    while before > 0 and len(tried) < 5:
        before = places.line_start(before - 1)
        match = _KEY.match(places.line_text(before))
        if match is not None and (other := match.end(1)) not in tried:
            tried.add(other)
            wanted.append(other)
    for other in sorted(wanted, key=lambda each: abs(each - column))[:3]:
        message = f"this key stands in column {column + 1}, those above it in column {other + 1}; align it"
        fix = Fix(f"Move it to column {other + 1}", (Edit(start, start + column, " " * other),))
        yield message, start + column, start + column + 1, fix


def _needs_quotes(start: int, line: str) -> Iterator[Idea]:
    for pattern in (_KEY_VALUE, _ITEM):
        match = pattern.match(line)
        if match is None:
            continue
        value = match[2]
        if value[0] in _CLOSING and value.count(value[0]) > value.count(_CLOSING[value[0]]):
            continue
        if value.startswith("- ") and value[2:].strip():
            at, item = start + match.start(2), value[2:].strip()
            fix = Fix("Write the list in brackets", (Edit(at, at + len(value), f"[{item}]"),))
            yield f"a list can't begin with `-` behind its key; write [{short(item)}]", at, at + 1, fix
        quoted = f'"{value}"' if "\\" not in value and '"' not in value else "'" + value.replace("'", "''") + "'"
        at = start + match.start(2)
        fix = Fix("Put the text in quotes", (Edit(at, at + len(value), quoted),))
        yield f"this text needs quotes in YAML: {short(quoted)}", at, at + len(value), fix
