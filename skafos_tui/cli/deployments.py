"""`skafos deployments`: what was deployed, what is active, and what the last change did; read from the store."""

from __future__ import annotations

import sqlite3
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import add_json, known_token, open_project, open_store, wake_engine
from skafos_tui.cli.output import FAINT, Output, clean
from skafos_tui.model.run import Activation, ActivationState, DeploymentState
from skafos_tui.store.home import find_home
from skafos_tui.text.durations import local_time, rfc3339

if TYPE_CHECKING:
    from skafos_tui.store.deployment_list import DeploymentRow
    from skafos_tui.store.projects import ProjectRow

STATE_COLUMN = 1


def configure(command: str, parser: ArgumentParser) -> None:
    """The arguments of `deployments`."""
    from skafos_tui.cli.history import positive

    parser.add_argument("--plan", action="store_true", help="the last change: what it does, or what is wrong with it")
    parser.add_argument("-n", dest="limit", metavar="N", type=positive, default=20, help="how many (default: 20)")
    add_json(parser)
    parser.set_defaults(run=deployments)


def deployments(args: Namespace) -> int:
    """List the deployments, or show the last change."""
    from skafos_tui.store.activations import list_activations
    from skafos_tui.store.deployment_list import deployment_rows
    from skafos_tui.store.projects import get_project

    home = find_home()
    token = known_token(open_project(args, home), home)
    out = Output()
    with open_store(home) as store:
        assert store is not None
        wake_engine(home, store)
        row = get_project(store, token)
        assert row is not None
        changes = list_activations(store, token)
        if args.plan:
            return _show_plan(args, out, store, changes)
        rows = [(each, _changed(each)) for each in deployment_rows(store, row, args.limit)]
        if args.json:
            out.json([row_view(*each) for each in rows])
            return 0
        out.lines([out.paint(text, "33") for text in standing(store, row, changes)])
        _print(out, rows)
    return 0


def _show_plan(args: Namespace, out: Output, store: sqlite3.Connection, changes: list[Activation]) -> int:
    from skafos_tui.cli.activations import activation_view, print_activation

    if args.json:
        out.json(activation_view(store, changes[0]) if changes else None)
    elif changes:
        print_activation(out, store, changes[0])
    else:
        out.line("nothing was deployed yet: skafos deploy")
    return 0


def _changed(row: DeploymentRow) -> str:
    from skafos_tui.store.deployment_list import what_changed

    return what_changed(row.before, row.deployment, time.time())


def row_view(row: DeploymentRow, changed: str) -> dict[str, Any]:
    """A deployment as JSON; `changed` is what differs from the one before."""
    each = row.deployment
    return {
        "deployment": each.number,
        "state": each.state.value,
        "active": row.active,
        "waiting": row.waiting,
        "made_by": row.made_by,
        "changed": changed,
        "created_at": rfc3339(each.created_at),
        "ready_at": rfc3339(each.ready_at),
        "collected_at": rfc3339(each.collected_at),
        "error": each.error,
        "config_digest": each.config_digest,
        "code_digest": each.code_digest,
        "packages": sum(1 for line in each.packages.splitlines() if line.strip()),
    }


def standing(store: sqlite3.Connection, row: ProjectRow, changes: list[Activation]) -> list[str]:
    """What one has to know before reading the list: nothing active, paused, standing still, or edited in vain."""
    from skafos_tui.store.projects import get_deployment

    texts = []
    if row.active is None:
        texts.append("nothing is active, no schedule fires: skafos deploy")
    if row.problem:
        texts.append(clean(row.problem))
    texts += list(_pauses(store, row))
    last = changes[0] if changes else None
    active = get_deployment(store, row.active) if row.active is not None else None
    stays = f"; deployment {active.number} stays active" if active else ""
    if last is not None and last.state is ActivationState.INVALID:
        texts.append(f"the config saved {_when(last)} is invalid{stays}: skafos deployments --plan")
    elif last is not None and last.state is ActivationState.FAILED:
        texts.append(f"the {last.kind.value} of {_when(last)} failed{stays}: {clean(last.error)}")
    return texts


def _pauses(store: sqlite3.Connection, row: ProjectRow) -> Iterable[str]:
    from skafos_tui.cli.fires import active_timetable

    timetable = active_timetable(store, row.token)
    if row.paused_at is not None:
        yield f"all schedules are paused since {local_time(row.paused_at)}: skafos resume"
    elif timetable is not None:
        for job in timetable.paused():
            yield f"{clean(job.name)} is paused since {local_time(timetable.paused_since(job))}: skafos resume"


def _when(activation: Activation) -> str:
    return local_time(activation.requested_at)


def _print(out: Output, rows: list[tuple[DeploymentRow, str]]) -> None:
    from skafos_tui.store.projects import KEPT_DEPLOYMENTS

    table = []
    for row, words in rows:
        each = row.deployment
        mark = "active" if row.active else "waiting" if row.waiting else ""
        state = "given up" if each.collected_at is not None else each.state.value
        error = clean(each.error) if each.state is DeploymentState.FAILED else ""
        changed = clean(words) + (f"; {error}" if error else "")
        table.append((str(each.number), state, mark, local_time(each.created_at), row.made_by, changed))
    out.table(("deployment", "state", "", "made", "by", "changed"), table, right={0}, state=STATE_COLUMN)
    rule = (
        f"The newest {KEPT_DEPLOYMENTS}, the active one and those of unfinished runs are kept;"
        " older ones give up files and image."
    )
    out.line(out.paint(rule, FAINT))
