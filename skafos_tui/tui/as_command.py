"""What the screen does, as the `skafos` commands that do the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from skafos_tui.model.project import NO_TEXT


def run_command(names: Sequence[str], *, only: bool = False, parameters: Mapping[str, str] = NO_TEXT) -> str:
    """`skafos run Train --only`; without names it runs everything."""
    words = ["run", *names, *(["--only"] if only else [])]
    for key, value in parameters.items():
        words += ["--param", f"{key}={value}"]
    return command(*words)


def command(*words: object) -> str:
    """The words behind `skafos` as a shell takes them."""
    return shlex.join(["skafos", *map(str, words)])
