"""A random scenario: a project, what its jobs do, what people ask, what goes wrong, and where the engine is killed."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alert_history import check_alerts
from history import SECRET, check_history
from house import TOKEN, House, Killed, Life, a_house, job, start_run, until
from memory import Behaviour, Daemon, Line, Record

from skafos_tui.engine.triggers import Refusal
from skafos_tui.model.run import Run
from skafos_tui.runners.base import LABEL_ATTEMPT, LABEL_INSTANCE, LABEL_JOB, AttemptSpec, Phase
from skafos_tui.store import projects, runs
from skafos_tui.store.projects import Variable

LIVES = 4
PATIENCE_S = 8.0


@dataclass
class Plan:
    """What one scenario is made of; everything follows from the seed."""

    seed: int
    aim: str | None = None
    """Kill at the first time this failpoint is reached, besides at random."""
    jobs: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        dice = self.random
        count = dice.randint(1, 6)
        self.policies: dict[str, dict[str, Any]] = {}
        for number in range(count):
            parents = tuple(p for p in range(number) if dice.random() < 0.35)
            keys: dict[str, Any] = {}
            if dice.random() < 0.3:
                keys["parallelism"] = dice.choice([2, 2, 3])
            if dice.random() < 0.5:
                policy: dict[str, Any] = {"limit": dice.randint(1, 2), "delay": dice.choice(["0s", "0.002s", "0.006s"])}
                if dice.random() < 0.3:
                    policy["exit_codes"] = [1]
                if dice.random() < 0.3:
                    policy["lost"] = True
                keys["retries"] = policy
            if dice.random() < 0.15:
                keys["timeout"] = "0.01s"
            if dice.random() < 0.4:
                keys["resources"] = {"requests": {"cpu": dice.choice([0.25, 1, 1, 2])}}
            self.jobs.append(job(number, after=parents, **keys))
        self.failing = dice.choice([0.0, 0.1, 0.4])
        self.build_fails = dice.random() < 0.04
        self.build_s = dice.choice([0.0, 0.0, 0.003])
        self.event_loss = dice.choice([0.0, 0.0, 0.3])
        self.follow_loss = dice.choice([0.0, 0.3])
        self.outage = dice.random() < 0.15
        self.mischief = dice.choice(["", "", "", "", "remove", "kill", "prune", "images", "restart", "unlucky images"])
        self.second_run = dice.random() < 0.3
        self.cancels = dice.choice(["", "", "", "run", "task", "early"])
        self.retries_run = dice.random() < 0.15
        self.variable = dice.random() < 0.15
        self.manages = dice.random() < 0.1
        self.takes_notice = self.aim is None and self.seed % 5 == 0
        if self.aim is not None:
            self._favour(self.aim.split(".")[1])

    def _favour(self, what: str) -> None:
        """Make it likely that the aim is reached at all."""
        if what in ("register", "adopt", "variable"):
            self.manages = True
        elif what == "retry":
            self.retries_run, self.failing = True, 0.6
        elif what == "timer":
            self.failing = 0.8
            for item in self.jobs:
                item["retries"] = {"limit": 2, "delay": "0.006s"}
        elif what == "timeout":
            for item in self.jobs:
                item["timeout"] = "0.01s"
        elif what == "cancel":
            self.cancels = "run"
        elif what == "build_cancelled":
            self.cancels, self.build_s, self.second_run = "early", 0.05, False
        elif what == "build_failed":
            self.build_fails = True
        elif what == "rebuild":
            # One after another, so that containers are still to be made when the images go: at the first one's start.
            self.mischief, self.build_fails, self.outage = "images", False, False
            self.jobs = [job(number) for number in range(4)]
            for item in self.jobs:
                item["resources"] = {"requests": {"cpu": 2}}
        elif what == "acknowledge":
            self.takes_notice = True
        elif what in ("runner_lost", "runner_found"):
            self.outage = True
        elif what == "kill":
            self.cancels = "run"

    def behave(self, spec: AttemptSpec) -> Behaviour:
        """What a container of this scenario does: the same for the same job, instance and attempt."""
        which = f"{self.seed}/{spec.labels[LABEL_JOB]}/{spec.labels[LABEL_INSTANCE]}/{spec.labels[LABEL_ATTEMPT]}"
        dice = random.Random(hashlib.sha256(which.encode()).digest())
        duration = dice.choice([0.0, 0.0005, 0.001, 0.003])
        code = dice.choice([1, 1, 2, 75, 137, 143]) if dice.random() < self.failing else 0
        has_limit = any(j["job_id"] == spec.labels[LABEL_JOB] and "timeout" in j for j in self.jobs)
        if has_limit and dice.random() < 0.4:
            duration = 5.0
        times = sorted(round(dice.random() * min(duration, 0.01), 6) for _ in range(dice.choice([0, 1, 3, 8, 30])))
        if dice.random() < 0.3 and times:
            times = [times[0]] * len(times)
        texts = [dice.choice(["same", "same", f"line {n}", f"the word {SECRET}."]) for n in range(len(times))]
        streams = [dice.choice(["stdout", "stdout", "stderr"]) for _ in times]
        return Behaviour(
            duration_s=duration,
            exit_code=code,
            lines=tuple(Line(at, text, stream) for at, text, stream in zip(times, texts, streams, strict=True)),
            out_of_memory=code == 137 and dice.random() < 0.5,
            term_code=dice.choice([143, 143, 0, None]),
            start_error="no such file or directory" if dice.random() < 0.02 else "",
        )

    def death(self, life: int) -> Callable[[str], bool] | None:
        """Where the n-th engine dies: at the aim first, then after a random number of failpoints; the last lives."""
        if life >= LIVES - 1:
            return None
        dice = random.Random(self.seed * 10 + life)
        if life == 0 and self.aim is not None:
            return lambda name: name == self.aim
        if self.aim is None and dice.random() < 0.15:
            return None
        left = dice.randint(1, dice.choice([10, 40, 120]))

        def dies(name: str) -> bool:
            nonlocal left
            left -= 1
            return left == 0

        return dies


class Clients:
    """What people ask; whoever gets no answer asks again, with the same id."""

    def __init__(self, plan: Plan, house: House) -> None:
        self._plan = plan
        self._house = house
        self.run_ids: dict[str, int] = {}
        self.todo: list[tuple[str, Callable[[Life], Awaitable[None]]]] = [("run", self._run)]
        dice = plan.random
        if plan.manages:
            self.todo[:0] = [("register", self._register), ("secret", self._secret)]
        if plan.variable or plan.manages:
            self.todo.append(("variable", self._variable))
        if plan.second_run:
            self.todo.append(("second", self._second))
        if plan.cancels:
            self.todo.append(("cancel", self._cancel))
        if plan.retries_run:
            self.todo.append(("retry", self._retry))
        if plan.manages:
            self.todo.append(("adopt", self._adopt))
        if plan.takes_notice:
            self.todo.append(("notice", self._notice))
        self._wait_s = {name: dice.choice([0.0, 0.002, 0.006]) for name, _ in self.todo}
        self.done: set[str] = set()
        self.refused: dict[str, str] = {}

    async def work(self, life: Life) -> None:
        """Ask for everything that has no answer yet, in order."""
        for name, ask in self.todo:
            if name in self.done:
                continue
            if not (name == "cancel" and self._plan.cancels == "early"):
                await asyncio.sleep(self._wait_s[name])
            await self._insist(name, ask, life)
            life.check()
            self.done.add(name)

    async def _insist(self, name: str, ask: Callable[[Life], Awaitable[None]], life: Life) -> None:
        """Ask until the runner answers; other refusals are answers."""
        while True:
            try:
                return await ask(life)
            except Refusal as refusal:
                if refusal.code != "runner-unreachable":
                    self.refused[name] = refusal.code
                    return None
            await asyncio.sleep(0.002)

    async def _run(self, life: Life) -> None:
        self.run_ids["run"] = await start_run(life, "run")

    async def _second(self, life: Life) -> None:
        self.run_ids["second"] = await start_run(life, "second")

    async def _cancel(self, life: Life) -> None:
        words = [self._plan.random.choice(self._plan.jobs)["name"]] if self._plan.cancels == "task" else []
        await life.requests.cancel(self.run_ids["run"], words, "ann")

    async def _retry(self, life: Life) -> None:
        def over(connection: Any) -> Run | None:
            run = runs.get_run(connection, self.run_ids["run"])
            return run if run is not None and run.state.finished else None

        await until(lambda: life.engine.read(over), "the run to be retried ends")
        self.run_ids["retry"] = (await life.requests.retry(self.run_ids["run"], "retry", None, False)).run

    async def _notice(self, life: Life) -> None:
        await life.requests.acknowledge(TOKEN, None, "ann")

    async def _register(self, life: Life) -> None:
        await life.requests.register(self._house.directory, None)

    async def _adopt(self, life: Life) -> None:
        await life.requests.adopt(self._house.directory)

    async def _secret(self, life: Life) -> None:
        await life.requests.set_variable(TOKEN, Variable("PASSWORD", SECRET, True))

    async def _variable(self, life: Life) -> None:
        await life.requests.set_variable(TOKEN, Variable("PLAIN", "value", False))


class World:
    """What goes wrong beside the engine's death."""

    def __init__(self, plan: Plan, house: House) -> None:
        self._plan = plan
        self._daemon = house.daemon
        self._dice = random.Random(plan.seed + 1)
        self._done = False

    async def turn(self) -> None:
        """One piece of mischief, some time after the start."""
        dice, daemon = self._dice, self._daemon
        await asyncio.sleep(dice.choice([0.002, 0.006, 0.015]))
        if self._plan.aim is not None and "rebuild" in self._plan.aim:
            while not daemon.records:  # noqa: ASYNC110
                await asyncio.sleep(0.0005)
        if self._plan.outage and dice.random() < 0.7:
            daemon.set_down(True)
            await asyncio.sleep(dice.choice([0.002, 0.008]))
            daemon.set_down(False)
        if not self._done and self._plan.mischief:
            self._done = True
            self.mischief()

    def between(self) -> None:
        """What happens while no engine is there."""
        if self._plan.mischief and not self._done and self._dice.random() < 0.5:
            self._done = True
            self.mischief()

    def mischief(self) -> None:
        """Somebody else is at work on the same daemon."""
        daemon, kind = self._daemon, self._plan.mischief
        present = list(daemon.containers.values())
        chosen: Record | None = self._dice.choice(present) if present else None
        if kind == "prune":
            daemon.prune()
        elif kind == "restart":
            daemon.restart()
        elif kind == "images":
            daemon.images.clear()
        elif kind == "unlucky images":
            daemon.images.clear()
            daemon.build_error = "no network"
        elif chosen is not None and kind == "remove":
            daemon.remove_behind(chosen.name)
        elif chosen is not None and kind == "kill":
            daemon.kill_behind(chosen.name)


async def play(seed: int, template: Path, aim: str | None = None, *, swept: bool = False) -> list[str]:
    """Play one scenario to its end and check its history; the failpoints at which an engine died.

    `swept`: somebody removes every container while the first dead engine is not yet followed by another.
    """
    plan = Plan(seed, aim)
    daemon = Daemon(plan.behave)
    daemon.random = random.Random(seed)
    daemon.event_loss, daemon.follow_loss = plan.event_loss, plan.follow_loss
    daemon.build_s = plan.build_s
    daemon.build_error = "pip install failed" if plan.build_fails else ""
    async with a_house(daemon, template=template) as house:
        house.write_config(plan.jobs)
        clients, world = Clients(plan, house), World(plan, house)
        deaths: list[str] = []
        for number in range(LIVES):
            life = Life(house, plan.death(number))
            died = await live(life, clients, world)
            if not died:
                break
            deaths.append(life.died_at)
            daemon.set_down(False)
            world.between()
            if swept and number == 0:
                for name in list(daemon.containers):
                    daemon.remove_behind(name)
            await tear_logs(plan, house)
            await asyncio.sleep(plan.random.choice([0.0, 0.0, 0.005]))
        check_history(house, plan.jobs, clients.run_ids, asked=clients.done, refused=clients.refused)
        check_alerts(house)
        return deaths


async def live(life: Life, clients: Clients, world: World) -> bool:
    """One engine, until it is killed or everything is done; whether it was killed."""
    tasks: list[asyncio.Task[Any]] = []
    death = asyncio.ensure_future(life.death.wait())
    try:
        async with asyncio.timeout(PATIENCE_S):
            try:
                await life.begin()
            except Killed:
                await life.bury()
                return True
            asking = asyncio.create_task(clients.work(life))
            tasks = [asking, asyncio.create_task(world.turn()), asyncio.create_task(_idle(life, clients, asking))]
            await asyncio.wait([death, tasks[2]], return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        life.kill("patience")
        await life.bury()
        raise AssertionError(f"not at rest within {PATIENCE_S:g} s: {_describe(life.house)}") from None
    finally:
        death.cancel()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    if life.dead:
        await life.bury()
        return True
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            await life.bury()
            raise result
    await life.close()
    return False


async def _idle(life: Life, clients: Clients, asking: asyncio.Task[None]) -> None:
    """Returns once every answer is there, every run has ended, every log is collected, every container is gone."""
    while True:
        await asyncio.sleep(0.002)
        if not asking.done():
            continue
        asking.result()
        if life.house.daemon.containers or life.engine._supervisors:
            continue
        if not await life.engine.read(lambda c: runs.unfinished_runs(c) or runs.uncollected_attempts(c)):
            return


def _describe(house: House) -> str:
    def look(connection: Any) -> list[object]:
        known: list[object] = [*runs.unfinished_runs(connection), *runs.uncollected_attempts(connection)]
        known += projects.building_deployments(connection)
        return known + [t for r in runs.unfinished_runs(connection) for t in runs.tasks_of(connection, r.id)]

    lines = [str(item) for item in house.query(look)]
    return "\n".join([*lines, *(str(record) for record in house.daemon.containers.values())])


async def tear_logs(plan: Plan, house: House) -> None:
    """A killed writer may leave the beginning of a line; here it does now and then."""
    for attempt in house.query(runs.uncollected_attempts):
        record = house.daemon.records.get(attempt.name)
        if record is None or plan.random.random() < 0.5 or attempt.verdict is not None:
            continue
        stored = house.log(attempt)
        expected = record.log(10**30)
        path = house.home.attempt_log(TOKEN, attempt.run_id, attempt.name)
        if len(stored) < len(expected) and path.exists() and record.phase(10**30) is not Phase.CREATED:
            following = expected[len(stored)].replace(SECRET.encode(), b"***")
            with path.open("ab") as file:
                file.write(following[: plan.random.randint(1, len(following) - 1)])
