"""From a job's two pipes to lines in the log file, in the format of DESIGN 5; fast in bulk.

The shim starts with this: nothing slow is imported.
"""

from __future__ import annotations

import os
import time

READ = 1 << 20
MAX_LINE = 1 << 20
"""Longer lines are written in parts of at most this many bytes, all but the last tagged P."""
MOST_BYTES = 8 << 30
"""What a log may grow to, as Docker's do here; the engine's own cap (SPEC 8) comes long before."""
SECOND = 1_000_000_000
TAGS = {"stdout": b"Z stdout ", "stderr": b"Z stderr "}


class Pump:
    """Writes lines to `log`, a descriptor. What a full disk refuses is held, and nothing more is to be given meanwhile.

    Each line's time is later than that of the line before it, so that a reader finds a place by its time: after the
    clock was set back they stand still, a nanosecond a line, until it has caught up.
    """

    def __init__(self, log: int, most: int = MOST_BYTES) -> None:
        self._log = log
        self._most = most
        self._size = 0
        self._dropped = 0
        self._last = 0
        self._begun = {"stdout": b"", "stderr": b""}
        self._second = -1
        self._head = b""
        self._unwritten = memoryview(b"")

    @property
    def stuck(self) -> bool:
        """Whether the disk is full: `flush` tries again."""
        return len(self._unwritten) > 0

    def take(self, stream: str, data: bytes) -> None:
        """What came through a pipe, in pieces of any size."""
        begun = self._begun[stream]
        lines = (begun + data if begun else data).split(b"\n")
        rest = lines.pop()
        tag = TAGS[stream]
        if len(data) + len(begun) > MAX_LINE:
            parts = _parts(lines)
            while len(rest) > MAX_LINE:
                parts.append((b"P ", rest[:MAX_LINE]))
                rest = rest[MAX_LINE:]
            first = self._times(len(parts))
            head = self._head
            self._write(
                b"".join(
                    [b"%b%09d%b%b%b\n" % (head, first + n, tag, kind, text) for n, (kind, text) in enumerate(parts)]
                )
            )
        elif lines:
            head_and_first = self._times(len(lines))
            head, tag = self._head, tag + b"F "
            self._write(b"".join([b"%b%09d%b%b\n" % (head, n, tag, s) for n, s in enumerate(lines, head_and_first)]))
        self._begun[stream] = rest

    def end(self) -> None:
        """The end of both streams: a line that never got its end counts as whole."""
        for stream, begun in self._begun.items():
            if begun:
                self.take(stream, b"\n")
        if self._dropped:
            words = b"[skafos] the log is full: %d more bytes were dropped" % self._dropped
            self._most, self._dropped = self._most + (1 << 12), 0
            self.take("stderr", words + b"\n")

    def flush(self) -> None:
        """Write what was held."""
        while self._unwritten:
            try:
                written = os.write(self._log, self._unwritten)
            except OSError:
                # A full disk, for all that can be done here: nothing is dropped, the job waits.
                return
            self._unwritten = self._unwritten[written:]

    def _times(self, count: int) -> int:
        """The nanoseconds of the first of `count` lines, within the second that `_head` says."""
        now = max(time.time_ns(), self._last + 1)
        second, rest = divmod(now, SECOND)
        if rest + count > SECOND:
            second, rest = second + 1, 0
        if second != self._second:
            self._second = second
            self._head = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second)).encode()
        self._last = second * SECOND + rest + count - 1
        return rest

    def _write(self, batch: bytes) -> None:
        if self._size + len(batch) > self._most:
            self._dropped += len(batch)
            return
        self._size += len(batch)
        self._unwritten = memoryview(bytes(self._unwritten) + batch) if self._unwritten else memoryview(batch)
        self.flush()


def _parts(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Whole lines, those that are too long cut."""
    parts: list[tuple[bytes, bytes]] = []
    for line in lines:
        while len(line) > MAX_LINE:
            parts.append((b"P ", line[:MAX_LINE]))
            line = line[MAX_LINE:]
        parts.append((b"F ", line))
    return parts
