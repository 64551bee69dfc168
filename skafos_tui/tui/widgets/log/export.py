"""What a log pane shows, given away: as text lines, to a file, to a pager, to an editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from skafos_tui.store.logs.format import GAP_PREFIX, LogLine
from skafos_tui.store.logs.view import Cut, LogView, Place
from skafos_tui.text.sgr import plain, safe_ansi
from skafos_tui.tui.widgets.log.when import Times, shown_time

EDITOR_LINES = 200_000
"""An editor gets at most so many lines, from around the place that is shown."""
_BATCH = 2000


def text_of(line: LogLine, *, colours: bool = False) -> str:
    """A line's text as it is shown."""
    if line.gap:
        return f"--- {plain(line.text.removeprefix(GAP_PREFIX))} ---"
    return safe_ansi(line.text) if colours else plain(line.text)


def text_lines(
    view: LogView,
    labels: Sequence[str],
    times: Times,
    started_ns: int,
    *,
    start: Cut | None = None,
    colours: bool = False,
) -> Iterator[str]:
    """All lines of a view from a cut on as they are shown, each with its newline."""
    for place in view.forward(view.start() if start is None else start):
        line = view.line(place)
        head = [shown_time(times, line.time_ns, started_ns), labels[place.source]]
        yield " ".join([*filter(None, head), text_of(line, colours=colours)]) + "\n"


def save(lines: Iterable[str], path: Path) -> int:
    """Write lines to a new file; how many they were. Raises OSError (FileExistsError: nothing is overwritten)."""
    count = 0
    iterator = iter(lines)
    with path.open("x", encoding="utf-8") as file:
        while batch := list(islice(iterator, _BATCH)):
            file.write("".join(batch))
            count += len(batch)
    return count


def page(lines: Iterable[str], environment: Mapping[str, str]) -> int:
    """Show lines in `$PAGER`, which gets them as it reads; its exit code. Raises OSError where it can't be started."""
    command = shlex.split(environment.get("PAGER") or "less")
    # Colours are ours, so `less` may show them; and it is to end at once only when it is told to.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, env={**environment, "LESS": environment.get("LESS", "-R")}
    )
    assert process.stdin is not None
    iterator = iter(lines)
    try:
        with process.stdin:
            while batch := list(islice(iterator, _BATCH)):
                process.stdin.write("".join(batch).encode())
    except BrokenPipeError:
        pass  # the person has seen enough
    return process.wait()


def edit(lines: Iterable[str], environment: Mapping[str, str]) -> int:
    """Open a copy of the lines in `$VISUAL` or `$EDITOR`; its exit code. Raises OSError where it can't be started."""
    command = shlex.split(environment.get("VISUAL") or environment.get("EDITOR") or "vi")
    descriptor, name = tempfile.mkstemp(prefix="skafos-", suffix=".log")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(islice(lines, EDITOR_LINES))
        return subprocess.run([*command, name], env=dict(environment), check=False).returncode
    finally:
        Path(name).unlink(missing_ok=True)


def editor_start(view: LogView, top: Place | None) -> Cut:
    """From where an editor gets its lines, so that the place shown is among them."""
    if top is None or view.count() <= EDITOR_LINES:
        return view.start()
    return view.at_ordinal(max(0, view.ordinal(top.cut) - EDITOR_LINES // 2))
