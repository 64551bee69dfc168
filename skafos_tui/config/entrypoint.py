"""What an entrypoint says: scripts, notebooks and commands, one after the other."""

from __future__ import annotations

import posixpath
import re

from skafos_tui.config.places import short
from skafos_tui.config.quantities import BadValue
from skafos_tui.model.project import Segment, SegmentKind

_SIMPLE = re.compile(r"[^|'\"\\]+\Z")
_DRIVE = re.compile(r"[A-Za-z]:")
_ESCAPED_OUTSIDE = frozenset(" |'\"\\\t")
_ESCAPED_INSIDE = frozenset('"\\')
_SMART_QUOTES = frozenset("“”„‟«‘’‚")


def split_entrypoint(text: str) -> tuple[Segment, ...]:
    """The segments of an entrypoint; `|` outside quotes means "then" (SPEC 2).

    Raises BadValue `bad-entrypoint` (an unclosed quote, an empty segment) or `entrypoint-outside-project`.
    """
    if "\0" in text:
        at = text.index("\0")
        raise BadValue("bad-entrypoint", "a NUL character can't stand in a command; remove it", start=at, end=at + 1)
    if _SIMPLE.match(text):
        words = text.split()
        if words:
            return (_segment(text.strip(), words, 0, len(text)),)
    segments = []
    for start, end, words in _cut(text):
        if not words:
            message = "an empty segment; each `|` means then and needs a script or a command on both sides"
            raise BadValue("bad-entrypoint", message, start=start, end=max(end, start + 1))
        segments.append(_segment(text[start:end].strip(), words, start, end))
    return tuple(segments)


def _cut(text: str) -> list[tuple[int, int, list[str]]]:
    """Start, end and words of every segment, read as a shell would, but with backslashes in paths kept."""
    found: list[tuple[int, int, list[str]]] = []
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    opened = start = position = 0
    while position < len(text):
        character = text[position]
        following = text[position + 1 : position + 2]
        if quote:
            if character == quote:
                quote = ""
            elif character == "\\" and quote == '"' and following in _ESCAPED_INSIDE:
                word = _add(word, following)
                position += 1
            else:
                word = _add(word, character)
        elif character in "'\"":
            quote, opened = character, position
            word = word if word is not None else []
        elif character == "\\" and following and following in _ESCAPED_OUTSIDE:
            word = _add(word, following)
            position += 1
        elif character == "|" or character.isspace():
            if word is not None:
                words.append("".join(word))
                word = None
            if character == "|":
                found.append((start, position, words))
                words, start = [], position + 1
        else:
            word = _add(word, character)
        position += 1
    if quote:
        message = f"the quote {quote} opened here is not closed; close it, or remove it"
        raise BadValue("bad-entrypoint", message, start=opened, end=opened + 1)
    if word is not None:
        words.append("".join(word))
    found.append((start, len(text), words))
    return found


def _add(word: list[str] | None, character: str) -> list[str]:
    if word is None:
        return [character]
    word.append(character)
    return word


def _segment(text: str, words: list[str], start: int, end: int) -> Segment:
    first = words[0]
    if first[:1] in _SMART_QUOTES and first:
        message = f"{first[0]} is no quote to a shell; write straight quotes"
        raise BadValue("bad-entrypoint", message, start=start, end=end)
    if first.endswith(".py"):
        kind = SegmentKind.SCRIPT
    elif first.endswith(".ipynb"):
        kind = SegmentKind.NOTEBOOK
    else:
        return Segment(SegmentKind.COMMAND, text)
    if "/" in first or "\\" in first or ":" in first:
        return Segment(kind, text, _inside(first, start, end), tuple(words[1:]))
    if first.startswith("~"):
        _inside(first, start, end)
    return Segment(kind, text, first, tuple(words[1:]))


def _inside(word: str, start: int, end: int) -> str:
    """The path relative to the project root, with forward slashes."""
    path = posixpath.normpath(word.replace("\\", "/"))
    if path.startswith(("/", "../", "~")) or _DRIVE.match(path):
        message = f"`{short(word)}` lies outside the project; name a file inside it, relative to its directory"
        raise BadValue("entrypoint-outside-project", message, start=start, end=end)
    return path
