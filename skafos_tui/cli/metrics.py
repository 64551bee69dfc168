"""`skafos metrics`: what the tasks of a run used of the machine, how long they took and waited; from the store."""

from __future__ import annotations

import sqlite3
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import add_json, open_project, open_store, pick_run, pick_task, run_number, wake_engine
from skafos_tui.cli.errors import CommandError
from skafos_tui.cli.output import BOLD, Output, clean
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    from skafos_tui.cli.common import OpenProject
    from skafos_tui.model.run import Attempt, Run, Task
    from skafos_tui.store.metrics import Spread, Summary, TaskTimes

CELLS = 24
NARROW_CELLS = 6
"""The width of a series in the table; the other on terminals below WIDE, which have no columns LEFT_OUT either."""
WIDE = 160
LEFT_OUT = frozenset({"net in/out", "disk r/w", "procs"})
HEAD = (
    "job",
    "state",
    "took",
    "waited",
    "cpu",
    "max",
    "memory",
    "limit",
    "net in/out",
    "disk r/w",
    "procs",
    "cpu over time",
    "memory over time",
)
LEFT_ALIGNED = frozenset({"job", "state", "net in/out", "disk r/w", "cpu over time", "memory over time"})
HISTORY = 20
"""So many past tasks of a job are told."""
JSON_BUCKETS = 300
SPAN_S = 2.0
"""The shortest span of a series: in shorter ones a sample that comes a little late would look like a gap."""
WORDS = {"received": "network_received", "sent": "network_sent", "read": "block_read", "written": "block_written"}
"""Of a series in the store its name in JSON."""
NEVER = "nothing was sampled: attempts that are over within a second leave no samples"
FIRST = "no runs yet: `skafos run` starts one"


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `metrics`."""
    parser.add_argument("job", metavar="JOB", nargs="?", help="only this job (id or name), and its last tasks")
    parser.add_argument("--run", dest="which", metavar="R", type=run_number, help="this run (default: the newest)")
    add_json(parser)
    parser.set_defaults(run=metrics)


@dataclass(frozen=True, slots=True)
class Used:
    """An attempt with what it used; `summary` None: it was not sampled. `series`: CELLS spans of its life, or more."""

    task: Task
    attempt: Attempt
    summary: Summary | None
    series: dict[str, list[Spread | None]]
    now: float

    @property
    def ended_at(self) -> float:
        """Its end, or now."""
        return self.now if self.attempt.ended_at is None else self.attempt.ended_at

    @property
    def cpu_mean(self) -> float | None:
        """Cores over its life, up to the last sample."""
        if self.summary is None or self.attempt.started_at is None:
            return None
        span = self.summary.last_at - self.attempt.started_at
        return self.summary.cpu_s / span if span > 0 else None

    @property
    def cpu_high(self) -> float | None:
        """Cores in its busiest second."""
        high = self.summary.cpu_high if self.summary else None
        return self.cpu_mean if high is None else high

    @property
    def memory_share(self) -> float | None:
        """The peak as a share of the limit."""
        if self.summary is None or not self.summary.memory_limit:
            return None
        return self.summary.memory_high / self.summary.memory_limit


def metrics(args: Namespace) -> int:
    """Print what a run's tasks used; with JOB also how its last tasks waited and ran."""
    home, out = find_home(), Output()
    opened = None if args.which is not None and args.job is None else open_project(args, home)
    with open_store(home) as store:
        wake_engine(home, store)
        run = _chosen_run(store, opened, args)
        if store is None or run is None:
            if args.json:
                out.json({"run": None, "state": None, "tasks": [], "last_tasks": []})
            else:
                out.line(FIRST)
            return 0
        _print(out, home, store, run, args)
    return 0


def _chosen_run(store: sqlite3.Connection | None, opened: OpenProject | None, args: Namespace) -> Run | None:
    """The run that was named, else the newest that started something; None where there is none yet."""
    if args.which is not None:
        return pick_run(store, args.which)
    from skafos_tui.cli.history import job_of_history
    from skafos_tui.store.runs import latest_run, list_runs

    if store is None or opened is None or opened.token is None:
        return None
    job_id = None if args.job is None else job_of_history(store, opened, args.job)
    for run in list_runs(store, opened.token, job_id=job_id, limit=100):
        if store.execute("SELECT 1 FROM attempts WHERE run_id = ? LIMIT 1", (run.id,)).fetchone():
            return run
    return latest_run(store, opened.token, job_id)


def _print(out: Output, home: Home, store: sqlite3.Connection, run: Run, args: Namespace) -> None:
    from skafos_tui.store.metrics import task_times
    from skafos_tui.store.runs import tasks_of

    tasks = tasks_of(store, run.id)
    if not tasks:
        raise CommandError(f"run {run.id} started nothing: {clean(run.reason) or run.state.value}")
    if args.job is not None:
        tasks = [pick_task(tasks, args.job)]
    narrow = out.width is not None and out.width < WIDE
    used = _used(home, store, run, tasks, JSON_BUCKETS if args.json else NARROW_CELLS if narrow else CELLS)
    past = [] if args.job is None else task_times(store, run.project, tasks[0].job_id, HISTORY)
    if args.json:
        views = [_task_view(task, used) for task in tasks]
        last = [_past_view(one) for one in past]
        out.json({"run": run.id, "state": run.state.value, "tasks": views, "last_tasks": last})
        return
    _print_table(out, run, tasks, used, LEFT_OUT if narrow else frozenset())
    if past:
        _print_past(out, tasks[0], past)


@contextmanager
def _samples(home: Home) -> Iterator[sqlite3.Connection | None]:
    """The metrics to read; None where nothing was ever sampled."""
    from contextlib import closing

    from skafos_tui.store.database import DatabaseError
    from skafos_tui.store.metrics import open_metrics

    try:
        connection = open_metrics(home.metrics_database)
        if connection is None:
            yield None
            return
        with closing(connection):
            yield connection
    except DatabaseError as error:
        raise CommandError(clean(str(error))) from None
    except sqlite3.DatabaseError as error:
        raise CommandError(
            f"{clean(str(home.metrics_database))} can't be read: {error}; remove it to start anew"
        ) from None


def _used(home: Home, store: sqlite3.Connection, run: Run, tasks: Sequence[Task], count: int) -> list[Used]:
    """What every attempt of the tasks used, by task, instance and attempt."""
    from skafos_tui.cli.views import attempts_by_job
    from skafos_tui.store.metrics import buckets_of, summaries_of
    from skafos_tui.store.runs import attempts_of

    now, found = time.time(), []
    by_job = attempts_by_job(attempts_of(store, run.id))
    with _samples(home) as samples:
        for task in tasks:
            attempts = by_job.get(task.job_id, [])
            summaries = summaries_of(samples, [a.name for a in attempts]) if samples else {}
            for attempt in attempts:
                summary, series = summaries.get(attempt.name), {}
                if samples and summary:
                    since = min(attempt.started_at or summary.first_at, summary.first_at)
                    until = max(attempt.ended_at or summary.last_at, summary.last_at + 0.001)
                    spans = min(count, max(1, int((until - since) / SPAN_S)))
                    series = buckets_of(samples, attempt.name, since=since, until=until, count=spans)
                found.append(Used(task, attempt, summary, series, now))
    return found


def _print_table(out: Output, run: Run, tasks: Sequence[Task], used: Sequence[Used], left_out: frozenset[str]) -> None:
    from skafos_tui.cli.report import summary
    from skafos_tui.cli.views import duration_of
    from skafos_tui.text.durations import clock

    out.line(out.paint(summary(run), BOLD))
    rows: list[tuple[str, ...]] = []
    for task in tasks:
        waited = clock(duration_of(task.queued_at, task.started_at or task.ended_at, time.time()))
        own = [one for one in used if one.task is task]
        rows += [_row(one, waited if one is own[0] else "", out) for one in own]
        if not own:
            rows.append((clean(task.name), task.state.value, *("",) * (len(HEAD) - 2)))
    shown = [number for number, name in enumerate(HEAD) if name not in left_out]
    head = [HEAD[number] for number in shown]
    right = {column for column, name in enumerate(head) if name not in LEFT_ALIGNED}
    out.table(head, [[row[number] for number in shown] for row in rows], right=right, state=1)
    if not any(one.summary for one in used):
        out.line(NEVER)


def _row(one: Used, waited: str, out: Output) -> tuple[str, ...]:
    from skafos_tui.cli.views import attempt_state, duration_of
    from skafos_tui.text.durations import clock

    several = f" #{one.attempt.instance}" if one.task.instances > 1 else ""
    again = f" attempt {one.attempt.number}" if one.attempt.number > 1 else ""
    took = clock(duration_of(one.attempt.started_at, one.ended_at, one.now))
    start = (f"{clean(one.task.name)}{several}{again}", attempt_state(one.attempt).value, took, waited)
    found = one.summary
    if found is None:
        return (*start, *("",) * (len(HEAD) - len(start)))
    return (
        *start,
        _cores(one.cpu_mean),
        _cores(one.cpu_high),
        _size(found.memory_high),
        "" if one.memory_share is None else f"{one.memory_share:.0%}",
        _pair(found.received, found.sent),
        _pair(found.read, found.written),
        str(found.processes_high),
        *_drawn(one, found, out),
    )


def _drawn(one: Used, found: Summary, out: Output) -> tuple[str, str]:
    """CPU against what the attempt may have, and memory against its limit."""
    from skafos_tui.text.sparks import spark

    encoding = getattr(out.stream, "encoding", None) or "ascii"
    plain = not out.terminal or not encoding.lower().startswith("utf")
    cpu_top, memory_top = max(found.cpu_limit, one.cpu_high or 0.0), found.memory_limit or None
    return (
        spark(_means(one.series["cpu"]), top=cpu_top, ascii_only=plain),
        spark(_means(one.series["memory"]), top=memory_top, ascii_only=plain),
    )


def _means(series: Sequence[Spread | None]) -> list[float | None]:
    return [None if spread is None else spread.mean for spread in series]


def _cores(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _size(amount: int | None) -> str:
    from skafos_tui.model.verdict import format_bytes

    return "-" if amount is None else format_bytes(amount)


def _pair(first: int | None, second: int | None) -> str:
    return "-" if first is None and second is None else f"{_size(first)}/{_size(second)}"


def _print_past(out: Output, task: Task, past: Sequence[TaskTimes]) -> None:
    """How the job's last tasks waited and ran, newest first."""
    from skafos_tui.cli.common import counted
    from skafos_tui.text.durations import clock

    out.line()
    out.line(out.paint(f"the last {counted(len(past), 'task')} of {clean(task.name)}", BOLD))
    rows = [(str(one.run_id), one.state.value, clock(one.duration_s), clock(one.waited_s)) for one in past]
    out.table(("run", "state", "took", "waited"), rows, right={0, 2, 3}, state=1)


def _task_view(task: Task, used: Sequence[Used]) -> dict[str, Any]:
    from skafos_tui.cli.views import duration_of

    now = time.time()
    waited = duration_of(task.queued_at, task.started_at or task.ended_at, now)
    return {
        "job_id": task.job_id,
        "name": task.name,
        "state": task.state.value,
        "waited": waited,
        "duration": duration_of(task.started_at, task.ended_at, now),
        "attempts": [_used_view(one) for one in used if one.task is task],
    }


def _used_view(one: Used) -> dict[str, Any]:
    """An attempt's metrics: cpu in cores, memory in bytes, others in bytes since its start; series in equal
    spans of its life, `[min, mean, max]` each, network and block I/O in bytes a second.
    """
    from skafos_tui.cli.views import attempt_state, duration_of
    from skafos_tui.text.durations import rfc3339

    found = one.summary
    view: dict[str, Any] = {
        "instance": one.attempt.instance,
        "attempt": one.attempt.number,
        "container": one.attempt.name,
        "state": attempt_state(one.attempt).value,
        "duration": duration_of(one.attempt.started_at, one.ended_at, one.now),
        "samples": found.points if found else 0,
    }
    if found is None:
        return view
    return {
        **view,
        "cpu_limit": found.cpu_limit or None,
        "cpu_mean": _rounded(one.cpu_mean),
        "cpu_max": _rounded(one.cpu_high),
        "memory_limit": found.memory_limit,
        "memory_mean": round(found.memory_mean),
        "memory_max": found.memory_high,
        "network_received": found.received,
        "network_sent": found.sent,
        "block_read": found.read,
        "block_written": found.written,
        "processes_max": found.processes_high,
        "first_sample_at": rfc3339(found.first_at),
        "last_sample_at": rfc3339(found.last_at),
        "series": {WORDS.get(name, name): [_spread_view(each) for each in spans] for name, spans in one.series.items()},
    }


def _past_view(one: TaskTimes) -> dict[str, Any]:
    return {
        "run": one.run_id,
        "state": one.state.value,
        "waited": _rounded(one.waited_s),
        "duration": _rounded(one.duration_s),
    }


def _spread_view(spread: Spread | None) -> list[float] | None:
    return None if spread is None else [round(number, 3) for number in (spread.low, spread.mean, spread.high)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
