"""The `skafos` command: finds the module of a command and runs it."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

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
    "ps": ("history", "what runs now"),
    "runs": ("history", "the runs of the project, newest first"),
    "show": ("history", "one run with its tasks, verdicts and timings"),
    "logs": ("logs", "what the jobs printed"),
    "env": ("env", "variables and secrets of the project"),
    "projects": ("projects", "the projects this user has; adopt or forget one"),
    "engine": ("engine", "the background process: status, start, stop"),
    "doctor": ("doctor", "what is missing on this machine, and how to get it"),
    "image": ("image", "image bootstrap: a base image made from this machine's packages"),
    "demo": ("demo", "copy a sample project and run it"),
}
"""Command to its module in `skafos_tui.cli` and its line of help.

The module has `configure(command, parser)`: it adds the arguments and sets the default `run`, a function from the
parsed arguments to the exit code. Only the module of the command that was typed is imported.
"""


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The parser, with the arguments of `command` alone; the others are known by name and help only."""
    parser = argparse.ArgumentParser(
        prog="skafos",
        description="Machine-learning pipelines in one terminal.",
        epilog="`skafos COMMAND --help` explains one command.",
    )
    parser.add_argument("--version", action="version", version=f"skafos {__version__}")
    parser.add_argument("--project", metavar="DIR", help="the project's directory (default: this one or a parent)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, text) in COMMANDS.items():
        child = commands.add_parser(name, help=text, description=text)
        # Also after the command, where people type it; SUPPRESS keeps a value given before it.
        child.add_argument("--project", metavar="DIR", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        if name == command:
            importlib.import_module(f"skafos_tui.cli.{module}").configure(name, child)
    return parser


def command_of(argv: Sequence[str]) -> str | None:
    """The command among the arguments: the first word that is neither an option nor an option's value."""
    skip = False
    for word in argv:
        if skip:
            skip = False
        elif word == "--project":
            skip = True
        elif not word.startswith("-"):
            return word
    return None


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit code as in SPEC 9. Errors go to stderr as one line."""
    parser = build_parser(command_of(argv))
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return USAGE
    try:
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


def entry() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal of another encoding, or a path that is no text, costs a character, never the command.
            stream.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
