"""`skafos engine`: the background process that runs the jobs: is it there, start it, stop it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from skafos_tui.cli.common import add_json, counted, engine_client, refusals
from skafos_tui.cli.errors import CommandError
from skafos_tui.cli.output import Output, clean
from skafos_tui.store.home import find_home


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `engine`."""
    actions = parser.add_subparsers(metavar="ACTION", title="actions", required=True)
    for name, text, function in (
        ("status", "whether it runs", status),
        ("start", "start it where it isn't there", start),
        ("stop", "end it; jobs go on in their containers", stop),
    ):
        action = actions.add_parser(name, help=text, description=text)
        add_json(action)
        action.set_defaults(run=function)


def status(args: Namespace) -> int:
    """Whether an engine runs; a question, so its exit code is 0 either way."""
    from skafos_tui.api.client import ApiError, EngineClient, EngineUnreachable

    home = find_home()
    answer: dict[str, Any] = {"running": False, "pid": None, "version": None}
    try:
        answer |= EngineClient(home).status()
    except EngineUnreachable:
        return _print(args, answer, "no engine runs: the next command that needs one starts it")
    except ApiError as error:
        raise CommandError(clean(error.message), error.exit_code) from None
    return _print(args, answer, describe(answer))


def describe(answer: dict[str, Any]) -> str:
    """An engine in one line."""
    words = f"the engine runs: pid {answer['pid']}, version {answer['version']}"
    active = answer.get("active_runs")
    count = len(active) if isinstance(active, list) else active
    return f"{words}, {counted(count, 'unfinished run')}" if isinstance(count, int) else words


def start(args: Namespace) -> int:
    """Start the engine where there is none."""
    engine = engine_client(find_home())
    with refusals():
        answer = engine.status()
    return _print(args, answer, describe(answer))


def stop(args: Namespace) -> int:
    """End the engine where there is one; containers go on."""
    from skafos_tui.api.client import EngineClient, is_running

    home = find_home()
    answer = {"running": False, "pid": None, "version": None}
    if not is_running(home):
        return _print(args, answer, "no engine runs")
    with refusals():
        EngineClient(home).stop()
    return _print(args, answer, "the engine has ended; jobs that run go on, nothing new starts")


def _print(args: Namespace, answer: dict[str, Any], words: str) -> int:
    out = Output()
    if args.json:
        out.json(answer)
    else:
        out.line(clean(words))
    return 0
