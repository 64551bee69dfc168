"""The process that looks for lines beside a viewer, so that the viewer never waits: `python -m` this module.

Standard input: one JSON object, `{"patterns": [[regex, ignore_case], …], "logs": [[path, line], …]}`; `line` is where
the reader is in that log. All patterns must match. Standard output: records of fixed size (`RECORD`), one per block
of 1024 lines with hits, as they are found: around the reader's places first, then all, then what the logs grow by
until it is killed or its input ends.
"""

from __future__ import annotations

import json
import os
import re
import select
import struct
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from skafos_tui.store.logs.blocks import BlockCache, LogLines
from skafos_tui.store.logs.format import BLOCK_LINES, PREFIX_LENGTH
from skafos_tui.store.logs.pattern import compile_pattern
from skafos_tui.store.logs.reader import LogFile

RECORD = struct.Struct("<BIQ128s")
"""What it says, number of the log, number of a block or of a line, hits of the block (line n: bit n)."""
HITS, NEAR_FROM, NEAR_TO, SEARCHED = range(4)
NEAR_BLOCKS = 32
"""Blocks on either side of a reader's place that are searched before all others."""
NEAR_LOGS = 32
FLUSH_S = 0.05
POLL_S = 0.05
_NOTHING = bytes(128)


class _Out:
    """The records to be written, put together for a moment."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._due = 0.0

    def put(self, kind: int, log: int, number: int, bits: int = 0) -> None:
        self._waiting.append(RECORD.pack(kind, log, number, bits.to_bytes(128, "little") if bits else _NOTHING))
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            sys.stdout.buffer.write(b"".join(self._waiting))
            sys.stdout.buffer.flush()
            self._waiting.clear()
        self._due = time.monotonic() + FLUSH_S


class _Sought:
    """One log and how far it is searched."""

    def __init__(self, number: int, path: Path, place: int, cache: BlockCache) -> None:
        self.number = number
        self.lines = LogLines(path, cache)
        self.place = place
        self.searched = 0

    def search_near(self, patterns: Sequence[re.Pattern[str]], out: _Out) -> None:
        middle = self.place // BLOCK_LINES
        first, last = max(0, middle - NEAR_BLOCKS), min(middle + NEAR_BLOCKS, _blocks(self.lines))
        for block in range(first, last):
            out.put(HITS, self.number, block, bits_of(self.lines.raw_block(block), patterns))
        out.put(NEAR_FROM, self.number, first * BLOCK_LINES)
        out.put(NEAR_TO, self.number, min(last * BLOCK_LINES, self.lines.count()))
        out.flush()

    def search_new(self, patterns: Sequence[re.Pattern[str]], out: _Out) -> None:
        """What the log has grown by."""
        count = self.lines.count()
        for block in range(self.searched // BLOCK_LINES, _blocks(self.lines)):
            out.put(HITS, self.number, block, bits_of(self.lines.raw_block(block), patterns))
        self.searched = count
        out.put(SEARCHED, self.number, count)


def bits_of(raw_lines: Iterable[bytes], patterns: Sequence[re.Pattern[str]]) -> int:
    """The lines whose text all patterns match, as bits."""
    bits = 0
    for place, raw in enumerate(raw_lines):
        text = raw[PREFIX_LENGTH:].decode("utf-8", "replace")
        if all(pattern.search(text) for pattern in patterns):
            bits |= 1 << place
    return bits


def _blocks(lines: LogLines) -> int:
    return -(-lines.count() // BLOCK_LINES)


def search_all(logs: Sequence[_Sought], first: list[Any], patterns: Sequence[re.Pattern[str]], out: _Out) -> None:
    """All lines there are, by the quickest tool; the further patterns are looked for in what the first one finds."""
    # Not before what is around the reader has been told: the import takes as long as that.
    from skafos_tui.store.logs.search import search

    by_path = {sought.lines.path: sought for sought in logs}
    files = {path: LogFile(path) for path in by_path}
    counts = {path: file.count() for path, file in files.items()}
    path, block, start, position, place, bits = Path(), -1, 0, 0, 0, 0
    stop = 0
    content = b""
    with search(list(by_path), first[0], ignore_case=first[1]) as hits:
        for hit in hits:
            if len(patterns) > 1:
                text = hit.line.text.decode("utf-8", "replace")
                if not all(pattern.search(text) for pattern in patterns[1:]):
                    continue
            file = files[hit.path]
            if hit.offset >= file.size:
                continue
            if hit.path != path or hit.offset >= stop:
                if block >= 0:
                    out.put(HITS, by_path[path].number, block, bits)
                path, block = hit.path, file.block_at(hit.offset)
                start, stop = file.span(block)
                with path.open("rb", buffering=0) as opened:
                    opened.seek(start)
                    content = opened.read(stop - start)
                position, place, bits = 0, 0, 0
            place += content.count(b"\n", position, hit.offset - start)
            position = hit.offset - start
            bits |= 1 << place
    if block >= 0:
        out.put(HITS, by_path[path].number, block, bits)
    for path, sought in by_path.items():
        sought.searched = counts[path]
        out.put(SEARCHED, sought.number, counts[path])
    out.flush()


def _left_alone(wait_s: float) -> bool:
    """Wait a moment; whether who ordered the search is gone, however it ended."""
    ready, _, _ = select.select([sys.stdin], [], [], wait_s)
    return bool(ready) and not os.read(sys.stdin.fileno(), 1)


def run(order: dict[str, Any]) -> None:
    """Search as ordered, then follow, until nobody is there to be told."""
    patterns = [compile_pattern(text, ignore_case=ignore_case) for text, ignore_case in order["patterns"]]
    cache = BlockCache()
    logs = [_Sought(number, Path(path), place, cache) for number, (path, place) in enumerate(order["logs"])]
    out = _Out()
    for sought in logs[:NEAR_LOGS]:
        sought.search_near(patterns, out)
    search_all(logs, order["patterns"][0], patterns, out)
    while True:
        for sought in logs:
            if sought.lines.refresh() or sought.searched < sought.lines.count():
                sought.search_new(patterns, out)
        out.flush()
        if _left_alone(POLL_S):
            return


if __name__ == "__main__":
    try:
        run(json.loads(sys.stdin.readline()))
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()
