"""A thousand saves of the config, as quick as they go: the last is in force, none is mixed, nothing is left over."""

from __future__ import annotations

import asyncio
import json
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from house import TOKEN, House, Life, a_house, by_job, finished, job, start_run, until
from memory import Behaviour, Daemon

from skafos_tui.engine import giving_up, watch
from skafos_tui.model.run import ActivationState, RunState, TriggerKind
from skafos_tui.store import activations, projects, runs

EDITS = 1000
KEPT_ACTIVATIONS = 100
PATIENCE_S = 20.0
SLOTTED = job(0, schedule="* * * * *")
LONG = job(1)


class Editor:
    """Saves the config again and again, each time with another mark in it and in a file beside it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.on_disk: set[tuple[str, str]] = set()
        self.mark = ""

    def save(self, number: int) -> None:
        """Write the n-th version: the code first, then the config, whole."""
        before, self.mark = self.mark, f"m{number}"
        self.on_disk |= {(before, self.mark), (self.mark, self.mark)}
        directory = self._house.directory
        config = {
            "project_token": TOKEN,
            "name": "house",
            "environment": {"MARK": self.mark},
            "jobs": [SLOTTED, {**LONG, "entrypoint": f"echo {self.mark}"}],
        }
        aside = directory.with_name("saved")
        for name, text in (("mark.txt", self.mark), ("metis.config.yml", json.dumps(config))):
            aside.write_text(text)
            aside.replace(directory / name)


class StormHouse(House):
    """A house whose engine looks at files as quickly as it can; only what is there at the end is compared."""

    times = ((watch, "SETTLE_S", 0.002), (giving_up, "PAUSE_S", 0.1))

    def observe(self, connection: Any) -> None:
        """Nothing is noted."""


async def test_of_a_thousand_saves_the_last_is_in_force_and_none_is_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "KEPT", KEPT_ACTIVATIONS)
    daemon = Daemon(by_job(j1=Behaviour(duration_s=600.0)))
    daemon.build_s = 0.004
    async with a_house(daemon, make=StormHouse) as house:
        editor = Editor(house)
        editor.save(0)
        life = Life(house)
        await life.begin()
        try:
            started = time.monotonic()
            await _storm(life, editor)
            assert time.monotonic() - started < 60, "a thousand saves within a minute"
            await _check(life, editor)
        finally:
            await life.close()


async def _storm(life: Life, editor: Editor) -> None:
    """A run in flight, slots that come due, and a thousand saves."""
    await life.deploying.deploy(life.house.directory, "d1", run=False, runner=None)
    flying = await start_run(life, "flying", ("j1",))
    await until(lambda: life.house.daemon.running(), "it runs")
    ahead = 0.0
    for number in range(1, EDITS + 1):
        editor.save(number)
        if number % 100 == 0:
            ahead += 60
            life.set_clock(lambda ahead=ahead: time.time() + ahead)
        # Now and then somebody looks at what was written: long enough for a reload to begin, not to end.
        await asyncio.sleep(0.02 if number % 10 == 0 else 0.001)
    await until(lambda: _in_force(life, editor.mark), "the last save is in force", PATIENCE_S)
    await until(lambda: _at_rest(life), "nothing waits", PATIENCE_S)
    task = (await life.engine.read(lambda c: runs.tasks_of(c, flying)))[0]
    assert task.state.value == "running", "a run in flight is untouched"
    await life.requests.cancel(flying, [], "the test")
    run, _, attempts = await finished(life, flying)
    assert run.state is RunState.CANCELLED
    assert {life.house.daemon.records[each.name].spec.environment["MARK"] for each in attempts} == {"m0"}


async def _in_force(life: Life, mark: str) -> bool:
    row = await life.engine.read(lambda c: projects.get_project(c, TOKEN))
    assert row is not None
    if row.active is None:
        return False
    active = row.active
    project = await life.engine.read(lambda c: life.engine.config(c, active))
    return project.environment["MARK"] == mark


async def _at_rest(life: Life) -> bool:
    def look(connection: Any) -> bool:
        waiting = activations.waiting_activations(connection)
        flying = [run for run in runs.unfinished_runs(connection) if run.trigger is not TriggerKind.MANUAL]
        return not waiting and not flying and not life.engine.deployments._builds

    return await life.engine.read(look)


async def _check(life: Life, editor: Editor) -> None:
    """What is recorded, and what is left on the disk."""
    deployments = await life.engine.read(lambda c: projects.list_deployments(c, TOKEN))
    found = await life.engine.read(lambda c: activations.list_activations(c, TOKEN))
    assert len(found) <= KEPT_ACTIVATIONS + 100, "old activations go"
    assert {each.state for each in found} <= {ActivationState.ACTIVE, ActivationState.SUPERSEDED}
    assert len(deployments) > 10, "saves are taken up while others follow"
    archives = {path.name.removesuffix(".tar.gz"): path for path in _archives(life)}
    for each in deployments:
        if each.code_digest in archives:
            _check_archive(archives[each.code_digest], each.config, editor)
    made = await life.engine.read(lambda c: runs.list_runs(c, TOKEN))
    slots = [run for run in made if run.trigger is TriggerKind.SCHEDULE]
    assert len(slots) >= EDITS // 100 - 1, "slots fire in a storm"
    marks = {each.id: json.loads(each.config)["environment"]["MARK"] for each in deployments}
    for record in life.house.daemon.records.values():
        run = next(run for run in made if run.id == record.run_id)
        assert record.spec.environment["MARK"] == marks[run.deployment]
    life.engine._giving_up.look()
    kept = projects.KEPT_DEPLOYMENTS
    await until(lambda: len(_archives(life)) <= kept, "files of old deployments go", PATIENCE_S)
    assert not list(_archives(life)[0].parent.glob(".code-*")), "nothing half-written is left"


def _archives(life: Life) -> list[Path]:
    return sorted(life.house.home.code(TOKEN, "any").parent.glob("*.tar.gz"))


def _check_archive(path: Path, text: str, editor: Editor) -> None:
    """Config and code in an archive stood together on the disk, and the config is the deployment's."""
    with tarfile.open(path, "r:gz") as files:
        config, mark = files.extractfile("metis.config.yml"), files.extractfile("mark.txt")
        assert config is not None
        assert mark is not None
        assert config.read().decode() == text
        assert (json.loads(text)["environment"]["MARK"], mark.read().decode()) in editor.on_disk
