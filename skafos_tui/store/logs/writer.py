"""The writer of one attempt's log: appends complete lines, keeps the index, cuts what is torn (DESIGN 4.6, 5)."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from skafos_tui.model.verdict import format_bytes
from skafos_tui.store.logs.format import BLOCK_LINES, GAP_PREFIX, PREFIX_LENGTH, TIME_LENGTH, gap_line, is_gap
from skafos_tui.store.logs.index import (
    ENTRY_BYTES,
    block_starts,
    encode,
    index_path,
    plausible,
    read_entries,
    scan,
)
from skafos_tui.store.logs.masking import Cleaner
from skafos_tui.store.logs.resume import (
    Resume,
    ResumeByCount,
    ResumeByTime,
    ResumePoint,
    StoredTail,
    lines_backwards,
    stored_tail,
)

DEFAULT_CAP = 1 << 30
_CAP_REASON = "log cap"
_CAP_MARK = GAP_PREFIX + _CAP_REASON.encode()
_GAP_MARK = b" stderr F " + GAP_PREFIX
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_NEVER = b"1970-01-01T00:00:00.000000000Z"


class LogWriteError(OSError):
    """The log can't be written now (the disk is full). Nothing torn is in the file; what was given is kept in memory
    and written first by the next `append` or `flush`."""


class LogWriter:
    """Appends to one log file; used by one thread at a time.

    Readers see what `append` took as soon as it returns. The lines have the fixed form of `store.logs.format`: nine
    digits and `Z`. `secrets` are masked before anything is compared or written. After `cap` bytes what follows is
    dropped, which a gap line says; how much it was is said at the end.
    """

    def __init__(self, path: Path, *, cap: int = DEFAULT_CAP, secrets: Sequence[bytes] = ()) -> None:
        """Open or make the file: a torn last line is cut, the index verified and repaired. Raises OSError."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._cap = cap
        self._secrets = secrets
        self._cleaner = Cleaner(secrets)
        self._size = self._lines = self._indexed = 0
        self._capped = False
        self._resume: Resume | None = None
        self._tail: StoredTail | None = None
        self._tail_size = 0
        self._unwritten = b""
        self._unindexed = array("Q")
        self._dropped_lines = self._dropped_bytes = 0
        self._log = os.open(path, _FLAGS, 0o600)
        self._index = os.open(index_path(path), _FLAGS, 0o600)
        self._recover()

    @property
    def size(self) -> int:
        """The bytes in the file."""
        return self._size

    @property
    def lines(self) -> int:
        """The lines in the file, gap lines too."""
        return self._lines

    @property
    def resume_confirmed(self) -> bool:
        """Whether the lines stored before came back in a resume, so that nothing is missing between (or none is on)."""
        return self._resume is None or self._resume.confirmed

    def resume_point(self) -> ResumePoint:
        """From where the attempt's log must be read again to go on without loss."""
        tail = self._tail = stored_tail(self.path, self._size)
        self._tail_size = self._size
        return ResumePoint(None if tail is None else tail.since, lambda: self._lines - self._count_gaps())

    def begin_resume(self) -> None:
        """The lines that follow come from `resume_point().since`: those already stored are dropped.

        What a LogWriteError has left in memory is forgotten: it comes again.
        """
        self._start_over()
        fresh = self._tail is not None and self._tail_size == self._size
        tail, self._tail = self._tail if fresh else stored_tail(self.path, self._size), None
        self._resume = None if tail is None else ResumeByTime(tail.stored, tail.newest)

    def begin_resume_by_count(self, lines: int | None = None) -> None:
        """The lines that follow come from the log's start: as many are dropped as are stored (or `lines`).

        For a clock that was set back: `since` then lies in the future and nothing at all comes back. What a
        LogWriteError has left in memory is forgotten: it comes again.
        """
        self._start_over()
        count = self._lines - self._count_gaps() if lines is None else lines
        self._resume = ResumeByCount(count, self._last_time())

    def append(self, batch: bytes) -> None:
        """Write complete lines, each with its newline. The batch is always taken, also when LogWriteError is raised."""
        if not batch:
            return
        if batch[-1:] != b"\n" or batch[TIME_LENGTH - 1 : TIME_LENGTH] != b"Z":
            raise ValueError(f"not complete log lines: {batch[:60]!r} … {batch[-20:]!r}")
        batch = self._cleaner.clean(batch)
        if self._resume is not None:
            batch = self._resume.filter(batch)
            if self._resume.done:
                self._resume = None
        self._write(self._within_cap(batch))

    def append_gap(self, reason: str) -> None:
        """Write a gap line at the time of the last line."""
        self._write(gap_line(self._last_time(), reason))

    def flush(self) -> None:
        """Write what an earlier LogWriteError left in memory. Raises LogWriteError if that still fails."""
        self._write(b"")

    def close(self, *, sync: bool = True, final: bool = True) -> None:
        """Write what is left and close; with `sync` log and index are on disk afterwards.

        `final` says that the attempt's log is complete: what is still held back, and how much was dropped, is
        written. Raises LogWriteError if that can't be written; the files are closed all the same.
        """
        try:
            self._write(self._last_words() if final else b"")
            if sync:
                os.fsync(self._log)
                os.fsync(self._index)
                _sync_directory(self.path.parent)
        finally:
            os.close(self._log)
            os.close(self._index)

    def _start_over(self) -> None:
        """Go by what is in the file: all after it, partial lines and what the cap drops too, comes once more."""
        self._unwritten = b""
        self._cleaner = Cleaner(self._secrets)
        self._dropped_lines = self._dropped_bytes = 0
        self._capped = self._ends_capped()

    def _last_words(self) -> bytes:
        words = self._within_cap(self._cleaner.rest())
        if self._resume is not None:
            words += self._resume.end()
            self._resume = None
        if self._dropped_lines:
            text = f"{_CAP_REASON}: {self._dropped_lines:,} lines ({self._dropped_bytes:,} bytes) dropped"
            words += gap_line(self._last_time(), text)
        return words

    def _within_cap(self, batch: bytes) -> bytes:
        if not self._capped and self._size + len(self._unwritten) + len(batch) <= self._cap:
            return batch
        if self._capped:
            kept, notice = b"", b""
        else:
            room = self._cap - self._size - len(self._unwritten)
            kept = batch[: batch.rfind(b"\n", 0, max(0, room)) + 1]
            time = batch[len(kept) : len(kept) + TIME_LENGTH]
            notice = gap_line(time, f"{_CAP_REASON} of {format_bytes(self._cap)} reached: what follows is not kept")
            self._capped = True
        self._dropped_lines += batch.count(b"\n", len(kept))
        self._dropped_bytes += len(batch) - len(kept)
        return kept + notice

    def _write(self, batch: bytes) -> None:
        if self._unwritten:
            batch = self._unwritten + batch
        if not batch:
            return
        try:
            self._write_all(batch)
        except OSError as error:
            self._unwritten = batch
            os.ftruncate(self._log, self._size)
            raise LogWriteError(error.errno, f"{os.strerror(error.errno or 0)}: {self.path}") from error
        self._unwritten = b""
        starts, count = block_starts(batch, self._lines)
        self._unindexed.extend(self._size + start for start in starts)
        self._size += len(batch)
        self._lines += count
        if self._unindexed:
            self._write_index()

    def _write_all(self, batch: bytes) -> None:
        written = os.write(self._log, batch)
        while written < len(batch):
            written += os.write(self._log, memoryview(batch)[written:])

    def _write_index(self) -> None:
        content = encode(self._unindexed)
        try:
            complete = os.write(self._index, content) == len(content)
        except OSError:
            # A full disk. The lines are what counts and they are written; the entries wait for the next time, and
            # whoever reads meanwhile counts the lines itself.
            complete = False
        if complete:
            self._indexed += len(self._unindexed)
            del self._unindexed[:]
        else:
            os.ftruncate(self._index, self._indexed * ENTRY_BYTES)

    def _recover(self) -> None:
        size = os.fstat(self._log).st_size
        stored = read_entries(index_path(self.path))
        entries = plausible(self._log, size, stored)
        self._indexed = len(entries)
        first = entries[-1] if entries else 0
        starts, count, self._size = scan(self._log, first, size, 0)
        self._lines = len(entries) * BLOCK_LINES + count
        self._unindexed.extend(starts)
        if self._size < size:
            os.ftruncate(self._log, self._size)
        os.ftruncate(self._index, self._indexed * ENTRY_BYTES)
        if self._unindexed:
            self._write_index()
        self._capped = self._ends_capped()

    def _ends_capped(self) -> bool:
        last_gaps = takewhile(is_gap, lines_backwards(self.path, self._size))
        return any(raw.startswith(_CAP_MARK, PREFIX_LENGTH) for raw in last_gaps)

    def _last_time(self) -> bytes:
        last = next(lines_backwards(self.path, self._size), b"")[:TIME_LENGTH]
        return last if len(last) == TIME_LENGTH else _NEVER

    def _count_gaps(self) -> int:
        count = position = 0
        kept = b"\n"
        while position < self._size:
            block = kept + os.pread(self._log, min(1 << 20, self._size - position), position)
            position += len(block) - len(kept)
            place = block.find(_GAP_MARK)
            while place >= 0:
                count += block[place - TIME_LENGTH - 1 : place - TIME_LENGTH] == b"\n"
                place = block.find(_GAP_MARK, place + 1)
            # Enough for a gap line that begins in this block and is marked in the next; one wholly in it was counted.
            kept = block[-(TIME_LENGTH + len(_GAP_MARK)) :]
        return count


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
