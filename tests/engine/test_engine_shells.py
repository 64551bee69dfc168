"""Ways into attempts as the engine decides them: what runs, what ended, what nobody may see."""

from __future__ import annotations

from typing import Any

import pytest
from house import TOKEN, Life, a_life, finished, job, start_run, until
from memory import Behaviour

from skafos_tui.engine.shells import Entrance, Shells
from skafos_tui.engine.triggers import Refusal
from skafos_tui.model.run import Attempt, AttemptState
from skafos_tui.runners.base import AttemptSpec, CouldNotStart, Door, Look
from skafos_tui.store import runs
from skafos_tui.store.projects import Variable


class Doors:
    """What a runner with shells answers, and what it was asked."""

    def __init__(self, life: Life) -> None:
        self.made: list[AttemptSpec] = []
        self.ended: list[str] = []
        self.refusal = ""
        runner: Any = life.engine.link("docker").runner
        runner.shell, runner.debug_shell = self.shell, self.debug_shell
        runner.end_debug, runner.look = self.end_debug, self.look

    async def shell(self, name: str, prompt: str) -> Door:
        return Door(("enter", name, prompt))

    async def debug_shell(self, spec: AttemptSpec, prompt: str) -> Door:
        if self.refusal:
            raise CouldNotStart(self.refusal)
        self.made.append(spec)
        return Door(("again", spec.name, prompt))

    async def end_debug(self, name: str) -> None:
        self.ended.append(name)

    async def look(self, name: str) -> Look | None:
        variables = ["KEY=tiger", "URL=http://tiger@x", "PIN=7", "COLOUR=7"]
        return Look({"Name": name, "Config": {"Env": variables}}, (("ARGS",), ("--key=tiger",)))


async def attempt_of(life: Life, run_id: int) -> Attempt:
    found = await life.engine.read(lambda c: runs.attempts_of(c, run_id))
    return found[0]


async def running(life: Life, run_id: int) -> Attempt:
    async def is_running() -> bool:
        found = await life.engine.read(lambda c: runs.attempts_of(c, run_id))
        return bool(found) and found[0].state is AttemptState.RUNNING

    await until(is_running, "it runs")
    return await attempt_of(life, run_id)


async def ended(life: Life) -> Attempt:
    run_id = await start_run(life)
    await finished(life, run_id)
    return await attempt_of(life, run_id)


async def secrets(life: Life) -> None:
    for key, value in (("KEY", "tiger"), ("PIN", "7")):
        await life.requests.set_variable(TOKEN, Variable(key, value, True))


async def test_what_ended_is_made_again_as_it_was_under_another_name() -> None:
    async with a_life([job(0, environment={"COLOUR": "red"})]) as life:
        attempt, doors = await ended(life), Doors(life)
        await secrets(life)
        found = await Shells(life.engine).debug(attempt.name)
        made = f"skafos-debug-{attempt.name}"
        assert found == Entrance(Door(("again", made, "[debug j0 run 1 attempt 1] $PWD$ ")), made)
        spec = doors.made[0]
        assert (spec.name, spec.environment["COLOUR"], spec.environment["KEY"]) == (made, "red", "tiger")
        assert spec.environment["SKAFOS_ATTEMPT"] == "1"
        assert {mount.target for mount in spec.mounts} == {"/data", "/run/secrets"}
        given = life.house.home.attempt(made) / "secrets" / "KEY"
        assert given.read_text() == "tiger" and given.stat().st_mode & 0o077 == 0
        await Shells(life.engine).end(attempt.name)
        assert doors.ended == [made] and not life.house.home.attempt(made).exists()


async def test_what_runs_has_a_shell_and_no_debug_shell() -> None:
    async with a_life([job(0)]) as life:
        life.house.daemon.behave = lambda _spec: Behaviour(duration_s=30)
        Doors(life)
        attempt = await running(life, await start_run(life))
        found = await Shells(life.engine).shell(attempt.name)
        assert found == Entrance(Door(("enter", attempt.name, "[j0 run 1 attempt 1] $PWD$ ")))
        with pytest.raises(Refusal, match="it has not ended: s opens a shell"):
            await Shells(life.engine).debug(attempt.name)
        await life.requests.cancel(attempt.run_id, (), "test")
        await finished(life, attempt.run_id)


async def test_what_ended_has_no_shell_and_says_what_to_do() -> None:
    async with a_life([job(0)]) as life:
        attempt, _ = await ended(life), Doors(life)
        with pytest.raises(Refusal, match="it has ended: S opens a debug shell"):
            await Shells(life.engine).shell(attempt.name)
        with pytest.raises(Refusal, match="there is no attempt nothing"):
            await Shells(life.engine).shell("nothing")


async def test_an_image_that_is_gone_is_made_again_for_a_debug_shell() -> None:
    async with a_life([job(0)]) as life:
        attempt, doors = await ended(life), Doors(life)
        life.house.daemon.images.clear()
        await Shells(life.engine).debug(attempt.name)
        assert doors.made[0].image in life.house.daemon.images


async def test_a_refusal_of_the_runner_is_told_without_secrets() -> None:
    async with a_life([job(0)]) as life:
        attempt, doors = await ended(life), Doors(life)
        await secrets(life)
        doors.refusal = "invalid mount: tiger"
        with pytest.raises(Refusal) as raised:
            await Shells(life.engine).debug(attempt.name)
        assert raised.value.message == "invalid mount: ***"


async def test_a_look_shows_no_secrets_also_short_ones() -> None:
    async with a_life([job(0)]) as life:
        attempt, _ = await ended(life), Doors(life)
        await secrets(life)
        found = await Shells(life.engine).look(attempt.name)
        assert found["inspect"]["Config"]["Env"] == ["KEY=***", "URL=http://***@x", "PIN=***", "COLOUR=7"]
        assert found["processes"] == [["ARGS"], ["--key=***"]]


async def test_a_runner_that_does_not_answer_or_has_no_shells_is_refused() -> None:
    async with a_life([job(0)]) as life:
        attempt = await ended(life)
        with pytest.raises(Refusal, match="has no shells"):
            await Shells(life.engine).debug(attempt.name)
        life.engine.link("docker").problem = "Docker does not answer"
        with pytest.raises(Refusal, match="Docker does not answer") as raised:
            await Shells(life.engine).debug(attempt.name)
        assert raised.value.exit_code == 3
        life.engine.link("docker").problem = ""
