"""Log lines as commands print them: led by their job, safe for the terminal; and the log of an image step."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from skafos_tui.cli.output import JOB_STYLES, Output, clean
from skafos_tui.model.run import Attempt, Run
from skafos_tui.store.home import Home

HEAD_WIDTH = 24
"""Cells of the longest job name that the lines of all jobs are aligned to."""
BUILD_TAIL = 20
"""Lines of a failed image step that are shown on a terminal, where the step was one line that redrew itself."""
READ_BYTES = 1 << 20


class LineHead:
    """Leads every log line by its job, and by its instance where the job has several."""

    def __init__(self, out: Output, jobs: Sequence[tuple[str, str, int]]) -> None:
        """`jobs` are job id, name and count of instances, in the order of the config."""
        from skafos_tui.text.tables import cell_width

        self._out = out
        self._names = {job_id: (clean(name), instances) for job_id, name, instances in jobs}
        self._styles = {job_id: JOB_STYLES[n % len(JOB_STYLES)] for n, (job_id, _, _) in enumerate(jobs)}
        widths = [cell_width(name) + (len(f"#{count - 1}") if count > 1 else 0) for name, count in self._names.values()]
        self._width = min(HEAD_WIDTH, max(widths, default=0))

    def render(self, job_id: str, instance: int, text: bytes) -> str:
        """One line for the terminal or the pipe; `text` as the job printed it."""
        from skafos_tui.text.tables import pad

        name, instances = self._names.get(job_id, (clean(job_id), 1))
        head = pad(f"{name}#{instance}" if instances > 1 else name, self._width)
        return f"{self._out.paint(head, self._styles.get(job_id))} | {shown(self._out, text)}"


def shown(out: Output, text: bytes) -> str:
    """What a job printed, with its colours where colours are wanted, and nothing that controls the terminal."""
    from skafos_tui.text.sgr import plain, safe_ansi

    return safe_ansi(text) if out.colour else plain(text)


class BuildLog:
    """The growing log of an image step, read by size."""

    def __init__(self, path: Path, now: float) -> None:
        """`now` in seconds of any clock, kept as `seen_at`."""
        self._path = path
        self._offset = 0
        self.seen_at = now
        self.told = False
        self.tail: deque[str] = deque(maxlen=BUILD_TAIL)

    @property
    def last(self) -> str:
        """The last line read."""
        return self.tail[-1] if self.tail else ""

    def poll(self) -> list[str]:
        """The complete lines that were added since the last call."""
        from skafos_tui.store.logs.format import parse_line

        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    self._offset = 0
                file.seek(self._offset)
                data = file.read(READ_BYTES)
        except FileNotFoundError:
            return []
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        lines = [clean(parse_line(raw).text.decode(errors="replace")) for raw in complete.splitlines()]
        self.tail.extend(lines)
        return lines


def last_lines(home: Home, run: Run, attempt: Attempt, count: int) -> list[bytes]:
    """The last lines of an attempt's log; none where it never wrote one."""
    from skafos_tui.store.logs.reader import LogFile

    path = home.attempt_log(run.project, run.id, attempt.name)
    if not path.exists():
        return []
    return [line.text for line in LogFile(path).tail(count)]


def latest_attempts(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Of every instance its latest attempt."""
    latest: dict[int, Attempt] = {}
    for attempt in attempts:
        known = latest.get(attempt.instance)
        if known is None or attempt.number > known.number:
            latest[attempt.instance] = attempt
    return [latest[instance] for instance in sorted(latest)]
