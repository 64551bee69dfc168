"""What a command prints: plain lines on a pipe; colours and a line that redraws itself on a terminal."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Collection, Sequence
from typing import Any, TextIO

STATE_STYLES = {
    "succeeded": "32",
    "ready": "32",
    "running": "36",
    "starting": "36",
    "building": "36",
    "queued": "33",
    "cancelled": "33",
    "missed": "33",
    "failed": "31",
    "timed_out": "31",
    "lost": "35",
    "firing": "31",
    "acknowledged": "33",
    "resolved": "32",
    "upstream_failed": "2;31",
    "waiting": "2",
    "skipped": "2",
}
"""The colour of a state, as SGR parameters."""
JOB_STYLES = ("36", "35", "34", "33", "32", "96", "95", "94", "93", "92")
FAINT = "2"
BOLD = "1"


class Output:
    """Standard output of one command; what comes from a job or a config goes through `clean` first."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout or io.StringIO()  # None where it was closed (`>&-`)
        self.terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = self.terminal and not os.environ.get("NO_COLOR")
        self._progress = False

    @property
    def width(self) -> int | None:
        """The cells of a line on a terminal; None on a pipe, where nothing is cut."""
        import shutil  # late: it loads every compression there is, and most commands print to no table

        return shutil.get_terminal_size().columns if self.terminal else None

    def line(self, text: str = "") -> None:
        """Print one line above the progress line."""
        self.clear_progress()
        self.stream.write(f"{text}\n")

    def lines(self, texts: Collection[str]) -> None:
        """Print lines."""
        for text in texts:
            self.line(text)

    def progress(self, text: str) -> None:
        """Show `text` in a line that the next one replaces; nothing on a pipe."""
        if self.terminal:
            from skafos_tui.text.tables import clip

            self.stream.write(f"\r{clip(text, (self.width or 80) - 1)}\x1b[K")
            self.stream.flush()
            self._progress = True

    def clear_progress(self) -> None:
        """Take the progress line away."""
        if self._progress:
            self.stream.write("\r\x1b[K")
            self._progress = False

    def flush(self) -> None:
        """Let everything out: who reads our pipe sees it now."""
        self.stream.flush()

    def paint(self, text: str, style: str | None) -> str:
        """`text` in a style (SGR parameters) where colours are wanted."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and style and text else text

    def state(self, text: str) -> str:
        """The name of a state in its colour."""
        return self.paint(text, STATE_STYLES.get(text.strip()))

    def table(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        right: Collection[int] = (),
        state: int | None = None,
    ) -> None:
        """Print a table; the column `state` holds names of states."""
        from skafos_tui.text.tables import draw_table

        def paint(row: int, column: int, text: str) -> str:
            return self.state(text) if column == state else text

        head_line, *lines = draw_table(head, rows, width=self.width, right=right, paint=paint)
        self.line(self.paint(head_line, FAINT))
        self.lines(lines)

    def json(self, value: Any) -> None:
        """Print a value as JSON."""
        import json

        self.line(json.dumps(value, indent=2))


def remark(text: str) -> None:
    """One line beside the answer, on standard error."""
    print(f"skafos: {clean(text)}", file=sys.stderr)


def clean(text: str) -> str:
    """Text from outside as one line that can't control the terminal."""
    if text.isascii() and text.isprintable():
        return text
    from skafos_tui.text.sgr import plain

    return " ".join(plain(text).split())
