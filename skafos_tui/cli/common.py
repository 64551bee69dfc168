"""What the commands share: the project of this directory, the store to read, the engine to talk to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.errors import FAILED, UNREACHABLE, USAGE, CommandError
from skafos_tui.cli.output import clean, remark
from skafos_tui.store.home import Home

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from skafos_tui.api.client import ApiError, EngineClient
    from skafos_tui.model.diagnostic import Diagnostic
    from skafos_tui.model.project import Project
    from skafos_tui.model.run import Run, Task
    from skafos_tui.store.projects import ProjectRow

RUNNERS = ("docker", "process")
"""Where jobs run; a project has one of them, and it never changes by itself."""
PROCESS_BANNER = "jobs run as local processes, without Docker's isolation of files and network; skafos doctor says more"
WAKE_TIMEOUT_S = 10.0
"""How long a question waits for an engine that isn't there; the store answers without it, too."""


class NoProject(CommandError):
    """There is no project in the directory or above it."""


@dataclass(frozen=True, slots=True)
class OpenProject:
    """The project of a directory, as its config says now.

    `project` is None where the config has errors or can't be read (`problem` says why, in one line); `token` and
    `name` then come from the store, `token` None where it does not know the directory either.
    """

    directory: Path
    config: Path
    token: str | None
    name: str
    project: Project | None
    diagnostics: tuple[Diagnostic, ...] = ()
    problem: str = ""


def add_json(parser: ArgumentParser, *, inner: bool = False) -> None:
    """The option every command that lists or shows has; `inner`: its command has the option, too."""
    from argparse import SUPPRESS

    parser.add_argument("--json", action="store_true", default=SUPPRESS if inner else False, help="machine-readable")


def project_directory(args: Namespace) -> Path:
    """The directory of the project: `--project`, else this directory or its nearest parent with a config."""
    from skafos_tui.config.reader import CONFIG_NAME, find_project

    given = getattr(args, "project", None)
    if given is not None:
        directory = Path(given).expanduser().resolve()
        if not directory.is_dir():
            raise CommandError(f"{clean(given)} is no directory: --project takes the one with {CONFIG_NAME}")
        return directory
    return find_project(here := _working_directory()) or here


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise CommandError("this directory was removed: change to the project's directory") from None


def open_project(args: Namespace, home: Home) -> OpenProject:
    """The project of the directory, read from its config, or at least known to the store.

    Raises NoProject, and CommandError where its token belongs to another directory.
    """
    from skafos_tui.config.reader import CONFIG_NAME, find_config

    directory = project_directory(args)
    config = find_config(directory)
    with open_store(home) as store:
        if config is not None:
            return _opened(store, directory, config)
        known = bound_project(store, (directory, *directory.parents))
        if known is None:
            raise NoProject(
                f"there is no {CONFIG_NAME} in {clean(str(directory))} or above: `skafos init` makes a project,"
                " --project DIR names one"
            )
        problem = f"{CONFIG_NAME} is gone from {clean(known.directory)}: bring it back, or `skafos projects forget`"
        return OpenProject(Path(known.directory), config or directory, known.token, known.name, None, (), problem)


def _opened(store: sqlite3.Connection | None, directory: Path, config: Path) -> OpenProject:
    from skafos_tui.config.reader import ConfigUnreadable, ReadResult, read_config
    from skafos_tui.config.settings import SettingsError, load_settings

    problem = ""
    try:
        settings = load_settings()
        read = read_config(config, max_cpu=settings.max_cpu, max_memory=settings.max_memory)
    except (SettingsError, ConfigUnreadable) as error:
        # History is readable all the same; what needs the config says the problem (valid_project).
        read, problem = ReadResult(None, (), ""), str(error)
    if read.project is not None:
        check_binding(store, read.project.token, directory)
        found = read.project
        return OpenProject(directory, config, found.token, found.name, found, read.diagnostics)
    known = bound_project(store, (directory,))
    token, name = (known.token, known.name) if known else (None, directory.name)
    return OpenProject(directory, config, token, name, None, read.diagnostics, problem)


def check_binding(store: sqlite3.Connection | None, token: str, directory: Path) -> None:
    """Refuse a directory whose token is bound to another one, with the two ways out (SPEC 3, Identity)."""
    from skafos_tui.store.projects import get_project

    row = get_project(store, token) if store else None
    if row is not None and row.directory and row.directory != str(directory):
        raise CommandError(
            f"this project's token belongs to {clean(row.directory)}: if it moved here, `skafos projects adopt`;"
            " if this is a copy, `skafos projects adopt --new-token`",
            FAILED,
        )


def bound_project(store: sqlite3.Connection | None, places: Iterable[Path]) -> ProjectRow | None:
    """The project the store knows at the first of these directories that has one."""
    from skafos_tui.store.projects import project_at

    if store is None:
        return None
    for place in places:
        row = project_at(store, str(place))
        if row is not None:
            return row
    return None


def valid_project(opened: OpenProject) -> Project:
    """The project, where its config has no errors; else prints the findings and raises CommandError."""
    if opened.project is not None:
        return opened.project
    from skafos_tui.model.diagnostic import Severity

    errors = [item for item in opened.diagnostics if item.severity is Severity.ERROR]
    if opened.problem:
        raise CommandError(clean(opened.problem))
    for item in opened.diagnostics:
        print(clean(item.render(shown_path(opened.config))))
    raise CommandError(f"{counted(len(errors), 'error')} in {opened.config.name}: correct them first", FAILED)


def shown_path(path: Path) -> str:
    """A path as people would type it here: relative where it is below this directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):
        return str(path)


def counted(amount: int, noun: str) -> str:
    """`1 job`, `7 jobs`."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def listed(texts: Iterable[str], limit: int = 12) -> str:
    """Texts behind commas; of many only the first ones."""
    everything = list(texts)
    some = ", ".join(clean(text) for text in everything[:limit])
    return f"{some}, … ({len(everything)} in all)" if len(everything) > limit else some


@contextmanager
def open_store(home: Home) -> Iterator[sqlite3.Connection | None]:
    """A reading connection to the state database; None where nothing was ever run. Raises CommandError."""
    from skafos_tui.store.database import DatabaseError, connect_reader

    path = home.state_database
    try:
        if not path.exists() or path.stat().st_size == 0:
            yield None
            return
        with closing(connect_reader(path)) as connection:
            made = connection.execute("PRAGMA user_version").fetchone()[0]
            yield connection if made else None
    except DatabaseError as error:
        raise CommandError(str(error)) from None
    except sqlite3.DatabaseError as error:
        raise CommandError(
            f"{clean(str(path))} can't be read: {error}; `skafos engine status` and its log say more"
        ) from None
    except PermissionError as error:
        raise CommandError(f"{clean(str(path))} can't be read: {error.strerror}; SKAFOS_HOME must be yours") from None


@contextmanager
def refusals() -> Iterator[None]:
    """Turns what the engine refuses, or that there is none, into a command's end."""
    from skafos_tui.api.client import ApiError, EngineUnreachable

    try:
        yield
    except EngineUnreachable as error:
        raise CommandError(clean(str(error)), UNREACHABLE) from None
    except ApiError as error:
        for finding in findings_of(error):
            print(finding)
        raise CommandError(clean(error.message), error.exit_code) from None


def findings_of(error: ApiError) -> list[str]:
    """The findings of an invalid config that the engine refused, one line each."""
    return [clean(item if isinstance(item, str) else _finding(item)) for item in error.details.get("diagnostics") or ()]


def _finding(item: dict[str, Any]) -> str:
    place = f"{item.get('file') or 'metis.config.yml'}:{item.get('line', 1)}:{item.get('column', 1)}"
    return f"{place}: {item.get('severity', 'error')}[{item.get('code', '?')}] {item.get('message', '')}"


def engine_client(home: Home) -> EngineClient:
    """The running engine, started where there is none. Raises CommandError with exit code 3."""
    from skafos_tui.api.client import ensure_engine

    with refusals():
        return ensure_engine(home)


def wake_engine(home: Home, store: sqlite3.Connection | None) -> None:
    """Start the engine if runs are unfinished, so that any command brings recovery after a crash.

    Where it can't be started that is said beside the answer, which the store gives all the same.
    """
    from skafos_tui.api.client import ApiError, EngineUnreachable, ensure_engine
    from skafos_tui.store.runs import unfinished_runs

    if store is None or not unfinished_runs(store):
        return
    try:
        if problem := ensure_engine(home, timeout_s=WAKE_TIMEOUT_S).status().get("disk"):
            # On a disk that is full to its last byte the store can't say so itself.
            remark(f"nothing new starts: {problem}")
    except ApiError as error:
        remark(f"the engine is in trouble: {error.message}; what follows is what was stored last")
    except EngineUnreachable as error:
        remark(f"{error}; what follows is what was stored last")


def known_token(opened: OpenProject, home: Home) -> str:
    """The token of a project that the store knows. Raises CommandError where it was neither run nor deployed yet."""
    from skafos_tui.store.projects import get_project

    with open_store(home) as store:
        if store is not None and opened.token is not None and get_project(store, opened.token) is not None:
            return opened.token
    raise CommandError(f"{clean(opened.name)} was never deployed: skafos deploy does it", FAILED)


def tell_runner(home: Home, token: str) -> None:
    """Say so on standard error where the jobs of a project run without Docker."""
    from skafos_tui.store.projects import get_project

    with open_store(home) as store:
        row = get_project(store, token) if store else None
    if row is not None and row.runner == "process":
        remark(PROCESS_BANNER)


def pick_job(project: Project, text: str) -> str:
    """The id of the job a person means by an id or a name. Raises CommandError."""
    found = project.find(text)
    if len(found) == 1:
        return found[0].id
    if not found:
        raise CommandError(f"there is no job `{clean(text)}`; jobs are {listed(job.name for job in project.jobs)}")
    raise CommandError(f"several jobs are named `{clean(text)}`, take an id: {listed(job.id for job in found)}")


def pick_task(tasks: Sequence[Task], text: str) -> Task:
    """The task a person means by its job's id or name. Raises CommandError."""
    found = [task for task in tasks if task.job_id == text] or [task for task in tasks if task.name == text]
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(f"run {tasks[0].run_id} has no job `{clean(text)}`; it has {listed(t.name for t in tasks)}")
    raise CommandError(f"several jobs are named `{clean(text)}`, take an id: {listed(task.job_id for task in found)}")


def pick_run(store: sqlite3.Connection | None, run_id: int) -> Run:
    """The run with this id. Raises CommandError that says which there are."""
    from skafos_tui.store.runs import get_run

    run = get_run(store, run_id) if store else None
    if run is None:
        ids = [row["id"] for row in store.execute("SELECT id FROM runs ORDER BY id DESC LIMIT 5")] if store else []
        there = f"the newest are {listed(map(str, ids))}" if ids else "there are none yet"
        raise CommandError(f"there is no run {run_id}; {there}", USAGE)
    return run


def run_number(text: str) -> int:
    """A run's id as people type it, for argparse."""
    from argparse import ArgumentTypeError

    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ArgumentTypeError(f"`{text}` is no run: runs are numbers, as `skafos runs` lists them")
    return int(text)
