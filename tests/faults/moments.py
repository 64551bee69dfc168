"""What was committed, moment by moment: every state that the store was ever in, each one commit after the last."""

from __future__ import annotations

import json
import sqlite3
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from house import TOKEN, House
from memory import Daemon

from skafos_tui.config.settings import Settings
from skafos_tui.engine import giving_up, scheduler, timetable, watch
from skafos_tui.engine.engine import Engine
from skafos_tui.model.run import Activation, Deployment, Run, Task
from skafos_tui.store import activations, projects, runs, schedules
from skafos_tui.store.projects import ProjectRow
from skafos_tui.store.schedules import ScheduleRow

KEPT = 2
MARK_FILE = "mark.txt"


@dataclass(frozen=True, slots=True)
class SlotRow:
    """What the store has of a slot."""

    run_id: int
    fired: bool
    count: int
    first: int | None


@dataclass(frozen=True, slots=True)
class Moment:
    """What is committed, and the name of the commit that made it so."""

    commit: str = ""
    clock: float = 0.0
    looked: float = 0.0
    """What the clock showed when the store was last used before this commit."""
    project: ProjectRow | None = None
    paused: frozenset[str] = frozenset()
    schedules: dict[str, ScheduleRow] = field(default_factory=dict)
    slots: dict[tuple[str, int], SlotRow] = field(default_factory=dict)
    activations: dict[int, Activation] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    tasks: dict[tuple[int, str], Task] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    """Name to run."""

    @property
    def active(self) -> int | None:
        """The deployment that schedules use."""
        return self.project.active if self.project is not None else None

    def running(self, job_id: str) -> bool:
        """Whether a job's schedule fires."""
        project = self.project
        return (
            project is not None
            and project.active is not None
            and project.paused_at is None
            and not project.problem
            and job_id not in self.paused
            and job_id in self.schedules
        )


def _slots(connection: sqlite3.Connection) -> dict[tuple[str, int], SlotRow]:
    return {
        (row["job_id"], row["slot"]): SlotRow(row["run_id"], bool(row["fired"]), row["count"], row["first_slot"])
        for row in connection.execute("SELECT * FROM slots")
    }


def _tasks(connection: sqlite3.Connection) -> dict[tuple[int, str], Task]:
    found = map(runs.task_from, connection.execute("SELECT * FROM tasks"))
    return {(task.run_id, task.job_id): task for task in found}


READERS: dict[str, tuple[frozenset[str], Callable[[sqlite3.Connection], Any]]] = {
    "slots": (frozenset({"run"}), _slots),
    "activations": (
        frozenset({"activation"}),
        lambda c: {each.id: each for each in activations.list_activations(c, TOKEN)},
    ),
    "deployments": (
        frozenset({"deployment"}),
        lambda c: {each.id: each for each in projects.list_deployments(c, TOKEN)},
    ),
    "runs": (frozenset({"run"}), lambda c: {each.id: each for each in runs.list_runs(c, TOKEN)}),
    "tasks": (frozenset({"run", "task"}), _tasks),
    "attempts": (frozenset({"attempt"}), lambda c: dict(c.execute("SELECT name, run_id FROM attempts").fetchall())),
}
"""Each part of a moment: the kinds of change that it is told by, and how it is read."""


class HouseTime:
    """The module `time`, with the clock of the house on its wall."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.time = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class TimedHouse(House):
    """A house whose wall clock can be set, with a watch on its config, and with a record of every commit."""

    def __init__(self, daemon: Daemon, path: Path, settings: Settings) -> None:
        super().__init__(daemon, path, settings)
        self.moments: list[Moment] = [Moment()]
        self.marks: dict[int, tuple[str, str]] = {}
        """The mark in the config and that beside it, in the archive of each deployment as it was when recorded."""
        self._commit = ""
        self._read: tuple[sqlite3.Connection | None, int] = (None, 0)
        self._seq = 0
        self._looked = 0.0
        own = HouseTime(self.clock)
        modules = [m for name, m in sorted(sys.modules.items()) if name.startswith("skafos_tui.engine.")]
        self.times = (
            *((module, "time", own) for module in modules if getattr(module, "time", None) is time),
            (watch, "SETTLE_S", 0.002),
            (watch, "COME_BACK_S", 0.012),
            (giving_up, "PAUSE_S", 0.004),
            (giving_up, "KEPT_DEPLOYMENTS", KEPT),
            (timetable, "ALL_AT_MOST", 4),
            (timetable, "MISSED_ONE_BY_ONE", 5),
            (scheduler, "RETRY_S", 0.005),
        )

    def clock(self) -> float:
        """What the clock on the wall shows."""
        return time.time() + self.daemon.ahead_s

    def furnish(self, new: Engine) -> None:
        """Give the engine our clock, and have it look at files often."""
        new.scheduler._clock = self.clock
        new.reload._watch._poll_s = 0.05

    def at(self, name: str) -> None:
        """Remember which commit is under way."""
        kind, _, rest = name.partition(".")
        if kind == "commit" and rest.endswith(".before"):
            self._commit = rest.removesuffix(".before")

    def observe(self, connection: sqlite3.Connection) -> None:
        """Note what is committed now; called between any two commits."""
        read = (connection, connection.total_changes)
        looked, self._looked = self._looked, self.clock()
        if read == self._read:
            return
        fresh, self._read = connection is not self._read[0], read
        last = self.moments[-1]
        rows = connection.execute("SELECT kind, MAX(seq) FROM changes WHERE seq > ? GROUP BY kind", (self._seq,))
        told = dict(rows.fetchall())
        self._seq = max([self._seq, *told.values()])
        parts = {name: getattr(last, name) for name in READERS}
        for name, (kinds, reader) in READERS.items():
            if kinds & set(told):
                parts[name] = reader(connection)
            elif fresh:
                assert reader(connection) == parts[name], f"a change of {name} was told to nobody"
        now = Moment(
            commit=self._commit,
            clock=last.clock,
            looked=last.looked,
            project=projects.get_project(connection, TOKEN),
            paused=frozenset(projects_paused(connection)),
            schedules={row.job_id: row for row in schedules.list_schedules(connection, TOKEN)},
            **parts,
        )
        if now != replace(last, commit=self._commit):
            for number in now.deployments.keys() - last.deployments.keys():
                self.marks[number] = self._marks_in(now.deployments[number])
            self.moments.append(replace(now, clock=self._looked, looked=looked))

    def _marks_in(self, deployment: Deployment) -> tuple[str, str]:
        with tarfile.open(self.home.code(TOKEN, deployment.code_digest), "r:gz") as files:
            config, mark = files.extractfile("metis.config.yml"), files.extractfile(MARK_FILE)
            assert config is not None
            assert mark is not None
            text = config.read().decode()
            assert text == deployment.config, f"deployment {deployment.number}: another config lies in its archive"
            return json.loads(text)["environment"]["MARK"], mark.read().decode()


def projects_paused(connection: sqlite3.Connection) -> dict[str, float]:
    """The jobs that are paused one by one."""
    return schedules.paused_jobs(connection, TOKEN)
