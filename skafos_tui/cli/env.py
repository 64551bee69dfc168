"""`skafos env`: variables and secrets of the project; a secret's value is never shown."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import add_json, engine_client, listed, open_project, open_store, refusals, valid_project
from skafos_tui.cli.errors import FAILED, CommandError
from skafos_tui.cli.output import Output, clean
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    from skafos_tui.store.projects import Variable

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
RESERVED = frozenset({"PROJECT_TOKEN", "TASK_ID"})
RESERVED_PREFIX = "SKAFOS_"
HIDDEN = "***"


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `env`."""
    parser.add_argument("key", metavar="K", nargs="?", help="a variable; default: list them all")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--set", metavar="V", dest="value", help="keep this value")
    change.add_argument("--delete", action="store_true", help="drop the variable")
    parser.add_argument(
        "--secret", action="store_true", help="a secret: without --set its value is asked for, or read from a pipe"
    )
    add_json(parser)
    parser.set_defaults(run=env)


def env(args: Namespace) -> int:
    """List, show, set or delete variables."""
    home = find_home()
    key, value = args.key, args.value
    if key is None and value is not None:
        # `env --set K --secret` and `env --set K=V` say the key there, too.
        key, equals, rest = value.partition("=")
        value = rest if equals else None
        if value is None and not args.secret:
            raise CommandError("--set takes a value: skafos env NAME --set VALUE")
    if key is None and (args.delete or args.secret):
        raise CommandError("which variable? skafos env NAME --set VALUE, skafos env NAME --delete")
    if key is not None:
        check_key(key)
    if args.delete:
        return delete(args, home, key)
    if value is not None or args.secret:
        return keep(args, home, key, value)
    return show(args, home, key)


def check_key(key: str) -> None:
    """Refuse a name that no variable can have. Raises CommandError."""
    if not KEY.match(key):
        raise CommandError(f"`{clean(key)}` is no name of a variable: letters, digits and _, not led by a digit")
    if key in RESERVED or key.startswith(RESERVED_PREFIX):
        raise CommandError(f"{key} is set by Skafos itself: take another name")


def variables(args: Namespace, home: Home) -> list[Variable]:
    """The variables of the project as they are stored."""
    from skafos_tui.store.projects import list_variables

    opened = open_project(args, home)
    with open_store(home) as store:
        return list_variables(store, opened.token) if store and opened.token else []


def show(args: Namespace, home: Home, key: str | None) -> int:
    """List all variables, or print the value of one."""
    found = variables(args, home)
    out = Output()
    if key is None:
        if args.json:
            out.json([view(item) for item in found])
        elif not found:
            out.line("no variables: `skafos env NAME --set VALUE` keeps one")
        else:
            out.lines([f"{item.key}={HIDDEN if item.secret else clean(item.value)}" for item in found])
        return 0
    for item in found:
        if item.key == key:
            if args.json:
                out.json(view(item))
                return 0
            if item.secret:
                raise CommandError(f"{key} is a secret: its value is never shown; jobs read it", FAILED)
            out.line(item.value if not out.terminal else clean(item.value))
            return 0
    there = f"; there are {listed(item.key for item in found)}" if found else ""
    raise CommandError(f"there is no variable {key}{there}", FAILED)


def view(item: Variable) -> dict[str, Any]:
    """A variable as JSON; the value of a secret is null."""
    return {"key": item.key, "value": None if item.secret else item.value, "secret": item.secret}


def keep(args: Namespace, home: Home, key: str, value: str | None) -> int:
    """Set a variable, new or known; the project need not have run before."""
    opened = open_project(args, home)
    valid_project(opened)
    if value is None:
        value = read_secret(key)
    if "\0" in value:
        raise CommandError("a value can't hold a NUL byte: environments end there")
    engine = engine_client(home)
    with refusals():
        token = engine.register(str(opened.directory))["project"]
        engine.set_variable(token, key, value, secret=args.secret)
    Output().line(f"{key} is kept{' as a secret' if args.secret else ''}; runs that start from now on have it")
    return 0


def read_secret(key: str) -> str:
    """The value of a secret, typed unseen, or all that comes through a pipe less its last newline."""
    if sys.stdin is not None and sys.stdin.isatty():
        import getpass

        value = getpass.getpass(f"value of {key}: ")
    else:
        value = sys.stdin.read() if sys.stdin is not None else ""
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise CommandError(f"no value was given: type it, or pipe it into `skafos env {key} --secret`")
    return value


def delete(args: Namespace, home: Home, key: str) -> int:
    """Drop a variable."""
    opened = open_project(args, home)
    if opened.token is None or all(item.key != key for item in variables(args, home)):
        raise CommandError(f"there is no variable {key}: nothing to delete", FAILED)
    engine = engine_client(home)
    with refusals():
        engine.delete_variable(opened.token, key)
    Output().line(f"{key} is dropped; runs that start from now on don't have it")
    return 0
