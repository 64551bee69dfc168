"""A shell with the environment of a local attempt, in its directory: a program that becomes the shell."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skafos_tui.runners.process import files
from skafos_tui.runners.shells import FIND_SHELL, TELL, keep_own, tell

OWN = ("TERM", "COLORTERM")
"""What the shell has of the terminal's environment; the rest is the attempt's."""


def shell_environment(spec: Mapping[str, Any], prompt: str, terminal: Mapping[str, str]) -> dict[str, str]:
    """The variables of the shell; pure."""
    own = {key: terminal[key] for key in OWN if key in terminal}
    return {**spec["environment"], **own, "PS1": prompt}


def main(words: Sequence[str] | None = None) -> int:
    """The program; returns only where there is no shell."""
    parser = argparse.ArgumentParser(prog="skafos_tui.runners.process.shell")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--prompt", default="$PWD$ ")
    asked = parser.parse_args(words)
    spec = files.read_json(str(asked.directory / files.SPEC))
    if spec is None:
        tell("the attempt is gone")
        return 1
    variables = shell_environment(spec, asked.prompt, os.environ)
    try:
        os.chdir(spec["directory"])
        number = os.environ.get(TELL)
        keep_own()
        try:
            os.execve("/bin/sh", ["sh", "-c", FIND_SHELL], variables)
        finally:
            if number is not None:
                os.environ[TELL] = number
    except OSError as error:
        tell(f"there is no shell in {spec['directory']}: {error.strerror}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
