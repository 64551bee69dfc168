"""Where an offset stands in a text, and how text from a file is shown without harm."""

from __future__ import annotations

import re
from bisect import bisect_right

BYTE_ORDER_MARK = "\ufeff"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class Places:
    """Lines and columns of one text; columns count code points from 1, a byte-order mark counts as nothing."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(match.end() for match in _LINE_BREAK.finditer(text))]
        self._first = 1 if text.startswith(BYTE_ORDER_MARK) else 0

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self._starts, offset)
        column = offset - self._starts[line - 1] + 1
        if line == 1:
            column = max(1, column - self._first)
        return line, column

    def line_start(self, offset: int) -> int:
        """The offset at which the line of `offset` begins."""
        return self._starts[bisect_right(self._starts, offset) - 1]

    def next_line(self, offset: int) -> int:
        """The offset at which the line after that of `offset` begins; the length of the text for the last one."""
        index = bisect_right(self._starts, offset)
        return self._starts[index] if index < len(self._starts) else len(self.text)

    def line_text(self, offset: int) -> str:
        """The line of `offset`, without its line break."""
        return self.text[self.line_start(offset) : self.next_line(offset)].rstrip("\r\n")

    def newline(self) -> str:
        """The line break this text uses."""
        match = _LINE_BREAK.search(self.text)
        return match.group() if match else "\n"


def shown(text: str) -> str:
    """`text` with everything a terminal could act on (controls, bidi marks, line breaks) written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def short(text: str, limit: int = 60) -> str:
    """`text` cut to `limit` characters for a message."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
