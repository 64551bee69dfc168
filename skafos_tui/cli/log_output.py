"""Log lines as `skafos logs` prints them: led by job, instance and time, or as JSON."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skafos_tui.cli.lines import HEAD_WIDTH, shown
from skafos_tui.cli.output import FAINT, JOB_STYLES, Output, clean
from skafos_tui.store.logs.format import GAP_PREFIX, NANOSECONDS, LogLine, stamp
from skafos_tui.store.logs.merge import Source, SourcedLine
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import cell_width, pad

GAP_STYLE = "33"


@dataclass(slots=True)
class Chosen:
    """Which lines are wanted, and of which logs: the newest attempt first, the image step last."""

    since_ns: int
    limit: int | None
    pattern: re.Pattern[str] | None
    instance: int | None
    attempt: int | None
    job_id: str | None = None
    files: list[tuple[Source, Path]] = field(default_factory=list)

    def wants(self, source: Source) -> bool:
        """Whether lines of this source are wanted."""
        return (
            self.job_id in (None, source.job_id)
            and self.instance in (None, source.instance)
            and self.attempt in (None, source.attempt)
            and (bool(source.job_id) or (self.instance, self.attempt) == (None, None))
        )

    def matching(self, lines: Iterable[SourcedLine]) -> Iterator[SourcedLine]:
        """Of lines of any source those that are wanted and match, as a search matches them."""
        pattern = self.pattern
        for found in lines:
            source, line = found
            if line.time_ns < self.since_ns or not self.wants(source):
                continue
            if pattern is None or pattern.search(line.text.decode("utf-8", "replace")):
                yield found


class TextLines:
    """Prints lines as text: `Train#1 09:00:05 | text`, with the run and the date where they come from many runs."""

    def __init__(self, out: Output, jobs: Iterable[Source], *, history: bool = False) -> None:
        """`jobs`: the sources that are known beforehand, for the width of what leads the lines."""
        self._out = out
        self._history = history
        self._styles: dict[str, str] = {}
        self._heads: dict[Source, str] = {}
        self._width = 0
        for source in jobs:
            self._width = max(self._width, min(HEAD_WIDTH, cell_width(self._title(source))))

    def print(self, lines: Iterable[SourcedLine]) -> None:
        """Print lines in the order they come."""
        for source, line in lines:
            head = self._heads.get(source)
            if head is None:
                head = self._heads[source] = self._head(source)
            when = local_clock(line.time_ns // NANOSECONDS, dated=self._history)
            text = self._gap(line) if line.gap else shown(self._out, line.text)
            self._out.line(f"{head} {self._out.paint(when, FAINT)} | {text}")

    def finish(self) -> None:
        """Let everything out."""
        self._out.flush()

    def _gap(self, line: LogLine) -> str:
        return self._out.paint(f"--- {gap_text(line)} ---", GAP_STYLE)

    def _title(self, source: Source) -> str:
        name = clean(source.job)
        if source.job_id:
            name += f"#{source.instance}"
        if source.attempt > 1:
            name += f" attempt {source.attempt}"
        return f"run {source.run} {name}" if self._history else name

    def _head(self, source: Source) -> str:
        style = self._styles.setdefault(source.job_id, JOB_STYLES[len(self._styles) % len(JOB_STYLES)])
        return self._out.paint(pad(self._title(source), self._width), style)


class JsonLines:
    """Prints lines as JSON: one array, or, while following, one object a line."""

    def __init__(self, out: Output, *, array: bool) -> None:
        self._out = out
        self._array = array
        self._count = 0

    def print(self, lines: Iterable[SourcedLine]) -> None:
        """Print lines in the order they come."""
        for found in lines:
            text = json.dumps(line_view(found))
            if self._array:
                self._out.stream.write(f"{',' if self._count else '['}\n  {text}")
            else:
                self._out.line(text)
            self._count += 1

    def finish(self) -> None:
        """Close the array and let everything out."""
        if self._array:
            self._out.line("\n]" if self._count else "[]")
        self._out.flush()


def line_view(found: SourcedLine) -> dict[str, Any]:
    """A line as JSON; its text as it is shown. The image step has neither job id nor attempt."""
    source, line = found
    return {
        "time": stamp(line.time_ns).decode(),
        "run": source.run,
        "job_id": source.job_id or None,
        "job": source.job,
        "instance": source.instance if source.job_id else None,
        "attempt": source.attempt or None,
        "stream": line.stream,
        "gap": line.gap,
        "text": gap_text(line) if line.gap else plain(line.text),
    }


def gap_text(line: LogLine) -> str:
    """Why lines are missing, in words."""
    return plain(line.text.removeprefix(GAP_PREFIX))


@functools.lru_cache(maxsize=1024)
def local_clock(seconds: int, *, dated: bool) -> str:
    """Unix seconds in this machine's time zone: `09:00:05`, or with the date before it."""
    return time.strftime("%Y-%m-%d %H:%M:%S" if dated else "%H:%M:%S", time.localtime(seconds))
