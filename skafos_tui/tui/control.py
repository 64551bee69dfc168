"""What the screen asks the engine to do; blocking calls, for workers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from skafos_tui.model.project import NO_TEXT
from skafos_tui.store.home import Home

if TYPE_CHECKING:
    from skafos_tui.api.client import ApiError, EngineClient

T = TypeVar("T")


class Refused(Exception):
    """The engine can't or won't; one line that says why."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that was accepted, and what the config warned of."""

    run: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Activated:
    """A change of the active deployment that was accepted: its number, `waiting` or `active`, the run it started."""

    number: int | None
    state: str
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Entrance:
    """A way into an attempt: the program that opens a shell on its terminal, and the variables it needs.

    `command` is what a person could type instead; empty where there is no such command.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    command: str = ""


class Control(Protocol):
    """The doors of the engine that the screen uses. Everything raises Refused."""

    def cancel(self, run_id: int, *jobs: str) -> None:
        """Cancel the tasks of jobs in a run, by id; without any: the run."""

    def wake(self) -> None:
        """See to it that an engine runs: it takes up what was saved."""

    def run(self, *jobs: str, only: bool = False, parameters: Mapping[str, str] = NO_TEXT) -> Begun:
        """Run jobs now, by id, with what follows from them unless `only`; without any: all enabled ones."""
        ...

    def retry(self, run_id: int, *, from_job: str | None = None, working_tree: bool = False) -> Begun:
        """Run again what failed in a run, or a job by id and what follows; as it was, or with the files as now."""
        ...

    def deploy(self) -> Activated:
        """Make what stands in the project's directory the active deployment."""
        ...

    def rollback(self, number: int) -> Activated:
        """Make an earlier deployment the active one."""
        ...

    def undeploy(self) -> Activated:
        """Turn all schedules of the project off."""
        ...

    def pause(self, job_id: str | None = None) -> bool:
        """Stop the schedule of a job, or all; whether it was on."""
        ...

    def resume(self, job_id: str | None = None) -> bool:
        """Go on with a schedule, or all; whether it was paused."""
        ...

    def ack(self, alerts: Sequence[int]) -> list[int]:
        """Take notice of alerts; those of them that were firing."""
        ...

    def take_back(self, alerts: Sequence[int]) -> list[int]:
        """Let acknowledged alerts fire again; those of them that were."""
        ...

    def shell(self, attempt: str) -> Entrance:
        """The way into an attempt that runs, by name."""
        ...

    def debug_shell(self, attempt: str) -> Entrance:
        """Make again what an ended attempt ran in; `end_debug` removes it."""
        ...

    def end_debug(self, attempt: str) -> None:
        """Remove what was made for a debug shell; where nothing was, nothing happens."""
        ...


class EngineControl:
    """The engine of a home, started where there is none."""

    def __init__(self, home: Home, directory: Path | None = None, token: str = "") -> None:
        """`directory` and `token` are the project's; without them only what needs none can be asked."""
        self._home = home
        self._directory = directory
        self._token = token

    def cancel(self, run_id: int, *jobs: str) -> None:
        """Cancel the tasks of jobs in a run, by id; without any: the run."""
        from skafos_tui.api.asker import whoami

        self._ask(lambda engine, _: engine.cancel(run_id, jobs=jobs, by=whoami()))

    def wake(self) -> None:
        """See to it that an engine runs: it takes up what was saved."""
        self._ask(lambda _, __: None)

    def run(self, *jobs: str, only: bool = False, parameters: Mapping[str, str] = NO_TEXT) -> Begun:
        """Run jobs now, by id, with what follows from them unless `only`; without any: all enabled ones."""
        return _begun(
            self._ask(
                lambda engine, request: engine.start_run(
                    str(self._directory), request, jobs=jobs, only=only, parameters=parameters
                )
            )
        )

    def retry(self, run_id: int, *, from_job: str | None = None, working_tree: bool = False) -> Begun:
        """Run again what failed in a run, or a job by id and what follows; as it was, or with the files as now."""
        return _begun(
            self._ask(
                lambda engine, request: engine.retry(run_id, request, from_job=from_job, working_tree=working_tree)
            )
        )

    def deploy(self) -> Activated:
        """Make what stands in the project's directory the active deployment."""
        return _activated(self._ask(lambda engine, request: engine.deploy(str(self._directory), request, run=True)))

    def rollback(self, number: int) -> Activated:
        """Make an earlier deployment the active one."""
        return _activated(self._ask(lambda engine, request: engine.rollback(self._token, number, request)))

    def undeploy(self) -> Activated:
        """Turn all schedules of the project off."""
        return _activated(self._ask(lambda engine, request: engine.undeploy(self._token, request)))

    def pause(self, job_id: str | None = None) -> bool:
        """Stop the schedule of a job, or all; whether it was on."""
        return bool(self._ask(lambda engine, _: engine.pause(self._token, job_id))["changed"])

    def resume(self, job_id: str | None = None) -> bool:
        """Go on with a schedule, or all; whether it was paused."""
        return bool(self._ask(lambda engine, _: engine.resume(self._token, job_id))["changed"])

    def ack(self, alerts: Sequence[int]) -> list[int]:
        """Take notice of alerts; those of them that were firing."""
        from skafos_tui.api.asker import whoami

        return self._ask(lambda engine, _: engine.ack(None, alerts, by=whoami()))

    def take_back(self, alerts: Sequence[int]) -> list[int]:
        """Let acknowledged alerts fire again; those of them that were."""
        return self._ask(lambda engine, _: engine.take_back(alerts))

    def shell(self, attempt: str) -> Entrance:
        """The way into an attempt that runs, by name."""
        return _entrance(self._ask(lambda engine, _: engine.shell(attempt)))

    def debug_shell(self, attempt: str) -> Entrance:
        """Make again what an ended attempt ran in; `end_debug` removes it."""
        return _entrance(self._ask(lambda engine, _: engine.debug_shell(attempt)))

    def end_debug(self, attempt: str) -> None:
        """Remove what was made for a debug shell; where nothing was, nothing happens."""
        self._ask(lambda engine, _: engine.end_debug(attempt))

    def _ask(self, question: Callable[[EngineClient, str], T]) -> T:
        """Ask the engine; a lost answer is asked for again under the same id, and nothing is done twice."""
        from skafos_tui.api.client import ApiError, EngineUnreachable, ensure_engine

        request = uuid.uuid4().hex
        try:
            try:
                return question(ensure_engine(self._home), request)
            except EngineUnreachable:
                return question(ensure_engine(self._home), request)
        except ApiError as error:
            raise Refused(_one_line(error)) from None
        except EngineUnreachable as error:
            raise Refused(str(error)) from None


def _begun(answer: Mapping[str, Any]) -> Begun:
    return Begun(int(answer["run"]), tuple(map(str, answer.get("warnings") or ())))


def _activated(answer: Mapping[str, Any]) -> Activated:
    number, run = answer.get("deployment"), answer.get("run")
    return Activated(None if number is None else int(number), str(answer["state"]), None if run is None else int(run))


def _entrance(answer: Mapping[str, Any]) -> Entrance:
    variables = {str(key): str(value) for key, value in answer["environment"].items()}
    return Entrance(tuple(map(str, answer["argv"])), variables, str(answer["command"]))


def _one_line(error: ApiError) -> str:
    """What the engine said; of a config with errors the first one too."""
    found = error.details.get("diagnostics") or ()
    return f"{error.message}: {found[0]}" if found else error.message
