"""Ways into attempts for people: a shell where one runs, a debug shell where one ended, and a look at both."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from skafos_tui.engine.engine import Engine
from skafos_tui.engine.surroundings import Surroundings, drop_directory, spec_of
from skafos_tui.engine.triggers import Refusal
from skafos_tui.model.run import Attempt, AttemptState
from skafos_tui.runners.base import DEBUG_PREFIX, CouldNotStart, Door, Enterable, RunnerError, RunnerUnreachable
from skafos_tui.runners.shells import prompt_of
from skafos_tui.store import runs
from skafos_tui.store.logs.masking import mask, needles_of

UNREACHABLE = 3
USAGE = 2
HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Entrance:
    """A door into an attempt, and the name to end it by: that of what was made for it, empty where nothing was."""

    door: Door
    made: str = ""


class Shells:
    """The verbs of the control socket about one attempt. Everything raises Refusal and RunnerUnreachable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def shell(self, name: str) -> Entrance:
        """The way into an attempt that runs."""
        attempt = await self._attempt(name)
        around = await self._engine.surroundings(attempt)
        runner = self._runner(around)
        if attempt.state is not AttemptState.RUNNING:
            raise Refusal("not-running", _why_not_running(attempt))
        try:
            return Entrance(await runner.shell(name, _prompt(around)))
        except RunnerUnreachable:
            raise
        except RunnerError as error:
            raise Refusal("not-running", str(error)) from None

    async def debug(self, name: str) -> Entrance:
        """Make again what an ended attempt ran in: image, variables, mounts, limits; the way in."""
        attempt = await self._attempt(name)
        around = await self._engine.surroundings(attempt)
        runner = self._runner(around)
        if attempt.state.open:
            raise Refusal("not-ended", "it has not ended: s opens a shell in it once it runs")
        if around.deployment.collected_at is not None:
            number = around.deployment.number
            raise Refusal("collected", f"deployment {number} is old, its files and image were given up")
        if await self._engine.images_again(around):
            around = await self._engine.surroundings(attempt)
        again = replace(around, attempt=replace(attempt, name=f"{DEBUG_PREFIX}{name}"))
        engine, link = self._engine, self._engine.link(around.runner)
        spec = spec_of(again, engine.home, link.capacity, engine.network)
        try:
            return Entrance(await runner.debug_shell(spec, _prompt(around, "debug ")), again.attempt.name)
        except CouldNotStart as error:
            raise Refusal("could-not-start", _masked(str(error), around)) from None

    async def end(self, name: str) -> None:
        """A debug shell is over: nothing is left of it."""
        attempt = await self._attempt(name)
        around = await self._engine.surroundings(attempt)
        made = f"{DEBUG_PREFIX}{name}"
        await self._runner(around).end_debug(made)
        drop_directory(self._engine.home, made)

    async def look(self, name: str) -> Mapping[str, Any]:
        """`inspect` (None: there is nothing any more) and `processes`, without secrets."""
        attempt = await self._attempt(name)
        around = await self._engine.surroundings(attempt)
        found = await self._runner(around).look(name)
        if found is None:
            return {"inspect": None, "processes": []}
        return {
            "inspect": without_secrets(found.inspect, around),
            "processes": without_secrets([list(row) for row in found.processes], around),
        }

    async def _attempt(self, name: str) -> Attempt:
        def find(connection: sqlite3.Connection) -> Attempt | None:
            return runs.get_attempt(connection, name)

        attempt = await self._engine.read(find)
        if attempt is None:
            raise Refusal("unknown-attempt", f"there is no attempt {name}", USAGE)
        return attempt

    def _runner(self, around: Surroundings) -> Enterable:
        link = self._engine.link(around.runner)
        if link.problem:
            raise Refusal("runner-unreachable", link.problem, UNREACHABLE)
        runner = link.runner
        if not isinstance(runner, Enterable):
            raise Refusal("no-shell", f"the runner {link.kind} has no shells")
        return runner


def title(around: Surroundings) -> str:
    """Whose shell it is: job, instance, run and attempt."""
    instance = f" #{around.attempt.instance}" if around.task.instances > 1 else ""
    return f"{around.job.name}{instance} run {around.run.id} attempt {around.attempt.number}"


def _prompt(around: Surroundings, kind: str = "") -> str:
    # The directory of a local attempt has a long path that says nothing.
    return prompt_of(f"{kind}{title(around)}", short=around.runner != "docker")


def _why_not_running(attempt: Attempt) -> str:
    if attempt.state.open:
        return "it does not run yet"
    return "it has ended: S opens a debug shell"


def _masked(text: str, around: Surroundings) -> str:
    return mask(text.encode(errors="replace"), needles_of(around.secrets)).decode(errors="replace")


def without_secrets(found: Any, around: Surroundings) -> Any:
    """The same without the values of secrets, also short ones where they stand as a variable's."""
    keys = {variable.key for variable in around.variables if variable.secret}
    needles = needles_of(around.secrets)

    def clean(part: Any, key: str = "") -> Any:
        if isinstance(part, str):
            name, sign, _ = part.partition("=")
            if key in keys:
                return HIDDEN
            if sign and name in keys:
                return f"{name}={HIDDEN}"
            return mask(part.encode(errors="replace"), needles).decode(errors="replace")
        if isinstance(part, Mapping):
            return {str(each): clean(value, str(each)) for each, value in part.items()}
        if isinstance(part, list | tuple):
            return [clean(value) for value in part]
        return part

    return clean(found)
