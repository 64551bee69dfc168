"""What a log pane is told to show, and which of it stands there now: facts only, no screen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from skafos_tui.store.logs.format import LogLine
from skafos_tui.store.logs.merge import Source


@dataclass(frozen=True, slots=True)
class LogAttempt:
    """One attempt and its log; `live`: it may still grow. `ended_ns`: Unix nanoseconds."""

    source: Source
    path: Path
    live: bool = False
    ended_ns: int | None = None


@dataclass(frozen=True, slots=True)
class LogEvent:
    """What the engine did, as a line among those of the jobs; of no job: it stands with every one."""

    time_ns: int
    text: str
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """The logs of one run, in the order in which jobs are listed; `job_id` is the selected job's.

    `started_ns` is where times since the start count from.
    """

    attempts: tuple[LogAttempt, ...] = ()
    events: tuple[LogEvent, ...] = ()
    started_ns: int = 0
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which logs of what is shown: of the selected job or all; of one instance or all (None); the newest attempt of
    each instance (None) or one by its number."""

    all_jobs: bool = False
    instance: int | None = None
    attempt: int | None = None

    def attempts(self, shown: Shown) -> list[LogAttempt]:
        """The chosen logs. Of all jobs they are all there are."""
        if self.all_jobs:
            return list(shown.attempts)
        found = _of_job(shown)
        if self.instance is not None:
            found = [attempt for attempt in found if attempt.source.instance == self.instance]
        if self.attempt is not None:
            return [attempt for attempt in found if attempt.source.attempt == self.attempt]
        newest: dict[int, LogAttempt] = {}
        for attempt in found:
            known = newest.get(attempt.source.instance)
            if known is None or known.source.attempt < attempt.source.attempt:
                newest[attempt.source.instance] = attempt
        return list(newest.values())

    def events(self, shown: Shown) -> list[LogEvent]:
        """The events that stand among the chosen logs, by time."""
        found = [event for event in shown.events if self.all_jobs or event.job_id in (None, shown.job_id)]
        return sorted(found, key=lambda event: event.time_ns)

    def next_instance(self, shown: Shown) -> Choice:
        """All instances, then each alone, then all again."""
        instances: list[int | None] = [None, *sorted({attempt.source.instance for attempt in _of_job(shown)})]
        place = instances.index(self.instance) if self.instance in instances else 0
        return replace(self, all_jobs=False, instance=instances[(place + 1) % len(instances)])

    def other_attempt(self, shown: Shown, step: int) -> Choice | None:
        """The attempt before (-1) or after (1) the one shown, the last one as "the newest"; None: there is no such."""
        numbers = sorted({attempt.source.attempt for attempt in _of_job(shown)})
        if not numbers:
            return None
        place = numbers.index(self.attempt) if self.attempt in numbers else len(numbers) - 1
        wanted = place + step
        if not 0 <= wanted < len(numbers):
            return None
        newest = wanted == len(numbers) - 1
        return replace(self, all_jobs=False, attempt=None if newest else numbers[wanted])


class EventLines:
    """Events as lines of a log."""

    def __init__(self, events: list[LogEvent]) -> None:
        self.events = events

    def count(self) -> int:
        """How many there are."""
        return len(self.events)

    def time(self, number: int) -> int:
        """When one was, in Unix nanoseconds."""
        return self.events[number].time_ns

    def first_at(self, time_ns: int) -> int:
        """The first one at or after an instant."""
        return sum(event.time_ns < time_ns for event in self.events)

    def line(self, number: int) -> LogLine:
        """One as a line."""
        event = self.events[number]
        return LogLine(event.time_ns, "stdout", False, f"engine: {event.text}".encode())


def _of_job(shown: Shown) -> list[LogAttempt]:
    return [attempt for attempt in shown.attempts if attempt.source.job_id == shown.job_id]
