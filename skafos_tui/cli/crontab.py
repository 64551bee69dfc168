"""The one line of ours in the user's crontab, for machines without systemd; all others stay byte for byte."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

TIMEOUT_S = 10.0
NONE_YET = re.compile(rb"no crontab for |can't open '[^'/]*': No such file", re.IGNORECASE)
"""What `crontab -l` says with an error code where there is none: Vixie's and cronie's words, then BusyBox's."""


class CrontabError(Exception):
    """The crontab can't be read or written; one line."""


def read_crontab() -> bytes | None:
    """The user's crontab, empty where they have none; None where this machine has no cron. Raises CrontabError.

    Only what is surely no crontab counts as an empty one: it is written back later.
    """
    done = _crontab("-l")
    if done is None:
        return None
    if done.returncode == 0:
        return done.stdout
    if NONE_YET.search(done.stderr):
        return b""
    raise CrontabError(f"the crontab can't be read: {_words(done)}")


def write_crontab(content: bytes) -> None:
    """Replace the user's crontab. Raises CrontabError."""
    done = _crontab("-", content=content)
    if done is None or done.returncode != 0:
        raise CrontabError(f"the crontab can't be written: {_words(done) if done else 'crontab does not answer'}")


def with_line(content: bytes, script: Path, name: str) -> bytes:
    """The crontab with our line at its end, once; `name` marks it."""
    kept = without_line(content, name)
    if kept and not kept.endswith(b"\n"):
        kept += b"\n"
    # In a crontab `%` is a new line, also between quotes.
    command = shlex.quote(os.fspath(script)).replace("%", r"\%")
    return kept + os.fsencode(f"@reboot {command} {_mark(name)}\n")


def without_line(content: bytes, name: str) -> bytes:
    """The crontab without our line, also where somebody has commented it out."""
    mark = os.fsencode(_mark(name))
    return b"".join(line for line in content.splitlines(keepends=True) if not line.rstrip().endswith(mark))


def has_line(content: bytes, name: str) -> bool:
    """Whether our line is in the crontab and in force."""
    mark = os.fsencode(_mark(name))
    lines = (line.strip() for line in content.splitlines())
    return any(line.startswith(b"@reboot") and line.endswith(mark) for line in lines)


def _mark(name: str) -> str:
    """A comment of the shell at the line's end: it can't be torn from its line."""
    return f"# {name}, made by `skafos engine enable`"


def _crontab(word: str, content: bytes | None = None) -> subprocess.CompletedProcess[bytes] | None:
    try:
        return subprocess.run(
            ["crontab", word],
            env={**os.environ, "LC_ALL": "C"},
            input=content or b"",
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        return None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CrontabError(f"crontab can't be asked: {error}") from None


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"exit {done.returncode}"
