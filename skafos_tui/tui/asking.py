"""Asking the engine for something: in a thread, with what came of it in the footer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from skafos_tui.text.sgr import plain
from skafos_tui.tui.control import Control, Refused

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp

MOST_NAMES = 12


def ask_engine(
    app: SkafosApp, problem: str, ask: Callable[[Control], str], then: Callable[[], None] | None = None
) -> None:
    """Ask in a thread. `ask` gives a remark for the footer; a refusal stands there behind `problem`.

    `then` is called on the screen's thread once it was not refused.
    """
    control = app.control
    if control is None:
        return

    def work() -> None:
        try:
            remark, done = ask(control), True
        except Refused as error:
            remark, done = f"{problem}: {error}", False
        app.call_from_thread(told, remark, done)

    def told(remark: str, done: bool) -> None:
        if remark:
            app.tell(plain(remark))
        if done and then is not None:
            then()

    app.run_worker(work, thread=True, group="engine", exit_on_error=False)


def names_of(names: Sequence[str]) -> str:
    """Names in a line; of many the first ones."""
    more = len(names) - MOST_NAMES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:MOST_NAMES])} and {more} more"
