"""From an entrypoint's segments to an attempt's command line; pure.

SIGTERM must reach the user's own process once, and that process must get its grace (DESIGN 4.8). An init (tini in a
container, our shim without one) hands signals to its only child. So one program is run without a shell; where a shell
is needed, the init signals the whole process group, and the shell, which would die at once and take the attempt along,
waits: a trap runs only after the command in the foreground has ended.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.runners.base import CouldNotStart

_WAIT_FOR_CHILD = "trap 'exit 143' TERM\n"
_SHELL_CHARACTERS = frozenset("|&;<>()$`\\*?[]{}~!#\n")
_BUILTINS = frozenset(
    """. : [ alias bg break case cd command continue echo eval exec exit export false fg for function getopts hash
    if jobs kill let local printf pwd read readonly return select set shift source test time times trap true type
    ulimit umask unalias unset until wait while""".split()  # noqa: SIM905  # a list would take a line a word
)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What the init runs, and whether it hands signals to the whole process group rather than to its child alone."""

    argv: tuple[str, ...]
    signals_group: bool


def command_line(segments: Sequence[Segment]) -> CommandLine:
    """The command line for an entrypoint. Raises CouldNotStart for a notebook."""
    if any(segment.kind is SegmentKind.NOTEBOOK for segment in segments):
        raise CouldNotStart("notebooks need nbclient, not supported yet: run the notebook's code as a .py file")
    if len(segments) == 1:
        argv = _without_shell(segments[0])
        if argv is not None:
            return CommandLine(argv, signals_group=False)
        return CommandLine(_in_shell(segments[0].text), signals_group=True)
    return CommandLine(("sh", "-c", _sequence(segments)), signals_group=True)


def _sequence(segments: Sequence[Segment]) -> str:
    """A script that runs one segment after the other and ends with the first failure's exit code.

    Each is a process of its own, so that a syntax error, a `cd` or an `exit` in one stays there. The last replaces
    the script: its exit code is the container's, also after a signal.
    """
    commands = [shlex.join(_without_shell(segment) or _in_shell(segment.text)) for segment in segments]
    return "".join(
        [_WAIT_FOR_CHILD, *(f"{command} || exit $?\n" for command in commands[:-1]), f"exec {commands[-1]}\n"]
    )


def _in_shell(text: str) -> tuple[str, ...]:
    return ("sh", "-c", _WAIT_FOR_CHILD + text)


def _without_shell(segment: Segment) -> tuple[str, ...] | None:
    """The words to execute, or None where only a shell understands them."""
    if segment.kind is SegmentKind.SCRIPT:
        assert segment.path is not None
        # A file whose name starts with a dash is no option of python's.
        path = f"./{segment.path}" if segment.path.startswith("-") else segment.path
        return ("python", path, *segment.arguments)
    if _SHELL_CHARACTERS.intersection(segment.text):
        return None
    try:
        words = shlex.split(segment.text)
    except ValueError:
        return None
    if not words or "=" in words[0] or words[0] in _BUILTINS:
        return None
    return tuple(words)
