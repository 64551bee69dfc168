"""The `skafos` command: finds the module of a command and runs it."""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from skafos_tui import __version__
from skafos_tui.cli.errors import INTERRUPTED, USAGE, CommandError

COMMANDS: dict[str, tuple[str, str]] = {
    "validate": ("check", "check metis.config.yml; findings as file:line:col: severity[code] message"),
    "schema": ("check", "print the JSON Schema of metis.config.yml, for editors"),
    "next": ("upcoming", "the coming fire times of the schedules"),
    "init": ("create", "make a new project"),
    "templates": ("create", "list the templates of `init`"),
    "create": ("create", "add a job to the config: create job NAME"),
    "run": ("run", "run jobs now and follow them"),
    "retry": ("run", "run the failed tasks of a run again"),
    "kill": ("run", "cancel a run, or some of its jobs"),
    "deploy": ("deploy", "make the project as it is now the one its schedules use, and start what has none"),
    "deployments": ("deployments", "the deployments, newest first; --plan: what the last change did"),
    "rollback": ("deploy", "make an earlier deployment the active one"),
    "undeploy": ("deploy", "turn all schedules off; runs go on"),
    "pause": ("pausing", "turn the schedule of a job off for a while, or all of them"),
    "resume": ("pausing", "go on with what was paused"),
    "ps": ("history", "what runs now"),
    "runs": ("history", "the runs of the project, newest first"),
    "show": ("history", "one run with its tasks, verdicts and timings"),
    "graph": ("graph", "which job waits for which; with RUN: its states and times"),
    "logs": ("logs", "what the jobs printed"),
    "metrics": ("metrics", "what the jobs used: processor, memory, network, disk; how long they took and waited"),
    "alerts": ("alerts", "what needs a person: failures, missed slots, config, disk; alerts ack ID"),
    "env": ("env", "variables and secrets of the project"),
    "projects": ("projects", "the projects this user has; adopt or forget one"),
    "engine": ("engine", "the background process: status, start, stop, enable, disable"),
    "doctor": ("doctor", "what is missing on this machine, and how to get it"),
    "image": ("image", "image bootstrap: a base image made from this machine's packages"),
    "demo": ("demo", "copy a sample project, run it and open it on the screen"),
}
"""Command to its module in `skafos_tui.cli` and its line of help.

The module has `configure(command, parser)`: it adds the arguments and sets the default `run`, a function from the
parsed arguments to the exit code. Only the module of the command that was typed is imported.
"""


class _Formatter(argparse.HelpFormatter):
    """Help as wide as argparse makes it, without `shutil`, which loads every compression there is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _Parser(argparse.ArgumentParser):
    """Wrong usage is one line that says where the right one stands."""

    def error(self, message: str) -> NoReturn:
        from skafos_tui.cli.output import clean

        self.exit(USAGE, f"skafos: {clean(message)}; `{self.prog} --help` says what it takes\n")


def _columns() -> int:
    """The width of the terminal; 80 where there is none."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 80
    except (OSError, ValueError):
        return 80


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The parser: of a command that is known nothing but its own arguments, else all commands by name and help.

    Twenty parsers are a sixth of the time of a small command.
    """
    parser = _Parser(
        prog="skafos",
        description="Machine-learning pipelines in one terminal. Without COMMAND: the screen of this project.",
        epilog="`skafos COMMAND --help` explains one command.",
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"skafos {__version__}")
    parser.add_argument("--project", metavar="DIR", help="the project's directory (default: this one or a parent)")
    parser.add_argument("--read-only", action="store_true", help="the screen only looks and changes nothing")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name in (command,) if command in COMMANDS else COMMANDS:
        module, text = COMMANDS[name]
        child = commands.add_parser(name, help=text, description=text, formatter_class=_Formatter)
        # Also after the command, where people type it; SUPPRESS keeps a value given before it.
        child.add_argument("--project", metavar="DIR", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        if name == command:
            importlib.import_module(f"skafos_tui.cli.{module}").configure(name, child)
    return parser


def command_of(argv: Sequence[str]) -> str | None:
    """The command among the arguments: the first word that is neither an option nor an option's value.

    None behind `--help`: that asks about all commands.
    """
    skip = False
    for word in argv:
        if skip:
            skip = False
        elif word == "--project":
            skip = True
        elif word in ("-h", "--help"):
            return None
        elif not word.startswith("-"):
            return word
    return None


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit code as in SPEC 9. Errors go to stderr as one line."""
    parser = build_parser(command_of(argv))
    args = parser.parse_args(argv)
    try:
        if args.command is None:
            return _without_command(parser, args)
        return int(args.run(args))
    except CommandError as error:
        print(f"skafos: {error.message}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our pipe went away (`| head`): not an error, but nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _without_command(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """The screen on a terminal; elsewhere what the commands are."""
    from skafos_tui.cli.screen import on_terminal, screen

    if on_terminal():
        return screen(args)
    parser.print_help()
    return USAGE


def entry() -> None:
    """The console script."""
    # Imports make many objects and no garbage: looking for some ten times as often costs a small command 6 ms.
    gc.set_threshold(10_000)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal of another encoding, or a path that is no text, costs a character, never the command.
            stream.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
