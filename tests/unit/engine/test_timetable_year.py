"""A year of two hundred schedules on a machine that sleeps, crashes and has its clock set: no slot lost, none twice."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from skafos_tui.config.cron import parse_cron
from skafos_tui.engine.timetable import Due, Missed, Schedule, Timetable
from skafos_tui.model.project import Catchup

MINUTE, HOUR, DAY = 60, 3600, 86400
BEGIN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
FUTURE = 45 * DAY
"""How far a clock may run ahead of the truth, and a bit."""
ZONES = (
    *("UTC", "Europe/Paris", "Europe/Dublin", "America/New_York", "America/St_Johns", "Asia/Kathmandu"),
    *("Australia/Lord_Howe", "Africa/Casablanca", "Africa/Cairo", "Antarctica/Troll", "Pacific/Apia"),
)


@dataclass
class History:
    """What is recorded of one schedule, as the store would: a slot once, one that fired stays fired."""

    schedule: Schedule
    slots: list[int]
    outcome: dict[int, str] = field(default_factory=dict)
    taken_back: list[tuple[float, float]] = field(default_factory=list)

    def take_back(self, now: float) -> None:
        """The clock was set back: what was decided for later may come again."""
        self.taken_back.append((now, self.schedule.since))
        self.schedule = replace(self.schedule, since=now)

    def record(self, due: Due, now: float, tally: Counter[str]) -> None:
        """Keep what was decided, and hold it against the rules."""
        missed = [slot for row in due.missed for slot in self._slots_of(row)]
        decided = sorted([*due.fire, *missed])
        assert decided == self._between(self.schedule.since, due.since), "every slot since the last time, once"
        assert due.since <= now
        tally["rows with a count"] += sum(1 for row in due.missed if row.count > 1)
        for slot in due.fire:
            self._may_fire(slot, now)
            self._keep(slot, "fired", tally)
        for slot in missed:
            assert now - slot >= MINUTE, "a slot on time is never missed"
            self._keep(slot, "missed", tally)
        self.schedule = replace(self.schedule, since=due.since)

    def lost(self, now: float) -> list[int]:
        """The slots until now nobody decided."""
        return [slot for slot in self._between(BEGIN, now) if slot not in self.outcome]

    def _slots_of(self, row: Missed) -> Sequence[int]:
        slots = self._between((row.slot if row.first is None else row.first) - 1, row.slot)
        assert len(slots) == row.count
        return slots

    def _between(self, after: float, until: float) -> list[int]:
        return self.slots[bisect_right(self.slots, after) : bisect_right(self.slots, until)]

    def _may_fire(self, slot: int, now: float) -> None:
        catchup, late_s = self.schedule.catchup, now - slot
        assert late_s >= 0
        assert late_s < MINUTE or catchup is Catchup.ALL or (catchup is Catchup.LATEST and late_s <= DAY)

    def _keep(self, slot: int, outcome: str, tally: Counter[str]) -> None:
        before = self.outcome.get(slot)
        if before is not None:
            assert any(after < slot <= until for after, until in self.taken_back), "decided twice in one time"
        if before == "fired":
            tally["refused"] += 1
        else:
            tally["fired after missed" if before and outcome == "fired" else outcome] += 1
            self.outcome[slot] = outcome


class Machine:
    """An engine's use of the timetable, on a machine whose real time goes on and whose clock is off by `offset_s`."""

    def __init__(self, schedules: Sequence[Schedule], days: int, chance: random.Random) -> None:
        self.chance = chance
        self.now_real, self.end, self.offset_s = float(BEGIN), float(BEGIN + days * DAY), 0.0
        horizon = BEGIN + (days + 1) * DAY + FUTURE
        self.histories = {s.job_id: History(s, slots_until(s, horizon)) for s in schedules}
        self.tally: Counter[str] = Counter()
        self.restart()

    @property
    def clock(self) -> float:
        """What the machine says the time is."""
        return self.now_real + self.offset_s

    def live(self, incidents_a_day: float) -> None:
        """To the end of the time, one incident after another."""
        while self.now_real < self.end:
            self.run_until(self.now_real + self.chance.expovariate(incidents_a_day / DAY))
            self.incident()
        self.look()

    def run_until(self, real: float) -> None:
        """Look whenever something is due, a moment late as timers are."""
        self.look()
        while (at := self.timetable.next_at()) is not None:
            wake = max(at - self.offset_s, self.now_real) + self.chance.choice((0.0, 0.001, 0.2, 3.0, 29.0))
            if wake > real:
                break
            self.now_real = wake
            self.look()
        self.now_real = real

    def look(self) -> None:
        """One round of the engine: the clock first, then what is due, recorded."""
        now = self.clock
        for _, job_id in self.timetable.clock_set_back(now):
            self.histories[job_id].take_back(now)
        while dues := self.timetable.due(now, most=50):
            for due in dues:
                self.histories[due.job_id].record(due, now, self.tally)

    def restart(self) -> None:
        """A new timetable from what is recorded."""
        self.timetable = Timetable()
        for history in self.histories.values():
            self.timetable.put(history.schedule)

    def incident(self) -> None:
        """Something happens to the machine or to its engine."""
        kind = self.chance.choices(("crash", "downtime", "suspend", "step", "wrong for a while"), (3, 1, 3, 4, 2))[0]
        self.tally[kind] += 1
        if kind == "crash":
            # What is due is decided, and the crash comes before it is recorded.
            self.now_real += self.chance.uniform(0, 10 * MINUTE)
            self.timetable.clock_set_back(self.clock)
            self.timetable.due(self.clock)
            self.restart()
        elif kind == "downtime":
            self.now_real += 10 ** self.chance.uniform(0.7, 6.538)  # five seconds to forty days
            self.restart()
        elif kind == "suspend":
            self.now_real += 10 ** self.chance.uniform(0.7, 5)
        else:
            step = self.chance.choice((self.chance.uniform(1, 59), self.chance.uniform(60, 120), HOUR, DAY))
            # Towards the truth more often than away from it.
            back = self.chance.random() < (0.8 if self.offset_s > 0 else 0.2)
            self.offset_s += -step if back else step
            if self.chance.random() < 0.3:
                self.restart()
            if kind == "wrong for a while":
                self.run_until(self.now_real + self.chance.uniform(0, HOUR))
                self.offset_s -= -step if back else step


def slots_until(schedule: Schedule, horizon: int) -> list[int]:
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (BEGIN - 30 * DAY, horizon))
    return [int(f.timestamp()) for f in parse_cron(schedule.expression).fires_between(start, end, schedule.timezone)]


def random_schedules(chance: random.Random, count: int, kinds: dict[str, int]) -> list[Schedule]:
    """Schedules of these kinds by weight; `M`, `H`, `D` and `W` are a random minute, hour, day and weekday."""

    def expression() -> str:
        text = chance.choices(list(kinds), list(kinds.values()))[0]
        for letter, low, high in (("M", 0, 59), ("H", 0, 23), ("D", 1, 31), ("W", 0, 6)):
            while letter in text:
                text = text.replace(letter, str(chance.randint(low, high)), 1)
        return text

    return [
        Schedule("wine", str(n), expression(), chance.choice(ZONES), chance.choice(list(Catchup)), float(BEGIN))
        for n in range(count)
    ]


OFTEN = {"M 0-3 * * *": 3, "M * * * *": 1, "M */3 * * *": 1}
USUAL = {"M H * * *": 20, "M H * * W,W": 6, "M H,H D * W": 3, "0 0 1 1 *": 1, **OFTEN}
DENSE = {"* * * * *": 2, "*/7 * * * *": 2, "M,M,M H,H,H * * *": 2, "* H * * *": 2}


@pytest.mark.parametrize(
    ("days", "count", "kinds", "incidents_a_day"),
    [(365, 200, USUAL, 1.0), (20, 12, DENSE, 6.0)],
    ids=["a year of 200 usual ones", "20 days of 12 dense ones"],
)
def test_every_slot_fires_once_or_is_missed(
    days: int, count: int, kinds: dict[str, int], incidents_a_day: float
) -> None:
    chance = random.Random(20260101)
    machine = Machine(random_schedules(chance, count, kinds), days, chance)
    machine.live(incidents_a_day)
    for history in machine.histories.values():
        assert history.lost(machine.clock) == [], history.schedule
    # The time was as eventful as it had to be.
    for kind in ("fired", "missed", "refused", "fired after missed", "rows with a count"):
        assert machine.tally[kind] > 0, kind
