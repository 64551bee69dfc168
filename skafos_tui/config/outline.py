"""The places of a YAML text that an edit needs: where a node's own content ends, where lines and dashes are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from skafos_tui.model.diagnostic import Edit

_ALIAS = re.compile(r"\*[^\s,\]}]+")
_TO_COMMA = re.compile(r"(?:\s|(?<=\s)#[^\r\n]*)*,")
_REST = re.compile(r"[ \t]*,?(?:[ \t]+#.*|[ \t]*)")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's loader where PyYAML was built with it: the same nodes, ten times as fast."""


def key_of(mapping: yaml.MappingNode, key: str) -> tuple[yaml.ScalarNode, yaml.Node] | None:
    """The key with this text and its value; None where the mapping has none."""
    for name, value in mapping.value:
        if isinstance(name, yaml.ScalarNode) and name.value == key:
            return name, value
    return None


def scalar_of(node: yaml.Node) -> str | None:
    """The text of a scalar; None for anything else."""
    return node.value if isinstance(node, yaml.ScalarNode) else None


def content_end(text: str, node: yaml.Node, position: int) -> int:
    """The offset after the last character of a node that stands after `position`.

    YAML lets a block end where the next token begins; here it ends before the comments and blank lines that
    follow. A node from before `position` is an alias: then it is the alias that ends.
    """
    if node.start_mark.index < position:
        alias = _ALIAS.search(text, position)
        return alias.end() if alias else position
    if isinstance(node, yaml.ScalarNode):
        if node.style not in ("|", ">"):
            return node.end_mark.index
        body = text[node.start_mark.index : node.end_mark.index]
        # `|+` keeps its trailing blank lines: they are content.
        keeps = "+" in body.splitlines()[0].split("#")[0]
        return node.start_mark.index + len(body.removesuffix("\n").removesuffix("\r") if keeps else body.rstrip())
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        return node.end_mark.index
    return list(children(text, node))[-1][2]


def children(text: str, node: yaml.Node) -> Iterator[tuple[yaml.Node, int, int]]:
    """The values of a collection with the offsets where each starts (a mapping's: its key) and ends."""
    position = node.start_mark.index
    for child in node.value:
        key, value = child if isinstance(node, yaml.MappingNode) else (None, child)
        if key is not None:
            start, position = key.start_mark.index, key.end_mark.index
        else:
            start = value.start_mark.index
            if start < position and (alias := _ALIAS.search(text, position)):
                start = alias.start()
        position = content_end(text, value, position)
        yield value, start, position


@dataclass(frozen=True, slots=True)
class Outline:
    """A config's text without byte order mark, its top mapping, and how its lines end."""

    text: str
    mark: int
    root: yaml.MappingNode
    newline: str

    @classmethod
    def of(cls, text: str) -> Outline:
        """The outline of a text; ValueError where it is no YAML mapping."""
        body = text.removeprefix("\ufeff")
        try:
            root = yaml.compose(body, Loader=_Loader)
        except yaml.YAMLError as error:
            raise ValueError("the config is no valid YAML; `skafos validate` says where") from error
        if not isinstance(root, yaml.MappingNode):
            raise ValueError("the config is no mapping of keys; `skafos validate` says more")
        return cls(body, len(text) - len(body), root, "\r\n" if "\r\n" in body else "\n")

    def shifted(self, edits: Sequence[Edit]) -> tuple[Edit, ...]:
        """The edits with the offsets of the whole text, its byte order mark included."""
        return tuple(Edit(e.start + self.mark, e.end + self.mark, e.replacement) for e in edits)

    def line_start(self, offset: int) -> int:
        """Where the line of `offset` starts."""
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Where the line of `offset` ends, before its line break."""
        end = self.text.find("\n", offset)
        if end < 0:
            return len(self.text)
        return end - 1 if end > offset and self.text[end - 1] == "\r" else end

    def next_line(self, offset: int) -> int:
        """Where the line after that of `offset` starts; the end of the text after the last one."""
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end + 1

    def insert_lines(self, line_end: int, lines: Sequence[str]) -> Edit:
        """Whole lines after the line that ends at `line_end`; a text without a last line break gets none."""
        return Edit(line_end, line_end, "".join(self.newline + line for line in lines))

    def after_comments(self, line_end: int, column: int) -> int:
        """The end of the last of the comment lines that follow directly, indented by `column` or more."""
        while (start := self.next_line(line_end)) < len(self.text) and start > line_end:
            end = self.line_end(start)
            line = self.text[start:end]
            if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) < column:
                break
            line_end = end
        return line_end

    def comma_after(self, offset: int) -> int | None:
        """The offset of the comma that follows an item of a flow collection, blanks and comments between left aside."""
        match = _TO_COMMA.match(self.text, offset)
        return match.end() - 1 if match else None

    def is_rest(self, offset: int, line_end: int) -> bool:
        """Whether nothing but a comma and a comment stands between an item of a flow collection and its line's end."""
        return _REST.fullmatch(self.text, offset, line_end) is not None

    def dash_of(self, items: yaml.SequenceNode, item: yaml.Node) -> int:
        """The offset of the dash before an item of a block list."""
        column = items.start_mark.column
        start = self.line_start(item.start_mark.index)
        while start > items.start_mark.index and self.text[start : start + column + 1] != " " * column + "-":
            start = self.line_start(start - 1)
        return max(start + column, items.start_mark.index)

    def blank_at(self, line_start: int) -> bool:
        """Whether the line that starts here is there and blank."""
        return line_start < len(self.text) and not self.text[line_start : self.line_end(line_start)].strip()

    def blank_before(self, line_start: int) -> bool:
        """Whether the line before the one that starts here is there and blank."""
        return line_start > 0 and self.blank_at(self.line_start(line_start - 1))

    def has_blank_line(self, start: int, end: int) -> bool:
        """Whether a blank line lies between two offsets."""
        lines = self.text[start:end].split("\n")
        return any(not line.strip() for line in lines[1:-1])
