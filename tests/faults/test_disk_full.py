"""The disk under SKAFOS_HOME runs full at any instant: new work stops visibly, nothing is lost or torn (SPEC 12.6)."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from house import TOKEN, House, Life, a_house, by_job, finished, job, start_run, tasks_of, until
from memory import Behaviour, Daemon, Line
from small_disk import SmallDisk, a_small_disk
from system import Person

from skafos_tui.engine import engine, reload
from skafos_tui.engine.triggers import Refusal
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.store import activations, projects, runs

SEEDS = range(200) if os.environ.get("SKAFOS_SOAK") else range(8)
WITHIN_S = 10.0
LINES = tuple(Line(number / 2000, f"line {number} " + "x" * 2000) for number in range(60))


@asynccontextmanager
async def a_house_on(disk: SmallDisk, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house whose home is on the small disk; the project is elsewhere."""
    monkeypatch.setattr(engine, "LOOK_S", 0.01)
    monkeypatch.setattr(reload, "ROOM_RETRY_S", 0.01)
    with tempfile.TemporaryDirectory() as project:
        async with a_house(daemon, place=disk.path) as house:
            house.directory = Path(project)
            yield house


async def refused(life: Life, request_id: str) -> str:
    """Why a run is refused now."""
    with pytest.raises(Refusal) as refusal:
        await start_run(life, request_id)
    assert refusal.value.exit_code == 1
    assert "\n" not in refusal.value.message
    return refusal.value.message


async def test_new_work_stops_before_the_last_byte_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon(by_job(j0=Behaviour(duration_s=0.15)))
    with a_small_disk("24m") as disk:
        async with a_house_on(disk, daemon, monkeypatch) as house:
            house.write_config([job(0), job(1, after=(0,))])
            life = Life(house)
            await life.begin()
            run_id = await start_run(life)
            await until(daemon.running, "the first job runs")
            disk.fill(leave=1 << 20)
            await until(lambda: life.engine.room.problem, "it is noticed")

            async def waits() -> bool:
                task = (await tasks_of(life, run_id))["j1"]
                return task.state is TaskState.QUEUED and "is full" in task.reason

            await until(waits, "what comes next says what it waits for")
            message = await refused(life, "meanwhile")
            assert str(house.home.path) in message
            assert "is full" in message
            assert "make room" in message
            with pytest.raises(Refusal, match="is full"):
                await life.deploying.deploy(house.directory, "d", run=True, runner=None)
            [record] = daemon.records.values()
            assert record.ended_by == "itself", "what ran was left alone"
            disk.free()
            run, tasks, _ = await finished(life, run_id)
            assert run.state is RunState.SUCCEEDED
            assert tasks["j1"].reason == ""
            assert await start_run(life, "afterwards")
            await life.close()


async def test_a_saved_config_becomes_active_once_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_small_disk("24m") as disk:
        async with a_house_on(disk, Daemon(), monkeypatch) as house:
            house.write_config([job(0)])
            life = Life(house)
            await life.begin()
            first = await life.deploying.deploy(house.directory, "d", run=False, runner=None)

            async def active() -> int:
                row = await life.engine.read(lambda c: projects.get_project(c, TOKEN))
                assert row is not None
                return row.active or 0

            before = await until(active, "it is deployed")
            disk.fill()
            house.write_config([job(0), job(1)])
            (house.directory / "data.bin").write_bytes(random.Random(0).randbytes(1 << 20))
            await asyncio.sleep(0.4)
            assert await active() == before, first
            disk.free()

            async def changed() -> bool:
                return await active() != before

            await until(changed, "the saved config is active", WITHIN_S)
            await life.close()


class Asker:
    """Asks for runs and deployments all the time, and remembers what was accepted."""

    def __init__(self, seed: int, life: Life) -> None:
        self.accepted: list[int] = []
        self.activations: list[int] = []
        self.refusals: list[str] = []
        self._dice = random.Random(seed)
        self._life = life

    async def ask(self, count: int) -> None:
        """So many requests, some time apart."""
        house, dice = self._life.house, self._dice
        for number in range(count):
            (house.directory / "code.py").write_text(f"# {dice.random()}\n")
            try:
                if dice.random() < 0.7:
                    self.accepted.append(await start_run(self._life, f"r{number}"))
                else:
                    done = await self._life.deploying.deploy(house.directory, f"d{number}", run=False, runner=None)
                    self.activations.append(done.activation)
            except (Refusal, sqlite3.OperationalError, OSError) as refusal:
                # The control door makes one line of the latter two.
                self.refusals.append(str(refusal))
            await asyncio.sleep(dice.choice([0.01, 0.03, 0.06]))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_disk_that_runs_full_at_any_instant_loses_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    lines = by_job(j0=Behaviour(duration_s=0.04, lines=LINES), j1=Behaviour(duration_s=0.01, lines=LINES))
    daemon = Daemon(lines)
    daemon.random = random.Random(seed)
    daemon.build_s, daemon.event_loss = 0.002, 0.3
    with a_small_disk("32m") as disk:
        async with a_house_on(disk, daemon, monkeypatch) as house:
            house.write_config([job(0, schedule="* * * * *", overlap="parallel"), job(1, after=(0,))])
            life = Life(house)
            await life.begin()
            clock = {"now": time.time()}
            life.set_clock(lambda: clock["now"])
            asker = Asker(seed, life)
            asker.accepted.append(await start_run(life, "first"))
            await life.deploying.deploy(house.directory, "first", run=False, runner=None)
            asking = asyncio.create_task(asker.ask(14))
            for _ in range(3):
                await asyncio.sleep(dice.choice([0.003, 0.02, 0.06, 0.1]))
                clock["now"] += 60
                life.engine.scheduler.refresh(TOKEN)
                disk.fill(leave=dice.choice([0, 0, 4096, 50_000, 1 << 20]))
                await asyncio.sleep(dice.choice([0.02, 0.1, 0.25]))
                disk.free()
            await asking
            begun = time.monotonic()
            for run_id in asker.accepted:
                run, _, _ = await finished(life, run_id)
                assert run.state is RunState.SUCCEEDED, (run, asker.refusals)
            for activation_id in asker.activations:
                assert await life.engine.read(lambda c, a=activation_id: activations.get_activation(c, a))
            await until(lambda: life.engine.read(_settled), "all is over", WITHIN_S)
            assert time.monotonic() - begun < WITHIN_S
            await life.close()
            check_home(house)
            assert not daemon.violations
            assert all(record.ended_by == "itself" for record in daemon.records.values())


def _settled(connection: sqlite3.Connection) -> bool:
    waiting = activations.waiting_activations(connection)
    return not (runs.unfinished_runs(connection) or runs.uncollected_attempts(connection) or waiting)


def check_home(house: House) -> None:
    """The database is whole, and every log is what the daemon has of it."""
    with closing(sqlite3.connect(house.home.state_database)) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []
    ids = house.query(lambda c: [row["id"] for row in c.execute("SELECT id FROM runs")])
    found = [attempt for run_id in ids for attempt in house.query(lambda c, r=run_id: runs.attempts_of(c, r))]
    assert found
    for attempt in found:
        assert house.log(attempt) == house.daemon.records[attempt.name].log(10**30)


@pytest.mark.docker
def test_a_person_is_told_of_the_full_disk_and_a_running_job_loses_no_line(base_image: str) -> None:
    code = "import time\nfor n in range(60):\n    print('line', n, 'x' * 2000, flush=True)\n    time.sleep(0.1)\n"
    with a_small_disk("32m") as disk:
        person = Person(disk.path)
        try:
            person.job("Long", code)
            person.job("Next", "print('next')", after=["Long"])
            run = person.start()
            person.running(run, 1)
            time.sleep(1)
            disk.fill()
            status = until_told(person)
            assert "nothing new starts: the disk of" in status
            for words in (["run"], ["deploy"], ["retry", str(run)]):
                refused = person.skafos(*words)
                assert refused.returncode == 1, refused
                assert refused.stderr.count("\n") == 1
                assert "is full" in refused.stderr or "not finished" in refused.stderr, refused.stderr
            listed = person.skafos("ps")
            assert listed.returncode == 0, listed.stderr
            assert "is full" in listed.stderr
            # A new engine on the full disk goes on as well as the old one.
            person.kill_engine()
            assert "is full" in person.skafos("ps").stderr
            disk.fill()
            # On a slow machine it has ended already and is gone: then there is nothing to wait for.
            wait = ["docker", "wait", attempts_of(person, run)[0]["container"]]
            subprocess.run(wait, capture_output=True, check=False)
            time.sleep(1)
            disk.free()
            begun = time.monotonic()
            shown = person.finished(run)
            assert time.monotonic() - begun < WITHIN_S
            assert shown["state"] == "succeeded", shown
            person.collected(run)
            assert [line.split(" x")[0] for line in person.log(run, "Long")] == [f"line {n}" for n in range(60)]
            assert person.skafos("run", "--only", "Next").returncode == 0
        finally:
            disk.free()
            person.leave()


def until_told(person: Person) -> str:
    """What `engine status` says once it has noticed."""
    deadline = time.monotonic() + WITHIN_S
    while "is full" not in (said := person.skafos("engine", "status").stdout):
        assert time.monotonic() < deadline, said
        time.sleep(0.2)
    return said


def attempts_of(person: Person, run: int) -> list[dict[str, Any]]:
    """The attempts of a run's first task."""
    found: list[dict[str, Any]] = person.show(run)["tasks"][0]["attempts"]
    return found
