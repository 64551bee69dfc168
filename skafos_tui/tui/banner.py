"""What keeps jobs from running, or where they run instead, in one line; empty where all is well."""

from __future__ import annotations

from skafos_tui.text.sgr import plain
from skafos_tui.tui.views import Dashboard, EngineState

LOCAL = "jobs run as local processes"


def banner_of(view: Dashboard) -> str:
    """The cause, and what follows from it.

    A project that ran in Docker waits for it; one that never ran, or ran without it, uses local processes (SPEC 4).
    """
    engine = view.engine
    if view.problem:
        return plain(view.problem)
    if engine.state is EngineState.LOST:
        return plain(engine.problem)
    if engine.state is not EngineState.OK:
        return ""
    troubles = dict(engine.runners)
    own = troubles.get(view.runner, "")
    if own:
        return plain(f"{own}; jobs wait for it")
    without = troubles.get("docker", "") if view.runner in ("", "process") else ""
    return plain(f"{without}; {LOCAL}" if without else engine.problem)
