"""System metrics: what one look at a running attempt says of its use of the machine (SPEC 8)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at an attempt at the instant `at` (Unix seconds).

    `cpu_s` are the processor seconds used since its start; `received`, `sent` (network), `read`, `written` (block
    devices) are bytes since its start, None where the runner can't tell. They only grow, so a sample that is missing
    loses a detail and no amount. `memory` and `memory_limit` are bytes, without what the kernel would give back at
    once; `processes` counts threads, as `docker stats` does.
    """

    at: float
    cpu_s: float
    memory: int
    memory_limit: int
    processes: int
    received: int | None = None
    sent: int | None = None
    read: int | None = None
    written: int | None = None
