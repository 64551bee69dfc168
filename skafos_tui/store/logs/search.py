"""Search over log files: `rg`, else `grep`, else Python; streamed, in order, ended by killing it (DESIGN 5).

The tools only find candidates, with a pattern that matches at least what Python's does (`store.logs.pattern`); each
candidate's text is matched by Python. So the hits are the same whatever tool there is, and a match in a line's time or
stream is none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Collection, Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from skafos_tui.store.logs.format import PREFIX_LENGTH, LogLine, parse_line
from skafos_tui.store.logs.pattern import compile_pattern
from skafos_tui.store.logs.plan import Plan, Tool, plan_search, required_literal

GROUP_FILES = 500
"""Files one process gets at most: an argument list of 20,000 paths would not fit."""
GROUP_BYTES_LEAST = 32 << 20
GROUP_BYTES_MOST = 256 << 20
_CHUNK = 4 << 20


class Hit(NamedTuple):
    """A line that matches: its file, the byte where the line starts, and the line."""

    path: Path
    offset: int
    line: LogLine


def tools_here() -> tuple[Tool, ...]:
    """The tools of this machine."""
    return tuple(tool for tool in Tool if tool is Tool.PYTHON or shutil.which(tool.value))


def search(
    files: Sequence[Path],
    pattern: str,
    *,
    regex: bool = True,
    ignore_case: bool = False,
    tools: Collection[Tool] | None = None,
) -> Search:
    """Find lines whose text matches a Python regular expression (or, without `regex`, contains the pattern).

    Files are searched in the order given (callers give the newest first), hits come in file order. A line's text is
    decoded as UTF-8, what is invalid as U+FFFD. Parts of a partial line are lines of their own here. A file that
    isn't there has no hits. `tools`: what may be used (default: what this machine has). Raises PatternError.
    """
    return Search(files, compile_pattern(pattern, regex=regex, ignore_case=ignore_case), tools or tools_here())


class Search:
    """A running search: an iterator of hits; closing it kills what runs. A context manager."""

    def __init__(self, files: Sequence[Path], pattern: re.Pattern[str], tools: Collection[Tool]) -> None:
        self._processes: deque[tuple[subprocess.Popen[bytes], list[Path]]] = deque()
        self._groups = deque(group_files(files))
        self._closed = False
        self.plan = plan_search(pattern, tools)
        self._hits = self._run(pattern)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        try:
            self._hits.close()
        except ValueError:
            return  # another thread is in the search; it ends there, its processes being killed

    def __iter__(self) -> Iterator[Hit]:
        return self

    def __next__(self) -> Hit:
        return next(self._hits)

    def close(self) -> None:
        """End the search; may be called from another thread than the one that waits for the next hit, and twice."""
        self._closed = True
        self._groups.clear()
        for process, _ in tuple(self._processes):
            process.kill()

    def _run(self, pattern: re.Pattern[str]) -> Generator[Hit, None, None]:
        command = _command(self.plan)
        try:
            if command is None:
                while self._groups:
                    yield from _search_in_python(self._groups.popleft(), pattern)
            else:
                yield from self._run_tool(command, pattern)
        finally:
            self.close()
            for process, _ in self._processes:
                _reap(process)
            self._processes.clear()

    def _run_tool(self, command: list[bytes], pattern: re.Pattern[str]) -> Iterator[Hit]:
        # As many processes as there are cores; the first one's output is read, the others' waits in their pipes, so
        # that hits come in order and nothing piles up in memory.
        most = min(4, os.cpu_count() or 1)
        while self._groups or self._processes:
            while self._groups and len(self._processes) < most:
                group = self._groups.popleft()
                self._processes.append((_start(command, group), group))
            if self._closed:
                return
            process, group = self._processes[0]
            last: Hit | None = None
            for hit in _read_hits(process, pattern):
                last = hit
                yield hit
            if process.wait() not in (0, 1) and not self._closed:
                # The tool refused the pattern (too large for it) or died: Python does the rest of the group.
                yield from _search_in_python(group, pattern, after=last)
            _reap(process)
            self._processes.popleft()


def group_files(files: Sequence[Path]) -> Iterator[list[Path]]:
    """The files in order, in groups of a size that keeps all cores busy and the first hit soon."""
    sizes = [(path, _size_of(path)) for path in files]
    total = sum(size for _, size in sizes)
    limit = max(GROUP_BYTES_LEAST, min(GROUP_BYTES_MOST, total // (4 * (os.cpu_count() or 1))))
    group: list[Path] = []
    amount = 0
    for path, size in sizes:
        if size == 0:
            continue
        if group and (amount + size > limit or len(group) == GROUP_FILES):
            yield group
            group, amount = [], 0
        group.append(path)
        amount += size
    if group:
        yield group


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _command(plan: Plan) -> list[bytes] | None:
    if plan.tool is Tool.RIPGREP:
        options = "--no-config --no-messages --threads=1 --text --byte-offset --with-filename --null --no-heading"
        words = f"rg {options} --no-line-number --color=never --line-buffered -e".split()
    elif plan.tool is Tool.GREP:
        words = ["grep", "-EabHZs", "--color=never", "--line-buffered", "-e"]
    else:
        return None
    return [*(word.encode() for word in words), plan.pattern, b"--"]


def _start(command: list[bytes], group: Sequence[Path]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*command, *(os.fsencode(path) for path in group)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C"},
        bufsize=1 << 16,
    )


def _reap(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def _read_hits(process: subprocess.Popen[bytes], pattern: re.Pattern[str]) -> Iterator[Hit]:
    paths: dict[bytes, Path] = {}
    assert process.stdout is not None
    for output in process.stdout:
        name, _, rest = output.partition(b"\0")
        offset, _, raw = rest.partition(b":")
        if not _matches(pattern, raw.removesuffix(b"\n")):
            continue
        path = paths.get(name)
        if path is None:
            path = paths[name] = Path(os.fsdecode(name))
        yield Hit(path, int(offset), parse_line(raw.removesuffix(b"\n")))


def _matches(pattern: re.Pattern[str], raw: bytes) -> bool:
    return len(raw) >= PREFIX_LENGTH and pattern.search(raw[PREFIX_LENGTH:].decode("utf-8", "replace")) is not None


def _search_in_python(files: Sequence[Path], pattern: re.Pattern[str], after: Hit | None = None) -> Iterator[Hit]:
    """The hits in `files` that come after a hit already given."""
    literal = required_literal(pattern)
    if after is not None:
        files = files[files.index(after.path) :]
    for path in files:
        for offset, raw in _candidates(path, literal):
            if after is not None and path == after.path and offset <= after.offset:
                continue
            if _matches(pattern, raw):
                yield Hit(path, offset, parse_line(raw))


def _candidates(path: Path, literal: bytes) -> Iterator[tuple[int, bytes]]:
    """The complete lines of a file that contain `literal`, each with the byte where it starts."""
    base, rest = 0, b""
    try:
        file = path.open("rb", buffering=0)
    except FileNotFoundError:
        return
    with file:
        while chunk := file.read(_CHUNK):
            block = rest + chunk
            end = block.rfind(b"\n") + 1
            for start, stop in _line_spans(block, end, literal):
                yield base + start, block[start:stop]
            base += end
            rest = block[end:]


def _line_spans(block: bytes, end: int, literal: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start < end:
        if literal:
            place = block.find(literal, start, end)
            if place < 0:
                return
            start = block.rfind(b"\n", 0, place) + 1
        stop = block.index(b"\n", start)
        yield start, stop
        start = stop + 1
