"""Drafts: what was typed and not saved, kept in the home so that neither a crash nor a kill takes it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from skafos_tui.store.home import Home

MOST_SESSIONS = 16
"""So many editors of one file keep drafts side by side."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed (`text`) over which text of the file (`base`), and when (Unix seconds)."""

    path: str
    base: str
    text: str
    at: float


class Journal:
    """The drafts of one file in one editor; another editor of the same file keeps its own.

    A draft belongs to an editor as long as its process lives: the lock ends with it, whatever ends it.
    """

    def __init__(self, home: Home, path: Path) -> None:
        self._directory = home.path / "drafts"
        self._name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:24]
        self._lock: int | None = None
        self._file: Path | None = None
        self._guard = threading.Lock()
        self._at = 0.0

    def open(self) -> Draft | None:
        """Take a place for drafts; the draft that an editor left there which is no more. Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken: list[tuple[int, Path]] = []
        for file, lock in self._free_places():
            if file.exists() and (draft := _read(file)) is not None:
                self._take(lock, file, taken)
                return draft
            taken.append((lock, file))
        if taken:
            lock, file = taken.pop(0)
            self._take(lock, file, taken)
        return None

    def write(self, draft: Draft) -> None:
        """Keep a draft instead of the last one, all or nothing; an older one than that is left. Raises OSError."""
        with self._guard:
            if self._file is not None and draft.at >= self._at:
                self._at = draft.at
                _replace(self._file, json.dumps(asdict(draft), ensure_ascii=False))

    def clear(self, at: float) -> None:
        """Since then (Unix seconds) there is no draft: the file has it all. Raises OSError."""
        with self._guard:
            if self._file is not None and at >= self._at:
                self._at = at
                self._file.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the place up; a draft in it stays for the next editor."""
        if self._lock is not None:
            os.close(self._lock)
        self._lock = self._file = None

    def _take(self, lock: int, file: Path, others: list[tuple[int, Path]]) -> None:
        self._lock, self._file = lock, file
        for other, _ in others:
            os.close(other)

    def _free_places(self) -> Iterator[tuple[Path, int]]:
        """The places that no living editor has, locked."""
        for number in range(MOST_SESSIONS):
            stem = self._directory / f"{self._name}-{number}"
            lock = os.open(f"{stem}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                continue
            yield stem.with_name(f"{stem.name}.json"), lock


def _replace(file: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as temporary:
            temporary.write(text)
            temporary.flush()
            os.fsync(temporary.fileno())
        os.replace(name, file)  # noqa: PTH105
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(file: Path) -> Draft | None:
    """The draft in a file; None where it is none: then nothing was kept."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Draft(str(found["path"]), str(found["base"]), str(found["text"]), float(found["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
