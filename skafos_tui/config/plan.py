"""The plan: what a change of the config does to a project's jobs and their schedules (SPEC 3, hot reload)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from skafos_tui.config.places import short, shown
from skafos_tui.config.plan_values import FieldChange, changes, job_values, project_values
from skafos_tui.model.project import Job, Project
from skafos_tui.text.durations import rfc3339

LINE_VALUE = 40
"""Characters of one value in a line; the JSON has all of it."""
LINE_WORDS = 60


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job that comes or goes; `starts` says in words when it starts: `at 0 9 * * *`, `after Train`."""

    job_id: str
    name: str
    starts: str = ""


@dataclass(frozen=True, slots=True)
class JobChange:
    """A job that stays, under its new name, and every field of it that differs."""

    job_id: str
    name: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A schedule whose next fire changes, from `old_next` to `new_next`: aware UTC datetimes, None where there is none.

    The time zones are those in which the job's times are read, before and after.
    """

    job_id: str
    name: str
    old_next: datetime | None
    new_next: datetime | None
    old_timezone: str = "UTC"
    new_timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a project: jobs added, changed and removed, schedules moved, and the project's own fields."""

    added: tuple[JobLine, ...] = ()
    changed: tuple[JobChange, ...] = ()
    removed: tuple[JobLine, ...] = ()
    moved: tuple[Move, ...] = ()
    project: tuple[FieldChange, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.added or self.changed or self.removed or self.moved or self.project)

    def to_json(self) -> str:
        """The plan as a JSON text; times as RFC 3339 in UTC."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), default=_written)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan in a JSON text, keys it doesn't know left aside. ValueError where it is none."""
        try:
            data = json.loads(text)
            return cls(
                added=_job_lines(data.get("added", ())),
                changed=tuple(
                    JobChange(item["job_id"], item["name"], _field_changes(item["fields"]))
                    for item in data.get("changed", ())
                ),
                removed=_job_lines(data.get("removed", ())),
                moved=tuple(_move(item) for item in data.get("moved", ())),
                project=_field_changes(data.get("project", ())),
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is no plan: {error}") from error

    def lines(self) -> list[str]:
        """What a person reads, one thing a line; long values are cut."""
        if self.empty:
            return ["nothing changes"]
        found = [f"~ the project  {_fields_words(self.project)}"] if self.project else []
        found += [f"+ {_name(job.name)}  {short(shown(job.starts), LINE_WORDS)}".rstrip() for job in self.added]
        found += [f"~ {_name(job.name)}  {_fields_words(job.fields)}" for job in self.changed]
        found += [f"- {_name(job.name)}" for job in self.removed]
        return found + [f"  {_move_words(move)}" for move in self.moved]


def plan_of(old: Project | None, new: Project, now: datetime) -> Plan:
    """What changes from `old` to `new` at an aware instant; from None everything is added.

    Jobs are told apart by id: another name is a change. Neither the order of the jobs nor that of dependencies means
    anything. The time zone that a job has from its project changes with the project, not with the job.
    """
    before = {job.id: job for job in old.jobs} if old is not None else {}
    after = {job.id: job for job in new.jobs}
    names = _names([*before.values(), *after.values()])
    return Plan(
        added=tuple(JobLine(job.id, job.name, _starts(job, names)) for job in new.jobs if job.id not in before),
        changed=tuple(_job_changes(old, new, names)) if old is not None else (),
        removed=tuple(JobLine(job.id, job.name) for job in before.values() if job.id not in after),
        moved=tuple(_moves(before, after, now)),
        project=changes(project_values(old, names), project_values(new, names)) if old is not None else (),
    )


def _names(jobs: Iterable[Job]) -> dict[str, str]:
    """The jobs' names by id, the later ones where they changed; with a piece of the id where two share a name."""
    names = {job.id: job.name for job in jobs}
    count = Counter(names.values())
    return {job_id: name if count[name] == 1 else f"{name} ({job_id[:8]})" for job_id, name in names.items()}


def _starts(job: Job, names: Mapping[str, str]) -> str:
    words = []
    if job.schedule is not None:
        words.append(f"at {job.schedule}" + ("" if job.timezone == "UTC" else f" {job.timezone}"))
    if job.dependencies:
        words.append("after " + ", ".join(names.get(job_id, job_id) for job_id in job.dependencies))
    return ", ".join(words or ["when deployed"]) + ("" if job.enabled else ", disabled")


def _job_changes(old: Project, new: Project, names: Mapping[str, str]) -> Iterator[JobChange]:
    before = {job.id: job for job in old.jobs}
    for job in new.jobs:
        was = before.get(job.id)
        if was is None or was == job:
            continue
        values, values_now = job_values(was, names), job_values(job, names)
        if (was.timezone, job.timezone) == (old.timezone, new.timezone):
            values["timezone"] = values_now["timezone"]
        for amount in _following(was) & _following(job):
            values[f"resources.requests.{amount}"] = values_now[f"resources.requests.{amount}"]
        if found := changes(values, values_now):
            yield JobChange(job.id, job.name, found)


def _following(job: Job) -> set[str]:
    """The requests that are what the limits are, and need not be told beside them."""
    pairs = {"cpu": (job.requests.cpu, job.limits.cpu), "memory": (job.requests.memory, job.limits.memory)}
    return {amount for amount, (request, limit) in pairs.items() if request == limit}


def _moves(before: Mapping[str, Job], after: Mapping[str, Job], now: datetime) -> Iterator[Move]:
    for job_id, job in {**before, **after}.items():
        was, is_now = before.get(job_id), after.get(job_id)
        if _timing(was) == _timing(is_now):
            continue
        old_next, new_next = _next_fire(was, now), _next_fire(is_now, now)
        if old_next != new_next:
            yield Move(job_id, job.name, old_next, new_next, (was or job).timezone, job.timezone)


def _timing(job: Job | None) -> tuple[str, str] | None:
    return None if job is None or job.schedule is None or not job.enabled else (job.schedule, job.timezone)


def _next_fire(job: Job | None, now: datetime) -> datetime | None:
    from skafos_tui.config.cron import parse_cron

    timing = _timing(job)
    return None if timing is None else parse_cron(timing[0]).next_fire(now, timing[1])


# As JSON -----------------------------------------------------------------------------------------------------


def _written(value: Any) -> str | None:
    assert isinstance(value, datetime)
    return rfc3339(value.timestamp())


def _job_lines(items: Any) -> tuple[JobLine, ...]:
    return tuple(JobLine(item["job_id"], item["name"], item.get("starts", "")) for item in items)


def _field_changes(items: Any) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(item["key"], item["old"], item["new"], tuple(item.get("added", ())), tuple(item.get("removed", ())))
        for item in items
    )


def _move(item: Any) -> Move:
    old_next, new_next = (
        None if item[key] is None else datetime.fromisoformat(item[key]).astimezone(UTC)
        for key in ("old_next", "new_next")
    )
    zones = item.get("old_timezone", "UTC"), item.get("new_timezone", "UTC")
    return Move(item["job_id"], item["name"], old_next, new_next, *zones)


# As lines ----------------------------------------------------------------------------------------------------


def _name(text: str) -> str:
    return short(shown(text), LINE_VALUE)


def _fields_words(found: Iterable[FieldChange]) -> str:
    return ", ".join(map(field_words, found))


def field_words(change: FieldChange) -> str:
    """One field that differs as a person reads it, `parallelism 2 -> 3`; long values are cut."""
    key = _name(change.key)
    if change.added or change.removed:
        words = [f"+{_name(item)}" for item in change.added] + [f"-{_name(item)}" for item in change.removed]
        return f"{key} {', '.join(words)}"
    if change.old == change.new:
        return f"{key} changed"
    return f"{key} {_value_words(change.old)} -> {_value_words(change.new)}"


def _value_words(text: str | None) -> str:
    if text is None:
        return "none"
    return f'"{text}"' if text in ("", "none") else _name(text)


def _move_words(move: Move) -> str:
    name = _name(move.name)
    old, new = _wall(move.old_next, move.old_timezone), _wall(move.new_next, move.new_timezone)
    if old is None:
        return f"{name} fires next: {new}"
    if new is None:
        return f"{name} fires no more: {old} -> none"
    day = old[: old.index(" ") + 1]
    return f"{name} moves: {old} -> {new.removeprefix(day)}"


def _wall(instant: datetime | None, zone: str) -> str | None:
    """An instant on a zone's clock, with its offset: `2026-11-24 09:00+01:00`."""
    from skafos_tui.config.zones import zone_named

    if instant is None:
        return None
    wall = instant.astimezone(zone_named(zone))
    return f"{wall:%Y-%m-%d %H:%M}{wall.isoformat()[19:]}"
