"""A random scenario of time and change: edits, deploys, rollbacks, pauses, a clock that is set, an engine killed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from house import TOKEN, Killed, Life, a_house, job, start_run
from memory import Behaviour, Daemon
from moments import MARK_FILE, TimedHouse
from time_history import check_times, slots_between

from skafos_tui.engine.triggers import Refusal
from skafos_tui.runners.base import LABEL_ATTEMPT, LABEL_JOB, LABEL_RUN, AttemptSpec
from skafos_tui.store import activations, projects, runs, schedules

LIVES = 5
PATIENCE_S = 12.0
EXPRESSIONS = ("* * * * *", "* * * * *", "*/5 * * * *", "0 * * * *", "30 9 * * *")
OVERLAPS = ("skip", "skip", "queue", "replace", "parallel")
REQUESTS = ("deploy", "deploy", "rollback", "rollback", "undeploy", "pause", "resume", "resume", "run")
WORLD = (
    "edit",
    "edit",
    "edit",
    "spoil",
    "back",
    "storm",
    "minutes",
    "minutes",
    "minutes",
    "hours",
    "backward",
    "again",
)
HASTE = ("edit rollback", "edit undeploy", "pause minutes resume", "edit edit edit", "minutes again minutes")
"""Several things, one right after the other."""
TROUBLE = ("failing", "slow", "prune", "outage", "away")


@dataclass(frozen=True, slots=True)
class Version:
    """One content of the config file."""

    text: str
    mark: str
    jobs: tuple[dict[str, Any], ...]
    valid: bool = True

    @property
    def digest(self) -> str:
        """What the engine knows it by."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def version(number: int, jobs: list[dict[str, Any]], *, valid: bool = True) -> Version:
    """The n-th version; its mark is in the config, in every entrypoint, and in a file beside it."""
    mark = f"m{number}"
    told = [{**item, "entrypoint": f"echo {item['name']} {mark}"} for item in jobs]
    config = {"project_token": TOKEN, "name": "house", "environment": {"MARK": mark}, "jobs": told}
    text = json.dumps(config, indent=1)
    return Version(text if valid else text[:-5], mark, tuple(told), valid)


@dataclass
class Plan:
    """What one scenario is made of; everything follows from the seed."""

    seed: int
    aim: str | None = None
    versions: list[Version] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    hurried: set[int] = field(default_factory=set)
    """The steps after which the next one follows at once."""

    def __post_init__(self) -> None:
        dice = self.random = random.Random(self.seed)
        self.versions.append(version(0, self._some_jobs([])))
        self.steps = ["deploy"] if dice.random() < 0.9 else ["run"]
        for _ in range(dice.randint(4, 10)):
            together = dice.choice(dice.choice((REQUESTS, WORLD, WORLD, TROUBLE, HASTE))).split()
            self.hurried |= set(range(len(self.steps), len(self.steps) + len(together) - 1))
            self.steps += together
        if self.aim is not None:
            self.steps += self._favourable(self.aim.split(".")[1])
        self.duration_s = dice.choice([0.001, 0.004, 0.004, 0.02, 0.06])
        self.event_loss = dice.choice([0.0, 0.0, 0.3])

    @staticmethod
    def _favourable(what: str) -> list[str]:
        """Steps that make it likely that the aim is reached at all."""
        many = ["deploy", "edit", "deploy", "edit", "deploy", "edit", "deploy", "edit", "deploy"]
        found = {
            "clock": ["minutes", "again"],
            "directory": ["deploy", "away"],
            "reload_failed": ["deploy", "storm", "storm"],
            "give_up": many,
            "forget_images": many,
            "reload": ["deploy", "edit"],
            "reload_snapshot": ["deploy", "edit"],
            "slots": ["deploy", "hours"],
            "slots_taken": ["deploy", "hours"],
        }
        return found.get(what, ["deploy", what])

    def edited(self, *, valid: bool = True) -> Version:
        """A version that was never there, made from the last."""
        made = version(len(self.versions), self._some_jobs(list(self.versions[-1].jobs)), valid=valid)
        self.versions.append(made)
        return made

    def _some_jobs(self, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Up to four jobs, each as it was or anew; the last may follow from the first."""
        dice = self.random
        known = {item["name"]: item for item in before}
        made = []
        for number in range(4):
            kept = known.get(f"j{number}")
            if kept is not None and dice.random() < 0.5:
                made.append(kept)
            elif number == 0 or dice.random() < 0.5:
                made.append(self._job(number))
        if made[-1]["name"] == "j3":
            made[-1] = {**made[-1], "dependencies": [made[0]["job_id"]] if dice.random() < 0.6 else []}
        return made

    def _job(self, number: int) -> dict[str, Any]:
        dice = self.random
        keys: dict[str, Any] = {"overlap": dice.choice(OVERLAPS), "catchup": dice.choice(["latest", "none", "all"])}
        if number == 0 or dice.random() < 0.7:
            keys["schedule"] = dice.choice(EXPRESSIONS)
        if dice.random() < 0.1:
            keys["enabled"] = False
        return job(number, **keys)

    def behave(self, spec: AttemptSpec) -> Behaviour:
        """What a container does: the same for the same run, job and attempt."""
        which = f"{self.seed}/{spec.labels[LABEL_RUN]}/{spec.labels[LABEL_JOB]}/{spec.labels[LABEL_ATTEMPT]}"
        dice = random.Random(hashlib.sha256(which.encode()).digest())
        return Behaviour(duration_s=self.duration_s * dice.random() * 2, exit_code=int(dice.random() < 0.1))

    def death(self, life: int) -> Callable[[str], bool] | None:
        """Where the n-th engine dies: at the aim first, then after a random number of failpoints; the last lives."""
        if life >= LIVES - 1:
            return None
        dice = random.Random(self.seed * 10 + life)
        if life == 0 and self.aim is not None:
            return lambda name: name == self.aim
        if dice.random() < 0.2:
            return None
        left = dice.randint(1, dice.choice([20, 80, 300]))

        def dies(name: str) -> bool:
            nonlocal left
            left -= 1
            return left == 0

        return dies


@dataclass
class Switch:
    """A request that changes what is active, as it was answered: when, and what the file was then."""

    kind: str
    activation: int
    edits: int
    digest: str


class People:
    """Everybody who does something: each step once, in order; a request without an answer is sent again."""

    def __init__(self, plan: Plan, house: TimedHouse) -> None:
        self.plan = plan
        self._house = house
        self._dice = random.Random(plan.seed + 1)
        self._at = 0
        self._todo = [self._step(number, name) for number, name in enumerate(plan.steps)]
        self._pauses = [self._dice.choice([0.0, 0.002, 0.006, 0.015]) for _ in self._todo]
        self.file = plan.versions[0]
        self.edits = 0
        self.on_disk: set[tuple[str, str]] = set()
        """Pairs of marks, in the config and beside it, that were on the disk at some moment."""
        self.answers: dict[str, tuple[int | None, int | None]] = {}
        """Activation and run of each request that was accepted."""
        self.refused: dict[str, str] = {}
        self.switches: list[Switch] = []
        self._mark = ""
        self._write(self.file)

    async def work(self, life: Life) -> None:
        """Go on with the steps."""
        while self._at < len(self._todo):
            await self._todo[self._at](life)
            life.check()
            self._at += 1
            if self._at - 1 not in self.plan.hurried:
                await asyncio.sleep(self._pauses[self._at - 1])

    def _step(self, number: int, name: str) -> Callable[[Life], Awaitable[None]]:
        request, dice = f"{name}-{number}", self._dice
        if name in REQUESTS:
            twice, run = dice.random() < 0.3, dice.random() < 0.5
            which, word = dice.randint(1, 6), dice.choice([None, None, "j0", "j1"])
            return lambda life: self._insist(life, name, request, twice, run=run, which=which, word=word)
        if name in ("minutes", "hours", "backward", "again"):
            most = {"minutes": 5, "hours": 30, "backward": 100, "again": 10}[name]
            count = dice.randint(1 if name in ("minutes", "hours") else 2, most)
            return lambda life: self._set_clock(life, name, count)
        if name in TROUBLE:
            return lambda life: self._trouble(name)
        count = dice.randint(2, 5) if name == "storm" else 1
        kinds = ["back" if name == "back" or (name == "storm" and dice.random() < 0.3) else name for _ in range(count)]
        gaps = [dice.choice([0.0, 0.002, 0.005]) for _ in kinds]
        return lambda life: self._edit(kinds, gaps)

    # What clients ask ------------------------------------------------------------------------------------------

    async def _insist(self, life: Life, kind: str, request: str, twice: bool, **how: Any) -> None:
        for _ in range(2 if twice else 1):
            while (answer := await self._ask(life, kind, request, **how)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            if not any(answer):
                continue
            known = self.answers.setdefault(request, answer)
            assert known == answer, f"{request} was answered {known}, then {answer}"
        if kind in ("deploy", "rollback", "undeploy") and request in self.answers:
            activation = self.answers[request][0]
            assert activation is not None
            self.switches.append(Switch(kind, activation, self.edits, self.file.digest))

    async def _ask(
        self, life: Life, kind: str, request: str, *, run: bool, which: int, word: str | None
    ) -> tuple[int | None, int | None] | None:
        """The answer; None where it is to be asked again, nothing in it where it was refused."""
        deploying = life.deploying
        try:
            if kind == "run":
                return None, await start_run(life, request)
            if kind == "deploy":
                deployed = await deploying.deploy(self._house.directory, request, run=run, runner=None)
            elif kind == "rollback":
                deployed = await deploying.rollback(TOKEN, which, request)
            elif kind == "undeploy":
                deployed = await deploying.undeploy(TOKEN, request)
            else:
                await (deploying.pause(TOKEN, word) if kind == "pause" else deploying.resume(TOKEN, word))
                return None, None
            return deployed.activation, deployed.run
        except Refusal as refusal:
            if refusal.code == "runner-unreachable":
                return None
            assert request not in self.answers, f"{request} was accepted, then refused: {refusal.message}"
            self.refused[request] = refusal.code
            return None, None

    # What else happens -----------------------------------------------------------------------------------------

    def _write(self, new: Version) -> None:
        """Save code and config, the config last and at once, as editors do."""
        directory = self._house.directory
        self.on_disk |= {(self._mark, new.mark), (new.mark, new.mark)}
        aside = directory.with_name("saved")
        for name, text in ((MARK_FILE, new.mark), ("metis.config.yml", new.text)):
            aside.write_text(text)
            aside.replace(directory / name)
        self._mark, self.file = new.mark, new
        self.edits += 1

    async def _edit(self, kinds: list[str], gaps: list[float]) -> None:
        for kind, gap in zip(kinds, gaps, strict=True):
            if kind == "back":
                self._write(self._dice.choice(self.plan.versions))
            else:
                self._write(self.plan.edited(valid=kind != "spoil"))
            await asyncio.sleep(gap)

    async def _set_clock(self, life: Life, kind: str, count: int) -> None:
        daemon = self._house.daemon
        steps = {"minutes": [60.0] * count, "hours": [3600.0 * count], "backward": [-60.0 * count]}
        steps["again"] = [-60.0 * count, *[60.0] * count]
        for step in steps[kind]:
            daemon.ahead_s += step
            life.engine.scheduler.refresh(TOKEN)
            await asyncio.sleep(0.004)

    async def _trouble(self, kind: str) -> None:
        daemon = self._house.daemon
        if kind == "failing":
            daemon.build_error = "" if daemon.build_error else "pip install failed"
        elif kind == "slow":
            daemon.build_s = 0.0 if daemon.build_s else 0.01
        elif kind == "prune":
            daemon.images.clear()
        elif kind == "outage":
            daemon.set_down(True)
            await asyncio.sleep(0.006)
            daemon.set_down(False)
        else:
            directory = self._house.directory
            aside = directory.with_name("aside")
            if directory.exists():
                directory.rename(aside)
            await asyncio.sleep(self._dice.choice([0.005, 0.04]))
            aside.rename(directory)


async def play(seed: int, template: Path, aim: str | None = None) -> list[str]:
    """Play one scenario to its end and check its history; the failpoints at which an engine died."""
    plan = Plan(seed, aim)
    daemon = Daemon(plan.behave)
    daemon.random = random.Random(seed)
    daemon.event_loss = plan.event_loss
    async with a_house(daemon, template=template, make=TimedHouse) as house:
        people = People(plan, house)
        deaths: list[str] = []
        for number in range(LIVES):
            life = Life(house, plan.death(number))
            if not await live(life, people):
                break
            deaths.append(life.died_at)
            daemon.set_down(False)
            await asyncio.sleep(plan.random.choice([0.0, 0.0, 0.003]))
        house.query(house.observe)
        check_times(house, people)
        return deaths


async def live(life: Life, people: People) -> bool:
    """One engine, until it is killed or everything is at rest; whether it was killed."""
    tasks: list[asyncio.Task[Any]] = []
    death = asyncio.ensure_future(life.death.wait())
    try:
        async with asyncio.timeout(PATIENCE_S):
            try:
                await life.begin()
            except Killed:
                await life.bury()
                return True
            working = asyncio.create_task(people.work(life))
            tasks = [working, asyncio.create_task(_rest(life, people, working))]
            await asyncio.wait([death, tasks[1]], return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        life.kill("patience")
        await life.bury()
        left = life.house.query(lambda c: [*unrest(c, people, life.house.clock()), *unfinished_tasks(c)])
        raise AssertionError(f"not at rest within {PATIENCE_S:g} s: {left}") from None
    finally:
        death.cancel()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError | Killed):
            await life.bury()
            raise result
    if life.dead:
        await life.bury()
        return True
    await life.close()
    return False


async def _rest(life: Life, people: People, working: asyncio.Task[None]) -> None:
    """Returns once everything that was begun is over."""
    while True:
        await asyncio.sleep(0.003)
        if not working.done():
            continue
        working.result()
        if life.house.daemon.containers or life.engine._supervisors or life.engine.deployments._builds:
            continue
        if not await life.engine.read(lambda c: unrest(c, people, life.house.clock())):
            return


def unrest(connection: Any, people: People, now: float) -> list[object]:
    """What is not over yet."""
    found: list[object] = [*runs.unfinished_runs(connection), *runs.uncollected_attempts(connection)]
    found += activations.waiting_activations(connection)
    row = projects.get_project(connection, TOKEN)
    if row is not None and (row.seen != people.file.digest or row.problem):
        found.append(row)
    for schedule in schedules.running_schedules(connection):
        if slots_between(schedule.expression, schedule.since, now):
            found.append(schedule)
    return found


def unfinished_tasks(connection: Any) -> list[object]:
    """The tasks that are not over, for the words of a failure."""
    return [task for run in runs.unfinished_runs(connection) for task in runs.tasks_of(connection, run.id)]
