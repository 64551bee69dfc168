"""`skafos engine`: the background process that runs the jobs: is it there, start it, stop it, bring it back."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from skafos_tui.cli.common import add_json, counted, engine_client, refusals
from skafos_tui.cli.errors import FAILED, UNREACHABLE, CommandError
from skafos_tui.cli.output import Output, clean
from skafos_tui.store.home import Home, HomeError, find_home

NO_ENGINE: dict[str, Any] = {"running": False, "pid": None, "version": None}


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `engine`."""
    actions = parser.add_subparsers(metavar="ACTION", title="actions", required=True)
    for name, text, function in (
        ("status", "whether it runs, and whether it comes back after a reboot", status),
        ("start", "start it where it isn't there", start),
        ("stop", "end it; jobs go on in their containers", stop),
        ("enable", "bring it back after a reboot: a service of your systemd, else @reboot in your crontab", enable),
        ("disable", "no longer bring it back after a reboot", disable),
    ):
        action = actions.add_parser(name, help=text, description=text)
        add_json(action)
        action.set_defaults(run=function)


def status(args: Namespace) -> int:
    """Whether an engine runs; a question, so its exit code is 0 either way, unless there is one that hangs."""
    from skafos_tui.cli.service import comes_back

    home = find_home()
    answer = asked(home)
    enabled = comes_back(home)
    words = describe(answer) if answer["running"] else "no engine runs: the next command that needs one starts it"
    back = f"it comes back after a reboot ({enabled})" if enabled else NOT_BACK
    return _print(args, answer | {"enabled": enabled}, words, back)


NOT_BACK = "it does not come back after a reboot: `skafos engine enable` sees to that"


def asked(home: Home) -> dict[str, Any]:
    """What the engine says of itself; `running` false where there is none. Raises CommandError where it hangs."""
    from skafos_tui.api.client import ApiError, EngineClient, EngineSilent, EngineUnreachable

    try:
        return NO_ENGINE | EngineClient(home).status()
    except EngineSilent as error:
        raise CommandError(clean(str(error)), UNREACHABLE) from None
    except EngineUnreachable:
        return dict(NO_ENGINE)
    except ApiError as error:
        raise CommandError(clean(error.message), error.exit_code) from None


def describe(answer: dict[str, Any]) -> str:
    """An engine in one line."""
    words = f"the engine runs: pid {answer['pid']}, version {answer['version']}"
    active = answer.get("active_runs")
    count = len(active) if isinstance(active, list) else active
    if isinstance(count, int):
        words = f"{words}, {counted(count, 'unfinished run')}"
    return f"{words}; nothing new starts: {disk}" if (disk := answer.get("disk")) else words


def start(args: Namespace) -> int:
    """Start the engine where there is none."""
    engine = engine_client(find_home())
    with refusals():
        answer = engine.status()
    return _print(args, answer, describe(answer))


def stop(args: Namespace) -> int:
    """End the engine where there is one; containers go on."""
    from skafos_tui.api.client import EngineClient

    home = find_home()
    if not asked(home)["running"]:
        return _print(args, NO_ENGINE, "no engine runs")
    with refusals():
        EngineClient(home).stop()
    return _print(args, NO_ENGINE, "the engine has ended; jobs that run go on, nothing new starts")


def enable(args: Namespace) -> int:
    """Have the engine come back after a reboot; an engine that runs is handed to systemd, where that does it."""
    from skafos_tui.cli import service

    home = find_home()
    try:
        home.create()
    except HomeError as error:
        raise CommandError(clean(str(error)), FAILED) from None
    done = service.enable(home)
    if done.how == service.SYSTEMD:
        words = ["the engine comes back after a reboot: systemd starts it", *_hand_over(home, renewed=done.changed)]
    else:
        engine_client(home)
        words = ["the engine comes back after a reboot: cron starts it (an @reboot line in your crontab)"]
    return _print(args, asked(home) | {"enabled": done.how}, *words)


def _hand_over(home: Home, *, renewed: bool) -> list[str]:
    """Make the service the engine; what happened, in words."""
    from skafos_tui.api.client import serve_by_systemd
    from skafos_tui.api.unit import unit_name

    with refusals():
        ended = serve_by_systemd(home, renewed=renewed)
    if ended is None:
        return [f"it runs as {unit_name(home)}"]
    return [f"the engine with pid {ended} has ended for it, its jobs went on; it runs as {unit_name(home)}"]


def disable(args: Namespace) -> int:
    """Undo `enable`; an engine that runs goes on."""
    from skafos_tui.cli import service

    home = find_home()
    found = service.disable(home)
    words = ["the engine does not come back after a reboot; one that runs goes on"]
    if found == service.SYSTEMD and service.lingers():
        words.append("your systemd still starts at boot, for other services: `loginctl disable-linger` ends that")
    if found is None:
        words = ["nothing brought the engine back after a reboot; so it stays"]
    return _print(args, asked(home) | {"enabled": None}, *words)


def _print(args: Namespace, answer: dict[str, Any], *lines: str) -> int:
    out = Output()
    if args.json:
        out.json(answer)
    else:
        out.lines([clean(line) for line in lines])
    return 0
