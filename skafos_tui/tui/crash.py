"""What a crash of the screen leaves behind: a report in the home, and one line that says where it is."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from skafos_tui import __version__

KEPT = 10


def write_report(error: BaseException, directory: Path | None) -> Path | None:
    """Write what happened to a file of the user's own; None where that can't be done."""
    place = (directory or Path(tempfile.gettempdir())) / "reports"
    now = datetime.now(UTC)
    text = "".join(traceback.format_exception(error))
    versions = f"skafos {__version__}, Python {platform.python_version()}, {platform.platform()}"
    path = place / f"screen-{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(f"{versions}, {now:%Y-%m-%d %H:%M:%S} UTC\n\n{text}", encoding="utf-8")
        for old in sorted(place.glob("screen-*.txt"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return None
    return path


def line_of(error: BaseException, report: Path | None) -> str:
    """What is said about it."""
    words = " ".join(f"{type(error).__name__}: {error}".split())[:160]
    where = f"the report is {report}" if report is not None else "no report could be written"
    return f"skafos: the screen broke off, jobs go on; {where}: {words}"
