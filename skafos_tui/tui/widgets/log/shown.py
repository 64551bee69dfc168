"""What a log pane is told to show, and which of it stands there now: facts only, no screen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from skafos_tui.store.logs.format import LogLine
from skafos_tui.store.logs.merge import Source


@dataclass(frozen=True, slots=True)
class LogAttempt:
    """One attempt and its log; `live`: it may still grow. `ended_ns`: Unix nanoseconds; `failed`: not as it should.

    The image step of a run is one, too; its job id is empty.
    """

    source: Source
    path: Path
    live: bool = False
    ended_ns: int | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class LogEvent:
    """What the engine did, as a line among those of the jobs; of no job (instance): it stands with every one."""

    time_ns: int
    text: str
    job_id: str | None = None
    instance: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """The logs of one run, in the order in which jobs are listed; `job_id` is the selected job's.

    `started_ns` is where times since the start count from; `run` 0: there is none.
    """

    attempts: tuple[LogAttempt, ...] = ()
    events: tuple[LogEvent, ...] = ()
    started_ns: int = 0
    job_id: str | None = None
    run: int = 0

    def of_job(self) -> list[LogAttempt]:
        """The logs of the selected job; while the run has none but its image step's, that one."""
        found = [attempt for attempt in self.attempts if attempt.source.job_id == self.job_id]
        image_only = not found and all(not attempt.source.job_id for attempt in self.attempts)
        return list(self.attempts) if image_only else found


@dataclass(frozen=True, slots=True)
class Choice:
    """Which logs of what is shown: of the selected job or all; of one instance or all (None); the newest attempt of
    each instance (None) or one by its number. `chosen`: a person has asked for it."""

    all_jobs: bool = False
    instance: int | None = None
    attempt: int | None = None
    chosen: bool = False

    def for_job(self, shown: Shown) -> Choice:
        """As it is to begin with for the selected job: at the instance that failed first, once all have ended."""
        instance = None if self.all_jobs else _first_failed(newest_of(shown.of_job()))
        return Choice(self.all_jobs, instance)

    def attempts(self, shown: Shown) -> list[LogAttempt]:
        """The chosen logs. Of all jobs they are all there are."""
        if self.all_jobs:
            return list(shown.attempts)
        found = shown.of_job()
        if self.instance is not None:
            found = [attempt for attempt in found if attempt.source.instance == self.instance]
        if self.attempt is not None:
            return [attempt for attempt in found if attempt.source.attempt == self.attempt]
        return newest_of(found)

    def events(self, shown: Shown) -> list[LogEvent]:
        """The events that stand among the chosen logs, by time."""
        found = [event for event in shown.events if self.all_jobs or event.job_id in (None, shown.job_id)]
        if self.instance is not None:
            found = [event for event in found if event.instance in (None, self.instance)]
        return sorted(found, key=lambda event: event.time_ns)

    def next_instance(self, shown: Shown) -> Choice:
        """All instances, then each alone, then all again."""
        instances: list[int | None] = [None, *sorted({attempt.source.instance for attempt in shown.of_job()})]
        place = instances.index(self.instance) if self.instance in instances else 0
        return replace(self, all_jobs=False, instance=instances[(place + 1) % len(instances)], chosen=True)

    def other_attempt(self, shown: Shown, step: int) -> Choice | None:
        """The attempt before (-1) or after (1) the one shown, the last one as "the newest"; None: there is no such."""
        numbers = sorted({attempt.source.attempt for attempt in shown.of_job()})
        if not numbers:
            return None
        place = numbers.index(self.attempt) if self.attempt in numbers else len(numbers) - 1
        wanted = place + step
        if not 0 <= wanted < len(numbers):
            return None
        newest = wanted == len(numbers) - 1
        return replace(self, all_jobs=False, attempt=None if newest else numbers[wanted], chosen=True)


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


def newest_of(attempts: list[LogAttempt]) -> list[LogAttempt]:
    """Of each instance the newest attempt."""
    newest: dict[int, LogAttempt] = {}
    for attempt in attempts:
        known = newest.get(attempt.source.instance)
        if known is None or known.source.attempt < attempt.source.attempt:
            newest[attempt.source.instance] = attempt
    return list(newest.values())


def _first_failed(attempts: list[LogAttempt]) -> int | None:
    """The instance that failed first; None while one may go on, where there is only one, or none failed."""
    failed = [attempt for attempt in attempts if attempt.failed]
    if len(attempts) < 2 or not failed or any(attempt.ended_ns is None for attempt in attempts):
        return None
    return min(failed, key=lambda attempt: (attempt.ended_ns or 0, attempt.source.instance)).source.instance
