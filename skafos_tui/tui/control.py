"""What the screen asks the engine to do; blocking calls, for workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from skafos_tui.store.home import Home


class Refused(Exception):
    """The engine can't or won't; one line that says why."""


class Control(Protocol):
    """The doors of the engine that the screen uses. Everything raises Refused."""

    def cancel(self, run_id: int, job_id: str) -> None:
        """Cancel a job's task in a run."""

    def ack(self, alerts: Sequence[int]) -> list[int]:
        """Take notice of alerts; those of them that were firing."""
        ...


class EngineControl:
    """The engine of a home, started where there is none."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def cancel(self, run_id: int, job_id: str) -> None:
        """Cancel a job's task in a run."""
        from skafos_tui.api.asker import whoami
        from skafos_tui.api.client import ApiError, EngineUnreachable, ensure_engine

        try:
            ensure_engine(self._home).cancel(run_id, jobs=(job_id,), by=whoami())
        except (ApiError, EngineUnreachable) as error:
            raise Refused(str(error)) from None

    def ack(self, alerts: Sequence[int]) -> list[int]:
        """Take notice of alerts; those of them that were firing."""
        from skafos_tui.api.asker import whoami
        from skafos_tui.api.client import ApiError, EngineUnreachable, ensure_engine

        try:
            return ensure_engine(self._home).ack(None, alerts, by=whoami())
        except (ApiError, EngineUnreachable) as error:
            raise Refused(str(error)) from None
