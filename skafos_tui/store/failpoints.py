"""Named places where the kill test ends the process: at every commit and every call of the runner."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

VARIABLE = "SKAFOS_FAILPOINT"
"""`NAME` or `NAME:COUNT`: SIGKILL to the own process when NAME is reached the COUNT-th time (from 1)."""

_reached: dict[str, int] = {}
_action: Callable[[str], None] | None = None


def failpoint(name: str) -> None:
    """Mark a place; costs a dictionary look-up unless a test has armed it."""
    if _action is not None:
        _action(name)


def on_failpoint(action: Callable[[str], None] | None) -> None:
    """Call `action` at every failpoint from now on (None: no longer); for tests in the same process."""
    global _action
    _action = action


def arm_from_environment() -> None:
    """Read SKAFOS_FAILPOINT once, when an engine starts."""
    wanted, _, count = os.environ.get(VARIABLE, "").partition(":")
    if not wanted:
        return
    limit = int(count or 1)

    def die(name: str) -> None:
        if name == wanted:
            _reached[name] = _reached.get(name, 0) + 1
            if _reached[name] == limit:
                os.kill(os.getpid(), signal.SIGKILL)

    on_failpoint(die)
