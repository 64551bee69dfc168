"""`skafos deploy`, `rollback`, `undeploy`: which deployment the schedules use."""

from __future__ import annotations

import sqlite3
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import (
    RUNNERS,
    add_json,
    counted,
    known_token,
    open_project,
    open_store,
    tell_runner,
    valid_project,
)
from skafos_tui.cli.errors import FAILED, INTERRUPTED, CommandError
from skafos_tui.cli.output import Output, clean, remark
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    from skafos_tui.api.client import EngineClient
    from skafos_tui.cli.fires import Timetable
    from skafos_tui.model.run import Activation

SHOWN_SCHEDULES = 12
"""Of more only a count: `skafos next` lists them."""
LAST_LINES = 20
"""Of the log of an image step that failed."""


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `deploy`, `rollback` and `undeploy`."""
    add_json(parser)
    if command == "deploy":
        parser.add_argument("--no-run", action="store_true", help="only activate; start nothing now")
        parser.add_argument("--runner", choices=RUNNERS, help="where the project's jobs run from now on")
        parser.add_argument("--detach", action="store_true", help="don't wait until it is active")
        parser.set_defaults(run=deploy)
    elif command == "rollback":
        help_text = "its number, as `skafos deployments` lists it"
        parser.add_argument("number", metavar="ID", type=deployment_id, help=help_text)
        parser.set_defaults(run=rollback)
    else:
        parser.set_defaults(run=undeploy)


def deployment_id(text: str) -> int:
    """A deployment's number as people type it, for argparse."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ArgumentTypeError(f"`{text}` is no deployment: they are numbers, as `skafos deployments` lists them")
    return int(text)


def deploy(args: Namespace) -> int:
    """Snapshot the working tree, wait for its image, and say what its schedules do from now on."""
    home = find_home()
    opened = open_project(args, home)
    valid_project(opened)

    def start(engine: EngineClient, request_id: str) -> dict[str, Any]:
        return engine.deploy(str(opened.directory), request_id, run=not args.no_run, runner=args.runner)

    answer, activation = ask(args, home, start, detach=args.detach)
    if activation is None:
        return INTERRUPTED
    if args.detach and activation.state == "waiting" and not args.json:
        _say_detached(Output(), answer)
        return 0
    then = ""
    if activation.run_id is not None:
        then = f"run {activation.run_id} started: skafos logs -f --run {activation.run_id}"
    elif not args.no_run:
        then = "nothing to start now: every job has a schedule or dependencies"
    return _report(args, home, answer, activation, then)


def rollback(args: Namespace) -> int:
    """Make an earlier deployment the active one."""
    home = find_home()
    token = known_token(open_project(args, home), home)

    def start(engine: EngineClient, request_id: str) -> dict[str, Any]:
        return engine.rollback(token, args.number, request_id)

    answer, activation = ask(args, home, start)
    if activation is None:
        return INTERRUPTED
    then = "your files are as they were: the next save of the config acts like a deploy"
    return _report(args, home, answer, activation, then)


def undeploy(args: Namespace) -> int:
    """Turn all schedules off; runs go on."""
    from skafos_tui.model.run import RunState
    from skafos_tui.store.runs import list_runs
    from skafos_tui.store.schedules import list_schedules

    home = find_home()
    token = known_token(open_project(args, home), home)
    with open_store(home) as store:
        stopped = len(list_schedules(store, token)) if store else 0
    answer, activation = ask(args, home, lambda engine, request_id: engine.undeploy(token, request_id))
    if activation is None:
        return INTERRUPTED
    with open_store(home) as store:
        assert store is not None
        if args.json:
            return _print_json(args, store, answer, activation)
        from skafos_tui.cli.activations import numbers

        _, previous = numbers(store, activation)
        going = list_runs(store, token, states=(RunState.QUEUED, RunState.RUNNING))
    out = Output()
    what = f"deployment {previous} is no longer active" if previous else "what waited to become active is dropped"
    out.line(f"{what}: {counted(stopped, 'schedule')} stopped")
    if len(going) == 1:
        out.line(f"1 unfinished run goes on: skafos ps shows it, skafos kill {going[0].id} ends it")
    elif going:
        out.line(f"{len(going)} unfinished runs go on: skafos ps shows them, skafos kill RUN ends one")
    again = "skafos deploy" + (f", or skafos rollback {previous}," if previous else "")
    out.line(f"{again} turns schedules on again")
    return 0


def ask(args: Namespace, home: Home, start: Any, *, detach: bool = False) -> tuple[dict[str, Any], Activation | None]:
    """Ask the engine for an activation and wait until it is decided: its answer, and what became of it.

    None where the waiting was interrupted, which has been said. Raises CommandError where it did not become active.
    """
    from skafos_tui.cli.run import trigger

    try:
        answer = trigger(home, start)
    except KeyboardInterrupt:
        remark("interrupted before the engine had answered; `skafos deployments --plan` shows what it did")
        return {}, None
    tell_runner(home, str(answer["project"]))
    for warning in answer.get("warnings") or ():
        remark(f"warning: {warning}")
    try:
        with open_store(home) as store:
            assert store is not None
            activation = await_activation(home, store, int(answer["activation"]), quiet=args.json, detach=detach)
            refuse_inactive(args, home, store, answer, activation)
    except KeyboardInterrupt:
        remark(
            f"deployment {answer['deployment']} goes on in the background and becomes active once its image is there:"
            " skafos deployments shows how it stands"
        )
        return answer, None
    return answer, activation


def await_activation(
    home: Home, store: sqlite3.Connection, activation_id: int, *, quiet: bool, detach: bool = False
) -> Activation:
    """The activation once it is decided (`detach`: as it is), its image step shown meanwhile unless `quiet`."""
    from skafos_tui.cli.follow import POLL_S, EngineWatch
    from skafos_tui.cli.image_step import ImageStep
    from skafos_tui.model.run import ActivationState
    from skafos_tui.store.activations import get_activation
    from skafos_tui.store.projects import get_deployment

    out = Output()
    step, watch = ImageStep(home, out), EngineWatch(home)
    try:
        while True:
            # The decision first: the image step that led to it is over then, and its last lines are there.
            activation = get_activation(store, activation_id)
            if activation is None:
                raise CommandError("the project was forgotten meanwhile", FAILED)
            if not quiet and activation.deployment is not None:
                step.show(get_deployment(store, activation.deployment), time.monotonic())
                out.flush()
            if detach or activation.state is not ActivationState.WAITING:
                return activation
            watch.look(time.monotonic())
            time.sleep(POLL_S)
    finally:
        out.clear_progress()
        out.flush()


def refuse_inactive(
    args: Namespace, home: Home, store: sqlite3.Connection, answer: dict[str, Any], activation: Activation
) -> None:
    """End the command where the activation has failed, or something else came first. Raises CommandError."""
    from skafos_tui.cli.activations import numbers
    from skafos_tui.model.run import ActivationState

    if activation.state in (ActivationState.ACTIVE, ActivationState.WAITING):
        return
    if args.json:
        _print_json(args, store, answer, activation)
    number, previous = numbers(store, activation)
    error = clean(activation.error)
    if activation.run_id is not None:
        remark(f"run {activation.run_id}, which was to start with it: skafos show {activation.run_id}")
    if activation.state is ActivationState.SUPERSEDED:
        raise CommandError(f"deployment {number} did not become active: {error}; skafos deployments shows it", FAILED)
    stays = f"deployment {previous} stays active" if previous else "nothing is active"
    if previous == number:
        stays = "it stays active"
    raise CommandError(f"deployment {number} could not be built: {error}; {stays}", FAILED)


def _report(args: Namespace, home: Home, answer: dict[str, Any], activation: Activation, then: str) -> int:
    """What is active now and when its schedules fire, then what follows from it; 0."""
    with open_store(home) as store:
        assert store is not None
        if args.json:
            return _print_json(args, store, answer, activation)
        out = Output()
        print_outcome(out, store, activation)
        timetable = print_schedules(out, store, activation)
        if then:
            out.line(then)
        out.flush()
        warn_of_stillness(home, timetable)
    return 0


def _print_json(args: Namespace, store: sqlite3.Connection, answer: dict[str, Any], activation: Activation) -> int:
    from skafos_tui.cli.activations import activation_view
    from skafos_tui.cli.fires import active_timetable, fire_view, next_fires, now_utc
    from skafos_tui.store.projects import get_project

    timetable = active_timetable(store, activation.project)
    fires = next_fires(timetable.scheduled(), now_utc()) if timetable else []
    row = get_project(store, activation.project)
    Output().json(
        {
            **activation_view(store, activation),
            "runner": row.runner if row else None,
            "warnings": list(answer.get("warnings") or ()),
            "schedules": [fire_view(fire, timetable) for fire in fires if timetable],
        }
    )
    return 0


def _say_detached(out: Output, answer: dict[str, Any]) -> None:
    out.line(f"deployment {answer['deployment']} becomes active once its image is there: skafos deployments shows it")
    if answer.get("run") is not None:
        out.line(f"run {answer['run']} starts with it: skafos logs -f --run {answer['run']}")


def print_outcome(out: Output, store: sqlite3.Connection, activation: Activation) -> None:
    """Which deployment is active now, which was before, and what that changes."""
    from skafos_tui.cli.activations import numbers, plan_lines

    number, previous = numbers(store, activation)
    if previous is None:
        was = ""
    elif previous == number:
        was = ", as it was before"
    else:
        was = f"; it was {previous}"
    out.line(out.paint(f"deployment {number} is active{was}", "32"))
    if previous != number:
        out.lines([f"  {line}" for line in plan_lines(activation, first_fires=False)])


def print_schedules(out: Output, store: sqlite3.Connection, activation: Activation) -> Timetable | None:
    """The schedules of what is active now with their next fire; None where there are none."""
    from skafos_tui.cli.fires import active_timetable, fire_lines, next_fires, now_utc

    timetable = active_timetable(store, activation.project)
    if timetable is None or not timetable.scheduled():
        return None
    now = now_utc()
    fires = next_fires(timetable.scheduled(), now)
    out.line(f"{counted(len(fires), 'schedule')}, next:")
    out.lines([f"  {line}" for line in fire_lines(fires[:SHOWN_SCHEDULES], now, timetable)])
    if len(fires) > SHOWN_SCHEDULES:
        out.line(f"  … and {len(fires) - SHOWN_SCHEDULES} more: skafos next")
    return timetable


def warn_of_stillness(home: Home, timetable: Timetable | None) -> None:
    """Say what keeps schedules from firing now, or after a reboot."""
    from skafos_tui.cli.service import comes_back

    if timetable is None:
        return
    if timetable.problem:
        remark(timetable.problem)
    if timetable.paused_at is not None:
        remark("all schedules are paused: skafos resume")
    if comes_back(home) is None:
        remark("nothing brings the engine back after a reboot: skafos engine enable")
