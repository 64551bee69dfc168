"""The engine's own log: bounded when an engine starts, read for its last word when one doesn't."""

from __future__ import annotations

import logging
import os
import shutil

from skafos_tui.store.home import Home

LIMIT_BYTES = 8 << 20
TAIL_BYTES = 1 << 16

log = logging.getLogger(__name__)


def bound_log(home: Home) -> None:
    """Move what a log above LIMIT_BYTES holds into `engine.log.1`; called by the engine in charge, when it starts.

    It is copied and emptied rather than renamed: whoever started the engine has opened it already, for appending.
    Where that fails (a full disk) the engine says so and goes on.
    """
    file = home.engine_log
    if log_size(home) <= LIMIT_BYTES:
        return
    aside = file.with_name(f"{file.name}.1.new")
    try:
        shutil.copyfile(file, aside)
        aside.replace(file.with_name(f"{file.name}.1"))
        os.truncate(file, 0)
    except OSError as error:
        log.warning("%s can't be moved aside: %s", file, error)


def log_size(home: Home) -> int:
    """The size of the log in bytes; 0 where there is none."""
    try:
        return home.engine_log.stat().st_size
    except OSError:
        return 0


def last_line(home: Home, since: int = 0) -> str:
    """The last line that is not empty, of what was written after the first `since` bytes."""
    try:
        with home.engine_log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = since if since <= size else 0
            file.seek(max(begin, size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return "it has no log"
    return lines[-1] if lines else "it said nothing"
