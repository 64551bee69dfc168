"""What the shells of all runners share: which shell, its prompt, and how its program says why there is none."""

from __future__ import annotations

import os
import sys

TELL = "SKAFOS_TELL_FD"
"""The variable with a descriptor that takes one line: why there is no shell, or why it ended."""
FIND_SHELL = "if command -v bash >/dev/null 2>&1; then exec bash --norc; else exec sh; fi"
"""No start-up files: those of an image set a prompt of their own."""
_SAFE = frozenset(" #-_.,+")


def prompt_of(words: str, *, short: bool = False) -> str:
    """`PS1` for any shell: the words, less what a shell would take for something else, and the directory.

    `short`: only the last part of its path.
    """
    safe = "".join(character for character in words if character.isalnum() or character in _SAFE)
    return f"[{safe}] {'${PWD##*/}' if short else '$PWD'}$ "


def tell(line: str) -> None:
    """Say it to whoever opened the shell, else on the terminal."""
    number = os.environ.get(TELL, "")
    if number.isdecimal():
        try:
            os.write(int(number), line.encode())
            return
        except OSError:
            pass  # nobody listens: the terminal does
    print(f"skafos: {line}", file=sys.stderr)


def keep_own() -> None:
    """The descriptor and its variable are not for what is run from here."""
    number = os.environ.pop(TELL, "")
    if number.isdecimal():
        try:
            os.set_inheritable(int(number), False)
        except OSError:
            return  # it was never there
