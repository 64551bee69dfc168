"""`skafos alerts`: what needs a person, newest first, read from the store; `alerts ack` takes notice of it."""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import (
    add_json,
    counted,
    engine_client,
    listed,
    open_project,
    open_store,
    refusals,
    wake_engine,
)
from skafos_tui.cli.errors import USAGE, CommandError
from skafos_tui.cli.output import FAINT, Output, clean
from skafos_tui.model.alert import IMAGE, OF_JOBS, Alert, AlertKind
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    import sqlite3

    from skafos_tui.store.projects import ProjectRow

STOPS_TOLD = 4
"""How many of the jobs that an alert stops are named."""


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `alerts`."""
    from argparse import SUPPRESS

    parser.add_argument("--all", action="store_true", help="resolved ones, too")
    parser.add_argument("--everywhere", action="store_true", help="of all projects")
    add_json(parser)
    parser.set_defaults(run=show)
    actions = parser.add_subparsers(metavar="ACTION", title="actions")
    text = "take notice: `ack 3`, or `ack all`; what happens again fires again"
    taking = actions.add_parser("ack", help=text, description=text)
    taking.add_argument("which", metavar="ID|all", nargs="+", type=alert_number, help="as `skafos alerts` lists them")
    taking.add_argument("--everywhere", action="store_true", default=SUPPRESS, help="all: of all projects")
    taking.add_argument("--project", metavar="DIR", default=SUPPRESS, help=SUPPRESS)
    add_json(taking, inner=True)
    taking.set_defaults(run=ack)


def alert_number(text: str) -> int | None:
    """An alert's id as people type it, None for `all`; for argparse."""
    if text == "all":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ArgumentTypeError(f"`{text}` is no alert: alerts are numbers, as `skafos alerts` lists them, or `all`")
    return int(text)


@dataclass(frozen=True, slots=True)
class Entry:
    """An alert of the list, with the command that goes on from it; `project` is the project's name."""

    alert: Alert
    project: str
    next: str


def show(args: Namespace) -> int:
    """List what is not resolved."""
    from skafos_tui.store.alerts import list_alerts

    home, out = find_home(), Output()
    token = _token(args, home)
    with open_store(home) as store:
        wake_engine(home, store)
        found = list_alerts(store, token, all_states=args.all) if store else []
        entries = _entries(store, found, args.everywhere) if store else []
    if args.json:
        out.json([_view(entry) for entry in entries])
    elif entries:
        _print(out, entries, args.everywhere)
    else:
        out.line("no alerts")
    return 0


def _token(args: Namespace, home: Home) -> str | None:
    """The project whose alerts are meant, None: all. A project without a token has only those of the engine."""
    return None if args.everywhere else open_project(args, home).token or ""


def ack(args: Namespace) -> int:
    """Take notice of alerts, by id or all at once."""
    from skafos_tui.api.asker import whoami

    home, out = find_home(), Output()
    wanted = None if None in args.which else list(dict.fromkeys(args.which))
    token = _token(args, home) if wanted is None else None
    known = _alerts(home, wanted)
    if wanted is not None and (missing := [str(number) for number in wanted if number not in known]):
        raise CommandError(f"there is no alert {listed(missing)}: skafos alerts lists them", USAGE)
    with refusals():
        taken = engine_client(home).ack(token, wanted, by=whoami())
    if args.json:
        out.json({"acknowledged": taken})
        return 0
    for number in wanted or taken:
        state = "acknowledged" if number in taken else f"{known[number].state.value} already"
        out.line(f"alert {number} is {state}")
    if wanted is None:
        out.line(f"{counted(len(taken), 'alert')} acknowledged" if taken else "nothing is firing")
    return 0


def _alerts(home: Home, wanted: list[int] | None) -> Mapping[int, Alert]:
    """Those of the alerts asked for that there are."""
    from skafos_tui.store.alerts import get_alert

    with open_store(home) as store:
        found = [get_alert(store, number) for number in wanted or ()] if store else []
        return {alert.id: alert for alert in found if alert is not None}


def _entries(store: sqlite3.Connection, found: list[Alert], everywhere: bool) -> list[Entry]:
    from skafos_tui.store.projects import list_projects

    rows = {row.token: row for row in list_projects(store)}
    return [_entry(alert, rows.get(alert.key.project), everywhere) for alert in found]


def _entry(alert: Alert, row: ProjectRow | None, everywhere: bool) -> Entry:
    return Entry(alert, row.name if row else "", next_command(alert, row if everywhere else None))


def next_command(alert: Alert, row: ProjectRow | None) -> str:
    """What a person types next; `row` is the project where another one may be in this directory."""
    import shlex

    key, cause = alert.key, alert.cause
    job = shlex.quote(clean(cause.name))
    if key.kind in (AlertKind.DISK, AlertKind.RUNNER):
        return "skafos doctor"
    if key.kind is AlertKind.DIRECTORY:
        return "skafos projects list"
    if key.kind is AlertKind.CONFIG:
        words = "deployments --plan" if key.subject == IMAGE else "validate"
    elif key.kind is AlertKind.MISSED:
        words = f"runs {job}"
    elif "could not start" in cause.what:
        words = f"show {cause.run_id}"  # there is no log
    else:
        words = f"logs {job} --run {cause.run_id}"
    return f"skafos --project {shlex.quote(row.directory)} {words}" if row and row.directory else f"skafos {words}"


def _evidence(alert: Alert) -> str:
    """The evidence, where it says more than the verdict has said."""
    verdict = alert.cause.what.rpartition(": ")[2]
    return clean(alert.cause.evidence.removesuffix(f"ended with {verdict}").rstrip(", "))


def _stops(alert: Alert) -> str:
    names = alert.cause.stops
    more = f" and {len(names) - STOPS_TOLD} more" if len(names) > STOPS_TOLD else ""
    return f"stops {', '.join(clean(name) for name in names[:STOPS_TOLD])}{more}" if names else ""


def _print(out: Output, entries: list[Entry], everywhere: bool) -> None:
    """A line for each alert, below it its evidence and the next command."""
    from skafos_tui.text.durations import relative
    from skafos_tui.text.tables import clip, draw_table

    now = time.time()
    head = ["id", "state", "severity", "when", "count", "job", "what"]
    table = []
    for entry in entries:
        alert = entry.alert
        when, job = relative(alert.last_at, now), clean(alert.cause.name)
        what = clean(alert.cause.what)
        table.append([str(alert.id), alert.state.value, alert.severity.value, when, str(alert.count), job, what])
    if everywhere:
        head.insert(1, "project")
        for cells, entry in zip(table, entries, strict=True):
            cells.insert(1, clean(entry.project))
    state = head.index("state")
    count = head.index("count")

    def paint(row: int, column: int, text: str) -> str:
        return out.state(text) if column == state else text

    first, *lines = draw_table(head, table, width=out.width, right={0, count}, paint=paint)
    out.line(out.paint(first, FAINT))
    for line, entry in zip(lines, entries, strict=True):
        out.line(line)
        reasons = [text for text in (_evidence(entry.alert), _stops(entry.alert)) if text]
        for text in ("; ".join(reasons), entry.next):
            if text:
                out.line(f"    {clip(text, out.width - 4) if out.width and text != entry.next else text}")


def _view(entry: Entry) -> dict[str, Any]:
    """An alert as JSON."""
    from skafos_tui.text.durations import rfc3339

    alert, cause = entry.alert, entry.alert.cause
    return {
        "id": alert.id,
        "project": alert.key.project or None,
        "kind": alert.key.kind.value,
        "state": alert.state.value,
        "severity": alert.severity.value,
        "job_id": alert.key.subject if alert.key.kind in OF_JOBS else None,
        "name": cause.name or None,
        "count": alert.count,
        "what": cause.what,
        "evidence": cause.evidence,
        "run": cause.run_id,
        "stops": list(cause.stops),
        "first_at": rfc3339(alert.first_at),
        "last_at": rfc3339(alert.last_at),
        "acknowledged_at": rfc3339(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
        "resolved_at": rfc3339(alert.resolved_at),
        "next": entry.next,
    }
