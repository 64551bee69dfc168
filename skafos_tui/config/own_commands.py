"""A user's own commands: shell lines with placeholders whose values can never become code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

VARIABLES: Mapping[str, str] = {
    "job": "SKAFOS_JOB_ID",
    "run": "SKAFOS_RUN_ID",
    "log": "SKAFOS_LOG",
    "project": "SKAFOS_PROJECT_DIRECTORY",
}
"""Placeholder to the variable that carries its value: the shell reads it as one word, whatever it contains."""


@dataclass(frozen=True, slots=True)
class OwnCommand:
    """What a user's own key or palette entry does.

    `line` is for `sh -c`, its placeholders are variables already; `wants` are the placeholders it had. `key` is empty
    where it has none; `terminal` says that it takes the terminal while it runs.
    """

    name: str
    line: str
    title: str
    key: str = ""
    terminal: bool = False
    wants: frozenset[str] = frozenset()


def read_line(text: str) -> tuple[str, frozenset[str]]:
    """A shell line with `{job}` and the like as variables, and which of them it has; other braces stay.

    Raises ValueError where one stands inside quotes: there the shell, or one that it starts, might take a value apart.
    """
    parts: list[str] = []
    wants: set[str] = set()
    quote, at = "", 0
    while at < len(text):
        character = text[at]
        name = _placeholder(text, at)
        if character == "\\" and quote != "'":
            parts.append(text[at : at + 2])
            at += 2
            continue
        if name:
            if quote:
                raise ValueError(f"`{{{name}}}` stands in quotes: it is quoted by itself, write it without")
            parts.append(f'"${{{VARIABLES[name]}}}"')
            wants.add(name)
            at += len(name) + 2
            continue
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        parts.append(character)
        at += 1
    if quote:
        raise ValueError(f"a quote ({quote}) is not closed: the shell would wait for its end")
    return "".join(parts), frozenset(wants)


def _placeholder(text: str, at: int) -> str:
    """The placeholder that begins here, empty where none does; `${job}` is the shell's own."""
    if text[at] != "{" or (at and text[at - 1] == "$"):
        return ""
    return next((name for name in VARIABLES if text.startswith(f"{name}}}", at + 1)), "")
