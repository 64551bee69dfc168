"""Python regular expressions for `rg` and `grep`: a translation that matches wherever the original does, or more.

What a tool finds is looked at again with Python's own `re`, so the translation may match too much but never too
little. It works on bytes (the tools run without Unicode), from the tree that Python itself parses the pattern into, so
no reading of the syntax is done twice. What can't be said is widened: a lookaround or `\\b` to nothing, a
back-reference to anything, a character beyond ASCII in a class to some bytes above 127.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from skafos_tui.store.logs.format import PREFIX_LENGTH

NEWLINE = 10
HIGH = frozenset(range(128, 256))
ANY = frozenset(range(256)) - {NEWLINE}
REPEAT_LIMIT = 32
"""A count above this is not spelt out: the tools' automata grow with it."""
_FOLDS_BEYOND_ASCII = "kKsSiI"
"""ASCII letters that, ignoring case, also match a letter beyond ASCII."""
FOLDED_BEYOND_ASCII = "\u212a\u017f\u0130\u0131"
"""Those letters: the Kelvin sign, the long s, the Turkish i's."""
_ERE_SPECIAL = frozenset(rb"\.[]()*+?{}|^$")


class PatternError(ValueError):
    """The pattern is no regular expression; the message is one line that says what is wrong with it and where."""


def compile_pattern(pattern: str, *, regex: bool = True, ignore_case: bool = False) -> re.Pattern[str]:
    """The pattern as Python matches it against a line's text; without `regex` the text itself. Raises PatternError."""
    try:
        with warnings.catch_warnings():
            # Python warns of what it may read otherwise one day; the person who typed the pattern can't act on it.
            warnings.simplefilter("ignore")
            return re.compile(pattern if regex else re.escape(pattern), re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"not a regular expression: {pattern!r}: {error}") from None


def for_ripgrep(pattern: re.Pattern[str], *, anchored: bool = True) -> bytes | None:
    """The pattern in Rust's syntax; None where this Python's trees are unknown.

    `anchored`: it is spelt over a whole stored line and does not match in the line's prefix; else it may.
    """
    body = _translate(pattern, _rust_class, anchored=anchored)
    return None if body is None else b"(?-u)" + body


def for_grep(pattern: re.Pattern[str], *, anchored: bool = True) -> bytes | None:
    """The pattern as a POSIX extended expression in the C locale; None and `anchored` as for `for_ripgrep`."""
    return _translate(pattern, _posix_class, anchored=anchored)


def tree_of(pattern: re.Pattern[str]) -> list[tuple[str, Any]] | None:
    """Python's own tree of a pattern, opcodes as names; None where this Python has no such parser."""
    try:
        parser = importlib.import_module("re._parser")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return named(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    except (ImportError, AttributeError):
        return None


def named(tree: Iterable[tuple[Any, Any]]) -> list[tuple[str, Any]]:
    """A tree's nodes with the names of their opcodes."""
    return [(str(opcode), argument) for opcode, argument in tree]


def certain_bytes(name: str, argument: Any, flags: int) -> bytes | None:
    """The bytes of a node that matches one certain character; None for every other node."""
    if name != "LITERAL" or flags & re.IGNORECASE or argument == 0xFFFD or 0xD800 <= argument <= 0xDFFF:
        return None
    return chr(argument).encode()


def _translate(pattern: re.Pattern[str], spell: Callable[[frozenset[int]], bytes], *, anchored: bool) -> bytes | None:
    tree = tree_of(pattern)
    if tree is None:
        return None
    translator = _Translator(spell, anchored=anchored)
    try:
        body = translator.top(tree, pattern.flags)
    except (LookupError, RecursionError):
        return None
    if translator.folds:
        body += b"".join(b"|" + translator.start + _spelt(letter, spell) for letter in FOLDED_BEYOND_ASCII)
    # The anchored start lets the tools still find the rarest literal of the body first.
    return b"^.{%d}(%s)" % (PREFIX_LENGTH, body) if anchored else body


def _spelt(text: str, spell: Callable[[frozenset[int]], bytes]) -> bytes:
    return b"".join(spell(frozenset([byte])) for byte in text.encode())


class _Translator:
    """Spells a tree; `spell` writes a set of bytes as one unit of the tool's syntax. LookupError: an unknown node.

    `folds` afterwards: a letter beyond ASCII may stand for one in the pattern whose case is ignored; a line that has
    such a letter at all is then a candidate, which costs less than to spell it in every place.
    """

    def __init__(self, spell: Callable[[frozenset[int]], bytes], *, anchored: bool) -> None:
        self._spell = spell
        self.start = spell(ANY) + b"*" if anchored else b""
        self.folds = False

    def top(self, tree: list[tuple[str, Any]], flags: int) -> bytes:
        """The whole pattern, to stand right after a line's prefix, or anywhere in the line."""
        if len(tree) == 1 and tree[0][0] == "BRANCH":
            return b"|".join(self.top(named(branch), flags) for branch in tree[0][1][1])
        at_start = bool(tree) and tree[0][0] == "AT" and str(tree[0][1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING")
        at_end = bool(tree) and tree[-1][0] == "AT" and str(tree[-1][1]) in ("AT_END", "AT_END_STRING")
        body = self.sequence(tree, flags)
        return (b"" if at_start else self.start) + body + (b"$" if at_end else b"")

    def sequence(self, tree: Iterable[tuple[Any, Any]], flags: int) -> bytes:
        """Nodes one after the other."""
        return b"".join(self.node(str(opcode), argument, flags) for opcode, argument in tree)

    def node(self, name: str, argument: Any, flags: int) -> bytes:
        """One node; nothing where it only looks at its surroundings."""
        if name in ("AT", "ASSERT", "ASSERT_NOT", "FAILURE"):
            return b""
        if name == "GROUPREF":
            return self._spell(ANY) + b"*"
        if name == "GROUPREF_EXISTS":
            _, yes, no = argument
            return self._branches([yes, no or []], flags)
        if name == "BRANCH":
            return self._branches(argument[1], flags)
        if name == "SUBPATTERN":
            _, added, removed, body = argument
            return self._group(self.sequence(body, (flags | added) & ~removed))
        if name == "ATOMIC_GROUP":
            return self._group(self.sequence(argument, flags))
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            return self._repeat(argument, flags)
        literal = certain_bytes(name, argument, flags)
        if literal is not None:
            return b"".join(self._spell(frozenset([byte])) for byte in literal)
        return self._characters(self._bytes_of(name, argument, flags), 1, 1)

    def _repeat(self, argument: tuple[Any, Any, Any], flags: int) -> bytes:
        least, most, body = argument
        nodes = named(body)
        if len(nodes) == 1 and nodes[0][0] in ("LITERAL", "NOT_LITERAL", "IN", "ANY", "ANY_ALL"):
            return self._characters(self._bytes_of(*nodes[0], flags), int(least), int(most))
        inner = self.sequence(body, flags)
        if not inner:
            return b""
        # A count of groups multiplies with those inside it: only "none" and "some" are kept.
        return self._group(inner) + (b"?" if (least, most) == (0, 1) else b"*" if least == 0 else b"+")

    def _characters(self, members: frozenset[int], least: int, most: int) -> bytes:
        if HIGH & members:
            most *= 4  # bytes of one character
        unit = self._spell(members)
        if (least, most) == (1, 1):
            return unit
        least = min(least, REPEAT_LIMIT)
        if most > 4 * REPEAT_LIMIT:
            return unit + (b"*" if least == 0 else b"+" if least == 1 else b"{%d,}" % least)
        return unit + b"{%d,%d}" % (least, most) if most else b""

    def _branches(self, branches: Iterable[Any], flags: int) -> bytes:
        spelt = [self.sequence(branch, flags) for branch in branches]
        if not all(spelt):
            filled = [branch for branch in spelt if branch]
            return self._group(b"|".join(filled)) + b"?" if filled else b""
        return self._group(b"|".join(spelt))

    def _group(self, body: bytes) -> bytes:
        return b"(" + body + b")" if body else b""

    def _bytes_of(self, name: str, argument: Any, flags: int) -> frozenset[int]:
        """The bytes a character of this node may be made of: its ASCII members, and all above 127 if it has others."""
        if name in ("ANY", "ANY_ALL"):
            return ANY
        if name == "LITERAL":
            return self._folded({argument}, flags)
        if name == "NOT_LITERAL":
            return ANY - {argument} if argument < 128 else ANY
        if name != "IN":
            raise LookupError(name)
        items = named(argument)
        if items[0][0] == "NEGATE":
            # Only what is listed itself is surely excluded; case and the classes beyond ASCII would exclude more.
            return ANY - {code for code in _listed(items[1:]) if code < 128}
        return self._folded(_listed(items), flags)

    def _folded(self, codes: set[int], flags: int) -> frozenset[int]:
        members = {code for code in codes if code < 128}
        beyond = any(code > 127 for code in codes)
        if flags & re.IGNORECASE:
            letters = {chr(code) for code in members}
            members |= {ord(letter.swapcase()) for letter in letters}
            if beyond:
                members |= {ord(letter) for letter in _FOLDS_BEYOND_ASCII}
            elif letters & set(_FOLDS_BEYOND_ASCII):
                self.folds = True
        members.discard(NEWLINE)
        return frozenset(members | HIGH) if beyond else frozenset(members)


def _listed(items: list[tuple[str, Any]]) -> set[int]:
    """The code points of a class as far as they are ASCII, and 128 in place of all others."""
    found: set[int] = set()
    for name, argument in items:
        if name == "LITERAL":
            found.add(min(argument, 128))
        elif name == "RANGE":
            found.update(range(argument[0], min(argument[1], 128) + 1))
            found.update({128} if argument[1] > 127 else ())
        elif name == "CATEGORY":
            category = re.compile(_CATEGORIES[str(argument)])
            found.update(code for code in range(128) if category.match(chr(code)))
            found.add(128)
        else:
            raise LookupError(name)
    return found


_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


def _rust_class(members: frozenset[int]) -> bytes:
    if members == ANY:
        return b"."
    if len(members) == 1:
        (byte,) = members
        return bytes([byte]) if chr(byte).isascii() and chr(byte).isalnum() else b"\\x%02x" % byte
    if not members:
        return b"[^\\x00-\\xff]"
    return b"[%s]" % b"".join(
        b"\\x%02x" % low if low == high else b"\\x%02x-\\x%02x" % (low, high) for low, high in _ranges(members)
    )


def _posix_class(members: frozenset[int]) -> bytes:
    if 0 in members:
        # No argument can hold a NUL, so it is said by what is not meant; `.` is every byte in the C locale.
        others = frozenset(range(1, 256)) - members - {NEWLINE}
        return _bracket(others, b"^") if others else b"."
    if members >= ANY - {0}:
        return b"."
    if len(members) == 1:
        (byte,) = members
        return b"\\" + bytes([byte]) if byte in _ERE_SPECIAL else bytes([byte])
    return _bracket(members, b"") if members else b"a^"


def _bracket(members: frozenset[int], sign: bytes) -> bytes:
    # Inside brackets nothing can be escaped: `]` stands first, `^` not first, `-` at an end, `[` not before `:.=`.
    special = {byte for byte in b"]^-[" if byte in members}
    plain = b"".join(
        bytes([low]) if low == high else bytes([low]) + b"-" + bytes([high]) for low, high in _ranges(members - special)
    )
    first = b"]" if ord("]") in special else b""
    last = b"".join(bytes([byte]) for byte in b"[^-" if byte in special)
    if last == b"^-" and not first and not plain:
        last = b"-^"
    return b"[" + sign + first + plain + last + b"]"


def _ranges(members: frozenset[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for byte in sorted(members):
        if found and found[-1][1] == byte - 1:
            found[-1] = (found[-1][0], byte)
        else:
            found.append((byte, byte))
    return found
