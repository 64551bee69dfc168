"""What a new line begins with: the indent goes on, deeper after a colon, aligned after a dash."""

from __future__ import annotations

import re

STEP = 2
_DASHES = re.compile(r"[ \t]*(?:-[ \t]+)*")
_OPENS = re.compile(r"(?:.*[^\s#])?:(?:[ \t]+[|>][-+0-9]*)?(?:[ \t]+#.*)?[ \t]*|[ \t]*(?:-[ \t]+)*[|>][-+0-9]*[ \t]*")


def next_indent(before: str) -> str:
    """The blanks that begin a line after one whose text up to the cursor is `before`."""
    dashes = _DASHES.match(before)
    assert dashes is not None
    lead = dashes.group()
    if not before.strip():
        return before
    if before.lstrip().startswith("#"):
        return before[: len(before) - len(before.lstrip())]
    blanks = lead.replace("-", " ")
    if len(lead) < len(before) and _OPENS.fullmatch(before):
        return blanks + " " * STEP
    return blanks
