"""A mapping read against its table of keys: what is given, missing, repeated, unknown or misspelt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from skafos_tui.config.fields import NO_EFFECT, SYNONYMS, Field, Kind
from skafos_tui.config.nodes import LIST, MAP, NULLS, SCALAR, MapNode, Node
from skafos_tui.config.places import short
from skafos_tui.model.diagnostic import Edit, Fix

if TYPE_CHECKING:
    from skafos_tui.config.reading import Reading

_NO_EFFECT = frozenset(field.key for field in NO_EFFECT)

MAX_GUESSED = 300
"""A mapping with more keys is no slip of the pen; what each of them may mean is not guessed."""

Entries = dict[str, tuple[Node, Node]]
"""Key to its node and its value's, in the order of the file; the first of repeated ones."""


def entries_of(reading: Reading, node: Node) -> Entries:
    """The pairs of a mapping with what `<<` merges into it; keys that are no text are findings."""
    if isinstance(node, MapNode) and node.by_key is not None and "<<" not in node.by_key:
        return node.by_key.copy()
    found: Entries = {}
    for key, value in node.pairs:
        if key.kind == SCALAR:
            found.setdefault(key.text, (key, value))
        else:
            reading.error("wrong-type", "a key must be a plain text, not a list or mapping", key)
    merge = found.get("<<")
    if merge is not None and merge[0].style == "":
        del found["<<"]
        for part in merge[1].items if merge[1].kind == LIST else [merge[1]]:
            if part.kind != MAP:
                reading.error("wrong-type", "`<<` merges a mapping, or a list of mappings", part)
                continue
            for name, pair in entries_of(reading, part).items():
                found.setdefault(name, pair)
    return found


def kind_name(node: Node) -> str:
    """What a node is, for a message."""
    return "nothing" if node.is_null else ("a text", "a list", "a mapping")[node.kind]


class Section:
    """One mapping of the file and the values given in it; `known` are the fields it may have."""

    def __init__(self, reading: Reading, node: Node, known: Mapping[str, Field], what: str) -> None:
        self.reading = reading
        self.node = node
        self.known = known
        self.what = what
        self.entries = entries_of(reading, node)
        self.all_known = self.entries.keys() <= known.keys()
        self.renames: dict[str, tuple[Node, Node]] = {}
        self.adopted: set[str] = set()

    def value(self, key: str) -> Node | None:
        """The value given for a key; an empty one counts as not given."""
        pair = self.entries.get(key)
        if pair is None:
            return None
        value = pair[1]
        return None if value.text in NULLS and value.is_null else value

    def unknown(self, ignore: Collection[str] = ()) -> list[tuple[Node, Node]]:
        """The pairs whose keys the table doesn't have."""
        if self.all_known:
            return []
        return [pair for key, pair in self.entries.items() if key not in self.known and key not in ignore]

    def adopt_misspelt(self, unknown: list[tuple[Node, Node]]) -> None:
        """Pair each unknown key with the known one it most likely means, one each; a required one is read from it.

        So what stands behind a misspelt required key is checked at once, too; the key itself is still missing.
        """
        for key, value in unknown:
            meant = self.meant_by(key.text)
            if meant is None or meant in self.renames or meant in self.entries:
                continue
            self.renames[meant] = (key, value)
        for meant, (key, value) in self.renames.items():
            row = self.known[meant]
            shape = LIST if row.kind is Kind.SECTIONS else SCALAR
            if row.required and value.kind == shape and not value.is_null:
                self.missing(meant, f"`{short(key.text)}` stands in its place", place=key)
                self.adopted.add(meant)
                self.entries[meant] = (key, value)

    def meant_by(self, key: str) -> str | None:
        """The known key nearest to an unknown one; None where none is near."""
        from skafos_tui.config.spelling import nearest

        if len(self.entries) > MAX_GUESSED:
            return None
        return nearest(key, self.known.keys(), SYNONYMS)

    def report_unknown(self, unknown: list[tuple[Node, Node]], offered: Collection[str]) -> None:
        """A warning for each unknown key; those named in `offered` carry the rename as their fix."""
        for key, _ in unknown:
            meant = self.meant_by(key.text)
            fix = None
            if meant is None:
                message = f"`{short(key.text)}` is no key of {self.what}; known are {', '.join(self.known)}"
            else:
                message = f"`{short(key.text)}` is no key of {self.what}; did you mean `{meant}`?"
                pair = self.renames.get(meant)
                if pair is not None and pair[0] is key and meant in offered:
                    fix = self.reading.replacement(key, meant, f"Rename `{short(key.text)}` to `{meant}`")
                elif pair is None or pair[0] is not key:
                    message = f"`{short(key.text)}` is no key of {self.what}, and `{meant}` is there already; remove it"
            self.reading.warning("unknown-key", message, key, fix)

    def report_no_effect(self) -> None:
        """A warning for each key that had an effect in old Skafos only."""
        if _NO_EFFECT.isdisjoint(self.entries):
            return
        for key, (name, _) in self.entries.items():
            field = self.known.get(key)
            if field is not None and not field.has_effect:
                message = f"`{key}` has no effect here; old Skafos knew it, it can be removed"
                self.reading.warning("no-effect-key", message, name)

    def missing(
        self, key: str, advice: str, written: str | None = None, *, first: bool = False, place: Node | None = None
    ) -> None:
        """An error for a required key that isn't given, at the key without value or the start of the section.

        `written`: the value a fix would give it; none is offered where a misspelt key is the missing one.
        """
        pair = self.entries.get(key)
        message = f"`{key}` is missing in {self.what}; {advice}"
        if place is None:
            place = pair[0] if pair is not None else self._first_key()
        fix = None
        if written is not None and key not in self.renames:
            fix = self.fill(key, written) if pair is not None else self.insertion(key, written, first=first)
        self.reading.error("missing-key", message, place, fix)

    def _first_key(self) -> Node:
        return self.node.pairs[0][0] if self.node.pairs and self.node.style != "alias" else self.node

    def fill(self, key: str, written: str) -> Fix | None:
        """The fix that gives a key without value its value."""
        _, value = self.entries[key]
        if value.style == "alias":
            return None
        lead = "" if value.end > value.start or self.reading.text[value.start - 1 : value.start].isspace() else " "
        return Fix(f"Write `{key}: {written}`", (Edit(value.start, value.end, lead + written),))

    def insertion(self, key: str, written: str, *, first: bool) -> Fix | None:
        """The fix that adds a line with a key: before the first one, else before the second where there is one."""
        text, node, title = self.reading.text, self.node, f"Add `{key}: {written}`"
        if node.style == "alias":
            return None
        if node.style == "flow":
            comma = ", " if node.pairs else ""
            return Fix(title, (Edit(node.start + 1, node.start + 1, f"{key}: {written}{comma}"),))
        places = self.reading.places
        before = node.pairs[0][0]
        indent = before.start - places.line_start(before.start)
        if text[places.line_start(before.start) : before.start].strip(" -"):
            return None
        line = f"{key}: {written}{places.newline()}{' ' * indent}"
        at = before.start
        if not first and len(node.pairs) > 1:
            second = node.pairs[1][0].start
            if text[places.line_start(second) : second] == " " * indent:
                at = second
        return Fix(title, (Edit(at, at, line),))
