"""What keeps jobs from running, or where they run instead, in one line; empty where all is well."""

from __future__ import annotations

from skafos_tui.text.sgr import plain
from skafos_tui.tui.views import Dashboard, EngineState

LOCAL, WAITING = "local processes", "jobs wait"


def banner_of(view: Dashboard) -> str:
    """What follows, and the cause.

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
        return plain(f"{WAITING}: {own}")
    without = troubles.get("docker", "") if view.runner in ("", "process") else ""
    return plain(f"{LOCAL}: {without}" if without else engine.problem)
