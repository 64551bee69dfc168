"""`skafos ps`, `runs`, `show`: what runs, what ran, and one run with all that is known of it; read from the store."""

from __future__ import annotations

import sqlite3
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import (
    OpenProject,
    add_json,
    listed,
    open_project,
    open_store,
    pick_run,
    run_number,
    wake_engine,
)
from skafos_tui.cli.errors import USAGE, CommandError
from skafos_tui.cli.output import BOLD, Output, clean
from skafos_tui.model.run import Run, RunState
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    from skafos_tui.model.run import Attempt, Task


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `ps`, `runs` and `show`."""
    add_json(parser)
    if command == "ps":
        parser.add_argument("--all", action="store_true", help="the runs of all projects")
        parser.set_defaults(run=ps)
    elif command == "runs":
        parser.add_argument("job", metavar="JOB", nargs="?", help="only runs that have this job (id or name)")
        parser.add_argument("-n", dest="limit", metavar="N", type=positive, default=20, help="how many (default: 20)")
        parser.set_defaults(run=runs)
    else:
        parser.add_argument("which", metavar="RUN", type=run_number, help="its number, as `skafos runs` lists it")
        parser.set_defaults(run=show)


def positive(text: str) -> int:
    """A count above 0, for argparse."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
        raise ArgumentTypeError(f"`{text}` is no count: write a number from 1 on")
    return int(text)


def ps(args: Namespace) -> int:
    """What runs now: the unfinished runs with their tasks, the newest first."""
    from skafos_tui.store.runs import tasks_of, unfinished_runs

    home, out = find_home(), Output()
    opened = None if args.all else open_project(args, home)
    with open_store(home) as store:
        wake_engine(home, store)
        if store is None:
            return _nothing(out, args.json, "nothing runs")
        found = [run for run in reversed(unfinished_runs(store)) if opened is None or run.project == opened.token]
        if args.json:
            out.json([_ps_view(store, run) for run in found])
            return 0
        if not found:
            return _nothing(out, False, "nothing runs")
        for number, run in enumerate(found):
            if number:
                out.line()
            out.line(out.paint(_going(store, run, tasks_of(store, run.id), named=opened is None), BOLD))
            _print_ps_tasks(out, store, run)
    return 0


def _going(store: sqlite3.Connection, run: Run, tasks: list[Task], *, named: bool) -> str:
    """The head of a run that goes on."""
    from skafos_tui.cli.report import run_head
    from skafos_tui.text.durations import clock

    head = run_head(store, run, tasks)
    project = f" of {clean(project_name(store, run.project))}" if named else ""
    since = clock(time.time() - (run.started_at or run.created_at))
    return f"{head}{project}, {run.state.value} for {since}{f': {clean(run.reason)}' if run.reason else ''}"


def _print_ps_tasks(out: Output, store: sqlite3.Connection, run: Run) -> None:
    from skafos_tui.cli.views import duration_of, outcome
    from skafos_tui.store.runs import tasks_of, usual_duration
    from skafos_tui.text.durations import clock

    now = time.time()
    rows = []
    for task in tasks_of(store, run.id):
        usual = usual_duration(store, run.project, task.job_id)
        elapsed = clock(duration_of(task.started_at, task.ended_at, now))
        rows.append((clean(task.name), task.state.value, elapsed, clock(usual), clean(outcome(task))))
    out.table(("job", "state", "elapsed", "usual", "why"), rows, right={2, 3}, state=1)


def _ps_view(store: sqlite3.Connection, run: Run) -> dict[str, Any]:
    from skafos_tui.cli.views import run_view, task_view
    from skafos_tui.store.runs import tasks_of, usual_duration

    now = time.time()
    tasks = tasks_of(store, run.id)
    views = [task_view(task, now, usual_duration(store, run.project, task.job_id)) for task in tasks]
    return {**run_view(store, run, tasks, now), "tasks": views}


def _nothing(out: Output, as_json: bool, words: str) -> int:
    """The answer where there is nothing to list."""
    if as_json:
        out.json([])
    else:
        out.line(words)
    return 0


def runs(args: Namespace) -> int:
    """The runs of the project, newest first."""
    from skafos_tui.cli.views import run_view
    from skafos_tui.store.runs import list_runs, tasks_of

    home, out = find_home(), Output()
    opened = open_project(args, home)
    with open_store(home) as store:
        wake_engine(home, store)
        if store is None or opened.token is None:
            return _nothing(out, args.json, "no runs yet: `skafos run` starts one")
        job_id = None if args.job is None else job_of_history(store, opened, args.job)
        found = list_runs(store, opened.token, job_id=job_id, limit=args.limit)
        if args.json:
            out.json([run_view(store, run, tasks_of(store, run.id), time.time()) for run in found])
            return 0
        if not found:
            return _nothing(out, False, "no runs yet: `skafos run` starts one")
        _print_runs(out, store, found)
    return 0


def _print_runs(out: Output, store: sqlite3.Connection, found: list[Run]) -> None:
    from skafos_tui.cli.report import triggered
    from skafos_tui.cli.views import deployment_number, duration_of
    from skafos_tui.text.durations import clock, local_time

    now = time.time()
    rows = [
        (
            str(run.id),
            run.state.value,
            triggered(run),
            str(deployment_number(store, run.deployment)),
            "" if run.state is RunState.MISSED else local_time(run.started_at or run.created_at),
            clock(duration_of(run.started_at, run.ended_at, now)),
            _why(store, run),
        )
        for run in found
    ]
    head = ("run", "state", "trigger", "deployment", "started", "took", "why")
    out.table(head, rows, right={0, 3, 5}, state=1)


def _why(store: sqlite3.Connection, run: Run) -> str:
    """What failed in a run, or what it waits for, or why it did nothing."""
    from skafos_tui.cli.views import failed_jobs
    from skafos_tui.store.runs import tasks_of

    tasks = tasks_of(store, run.id)
    if failed := failed_jobs(tasks):
        return f"{listed(failed)} failed"
    if not run.reason and run.state is RunState.SKIPPED:
        reasons = dict.fromkeys(task.reason for task in tasks if task.reason)
        return clean("; ".join(reasons))
    return clean(run.reason)


def job_of_history(store: sqlite3.Connection, opened: OpenProject, text: str) -> str:
    """The id of a job by id or name, as the config says now or as a run of the project had it. Raises CommandError."""
    if opened.project is not None:
        found = [job.id for job in opened.project.find(text)]
        if len(found) > 1:
            raise CommandError(f"several jobs are named `{clean(text)}`, take an id: {listed(found)}")
        if found:
            return found[0]
    rows = store.execute(
        "SELECT DISTINCT job_id FROM tasks WHERE project = ? AND (job_id = ? OR name = ?)", (opened.token, text, text)
    )
    past = [str(row["job_id"]) for row in rows]
    if len(past) == 1:
        return past[0]
    if past:
        raise CommandError(f"several jobs were named `{clean(text)}`, take an id: {listed(past)}")
    names = store.execute("SELECT DISTINCT name FROM tasks WHERE project = ? ORDER BY name", (opened.token,))
    known = [job.name for job in opened.project.jobs] if opened.project else [str(row["name"]) for row in names]
    raise CommandError(f"there is no job `{clean(text)}`; jobs are {listed(known)}", USAGE)


def project_name(store: sqlite3.Connection, token: str) -> str:
    """The name of a project, its token where it is not known."""
    from skafos_tui.store.projects import get_project

    row = get_project(store, token)
    return row.name if row else token


def show(args: Namespace) -> int:
    """One run with its tasks, verdicts, timings, and where its logs are."""
    from skafos_tui.store.runs import attempts_of, tasks_of

    home, out = find_home(), Output()
    with open_store(home) as store:
        wake_engine(home, store)
        run = pick_run(store, args.which)
        assert store is not None
        tasks, attempts = tasks_of(store, run.id), attempts_of(store, run.id)
        if args.json:
            out.json(_show_view(home, store, run, tasks, attempts))
        else:
            _print_show(out, home, store, run, tasks, attempts)
    return 0


def _show_view(
    home: Home, store: sqlite3.Connection, run: Run, tasks: list[Task], attempts: list[Attempt]
) -> dict[str, Any]:
    from skafos_tui.cli.views import attempt_view, attempts_by_job, log_path, run_view, task_view

    now = time.time()
    by_job = attempts_by_job(attempts)
    views = []
    for task in tasks:
        own = by_job.get(task.job_id, [])
        tries = [attempt_view(attempt, log_path(home, run, attempt), now) for attempt in own]
        views.append({**task_view(task, now), "attempts": tries})
    name = project_name(store, run.project)
    logs = str(home.run_logs(run.project, run.id))
    return {**run_view(store, run, tasks, now), "project_name": name, "logs": logs, "tasks": views}


def _print_show(
    out: Output, home: Home, store: sqlite3.Connection, run: Run, tasks: list[Task], attempts: list[Attempt]
) -> None:
    from skafos_tui.cli.report import print_failures, summary, triggered
    from skafos_tui.cli.views import deployment_number

    out.line(out.paint(summary(run), BOLD))
    _print_facts(out, [("project", f"{clean(project_name(store, run.project))} ({run.project})")])
    _print_facts(
        out,
        [
            ("trigger", triggered(run)),
            ("deployment", str(deployment_number(store, run.deployment))),
            *_times(run),
            ("parameters", " ".join(clean(f"{key}={value}") for key, value in run.parameters.items())),
            ("cancelled by", clean(run.cancelled_by or "")),
            ("logs", clean(str(home.run_logs(run.project, run.id))) if tasks else ""),
        ],
    )
    if not tasks:
        return
    out.line()
    _print_show_tasks(out, tasks, attempts)
    print_failures(out, home, run, tasks, attempts)


def _times(run: Run) -> list[tuple[str, str]]:
    from skafos_tui.cli.report import slot_time
    from skafos_tui.text.durations import local_time

    return [
        ("scheduled", slot_time(run.scheduled_at)),
        ("noticed" if run.state is RunState.MISSED else "triggered", local_time(run.created_at)),
        ("started", local_time(run.started_at)),
        ("ended", "" if run.state is RunState.MISSED else local_time(run.ended_at)),
    ]


def _print_facts(out: Output, facts: list[tuple[str, str]]) -> None:
    out.lines([f"  {name:<12}  {value}" for name, value in facts if value])


def _print_show_tasks(out: Output, tasks: list[Task], attempts: list[Attempt]) -> None:
    """The tasks; below each one its attempts where there is more than one."""
    from skafos_tui.cli.report import attempt_outcome
    from skafos_tui.cli.views import attempt_state, attempts_by_job, duration_of, outcome
    from skafos_tui.text.durations import clock, local_time

    now = time.time()
    by_job = attempts_by_job(attempts)
    rows = []
    for task in tasks:
        waited = duration_of(task.queued_at, task.started_at or task.ended_at, now)
        took = clock(duration_of(task.started_at, task.ended_at, now))
        started = local_time(task.started_at)
        row = (clean(task.name), task.state.value, str(task.instances), clock(waited), started, took)
        rows.append((*row, clean(outcome(task))))
        tries = by_job.get(task.job_id, [])
        for attempt in tries if len(tries) > 1 else ():
            took = clock(duration_of(attempt.started_at, attempt.ended_at, now))
            name = f"  #{attempt.instance} attempt {attempt.number}"
            state, started = attempt_state(attempt).value, local_time(attempt.started_at)
            rows.append((name, state, "", "", started, took, clean(attempt_outcome(attempt))))
    head = ("job", "state", "instances", "queued", "started", "took", "why")
    out.table(head, rows, right={2, 3, 5}, state=1)
