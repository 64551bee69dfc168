"""`skafos run`, `retry`, `kill`: start runs, follow them, end them."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import (
    RUNNERS,
    counted,
    engine_client,
    listed,
    open_project,
    open_store,
    pick_run,
    pick_task,
    refusals,
    run_number,
    tell_runner,
    valid_project,
)
from skafos_tui.cli.errors import FAILED, INTERRUPTED, USAGE, CommandError
from skafos_tui.cli.output import Output, remark
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    from skafos_tui.api.client import EngineClient
    from skafos_tui.model.run import Run


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `run`, `retry` and `kill`."""
    {"run": _configure_run, "retry": _configure_retry, "kill": _configure_kill}[command](parser)


def _configure_run(parser: ArgumentParser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="*", help="ids or names; default: every enabled job")
    parser.add_argument("--only", action="store_true", help="these jobs alone, without what follows from them")
    parser.add_argument("--with-upstream", action="store_true", help="also everything they depend on")
    parser.add_argument("--param", metavar="K=V", action="append", default=[], help="a parameter of the jobs")
    parser.add_argument("--runner", choices=RUNNERS, help="where the project's jobs run from now on")
    parser.add_argument("--detach", action="store_true", help="don't follow the run")
    parser.set_defaults(run=run)


def _configure_retry(parser: ArgumentParser) -> None:
    parser.add_argument("of", metavar="RUN", type=run_number, help="the run to do again from what failed")
    parser.add_argument("--from", metavar="JOB", dest="from_job", help="do this job again and what follows from it")
    parser.add_argument("--working-tree", action="store_true", help="with the code as it is now")
    parser.add_argument("--detach", action="store_true", help="don't follow the run")
    parser.set_defaults(run=retry)


def _configure_kill(parser: ArgumentParser) -> None:
    parser.add_argument("which", metavar="RUN", nargs="?", type=run_number, help="default: the newest unfinished run")
    parser.add_argument("--jobs", metavar="JOB", nargs="+", default=[], help="only these jobs of the run")
    parser.add_argument("--deployments", metavar="N", nargs="+", default=[], help="all runs of these deployments")
    parser.set_defaults(run=kill)


def run(args: Namespace) -> int:
    """Run jobs now and follow them to the end."""
    parameters = parse_parameters(args.param)
    home = find_home()
    opened = open_project(args, home)
    valid_project(opened)

    def start(engine: EngineClient, request_id: str) -> dict[str, Any]:
        return engine.start_run(
            str(opened.directory),
            request_id,
            jobs=tuple(args.jobs),
            only=args.only,
            with_upstream=args.with_upstream,
            parameters=parameters,
            runner=args.runner,
        )

    return begin(home, start, detach=args.detach)


def retry(args: Namespace) -> int:
    """Run what failed again and follow it to the end."""
    home = find_home()
    with open_store(home) as store:
        pick_run(store, args.of)

    def start(engine: EngineClient, request_id: str) -> dict[str, Any]:
        return engine.retry(args.of, request_id, from_job=args.from_job, working_tree=args.working_tree)

    return begin(home, start, detach=args.detach)


def parse_parameters(words: list[str]) -> dict[str, str]:
    """`K=V` words as a mapping. Raises CommandError."""
    parameters = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise CommandError(f"--param takes NAME=VALUE, not `{word}`")
        parameters[key] = value
    return parameters


def begin(home: Home, start: Callable[[EngineClient, str], dict[str, Any]], *, detach: bool) -> int:
    """Trigger a run, once whatever happens to the answer; then follow it, or say how to."""
    out = Output()
    try:
        answer = trigger(home, start)
    except KeyboardInterrupt:
        remark("interrupted before the engine had answered; `skafos ps` shows whether the run began")
        return INTERRUPTED
    run_id = int(answer["run"])
    tell_runner(home, str(answer["project"]))
    for warning in answer.get("warnings") or ():
        remark(f"warning: {warning}")
    if detach:
        print_head(out, home, run_id)
        out.line(f"skafos logs -f --run {run_id} follows it, skafos show {run_id} shows how it stands")
        return 0
    return follow(out, home, run_id)


def trigger(home: Home, start: Callable[[EngineClient, str], dict[str, Any]]) -> dict[str, Any]:
    """Ask the engine for a run; a lost answer is asked for again under the same id, which makes no second run."""
    from skafos_tui.api.client import EngineUnreachable

    request_id = uuid.uuid4().hex
    engine = engine_client(home)
    with refusals():
        try:
            return start(engine, request_id)
        except EngineUnreachable:
            return start(engine_client(home), request_id)


def print_head(out: Output, home: Home, run_id: int) -> None:
    """The first line on a run."""
    from skafos_tui.cli.report import run_head
    from skafos_tui.store.runs import tasks_of

    with open_store(home) as store:
        found = pick_run(store, run_id)
        assert store is not None
        out.line(run_head(store, found, tasks_of(store, run_id)))
    out.flush()


def follow(out: Output, home: Home, run_id: int, *, quiet: bool = False) -> int:
    """Show a run until it has ended, without its log lines if `quiet`; its exit code as in SPEC 9.

    Ctrl-C leaves the run going.
    """
    from skafos_tui.cli.follow import EngineWatch, RunView, run_exit_code
    from skafos_tui.cli.report import print_end

    try:
        print_head(out, home, run_id)
        with open_store(home) as store:
            pick_run(store, run_id)
            assert store is not None
            ended = RunView(home, store, run_id, out, quiet=quiet).follow(EngineWatch(home)).run
            print_end(out, store, home, ended)
            return run_exit_code(ended)
    except KeyboardInterrupt:
        out.clear_progress()
        out.flush()
        remark(f"run {run_id} goes on; skafos logs -f --run {run_id} shows it, skafos kill {run_id} ends it")
        return INTERRUPTED
    except KeyError:
        raise CommandError(f"run {run_id} was forgotten together with its project", FAILED) from None


def kill(args: Namespace) -> int:
    """Cancel a run, some of its jobs, or all runs of deployments; exit 1 where nothing was left to cancel."""
    if args.deployments and (args.jobs or args.which is not None):
        raise CommandError("--deployments cancels whole runs: leave out RUN and --jobs")
    from skafos_tui.api.asker import whoami

    home = find_home()
    runs, names = runs_to_kill(args, home)
    engine = engine_client(home)
    out = Output()
    ended = 0
    for target, jobs in runs:
        with refusals():
            cancelled = engine.cancel(target.id, jobs=jobs, by=whoami())["cancelled"]
        if cancelled:
            ended += 1
            out.line(f"run {target.id}: cancelled {listed(names[target.id].get(job, job) for job in cancelled)}")
        else:
            remark(f"nothing to cancel in run {target.id}: it had ended meanwhile")
    return 0 if ended else FAILED


def runs_to_kill(args: Namespace, home: Home) -> tuple[list[tuple[Run, tuple[str, ...]]], dict[int, dict[str, str]]]:
    """The runs to cancel, each with the job ids (none: all of them), and the names of their jobs."""
    from skafos_tui.store.runs import tasks_of

    with open_store(home) as store:
        targets = [pick_run(store, args.which)] if args.which is not None else _unfinished(args, home)
        assert store is not None
        tasks = {target.id: tasks_of(store, target.id) for target in targets}
    for target in targets:
        if target.state.finished:
            raise CommandError(f"nothing to cancel: run {target.id} has ended ({target.state.value})", FAILED)
    chosen = []
    for target in targets:
        picked = [pick_task(tasks[target.id], word) for word in job_words(args.jobs, tasks[target.id])]
        open_jobs = tuple(task.job_id for task in picked if not task.state.finished)
        if picked and not open_jobs:
            states = ", ".join(f"{task.name} has {task.state.value}" for task in picked)
            raise CommandError(f"nothing to cancel in run {target.id}: {states}", FAILED)
        chosen.append((target, open_jobs))
    return chosen, {run_id: {task.job_id: task.name for task in found} for run_id, found in tasks.items()}


def job_words(words: list[str], tasks: list[Any]) -> list[str]:
    """The jobs named by `--jobs`: words, or several behind commas; a name that has a comma itself is one."""
    known = {task.job_id for task in tasks} | {task.name for task in tasks}
    split = []
    for word in words:
        split += [word] if word in known else [part.strip() for part in word.split(",") if part.strip()]
    return split


def _unfinished(args: Namespace, home: Home) -> list[Run]:
    """The project's newest unfinished run, or all unfinished runs of `--deployments`."""
    from skafos_tui.model.run import RunState
    from skafos_tui.store.projects import list_deployments
    from skafos_tui.store.runs import list_runs

    opened = open_project(args, home)
    with open_store(home) as store:
        going: list[Run] = []
        wanted: set[int] = set()
        if store is not None and opened.token is not None:
            going = list_runs(store, opened.token, states=(RunState.QUEUED, RunState.RUNNING))
            if args.deployments:
                known = {item.number: item.id for item in list_deployments(store, opened.token)}
                wanted = {known[number] for number in _numbers(args.deployments, list(known))}
    if args.deployments:
        going = [item for item in going if item.deployment in wanted]
    if not going:
        what = f"deployments {' '.join(args.deployments)}" if args.deployments else opened.name
        raise CommandError(f"nothing to cancel: no run of {what} is unfinished", FAILED)
    if not args.deployments and len(going) > 1:
        remark(f"{counted(len(going) - 1, 'older run')} unfinished, too: {listed(str(r.id) for r in going[1:])}")
    return going if args.deployments else going[:1]


def _numbers(words: list[str], known: list[int]) -> list[int]:
    numbers = []
    for word in ",".join(words).split(","):
        if not word.strip():
            continue
        if not (word.strip().isdecimal() and int(word) in known):
            raise CommandError(f"there is no deployment `{word.strip()}`; there are {listed(map(str, known))}", USAGE)
        numbers.append(int(word))
    return numbers
