"""Room for new work: looked at before the last byte of the disk is taken, and told (SPEC 12.6)."""

from __future__ import annotations

import logging
from pathlib import Path

from skafos_tui.store.disk import full, shortage, takes_no_more

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often the disk is looked at."""


class Room:
    """What the engine knows of the disk under its home."""

    def __init__(self, path: Path) -> None:
        self.problem = ""
        """Why nothing new starts, one line; empty when there is room."""
        self._path = path
        self._failed = False

    def failed(self, message: str) -> None:
        """Something could not be written for lack of space; the counts need not show it (a quota)."""
        if not self._failed:
            log.error("%s", message)
        self._failed = True

    def look(self) -> bool:
        """Look at the disk again; whether the answer is another one. Blocking, short."""
        before, self.problem = self.problem, shortage(self._path)
        if not self.problem and self._failed:
            self._failed = takes_no_more(self._path)
            self.problem = f"{full(self._path)}, or your quota is used up" if self._failed else ""
        if bool(self.problem) == bool(before):
            return False
        log.warning("%s", self.problem or f"{self._path} has room again")
        return True
