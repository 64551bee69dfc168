"""The coming fires of schedules: when, what clock changes do to them, and what usually still runs then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import islice, pairwise

from skafos_tui.config.cron import Cron, CronError, parse_cron
from skafos_tui.config.zones import Jump, jumps, valid_timezone, zone_named
from skafos_tui.model.graph import graph_of, reachable, topological
from skafos_tui.model.project import Job, Overlap, Project

SHOWN = 5
"""How many fires a preview has."""
_MOST_LOOKED_BACK = 500
_NOTHING_LEFT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Fire:
    """One coming slot of a job; `at` is an aware UTC datetime."""

    job: Job
    at: datetime

    @property
    def wall(self) -> datetime:
        """The slot on the clock of the job's time zone."""
        return self.at.astimezone(zone_named(self.job.timezone))


def coming_fires(jobs: Sequence[Job], after: datetime) -> Iterator[Fire]:
    """The fire times of jobs after an aware instant, earliest first, in the order of the jobs where they coincide.

    As endless as the schedules are.
    """

    def fires(index: int, job: Job, schedule: str) -> Iterator[tuple[datetime, int, Job]]:
        for at in parse_cron(schedule).fires_after(after, job.timezone):
            yield at, index, job

    streams = [fires(index, job, job.schedule) for index, job in enumerate(jobs) if job.schedule]
    for at, _, job in merge(*streams, key=lambda fire: fire[:2]):
        yield Fire(job, at)


@dataclass(frozen=True, slots=True)
class Preview:
    """The next fires of a schedule, aware UTC datetimes, each with what is special about it (empty: nothing).

    `remark` is what the next clock change does to the schedule, `problem` why there are no fires; empty where nothing.
    """

    fires: tuple[datetime, ...] = ()
    notes: tuple[str, ...] = ()
    remark: str = ""
    problem: str = ""
    zone: str = "UTC"


def preview(schedule: str, zone: str, after: datetime, count: int = SHOWN) -> Preview:
    """What a schedule, as typed, does after an aware instant; never raises for what is typed."""
    if not valid_timezone(zone):
        return Preview(problem=f"`{zone}` is no time zone")
    try:
        cron = parse_cron(schedule)
    except CronError as error:
        return Preview(problem=error.message, zone=zone)
    fires = tuple(islice(cron.fires_after(after, zone), count))
    if not fires:
        return Preview(problem="no month it names has that day: it never fires", zone=zone)
    notes = tuple(_clock_note(cron, fire, zone) for fire in fires)
    return Preview(fires, notes, _remark(schedule, zone, after.date().isoformat()), zone=zone)


@lru_cache(maxsize=256)
def _remark(schedule: str, zone: str, day: str) -> str:
    """Ten years are looked through: once a day and schedule is enough."""
    return parse_cron(schedule).dst_remark(zone, datetime.fromisoformat(day).replace(tzinfo=UTC)) or ""


def _clock_note(cron: Cron, fire: datetime, zone: str) -> str:
    """What a change of the clocks on that day does to one fire."""
    day = fire.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for jump in jumps(zone, day, 3):
        wall = (fire + _offset_of(fire, jump)).replace(tzinfo=None)
        if jump.skips and fire - jump.instant < timedelta(minutes=1) and fire >= jump.instant:
            if not cron.matches(wall):
                return "its hour is skipped that day: fires right after it"
        elif not jump.skips and jump.first <= wall < jump.end:
            second = fire >= jump.instant
            if cron.every_hour:
                return "the hour's second pass" if second else "the hour comes twice: both fire"
            return "the hour comes twice: only this one fires"
    return ""


def _offset_of(fire: datetime, jump: Jump) -> timedelta:
    return jump.before if fire < jump.instant else jump.after


@dataclass(frozen=True, slots=True)
class Clash:
    """A job that usually still runs when another fires at `at` (UTC); `until` is when it usually ends.

    `same_run` where both start in one run, so that the order is kept anyway.
    """

    at: datetime
    job: Job
    until: datetime
    same_run: bool = False


def clashes(project: Project, job: Job, fires: Sequence[datetime], usual_s: Mapping[str, float]) -> list[Clash]:
    """What usually still runs at a job's fires: the jobs it depends on, and its own run before.

    `usual_s` are usual durations in seconds by job id; a job without one takes no time. `fires` in order.
    """
    found = []
    names = {other.id: other for other in project.jobs}
    sources = _sources(project, job, usual_s)
    before = _fires_upto(job, fires[0], timedelta(seconds=usual_s.get(job.id, 0.0))) if fires else []
    for earlier, at in pairwise([*before[-1:], *fires]):
        until = earlier + timedelta(seconds=usual_s.get(job.id, 0.0))
        if until > at:
            found.append(Clash(at, job, until))
    for at in fires:
        for parent, lags in sources.items():
            clash = _still_running(names, parent, lags, at, usual_s)
            if clash is not None:
                found.append(clash)
    return sorted(found, key=lambda clash: clash.at)


def _sources(project: Project, job: Job, usual_s: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Of every job that `job` depends on: the scheduled jobs that start it, and the seconds from their fire to it.

    Jobs on a circle are started by nothing.
    """
    graph = graph_of(project)
    above = reachable([job.id], graph)
    lags: dict[str, dict[str, float]] = {}
    jobs = {other.id: other for other in project.jobs if other.id in above}
    for other in (jobs[job_id] for job_id in topological(graph) if job_id in above):
        mine = lags[other.id] = {other.id: 0.0} if other.schedule and other.enabled else {}
        for parent in () if other.schedule else graph[other.id]:
            for source, lag in lags.get(parent, {}).items():
                mine[source] = max(mine.get(source, 0.0), lag + usual_s.get(parent, 0.0))
    return {parent: lags[parent] for parent in job.dependencies if parent in lags}


def _still_running(
    jobs: Mapping[str, Job], parent: str, lags: Mapping[str, float], at: datetime, usual_s: Mapping[str, float]
) -> Clash | None:
    latest: Clash | None = None
    for source, lag in lags.items():
        lasts = timedelta(seconds=lag + usual_s.get(parent, 0.0))
        for fire in _fires_upto(jobs[source], at + _NOTHING_LEFT, lasts)[-1:]:
            until = fire + lasts
            if until > at and (latest is None or until > latest.until):
                latest = Clash(at, jobs[parent], until, same_run=fire == at)
    return latest


def _fires_upto(job: Job, until: datetime, within: timedelta) -> list[datetime]:
    """The last of a job's fires before `until`, as far back as `within`."""
    if not job.schedule or not within:
        return []
    fires = parse_cron(job.schedule).fires_between(until - within - _NOTHING_LEFT, until - _NOTHING_LEFT, job.timezone)
    return list(islice(fires, _MOST_LOOKED_BACK))


def clash_words(clash: Clash, job: Job) -> str:
    """A clash in one line, on the clock of the job that fires."""
    until = clash.until.astimezone(zone_named(job.timezone))
    end = f"{until:%H:%M}" if clash.until - clash.at < timedelta(hours=20) else f"{until:%Y-%m-%d %H:%M}"
    if clash.job.id == job.id:
        does = {
            Overlap.SKIP: "this one is skipped (overlap: skip)",
            Overlap.QUEUE: "this one waits (overlap: queue)",
            Overlap.REPLACE: "this one ends it (overlap: replace)",
            Overlap.PARALLEL: "both run (overlap: parallel)",
        }[job.overlap]
        return f"the one before usually runs until {end}: {does}"
    if clash.same_run:
        return f"{clash.job.name} starts with it: it waits until about {end}"
    return f"{clash.job.name} usually still runs, until {end}: it waits"
