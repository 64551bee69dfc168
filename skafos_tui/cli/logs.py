"""`skafos logs`: what the jobs printed: of one run, by time; or, searched, of the whole history."""

from __future__ import annotations

import re
import sqlite3
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from skafos_tui.cli.common import OpenProject, add_json, open_project, open_store, pick_run, run_number, wake_engine
from skafos_tui.cli.errors import INTERRUPTED, CommandError
from skafos_tui.cli.output import Output, clean, remark
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    from skafos_tui.cli.log_output import Chosen, JsonLines, TextLines
    from skafos_tui.model.run import Run
    from skafos_tui.store.logs.merge import SourcedLine


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `logs`."""
    parser.add_argument("job", metavar="JOB", nargs="?", help="only this job (id or name)")
    parser.add_argument("--run", dest="which", metavar="R", type=run_number, help="this run (default: the newest)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    parser.add_argument("-n", dest="limit", metavar="N", type=count, help="only the last N lines of it all")
    parser.add_argument("--grep", metavar="RE", help="only lines that match; without --run of all runs, newest first")
    parser.add_argument("-i", "--ignore-case", action="store_true", help="--grep whatever the case")
    parser.add_argument("--since", metavar="T", type=instant, help="from then on: 10m, 2h, 14:30, 2026-11-24T09:00")
    parser.add_argument("--instance", metavar="I", type=count, help="only this instance (from 0)")
    parser.add_argument("--attempt", metavar="A", type=count, help="only this attempt (from 1)")
    add_json(parser)
    parser.set_defaults(run=logs)


def count(text: str) -> int:
    """A number from 0 on, for argparse."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ArgumentTypeError(f"`{text}` is no number: write 0, 1, 2 and so on")
    return int(text)


def instant(text: str) -> int:
    """Unix nanoseconds of `10m` (ago), `14:30` (the last time it was) or RFC 3339, for argparse."""
    return instant_before(text, datetime.now().astimezone())


def instant_before(text: str, now: datetime) -> int:
    """As `instant`, seen from `now`, which is aware; a time without an offset is in its zone."""
    from skafos_tui.config.quantities import BadValue, read_duration

    try:
        return int((now.timestamp() - read_duration(text)) * 1e9)
    except BadValue:
        pass  # it may be one of the other forms
    if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", text, re.ASCII):
        try:
            moment = datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M").time()  # noqa: DTZ007
        except ValueError:
            raise ArgumentTypeError(f"`{text}` is no time of the day") from None
        found = datetime.combine(now.date(), moment, now.tzinfo)
        return int((found if found <= now else found - timedelta(days=1)).timestamp() * 1e9)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"`{text}` is no time: write 10m, 2h, 14:30 or 2026-11-24T09:00:00Z") from None
    try:
        return int((given if given.tzinfo else given.astimezone()).timestamp() * 1e9)
    except (OverflowError, OSError, ValueError):
        raise ArgumentTypeError(f"`{text}` is no time that can be: write 2026-11-24T09:00:00Z") from None


def logs(args: Namespace) -> int:
    """Print the lines that were asked for."""
    from skafos_tui.cli.log_output import Chosen

    home, out = find_home(), Output()
    chosen = Chosen(args.since or 0, args.limit, _pattern(args), args.instance, args.attempt)
    opened = None if args.which is not None else open_project(args, home)
    with open_store(home) as store:
        wake_engine(home, store)
        if args.grep is not None and opened is not None and not args.follow:
            return _search_history(args, home, out, store, opened, chosen)
        run = pick_run(store, args.which) if opened is None else _newest_run(store, opened, args.job)
        if store is None or run is None:
            return _nothing(args, out)
        return _show_run(args, home, out, store, run, chosen)


def _pattern(args: Namespace) -> re.Pattern[str] | None:
    from skafos_tui.store.logs.pattern import PatternError, compile_pattern

    try:
        return None if args.grep is None else compile_pattern(args.grep, ignore_case=args.ignore_case)
    except PatternError as error:
        raise CommandError(clean(f"--grep: {error}")) from None


def _newest_run(store: sqlite3.Connection | None, opened: OpenProject, job: str | None) -> Run | None:
    """The newest run (that has the job); one that never started only where there is no other."""
    from skafos_tui.cli.history import job_of_history
    from skafos_tui.model.run import RunState
    from skafos_tui.store.runs import list_runs

    if store is None or opened.token is None:
        return None
    job_id = None if job is None else job_of_history(store, opened, job)
    started = [state for state in RunState if state not in (RunState.SKIPPED, RunState.MISSED)]
    found = list_runs(store, opened.token, job_id=job_id, states=started, limit=1)
    found = found or list_runs(store, opened.token, job_id=job_id, limit=1)
    return found[0] if found else None


def _nothing(args: Namespace, out: Output) -> int:
    if args.json and not args.follow:
        out.json([])
    elif not args.json:
        remark("no runs yet: `skafos run` starts one")
    return 0


def _show_run(args: Namespace, home: Home, out: Output, store: sqlite3.Connection, run: Run, chosen: Chosen) -> int:
    from skafos_tui.cli.common import pick_task
    from skafos_tui.store.logs.sources import build_source, run_sources
    from skafos_tui.store.runs import tasks_of

    tasks = tasks_of(store, run.id)
    if args.job is not None:
        if not tasks:
            raise CommandError(f"run {run.id} has no jobs: it is {run.state.value}")
        chosen.job_id = pick_task(tasks, args.job).job_id
    chosen.files = [found for found in run_sources(home, store, run, chosen.job_id) if chosen.wants(found[0])]
    build = build_source(home, run)
    if build is not None and chosen.wants(build[0]):
        chosen.files.append(build)
    printer = _printer(args, out, chosen)
    if not args.follow:
        printer.print(_lines_of_run(args, chosen))
        printer.finish()
        if not chosen.files and not args.json:
            remark(f"run {run.id} has no log yet" if not run.state.finished else f"run {run.id} has no such log")
        return 0
    from skafos_tui.cli.log_follow import Following

    try:
        Following(home, store, run, chosen).follow(printer)
    except KeyboardInterrupt:
        out.flush()
        remark(f"run {run.id} goes on; skafos logs -f --run {run.id} shows it, skafos kill {run.id} ends it")
        return INTERRUPTED
    return 0


def _printer(args: Namespace, out: Output, chosen: Chosen, *, history: bool = False) -> TextLines | JsonLines:
    from skafos_tui.cli.log_output import JsonLines, TextLines

    if args.json:
        return JsonLines(out, array=not args.follow)
    return TextLines(out, (source for source, _ in chosen.files[:1000]), history=history)


def _lines_of_run(args: Namespace, chosen: Chosen) -> Iterator[SourcedLine]:
    """The lines of one run: by time, as JSON newest first; `-n` counts them all together."""
    from skafos_tui.store.logs.merge import merge, merge_backwards
    from skafos_tui.store.logs.reader import LogFile

    if args.grep is not None:
        found = sorted(_hits(args, chosen), key=lambda hit: hit.line.time_ns)
        last = found if chosen.limit is None else found[len(found) - min(chosen.limit, len(found)) :]
        return iter(last[::-1] if args.json else last)
    files = [(source, LogFile(path)) for source, path in reversed(chosen.files)]
    if chosen.limit is None and not args.json:
        return merge(files, since_ns=chosen.since_ns)
    newest = islice(merge_backwards(files, since_ns=chosen.since_ns), chosen.limit)
    return newest if args.json else reversed(list(newest))


def _hits(args: Namespace, chosen: Chosen) -> Iterator[SourcedLine]:
    """The lines that match, the newest attempt's first, by `rg` or `grep` where they are."""
    from skafos_tui.store.logs.merge import SourcedLine
    from skafos_tui.store.logs.search import search

    sources = {path: source for source, path in chosen.files}
    with search(list(sources), args.grep, ignore_case=args.ignore_case) as hits:
        for hit in hits:
            if hit.line.time_ns >= chosen.since_ns:
                yield SourcedLine(sources[hit.path], hit.line)


def _search_history(
    args: Namespace, home: Home, out: Output, store: sqlite3.Connection | None, opened: OpenProject, chosen: Chosen
) -> int:
    """Search all runs of the project, or of a job in it."""
    from skafos_tui.cli.history import job_of_history
    from skafos_tui.store.logs.sources import project_sources

    if store is None or opened.token is None:
        return _nothing(args, out)
    job_id = None if args.job is None else job_of_history(store, opened, args.job)
    found = project_sources(home, store, opened.token, job_id)
    chosen.files = [(source, path) for source, path in found if chosen.wants(source)]
    if chosen.since_ns:
        chosen.files = [(source, path) for source, path in chosen.files if _changed_ns(path) >= chosen.since_ns]
    printer = _printer(args, out, chosen, history=True)
    printer.print(islice(_hits(args, chosen), chosen.limit))
    printer.finish()
    return 0


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
