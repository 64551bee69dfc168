"""Activations for people and programs: what asked for another active deployment, what it changes, what became of it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import Any

from skafos_tui.cli.output import BOLD, Output, clean
from skafos_tui.cli.views import deployment_number
from skafos_tui.model.run import Activation, ActivationKind, ActivationState
from skafos_tui.text.durations import local_time, rfc3339

STYLES = {
    ActivationState.ACTIVE: "32",
    ActivationState.WAITING: "36",
    ActivationState.FAILED: "31",
    ActivationState.INVALID: "31",
}


def numbers(store: sqlite3.Connection, activation: Activation) -> tuple[int | None, int | None]:
    """The number of the deployment that was to become active, and of the one that was before."""
    wanted, previous = activation.deployment, activation.previous
    return (
        None if wanted is None else deployment_number(store, wanted),
        None if previous is None else deployment_number(store, previous),
    )


def plan_lines(activation: Activation, *, first_fires: bool = True) -> list[str]:
    """What an activation changes, and what keeps running as it is, one line each.

    `first_fires`: also when jobs fire that had no schedule before.
    """
    from skafos_tui.config.plan import Plan

    plan = Plan.from_json(activation.plan)
    if not first_fires:
        plan = replace(plan, moved=tuple(move for move in plan.moved if move.old_next is not None))
    # Its lines have been made safe for the terminal, and are aligned.
    lines = ["nothing changes in the config"] if plan.empty else plan.lines()
    return lines + keeps(activation)


def keeps(activation: Activation) -> list[str]:
    """What keeps running as it is, one line each."""
    return [clean(str(text)) for text in json.loads(activation.plan).get("keeps_running", ())]


def activation_view(store: sqlite3.Connection, activation: Activation) -> dict[str, Any]:
    """An activation as JSON."""
    deployment, previous = numbers(store, activation)
    return {
        "activation": activation.id,
        "project": activation.project,
        "kind": activation.kind.value,
        "state": activation.state.value,
        "deployment": deployment,
        "previous": previous,
        "requested_at": rfc3339(activation.requested_at),
        "decided_at": rfc3339(activation.decided_at),
        "plan": json.loads(activation.plan),
        "findings": list(activation.findings),
        "error": activation.error,
        "run": activation.run_id,
    }


def print_activation(out: Output, store: sqlite3.Connection, activation: Activation) -> None:
    """All that is known of an activation: kind, state, when, from where to where, findings, plan."""
    state = out.paint(activation.state.value, STYLES.get(activation.state))
    out.line(f"{out.paint(activation.kind.value, BOLD)} {state}  {local_time(activation.requested_at)}")
    out.line(f"  {_way(*numbers(store, activation), activation)}")
    if activation.error:
        out.line(f"  {clean(activation.error)}")
    if activation.findings:
        out.lines([f"  {clean(text)}" for text in activation.findings])
    elif activation.kind is not ActivationKind.UNDEPLOY:
        out.lines([f"  {line}" for line in plan_lines(activation)])
    if activation.run_id is not None:
        out.line(f"  run {activation.run_id} started with it")


def _way(deployment: int | None, previous: int | None, activation: Activation) -> str:
    """`deployment 13 -> 14`, or what stayed active."""
    if activation.state in (ActivationState.ACTIVE, ActivationState.WAITING):
        to = "none" if activation.kind is ActivationKind.UNDEPLOY else deployment or "a new one"
        return f"deployment {previous or 'none'} -> {to}"
    return f"deployment {previous} stayed active" if previous is not None else "nothing was active, and so it stayed"
