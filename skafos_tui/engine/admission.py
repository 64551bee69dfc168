"""Which wanted attempts start now: the sum of running requests must fit the machine (SPEC 3); a pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from skafos_tui.engine.planner import Want
from skafos_tui.model.project import Job, Resources
from skafos_tui.model.verdict import format_bytes

DEFAULT_CPU = 0.5
DEFAULT_MEMORY = 256 * 1024 * 1024
"""What a job asks for that has neither requests nor limits."""
HEAD_PATIENCE_S = 60.0
"""After this long nothing passes the head of the queue."""
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Request:
    """What one instance asks for, already clamped to the machine: `cpu` in cores, `memory` in bytes."""

    cpu: float
    memory: int


@dataclass(frozen=True, slots=True)
class Held:
    """The request of an open attempt, and whose it is."""

    job_name: str
    request: Request


@dataclass(frozen=True, slots=True)
class Admission:
    """The wants that may start, in their order, and for each of the others why not yet."""

    admitted: tuple[Want, ...]
    reasons: Mapping[Want, str]


def request_of(job: Job, capacity: Resources) -> Request:
    """A job's request: `requests`, else its `limits`, else the default; a request above the machine is clamped."""
    assert capacity.cpu is not None
    assert capacity.memory is not None
    cpu = job.requests.cpu or job.limits.cpu or DEFAULT_CPU
    memory = job.requests.memory or job.limits.memory or DEFAULT_MEMORY
    return Request(min(cpu, capacity.cpu), min(memory, capacity.memory))


def limits_of(job: Job, capacity: Resources) -> Request:
    """What the cgroup enforces: the job's limits, at most the machine, which is also the limit of a job without."""
    assert capacity.cpu is not None
    assert capacity.memory is not None
    return Request(
        min(job.limits.cpu or capacity.cpu, capacity.cpu), min(job.limits.memory or capacity.memory, capacity.memory)
    )


def clamp_warning(job: Job, capacity: Resources) -> str | None:
    """One line where the job asks for more than the machine has."""
    assert capacity.cpu is not None
    assert capacity.memory is not None
    cpu = max(job.requests.cpu or 0, job.limits.cpu or 0)
    memory = max(job.requests.memory or 0, job.limits.memory or 0)
    parts = []
    if cpu > capacity.cpu:
        parts.append(f"asks for {cpu:g} cpu, runs with {capacity.cpu:g}")
    if memory > capacity.memory:
        parts.append(f"asks for {format_bytes(memory)} memory, runs with {format_bytes(capacity.memory)}")
    return "; ".join(parts) or None


def admit(
    wants: Sequence[Want], held: Sequence[Held], capacity: Resources, request: Callable[[Want], Request], now: float
) -> Admission:
    """Hand out the free part of the machine: first in, first out; smaller ones may pass a head younger than a minute.

    `wants` in any order; retries whose `ready_at` lies in the future are left alone, without a reason. That of a first
    attempt is only its place in the queue: it may lie in the future where the clock was set back.
    """
    assert capacity.cpu is not None
    assert capacity.memory is not None
    free_cpu = capacity.cpu - sum(item.request.cpu for item in held)
    free_memory = capacity.memory - sum(item.request.memory for item in held)
    holders = [item.job_name for item in held]
    admitted: list[Want] = []
    reasons: dict[Want, str] = {}
    head: Want | None = None
    ready = [want for want in wants if want.number == 1 or want.ready_at <= now]
    for want in sorted(ready, key=lambda w: (w.ready_at, w.run_id, w.position, w.instance)):
        asked = request(want)
        fits = asked.cpu <= free_cpu + ROUNDING and asked.memory <= free_memory
        if fits and (head is None or now - head.ready_at < HEAD_PATIENCE_S):
            admitted.append(want)
            free_cpu -= asked.cpu
            free_memory -= asked.memory
            holders.append(want.job_name)
        elif fits and head is not None:
            reasons[want] = f"{head.job_name} has waited a minute and goes first"
        else:
            head = head or want
            reasons[want] = _shortage(asked, free_cpu, free_memory, holders)
    return Admission(tuple(admitted), reasons)


def _shortage(asked: Request, free_cpu: float, free_memory: int, holders: Sequence[str]) -> str:
    short = []
    if asked.cpu > free_cpu + ROUNDING:
        short.append(f"{asked.cpu:g} cpu ({max(free_cpu, 0):g} free)")
    if asked.memory > free_memory:
        short.append(f"{format_bytes(asked.memory)} memory ({format_bytes(max(free_memory, 0))} free)")
    names = list(dict.fromkeys(holders))
    told = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"needs {' and '.join(short)}, {told} {'has' if len(names) == 1 else 'have'} it"
