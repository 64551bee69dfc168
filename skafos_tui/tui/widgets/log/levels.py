"""How grave a line is, guessed from its text: for the marks in the gutter and for showing only what is grave.

Rates and counts of errors are none: a word in small letters counts only where loggers and compilers put it.
"""

from __future__ import annotations

import re
from enum import IntEnum


class Level(IntEnum):
    """How grave a line is."""

    NORMAL = 0
    WARNING = 1
    ERROR = 2


ERRORS = (
    r"\b(?:ERROR|CRITICAL|FATAL|SEVERE|PANIC)\b"
    r"|^(?:[\w.]+: )?(?:fatal|error|panic|Killed|Aborted|Segmentation fault|Bus error)(?::|\b *$| \()"
    r"|^Traceback \(most recent call last\)"
    r"|^(?:\w+\.)*[A-Z]\w*(?:Error|Exception)(?::|$)"
    r"|: (?:fatal )?error: "
    r"|\blevel[\"']?[=:] ?[\"']?(?:error|critical|fatal)\b"
    r"|^[EF]\d{4} \d\d:"
    r"|\[(?:E|error|fatal)\]"
)
"""A Python regular expression that matches lines with an error."""
WARNINGS = (
    r"\b(?:WARNING|WARN)\b"
    r"|^(?:[\w.]+: )?[Ww]arning(?::| )"
    r"|\b[A-Z]\w*Warning: "
    r"|: warning: "
    r"|\blevel[\"']?[=:] ?[\"']?warn(?:ing)?\b"
    r"|^W\d{4} \d\d:"
    r"|\[(?:W|warn|warning)\]"
)
"""A Python regular expression that matches lines with a warning."""
AT_LEAST = {Level.WARNING: f"(?:{WARNINGS})|(?:{ERRORS})", Level.ERROR: ERRORS}
MARKS = {Level.NORMAL: " ", Level.WARNING: "~", Level.ERROR: "!"}
_LOOKED_AT = 2000
_find_error = re.compile(ERRORS).search
_find_warning = re.compile(WARNINGS).search


def level_of(text: str) -> Level:
    """The level of a line's text (without control characters)."""
    text = text[:_LOOKED_AT]
    if _find_error(text):
        return Level.ERROR
    return Level.WARNING if _find_warning(text) else Level.NORMAL
