"""Requirements as text: what of them decides a layer, and which line of pip's output says why it failed; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LOCAL = re.compile(r"(-r|-c|-e|--requirement|--constraint|--editable|-f|--find-links)\b|\.|/|file:|.*@\s*file:")
_DECISIVE = (
    re.compile(r"ERROR: (No matching distribution|Cannot install|ResolutionImpossible|Invalid requirement)"),
    re.compile(r"ERROR: (Could not|Failed|Package|the image)"),
    re.compile(r"ERROR: "),
    re.compile(r"\s*error: |.*No space left on device"),
)


def normalise(requirements: bytes | None) -> str:
    """The lines that count: without comments, blanks and differences of spacing or line ends; order is kept.

    Lines joined by a backslash are one. Empty where nothing is to be installed.
    """
    if requirements is None:
        return ""
    text = requirements.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    text = re.sub(r"\\\n[ \t]*", " ", text)
    lines = [re.sub(r"(^|\s)#.*$", "", line) for line in text.split("\n")]
    return "".join(f"{' '.join(line.split())}\n" for line in lines if line.strip())


def needs_code(normalised: str) -> bool:
    """Whether a line names files of the project, so that the layer depends on the code."""
    return any(_LOCAL.match(line) for line in normalised.splitlines())


def decisive_line(log: Sequence[str]) -> str:
    """The line of pip's output that says why it failed."""
    for pattern in _DECISIVE:
        for line in reversed(log):
            if pattern.match(line):
                return line.strip().removeprefix("ERROR: ")
    return next((line.strip() for line in reversed(log) if line.strip()), "pip said nothing")
