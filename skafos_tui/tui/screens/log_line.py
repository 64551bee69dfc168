"""One line of a log whole: where and when it was said, all of its text, and as JSON where it is that."""

from __future__ import annotations

import json
from datetime import datetime

from skafos_tui.store.logs.format import NANOSECONDS, LogLine, stamp
from skafos_tui.store.logs.merge import Source
from skafos_tui.text.sgr import plain
from skafos_tui.tui.screens.text import TextScreen
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.document import Row, Words, heading, says, sections
from skafos_tui.tui.widgets.log.export import text_of
from skafos_tui.tui.widgets.log.when import Times, shown_time


class LineScreen(TextScreen):
    """All of one line; it is at hand, nothing is read."""

    def __init__(self, line: LogLine, source: Source | None, started_ns: int) -> None:
        """`source`: whose it is, None: the engine's own; `started_ns`: when the run began."""
        super().__init__(_title(source))
        self._line_rows = line_rows(line, source, started_ns)

    def read_again(self) -> None:
        """Show it."""
        self.document.show(self._line_rows)


def line_rows(line: LogLine, source: Source | None, started_ns: int) -> list[Row]:
    """The line's time, stream and text; what is an object or a list in JSON is laid out beside that."""
    about = [heading("line")]
    if line.time_ns:
        local = datetime.fromtimestamp(line.time_ns // NANOSECONDS).astimezone()
        since = shown_time(Times.SINCE_START, line.time_ns, started_ns).strip()
        about.append(_field("time", f"{local:%Y-%m-%d %H:%M:%S%z}   {since} since the start of the run"))
        about.append(_field("in UTC", stamp(line.time_ns).decode()))
    if source is not None:
        about.append(_field("stream", line.stream))
    text = text_of(line)
    laid = _as_json(text)
    return sections(
        about,
        [heading("text", f"{len(text):,} characters"), says(text)],
        [heading("as JSON"), *(says(row) for row in laid)] if laid else [],
    )


def _title(source: Source | None) -> str:
    if source is None:
        return "a line of the engine"
    instance = f" #{source.instance}" if source.job_id else ""
    attempt = f"  attempt {source.attempt}" if source.attempt else ""
    return f"a line of {plain(source.job)}{instance}{attempt}"


def _field(name: str, value: str) -> Row:
    return (Words(f"  {name:<8}", Role.IDLE), Words(value))


def _as_json(text: str) -> list[str]:
    if not text.lstrip().startswith(("{", "[")):
        return []
    try:
        laid = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return []
    # Of what stood there as \u009b or \u202e `dumps` makes the characters themselves.
    return [plain(row) for row in laid.split("\n")]
