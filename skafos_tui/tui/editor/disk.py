"""The file on disk: its bytes and its text, and a thread that notices when another program changes it."""

from __future__ import annotations

import codecs
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.config.reader import ConfigUnreadable, read_bytes
from skafos_tui.config.source import MAX_BYTES, lossy_text

POLL_S = 0.3
COARSE_S = 2.0
"""The coarsest clock of a file system: what changed more recently may change again under the same time."""
SHOWN_LINES = 5000
"""Of what can only be looked at so much is shown."""
_Trace = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: its text without a byte order mark; `trouble` says why it can't be edited."""

    data: bytes
    text: str
    trouble: str = ""


def content_of(data: bytes) -> Content:
    """The text of a file's bytes."""
    if len(data) > MAX_BYTES:
        return Content(data, _beginning(data), f"larger than {MAX_BYTES:,} bytes: it can only be looked at")
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        return Content(data, _beginning(data), "not in UTF-8: it can only be looked at")
    if "\0" in text:
        return Content(data, text, "no text: it can only be looked at")
    return Content(data, text)


def _beginning(data: bytes) -> str:
    return "".join(lossy_text(data).splitlines(keepends=True)[:SHOWN_LINES])


def read_content(path: Path) -> Content:
    """What a config file holds. Raises ConfigUnreadable."""
    return content_of(read_bytes(path))


class DiskWatch:
    """Looks at a file now and then, and posts what it holds when that is new; None where it is gone.

    `post` is called on the watch's thread. Looking costs one `stat`.
    """

    def __init__(self, path: Path, post: Callable[[Content | None], None]) -> None:
        self._path = path
        self._post = post
        self._known: bytes | None = None
        self._lock = threading.Lock()
        self._wanted = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="config file", daemon=True)

    def start(self, known: bytes) -> None:
        """Begin to watch a file that holds these bytes."""
        self._known = known
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; returns at once."""
        self._ended.set()

    def look(self) -> None:
        """Read it at the next look, whatever its times say."""
        self._wanted = True

    def save(self, write: Callable[[], bytes]) -> bytes:
        """Write the file and return the bytes; what is written here is no news."""
        with self._lock:
            self._known = data = write()
            return data

    def _run(self) -> None:
        last: _Trace | None = None
        seen = False
        while not self._ended.wait(POLL_S):
            trace = _trace(self._path)
            if seen and trace == last and not self._wanted and not _is_recent(trace):
                continue
            last, seen, self._wanted = trace, True, False
            with self._lock:
                data = _bytes(self._path) if trace is not None else None
                is_new = data != self._known
                self._known = data
            if is_new and not self._ended.is_set():
                self._post(None if data is None else content_of(data))


def _trace(path: Path) -> _Trace | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_recent(trace: _Trace | None) -> bool:
    return trace is not None and time.time() - trace[3] / 1e9 < COARSE_S


def _bytes(path: Path) -> bytes | None:
    try:
        return read_bytes(path)
    except ConfigUnreadable:
        return None
