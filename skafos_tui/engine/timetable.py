"""Which slots of the schedules fire when, and which are missed (SPEC 3). Time is a parameter; nothing is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from math import floor

from skafos_tui.config.cron import Cron, parse_cron
from skafos_tui.model.project import Catchup

ON_TIME_S = 60.0
"""A slot fired within its minute is on time; later ones are decided by `catchup`."""
LATEST_WITHIN_S = 24 * 3600
"""`latest` fires nothing that is older."""
ALL_AT_MOST = 100
"""`all` fires no more than this many late slots at once: the newest."""
MISSED_ONE_BY_ONE = 100
"""Older missed slots are one row with a count."""
CLOCK_SLACK_S = 60.0
"""A clock set back by no more than this changes nothing: slots decided meanwhile stay decided."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job fires; every slot at or before `since` (Unix seconds) is decided already."""

    project: str
    job_id: str
    expression: str
    timezone: str
    catchup: Catchup
    since: float


@dataclass(frozen=True, slots=True)
class Missed:
    """A slot (Unix seconds) that will not fire; with `count` > 1 the newest of that many, `first` being the oldest."""

    slot: int
    count: int = 1
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What becomes of a schedule's slots up to `since`: those that fire and those that don't, oldest first.

    `basis` is the schedule as it was when that was decided: it holds only while that is what is recorded.
    """

    project: str
    job_id: str
    fire: tuple[int, ...]
    missed: tuple[Missed, ...]
    since: float
    basis: Schedule | None = field(default=None, compare=False)


@dataclass(slots=True, eq=False)
class _Entry:
    """A schedule in the timetable: its next slot, None where there is none, and its place among equals."""

    schedule: Schedule
    cron: Cron
    place: int
    next_slot: int | None


class Timetable:
    """The next slot of every schedule, kept, not recomputed: what is due costs only what is due.

    A schedule whose `Due` was recorded may be put again with the `since` of it, after a restart for example:
    nothing is decided twice and nothing left out. Not recorded, it is put again with the older `since`.
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, _Entry]] = {}
        # (next slot, place, push, entry); an entry that was dropped or decided since is passed over when it comes up.
        self._heap: list[tuple[int, int, int, _Entry]] = []
        self._live = 0
        self._places = 0
        self._pushes = 0
        self._latest_since = float("-inf")

    def put(self, schedule: Schedule) -> None:
        """Begin with a schedule, or replace the one of the same job; the same one again changes nothing.

        ValueError where the expression or the time zone is none; then the one before stays.
        """
        jobs = self._entries.get(schedule.project, {})
        before = jobs.get(schedule.job_id)
        if before is not None and before.schedule == schedule:
            return
        cron = parse_cron(schedule.expression)
        next_slot = _next_slot(cron, schedule.timezone, schedule.since)
        if before is None:
            self._places += 1
            place = self._places
        else:
            self._retire(before)
            place = before.place
        entry = _Entry(schedule, cron, place, next_slot)
        self._entries.setdefault(schedule.project, jobs)[schedule.job_id] = entry
        self._latest_since = max(self._latest_since, schedule.since)
        self._push(entry)

    def drop(self, project: str, job_id: str | None = None) -> None:
        """Forget the schedule of a job, or all of a project; unknown ones are no error."""
        jobs = self._entries.get(project, {})
        for known in [job_id] if job_id is not None else list(jobs):
            entry = jobs.pop(known, None)
            if entry is not None:
                self._retire(entry)
        if not jobs:
            self._entries.pop(project, None)

    def next_at(self) -> float | None:
        """When to ask `due` again (Unix seconds); None while no schedule will ever fire."""
        self._forget_retired()
        return float(self._heap[0][0]) if self._heap else None

    def due(self, now: float, most: int | None = None) -> list[Due]:
        """Decide every slot up to `now`, schedules in the order of their oldest undecided slot, then as they were put.

        Each slot is decided once, here: what is returned is the caller's to record. At most `most` schedules, the
        others at the next call: after a long downtime each costs half a millisecond.
        """
        ready: list[_Entry] = []
        while self._heap and self._heap[0][0] <= now and (most is None or len(ready) < most):
            entry = heappop(self._heap)[3]
            if entry.next_slot is not None:
                self._live -= 1
                ready.append(entry)
        return [self._decide(entry, now) for entry in ready]

    def clock_set_back(self, now: float) -> list[tuple[str, str]]:
        """Take back what was decided for a time that is still to come, and name the schedules: project and job id.

        Their `since` is `now`, to be recorded. Their slots come again; those that fired already are the recorder's
        to refuse. To be asked before `due` wherever the clock may have changed: it costs nothing where it has not.
        """
        if self._latest_since <= now + CLOCK_SLACK_S:
            return []
        ahead = [schedule for schedule in self._schedules() if schedule.since > now + CLOCK_SLACK_S]
        for schedule in ahead:
            self.put(_decided_until(schedule, now))
        self._latest_since = max((schedule.since for schedule in self._schedules()), default=float("-inf"))
        return [(schedule.project, schedule.job_id) for schedule in ahead]

    def _schedules(self) -> Iterator[Schedule]:
        return (entry.schedule for jobs in self._entries.values() for entry in jobs.values())

    def _decide(self, entry: _Entry, now: float) -> Due:
        """What becomes of the slots of a schedule that is due; it is kept with the next one."""
        schedule, first = entry.schedule, entry.next_slot
        assert first is not None
        following = _next_slot(entry.cron, schedule.timezone, first)
        if following is None or following > now:
            newest, older = [first], 0
        else:
            newest, older = _newest(entry.cron, schedule.timezone, first, now, _wanted(schedule.catchup))
            following = _next_slot(entry.cron, schedule.timezone, now)
        fire, missed = _verdict(schedule.catchup, newest, now)
        entry.schedule = _decided_until(schedule, now)
        entry.next_slot = following
        self._latest_since = max(self._latest_since, now)
        self._push(entry)
        return Due(schedule.project, schedule.job_id, tuple(fire), _rows(missed, older, first), now, schedule)

    def _push(self, entry: _Entry) -> None:
        if entry.next_slot is None:
            return
        self._live += 1
        self._pushes += 1
        heappush(self._heap, (entry.next_slot, entry.place, self._pushes, entry))

    def _retire(self, entry: _Entry) -> None:
        """An entry that is replaced or dropped: it stays in the heap until it comes up, or until most are such."""
        if entry.next_slot is None:
            return
        entry.next_slot = None
        self._live -= 1
        if len(self._heap) > 2 * self._live + 100:
            self._heap = [item for item in self._heap if item[3].next_slot is not None]
            heapify(self._heap)

    def _forget_retired(self) -> None:
        while self._heap and self._heap[0][3].next_slot is None:
            heappop(self._heap)


def _decided_until(schedule: Schedule, since: float) -> Schedule:
    """The schedule with another `since`; `dataclasses.replace` would take a fifth of a decision's time."""
    return Schedule(schedule.project, schedule.job_id, schedule.expression, schedule.timezone, schedule.catchup, since)


def _instant(moment: float) -> datetime:
    """A moment as an aware UTC datetime, to the whole second below: slots are whole, and rounding up would pass one."""
    return datetime.fromtimestamp(floor(moment), UTC)


def _next_slot(cron: Cron, timezone: str, after: float) -> int | None:
    """The first slot after a moment."""
    fire = cron.next_fire(_instant(after), timezone)
    return None if fire is None else int(fire.timestamp())


def _newest(cron: Cron, timezone: str, first: int, now: float, most: int) -> tuple[list[int], int]:
    """The newest `most` slots from the slot `first` until now, oldest first, and how many older ones there are."""
    begin, end = _instant(first - 1), _instant(now)
    # As far back as so many slots reach if every day matches; further while they are not enough.
    span = timedelta(days=most / (len(cron.hours) * len(cron.minutes)))
    while True:
        start = max(begin, end - span)
        slots = [int(fire.timestamp()) for fire in cron.fires_between(start, end, timezone)]
        if start == begin or len(slots) >= most:
            break
        span *= 2
    newest = slots[-most:]
    return newest, cron.count_between(begin, start, timezone) + len(slots) - len(newest)


def _wanted(catchup: Catchup) -> int:
    """How many slots are looked at one by one: those that may fire, those told one by one, and the next older one."""
    late = {Catchup.NONE: 0, Catchup.LATEST: 1, Catchup.ALL: ALL_AT_MOST}[catchup]
    return int(ON_TIME_S // 60) + 1 + late + MISSED_ONE_BY_ONE + 1


def _verdict(catchup: Catchup, slots: Sequence[int], now: float) -> tuple[list[int], list[int]]:
    """Which of the newest slots fire and which are missed, oldest first."""
    on_time = [slot for slot in slots if now - slot < ON_TIME_S]
    late = list(slots[: len(slots) - len(on_time)])
    caught_up: list[int] = []
    if catchup is Catchup.ALL:
        caught_up = late[-ALL_AT_MOST:]
    elif catchup is Catchup.LATEST and not on_time and now - late[-1] <= LATEST_WITHIN_S:
        caught_up = late[-1:]
    return caught_up + on_time, late[: len(late) - len(caught_up)]


def _rows(missed: Sequence[int], older: int, first: int) -> tuple[Missed, ...]:
    """The newest missed slots one by one, all before them as one: `older` more, beginning with `first`."""
    told = missed[-MISSED_ONE_BY_ONE:]
    rows = [Missed(slot) for slot in told]
    rest = missed[: len(missed) - len(told)]
    if rest:
        count = older + len(rest)
        rows.insert(0, Missed(rest[-1], count, first) if count > 1 else Missed(rest[-1]))
    return tuple(rows)
