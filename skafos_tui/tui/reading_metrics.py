"""What a job's attempts use of the machine, read for the charts: in a worker's thread, and only what is new."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from skafos_tui.model.run import Attempt
from skafos_tui.store.database import DatabaseError, connect_reader
from skafos_tui.store.metrics import SERIES, Spread, TaskTimes, buckets_of, open_metrics, task_times
from skafos_tui.store.runs import attempts_of

MOST_SPANS = 512
"""More than two for each cell of a wide chart. The spans double when an attempt lasts longer."""
GAP_S = 5.0
"""A sample that comes late is no gap; from here on it is one, and is seen as one."""
HISTORY = 20
"""So many finished tasks of the job are looked back at."""
_PEAKS = frozenset({"memory", "processes"})
_SUMS = {"network": ("received", "sent"), "disk": ("read", "written")}

Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Whose use is asked for: a job in a run; of each instance the newest attempt, or one by its number."""

    project: str
    run_id: int
    job_id: str
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """What an attempt of one instance used, in spans of `Usage.step_s` from `Usage.since` on.

    `cpu` in cores, `network` and `disk` in bytes a second, both ways together; `memory` (bytes) and `processes` are
    the highest of each span. `cpu_limit` and `memory_limit` are what it may have. `ended_at`: Unix seconds, None
    while it runs.
    """

    instance: int
    number: int
    ended_at: float | None
    cpu_limit: float
    memory_limit: int
    series: Mapping[str, Values] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a job's attempts used from `since` to `until` (Unix seconds), and how its last tasks took, newest first.

    `attempts` is the highest number of an attempt. `problem` is one line where the samples can't be read.
    """

    since: float = 0.0
    until: float = 0.0
    step_s: float = 1.0
    lanes: tuple[Lane, ...] = ()
    past: tuple[TaskTimes, ...] = ()
    attempts: int = 0
    problem: str = ""

    @property
    def running(self) -> bool:
        """Whether an attempt goes on."""
        return any(lane.ended_at is None for lane in self.lanes)


@dataclass
class _Kept:
    """The spans of an attempt read so far; `whole` says that nothing will come to them."""

    since: float
    step_s: float
    spans: dict[str, list[Spread | None]]
    whole: bool = False


class MetricsReader:
    """Reads usages; what is past is read once. Used by one thread at a time."""

    def __init__(self, state: Path, metrics: Path) -> None:
        self._state = state
        self._metrics = metrics
        self._target: Target | None = None
        self._kept: dict[str, _Kept] = {}

    def read(self, target: Target, now: float) -> Usage:
        """The usage of a job in a run as of `now` (Unix seconds)."""
        if target != self._target:
            self._target = target
            self._kept.clear()
        try:
            with closing(connect_reader(self._state)) as state:
                attempts = [each for each in attempts_of(state, target.run_id) if each.job_id == target.job_id]
                past = tuple(task_times(state, target.project, target.job_id, HISTORY))
            found = self._with_samples(_chosen(attempts, target.attempt), past, now)
            return replace(found, attempts=max((each.number for each in attempts), default=0))
        except (DatabaseError, sqlite3.DatabaseError) as error:
            return Usage(problem=f"metrics can't be read: {error}")

    def _with_samples(self, attempts: Sequence[Attempt], past: tuple[TaskTimes, ...], now: float) -> Usage:
        begun = [attempt for attempt in attempts if attempt.started_at is not None]
        since = min((attempt.started_at or now for attempt in begun), default=now)
        until = max((attempt.ended_at or now for attempt in begun), default=now)
        step_s = step_for(until - since)
        samples = open_metrics(self._metrics)
        if samples is None:
            return Usage(since, until, step_s, tuple(_lane(attempt, {}) for attempt in begun), past)
        with closing(samples):
            lanes = tuple(self._read_lane(samples, attempt, (since, until, step_s), now) for attempt in begun)
        return Usage(since, until, step_s, lanes, past)

    def _read_lane(
        self, samples: sqlite3.Connection, attempt: Attempt, life: tuple[float, float, float], now: float
    ) -> Lane:
        since, until, step_s = life
        count = max(1, int((until - since) / step_s) + 1)
        kept = self._kept.get(attempt.name)
        if kept is None or (kept.since, kept.step_s) != (since, step_s):
            kept = self._kept[attempt.name] = _Kept(since, step_s, {name: [] for name in SERIES})
        if not kept.whole:
            self._extend(samples, attempt, kept, count)
            # What was sampled at the very end may still be on its way to the disk.
            kept.whole = attempt.ended_at is not None and now - attempt.ended_at > GAP_S
        series = {name: _shaped(spans, count, step_s) for name, spans in _named(kept.spans).items()}
        return _lane(attempt, series, _limits_of(samples, attempt.name))

    def _extend(self, samples: sqlite3.Connection, attempt: Attempt, kept: _Kept, count: int) -> None:
        """Read the spans from the last two known ones on."""
        known = len(kept.spans[SERIES[0]])
        first = max(0, min(known, count) - 2)
        start = kept.since + first * kept.step_s
        until = kept.since + count * kept.step_s
        found = buckets_of(samples, attempt.name, since=start, until=until, count=count - first)
        for name, spans in kept.spans.items():
            spans[first:] = found[name]


def step_for(seconds: float) -> float:
    """The span for a life of so many seconds: the least power of two of them that needs at most MOST_SPANS."""
    step = 1.0
    while seconds / step >= MOST_SPANS:
        step *= 2
    return step


def _limits_of(samples: sqlite3.Connection, attempt: str) -> tuple[float, int]:
    """The limits that were in force for an attempt, cores and bytes; 0 where they are not known."""
    row = samples.execute("SELECT cpu_limit, memory_limit FROM series WHERE attempt = ?", (attempt,)).fetchone()
    return (0.0, 0) if row is None else (float(row["cpu_limit"]), int(row["memory_limit"]))


def _chosen(attempts: Sequence[Attempt], number: int | None) -> list[Attempt]:
    """Of every instance the newest attempt, or the one with this number, by instance."""
    found = {each.instance: each for each in attempts if number in (None, each.number)}
    return [found[instance] for instance in sorted(found)]


def _lane(attempt: Attempt, series: Mapping[str, Values], limits: tuple[float, int] = (0.0, 0)) -> Lane:
    """Without samples the limits are what was reserved for it."""
    cpu, memory = limits[0] or attempt.cpu, limits[1] or attempt.memory
    return Lane(attempt.instance, attempt.number, attempt.ended_at, cpu, memory, series)


def _named(spans: Mapping[str, Sequence[Spread | None]]) -> dict[str, list[float | None]]:
    """The series by the names of the charts: both ways of network and disk together."""
    single: dict[str, list[float | None]] = {
        name: [None if each is None else each.high if name in _PEAKS else each.mean for each in spread]
        for name, spread in spans.items()
    }
    found = {name: single[name] for name in ("cpu", "memory", "processes")}
    for name, parts in _SUMS.items():
        found[name] = [added(pair) for pair in zip(*(single[part] for part in parts), strict=True)]
    return found


def added(values: Sequence[float | None]) -> float | None:
    """The sum of those that are there; None where none is."""
    there = [value for value in values if value is not None]
    return sum(there) if there else None


def _shaped(values: list[float | None], count: int, step_s: float) -> Values:
    """Exactly `count` values, short holes filled with what came next: it is the mean since the sample before."""
    shaped = list(values[:count])
    most, last = max(2, int(GAP_S / step_s)), None
    for place, value in enumerate(shaped):
        if value is None:
            continue
        if last is not None and 1 < place - last <= most:
            shaped[last + 1 : place] = [value] * (place - last - 1)
        last = place
    return tuple(shaped) + (None,) * (count - len(shaped))
