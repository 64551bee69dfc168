"""Why an attempt ended, with its evidence in one line; a pure rule over what the runner observed (SPEC 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SIGNAL_EXITS = {
    129: "SIGHUP",
    130: "SIGINT",
    131: "SIGQUIT",
    134: "SIGABRT",
    137: "SIGKILL",
    139: "SIGSEGV",
    143: "SIGTERM",
}
KILLED_EXITS = frozenset({137, 143})
DAEMON_EXITS = frozenset({137, 143, 255})
"""What a container shows after its daemon went away under it; none of them says that the user's code failed."""


class VerdictKind(StrEnum):
    """The kinds of SPEC 3; `exited` covers `exit 0` and `exit N`."""

    EXITED = "exited"
    OUT_OF_MEMORY = "out of memory"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    KILLED = "killed from outside"
    COULD_NOT_START = "could not start"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an attempt ended. `evidence` is one line; `warning` is one line on an attempt that succeeded all the same."""

    kind: VerdictKind
    exit_code: int | None = None
    evidence: str = ""
    warning: str | None = None

    @property
    def text(self) -> str:
        """The verdict in the words of SPEC 3: `exit 0`, `exit N`, `out of memory`, …"""
        return f"exit {self.exit_code}" if self.kind is VerdictKind.EXITED else self.kind.value

    @property
    def succeeded(self) -> bool:
        """Whether the attempt did what it was asked to."""
        return self.kind is VerdictKind.EXITED and self.exit_code == 0

    @property
    def line(self) -> str:
        """The verdict with its evidence, nothing said twice: `out of memory: limit 512Mi, …`, `exit 3`."""
        evidence = self.evidence.removesuffix(f"ended with {self.text}").rstrip(": ")
        return f"{self.text}: {evidence}" if evidence else self.text


class StopKind(StrEnum):
    """Why we ended an attempt ourselves."""

    CANCELLED = "cancelled"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Stop:
    """Our own decision to end an attempt, recorded before the first signal is sent; `detail`: by whom, or the limit."""

    kind: StopKind
    detail: str


@dataclass(frozen=True, slots=True)
class End:
    """What the runner found at the end of an attempt.

    `memory_limit` in bytes; `peak_memory` in bytes where it was measured; `daemon_restarted` says that the daemon
    went away while the attempt ran; `error` are the runner's own words.
    """

    exit_code: int | None
    out_of_memory: bool = False
    memory_limit: int | None = None
    peak_memory: int | None = None
    daemon_restarted: bool = False
    error: str = ""


def judge(end: End, stop: Stop | None = None) -> Verdict:
    """The verdict on an attempt that started and ended.

    Our own stop comes first. Exit 137 alone never means "out of memory": only the kernel's own mark does (DESIGN 4.7).
    """
    code = end.exit_code
    if code is None:
        return Verdict(VerdictKind.LOST, None, end.error or "the container is gone and its exit code with it")
    if code == 0 and stop is None:
        return Verdict(
            VerdictKind.EXITED, 0, "", "a child process was killed for memory" if end.out_of_memory else None
        )
    if stop is not None and stop.kind is StopKind.TIMEOUT:
        return Verdict(VerdictKind.TIMEOUT, code, f"limit {stop.detail}, ended with {describe_exit(code)}")
    if stop is not None:
        return Verdict(VerdictKind.CANCELLED, code, f"by {stop.detail}, ended with {describe_exit(code)}")
    if end.out_of_memory:
        peak = end.peak_memory if end.peak_memory is not None else end.memory_limit
        detail = f"limit {format_bytes(end.memory_limit)}, peak {format_bytes(peak)}"
        return Verdict(VerdictKind.OUT_OF_MEMORY, code, f"{detail}, ended with {describe_exit(code)}")
    if end.daemon_restarted and code in DAEMON_EXITS:
        reason = end.error or "the Docker daemon restarted under it"
        return Verdict(VerdictKind.LOST, code, f"{reason} ({describe_exit(code)})")
    if code in KILLED_EXITS:
        return Verdict(VerdictKind.KILLED, code, f"{describe_exit(code)}, not sent by Skafos")
    return Verdict(VerdictKind.EXITED, code, f"ended with {describe_exit(code)}")


def describe_exit(code: int) -> str:
    """`exit 3`, or `exit 143 (SIGTERM)` where shells use the code for a signal."""
    name = SIGNAL_EXITS.get(code)
    return f"exit {code} ({name})" if name else f"exit {code}"


def format_bytes(amount: int | None) -> str:
    """Bytes as people write them in a config: `512Mi`, `2.0Gi`; `?` where unknown."""
    if amount is None:
        return "?"
    if amount >= 1 << 30:
        return f"{amount / (1 << 30):.1f}Gi"
    if amount >= 1 << 20:
        return f"{amount / (1 << 20):.0f}Mi"
    return f"{amount / 1024:.0f}Ki"
