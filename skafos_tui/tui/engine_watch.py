"""Whether the engine is there, looked at from a thread of its own: asking may block, the screen never does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from skafos_tui.store.home import Home
from skafos_tui.tui.views import EngineFacts, EngineState

LOOK_S = 2.0
AGAIN_S = 10.0
"""An engine that did not come up is tried again after so long."""


class EngineWatch:
    """Keeps `facts` true, and starts the engine where there is none unless `read_only`."""

    def __init__(self, home: Home, *, read_only: bool, told: Callable[[], None] = lambda: None) -> None:
        """`told` is called on the watch's thread when the facts have changed."""
        self.facts = EngineFacts(EngineState.UNKNOWN, as_of=stored_at(home))
        self._home = home
        self._read_only = read_only
        self._told = told
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; does not wait for a question that is out."""
        self._ended.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        pause_s = 0.0
        while not self._ended.wait(pause_s):
            pause_s = self._look()

    def _look(self) -> float:
        """Ask once; the seconds until the next question."""
        # Late: the client's libraries would keep the first frame waiting.
        from skafos_tui.api.client import ApiError, EngineClient, EngineUnreachable

        try:
            self._set(_facts_of(EngineClient(self._home).status()))
        except ApiError as error:
            self._away(EngineState.LOST, error.message)
        except EngineUnreachable as error:
            if self._read_only:
                self._away(EngineState.LOST, str(error))
                return LOOK_S
            self._away(EngineState.STARTING, "")
            return self._start()
        return LOOK_S

    def _start(self) -> float:
        from skafos_tui.api.client import ApiError, EngineUnreachable, ensure_engine

        try:
            ensure_engine(self._home)
        except (EngineUnreachable, ApiError) as error:
            self._away(EngineState.LOST, str(error))
            return AGAIN_S
        return 0.0

    def _away(self, state: EngineState, problem: str) -> None:
        as_of = time.time() if self.facts.state is EngineState.OK else self.facts.as_of
        self._set(replace(self.facts, state=state, as_of=as_of, problem=problem))

    def _set(self, facts: EngineFacts) -> None:
        if facts != self.facts:
            self.facts = facts
            self._told()


def stored_at(home: Home) -> float | None:
    """When the store was last written (Unix seconds); None where there is none."""
    path = home.state_database
    found = []
    for file in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = file.stat()
        except OSError:
            continue
        if status.st_size:
            found.append(status.st_mtime)
    return max(found, default=None)


def _facts_of(status: dict[str, Any]) -> EngineFacts:
    runners = list(status.get("runners") or ())
    cpu = max((float(runner.get("cpu") or 0.0) for runner in runners), default=0.0)
    memory = max((int(runner.get("memory") or 0) for runner in runners), default=0)
    troubles = tuple((str(runner["kind"]), str(runner["problem"])) for runner in runners if runner.get("problem"))
    return EngineFacts(EngineState.OK, None, cpu or None, memory or None, str(status.get("disk") or ""), troubles)
