"""`skafos demo`: a sample project copied here with a token of its own, and opened running, or run to the end."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from skafos_tui.cli.common import (
    RUNNERS,
    engine_client,
    listed,
    open_project,
    open_store,
    refusals,
    shown_path,
    tell_runner,
    valid_project,
)
from skafos_tui.cli.errors import INTERRUPTED, UNREACHABLE, CommandError
from skafos_tui.cli.output import BOLD, Output, clean, remark
from skafos_tui.cli.screen import on_terminal, show
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    from skafos_tui.api.client import EngineClient
    from skafos_tui.model.project import Project

REPORT_LINES = 25
"""Of the log of every job that nothing follows: what came out."""


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `demo`."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="the directory to make (default: the sample's name)")
    parser.add_argument("--sample", metavar="SAMPLE", help="which sample project")
    parser.add_argument("--headless", action="store_true", help="run it to the end and print what came out")
    parser.add_argument("--runner", choices=RUNNERS, help="where its jobs run")
    parser.set_defaults(run=demo)


def demo(args: Namespace) -> int:
    """Make or find the copy; run it and open the screen on it, or print what came out where there is no terminal."""
    home, out = find_home(), Output()
    directory = copy_sample(args, out)
    args.project = str(directory)
    project = valid_project(open_project(args, home))
    engine = engine_client(home)
    runner = args.runner or runner_of(home, engine, project.token)
    if runner != "process":
        ensure_base_image(engine, out)
    if args.headless or not on_terminal():
        return run_sample(home, out, directory, project, runner)
    start_sample(home, directory, project, runner)
    return show(home, open_project(args, home))


def runner_of(home: Home, engine: EngineClient, token: str) -> str | None:
    """The runner that the copy has already, else that of the settings; `process` where Docker can't be had.

    None: nobody said anything, and Docker answers.
    """
    from skafos_tui.config.settings import SettingsError, load_settings
    from skafos_tui.store.projects import get_project

    with open_store(home) as store:
        known = get_project(store, token) if store else None
    try:
        chosen = known.runner if known is not None else load_settings().runner
    except SettingsError as error:
        raise CommandError(clean(str(error))) from None
    if chosen is not None:
        return chosen
    with refusals():
        runners = {item["kind"]: item["problem"] for item in engine.status().get("runners") or ()}
    if runners.get("docker") and "process" in runners:
        remark(f"{clean(str(runners['docker']))}: going on without it")
        return "process"
    return None


def copy_sample(args: Namespace, out: Output) -> Path:
    """The directory of the sample's copy; one that is a project already is gone on with. Raises CommandError."""
    from skafos_tui.config.reader import CONFIG_NAME, find_config
    from skafos_tui.samples import DEFAULT_SAMPLE, sample_directory, sample_names

    wanted = args.sample or (Path(args.name).name if args.name and Path(args.name).name in sample_names() else None)
    sample = wanted or DEFAULT_SAMPLE
    if sample not in sample_names():
        raise CommandError(f"there is no sample `{clean(sample)}`; there are {listed(sample_names())}")
    directory = Path(args.name or sample).expanduser().absolute()
    if find_config(directory) is not None:
        out.line(f"going on in {clean(shown_path(directory))}")
        return directory
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise CommandError(f"{clean(shown_path(directory))} is there and has no {CONFIG_NAME}: skafos demo OTHER-NAME")
    try:
        place_copy(sample_directory(sample), directory)
    except OSError as error:
        raise CommandError(f"{clean(str(directory))} can't be made: {error.strerror}; take another place") from None
    out.line(f"copied the sample {sample} to {clean(shown_path(directory))}")
    return directory


def place_copy(sample: Path, directory: Path) -> None:
    """Copy a sample with a new token; it is there as a whole or not at all. Raises OSError."""
    from skafos_tui.cli.projects import write_new_token

    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".skafos-demo-", dir=directory.parent) as scratch:
        copy = Path(scratch) / "copy"
        # Contents only: samples of a read-only installation would make copies that can't be edited.
        shutil.copytree(sample, copy, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("__pycache__"))
        write_new_token(copy)
        for path in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
            path.chmod(0o755)
        copy.replace(directory)


def ensure_base_image(engine: EngineClient, out: Output) -> None:
    """Make the base image where the engine says that it is missing; as root, which is what it takes."""
    from skafos_tui.cli.image import make_base_image

    with refusals():
        checks = engine.doctor()
    missing = [check for check in checks if "image" in str(check["name"]) and not check["good"]]
    if not missing:
        return
    if os.geteuid() != 0:
        detail = clean(str(missing[0].get("detail", "")))
        raise CommandError(f"the base image is missing ({detail}): sudo skafos image bootstrap makes it", UNREACHABLE)
    out.line(f"base image: {make_base_image(engine, out)}")


def start_sample(home: Home, directory: Path, project: Project, runner: str | None) -> None:
    """Run the whole project, unless it runs already."""
    from skafos_tui.cli.run import trigger
    from skafos_tui.store.runs import unfinished_runs

    with open_store(home) as store:
        going = [run for run in (unfinished_runs(store) if store else ()) if run.project == project.token]
    if not going:
        trigger(home, lambda engine, request: engine.start_run(str(directory), request, runner=runner))


def run_sample(home: Home, out: Output, directory: Path, project: Project, runner: str | None) -> int:
    """Run the whole project, follow it, and print the end of what its last jobs said."""
    from skafos_tui.cli.run import follow, trigger

    answer = trigger(home, lambda engine, request: engine.start_run(str(directory), request, runner=runner))
    run_id = int(answer["run"])
    tell_runner(home, project.token)
    code = follow(out, home, run_id, quiet=True)
    if code != INTERRUPTED:
        print_reports(home, out, project, run_id)
        out.flush()
        tell_schedules(home, directory, project)
    return code


def tell_schedules(home: Home, directory: Path, project: Project) -> None:
    """What has a schedule fires only once it is deployed: say how, where it isn't."""
    from skafos_tui.cli.fires import active_timetable

    scheduled = [job.name for job in project.jobs if job.schedule and job.enabled]
    with open_store(home) as store:
        if scheduled and active_timetable(store, project.token) is None:
            place = shlex.quote(str(directory))
            remark(f"scheduled jobs ({listed(scheduled)}) fire once it is deployed: cd {place}; skafos deploy")


def print_reports(home: Home, out: Output, project: Project, run_id: int) -> None:
    """The last lines of the jobs that nothing follows, where they succeeded."""
    from skafos_tui.cli.common import pick_run
    from skafos_tui.cli.lines import last_lines, latest_attempts, shown
    from skafos_tui.model.graph import children_of, graph_of
    from skafos_tui.model.run import TaskState
    from skafos_tui.store.runs import attempts_of, tasks_of

    children = children_of(graph_of(project))
    with open_store(home) as store:
        run = pick_run(store, run_id)
        assert store is not None
        attempts = attempts_of(store, run_id)
        for task in tasks_of(store, run_id):
            if children.get(task.job_id) or task.state is not TaskState.SUCCEEDED:
                continue
            out.line()
            out.line(out.paint(f"{clean(task.name)} printed:", BOLD))
            for attempt in latest_attempts(item for item in attempts if item.job_id == task.job_id):
                out.lines([shown(out, text) for text in last_lines(home, run, attempt, REPORT_LINES)])
