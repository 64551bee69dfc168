"""`skafos projects`: the projects this user has; adopt one that moved, give a copy its own token, forget one."""

from __future__ import annotations

import sqlite3
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import (
    add_json,
    engine_client,
    listed,
    open_project,
    open_store,
    project_directory,
    refusals,
)
from skafos_tui.cli.errors import FAILED, CommandError
from skafos_tui.cli.output import Output, clean
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    from skafos_tui.store.projects import ProjectRow


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `projects`."""
    add_json(parser)
    parser.set_defaults(run=list_all)
    actions = parser.add_subparsers(metavar="ACTION", title="actions")
    add_json(_action(actions, "list", "the projects, newest first", list_all), inner=True)
    adopting = _action(actions, "adopt", "this directory is the project now: it moved here", adopt)
    adopting.add_argument("--new-token", action="store_true", help="this is a copy: write a new token into its config")
    forgetting = _action(actions, "forget", "drop a project with its history, logs and data", forget)
    forgetting.add_argument("which", metavar="TOKEN|NAME", nargs="?", help="default: the project of this directory")
    forgetting.add_argument("--yes", action="store_true", help="don't ask")


def _action(actions: Any, name: str, text: str, function: Any) -> ArgumentParser:
    import argparse

    parser: ArgumentParser = actions.add_parser(name, help=text, description=text)
    parser.add_argument("--project", metavar="DIR", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.set_defaults(run=function)
    return parser


def list_all(args: Namespace) -> int:
    """All projects of this user."""
    from skafos_tui.cli.views import deployment_number
    from skafos_tui.store.projects import list_projects
    from skafos_tui.store.runs import latest_run

    out = Output()
    with open_store(find_home()) as store:
        found = list_projects(store) if store else []
        latest = {row.token: latest_run(store, row.token) for row in found} if store else {}
        active = {row.token: deployment_number(store, row.active) for row in found if store and row.active is not None}
        if args.json:
            out.json([view(row, active.get(row.token), latest[row.token]) for row in found])
            return 0
        if not found:
            out.line("no projects yet: `skafos run` makes the one of its directory known")
            return 0
        rows = []
        for row in found:
            run = latest[row.token]
            newest = f"run {run.id} {run.state.value}" if run else ""
            gone = "" if Path(row.directory).is_dir() else " (gone)"
            deployed = _deployed(row, active.get(row.token))
            rows.append((clean(row.name), row.token, row.runner, deployed, newest, clean(row.directory) + gone))
        out.table(("name", "token", "runner", "active", "newest", "directory"), rows)
    return 0


def _deployed(row: ProjectRow, number: int | None) -> str:
    """The active deployment, and whether its schedules stand still."""
    if number is None:
        return ""
    return f"{number} (stands still)" if row.problem else f"{number} (paused)" if row.paused_at else str(number)


def view(row: ProjectRow, active: int | None, newest: Any) -> dict[str, Any]:
    """A project as JSON; `active` is the number of its active deployment."""
    from skafos_tui.text.durations import rfc3339

    return {
        "token": row.token,
        "name": row.name,
        "directory": row.directory,
        "runner": row.runner,
        "created_at": rfc3339(row.created_at),
        "deployment": active,
        "paused_at": rfc3339(row.paused_at),
        "problem": row.problem,
        "run": newest.id if newest else None,
        "state": newest.state.value if newest else None,
    }


def adopt(args: Namespace) -> int:
    """Bind the token of this directory's config to this directory, or write a new token into it."""
    directory = project_directory(args)
    if args.new_token:
        token = write_new_token(directory)
        Output().line(f"{clean(str(directory))} is a project of its own now: its token is {token}")
        return 0
    engine = engine_client(find_home())
    with refusals():
        answer = engine.adopt(str(directory))
    was = answer.get("was")
    Output().line(f"{clean(str(directory))} is the project now{f'; it was {clean(was)}' if was else ''}")
    return 0


def write_new_token(directory: Path) -> str:
    """Replace the token in a directory's config by a new one, every other byte kept; the new token."""
    from skafos_tui.config.editing import EditConflict, apply_edits, save_text
    from skafos_tui.config.reader import CONFIG_NAME, find_config
    from skafos_tui.config.reading import random_token
    from skafos_tui.model.diagnostic import Edit

    config = find_config(directory)
    if config is None:
        raise CommandError(f"there is no {CONFIG_NAME} in {clean(str(directory))} or above")
    try:
        data = config.read_bytes()
        text = data.decode("utf-8-sig")
        place = token_place(text)
        if place is None:
            raise CommandError(f"{CONFIG_NAME} has no project_token yet: `skafos validate --fix` writes a new one")
        token = random_token()
        save_text(config, apply_edits(text, (Edit(*place, token),)), expected=data)
    except EditConflict as conflict:
        raise CommandError(conflict.message, FAILED) from None
    except UnicodeDecodeError:
        raise CommandError(f"{clean(str(config))} is not UTF-8 text: `skafos validate` says more") from None
    except OSError as error:
        raise CommandError(f"{clean(str(config))} can't be changed: {error.strerror}") from None
    return token


def token_place(text: str) -> tuple[int, int] | None:
    """Start and end of the token's own characters in a config, quotes left out; None where it has none."""
    from skafos_tui.config.nodes import SCALAR, NodeError, compose

    try:
        root = compose(text).root
    except NodeError as error:
        raise CommandError(f"the config is no valid YAML ({error.message}): `skafos validate` says where") from None
    node = root.get("project_token") if root is not None else None
    if node is None or node.kind != SCALAR or node.is_null:
        return None
    start = text.find(node.text, node.start, node.end)
    return None if start < 0 or not node.text else (start, start + len(node.text))


def forget(args: Namespace) -> int:
    """Drop a project with its history, logs and data."""
    home = find_home()
    with open_store(home) as store:
        row = _to_forget(args, home, store)
        assert store is not None
        _refuse_unfinished(store, row)
    if not args.yes:
        _ask(row)
    engine = engine_client(home)
    with refusals():
        engine.forget(row.token)
    files = f"; the files in {clean(row.directory)} are untouched" if row.directory else ""
    Output().line(f"{clean(row.name)} ({row.token}) is forgotten{files}")
    return 0


def _to_forget(args: Namespace, home: Home, store: sqlite3.Connection | None) -> ProjectRow:
    from skafos_tui.store.projects import get_project, list_projects

    found = list_projects(store) if store else []
    if args.which is None:
        opened = open_project(args, home)
        row = get_project(store, opened.token) if store and opened.token else None
        if row is None:
            raise CommandError(f"{clean(opened.name)} is not known to Skafos: nothing to forget", FAILED)
        return row
    named = [row for row in found if row.token == args.which] or [row for row in found if row.name == args.which]
    if not named:
        raise CommandError(
            f"there is no project `{clean(args.which)}`; there are {listed(r.name for r in found) or 'none'}"
        )
    if len(named) > 1:
        raise CommandError(
            f"several projects are named `{clean(args.which)}`, take a token: {listed(r.token for r in named)}"
        )
    return named[0]


def _refuse_unfinished(store: sqlite3.Connection, row: ProjectRow) -> None:
    from skafos_tui.model.run import RunState
    from skafos_tui.store.runs import list_runs

    going = list_runs(store, row.token, states=(RunState.QUEUED, RunState.RUNNING))
    if going:
        raise CommandError(
            f"run {going[0].id} of {clean(row.name)} is unfinished: skafos kill {going[0].id} ends it", FAILED
        )


def _ask(row: ProjectRow) -> None:
    if not sys.stdin.isatty():
        raise CommandError("this drops history, logs and data for good: say --yes")
    print(f"Drop the history, logs and data of {clean(row.name)} ({row.token}) for good? [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError("nothing was dropped", FAILED)
