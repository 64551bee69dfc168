"""The files of the project while it is looked at: whether they are those that are deployed, and what its config says.

A thread looks at names, times and sizes; a file is read only when these have changed, and a project so large that
looking takes long is looked at less often.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

from skafos_tui.tui.written import Written, read_written

LOOK_S = 2.0
SHARE = 100
"""At most every hundredth second is spent on looking."""
MOST_BYTES = 256 << 20
"""More than this is not read for a star: whether the files differ stays unknown then."""

Stamp = tuple[int, int, int, int]
NEVER: Stamp = (-1, -1, -1, -1)
NOTHING = (NEVER, b"")


class ProjectWatch:
    """Keeps true what is `written` in the config, and `digest`: that of the project's files as a deployment has it.

    The digest is empty while it isn't known, and as long as nobody sets `is_compared`: there is a deployment. `told`,
    set by whoever wants to know, is called on the watch's thread when one of them is another one; `rewritten` before
    that, with what the config says now.
    """

    def __init__(
        self, directory: Path, config: Path | None, written: Written, rewritten: Callable[[Written], None] | None = None
    ) -> None:
        self.digest = ""
        self.is_compared = False
        self.written = written
        self.told: Callable[[], None] = lambda: None
        self._directory = directory
        self._config = config
        self._rewritten = rewritten
        self._known: dict[str, tuple[Stamp, bytes]] = {}
        self._config_stamp = _stamp(config) if config is not None else None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="project files", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; doesn't wait for a file that is being read."""
        self._ended.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    def look(self) -> None:
        """Look once; blocking."""
        if self._config is not None and (stamp := _stamp(self._config)) != self._config_stamp:
            self._config_stamp = stamp
            self.written = read_written(self._config)
            if self._rewritten is not None:
                self._rewritten(self.written)
            self.told()
        try:
            digest = self._digest() if self.is_compared else ""
        except OSError:
            digest = ""  # a file went while it was looked at, or the directory has gone: the next look tells
        if digest != self.digest:
            self.digest = digest
            self.told()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._ended.wait(pause_s):
            begin = time.thread_time()
            self.look()
            pause_s = max(LOOK_S, SHARE * (time.thread_time() - begin))

    def _digest(self) -> str:
        """The same digest as `take_snapshot` finds; only files with another stamp are read."""
        from skafos_tui.store.working_tree import fingerprint_of, project_files  # not before the first frame

        stamps = {path: _stamp(self._directory / path) for path in sorted(project_files(self._directory))}
        unread = [stamp for path, stamp in stamps.items() if stamp and self._known.get(path, NOTHING)[0] != stamp]
        if sum(size for _, size, _, _ in unread) > MOST_BYTES:
            return ""
        digest, seen = hashlib.sha256(), {}
        for path, stamp in stamps.items():
            if self._ended.is_set():
                return self.digest
            known = self._known.get(path, NOTHING)
            if stamp is None or known[0] != stamp:
                known = (stamp or NEVER, fingerprint_of(self._directory, path))
            seen[path] = known
            digest.update(known[1])
        self._known = seen
        return digest.hexdigest()


def _stamp(path: Path) -> Stamp | None:
    """What changes with a file's content or mode; None where it can't be looked at."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, stat.S_IMODE(found.st_mode)
