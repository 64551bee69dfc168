"""The protocol every runner keeps: how one attempt is created, started at most once, watched, ended, removed."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from skafos_tui.model.metrics import Sample
from skafos_tui.model.project import Resources, Segment

LABEL_ENGINE = "skafos.engine"
LABEL_PROJECT = "skafos.project"
LABEL_RUN = "skafos.run"
LABEL_JOB = "skafos.job"
LABEL_INSTANCE = "skafos.instance"
LABEL_ATTEMPT = "skafos.attempt"
LABEL_DEPLOYMENT = "skafos.deployment"
LABEL_SPEC = "skafos.spec"
LABEL_NAME = "skafos.name"
"""The attempt's name, which its container keeps when somebody renames it."""
LABEL_DEBUG = "skafos.debug"
"""On what was made for a debug shell, in place of the engine's label: it is no attempt. The engine's id."""
DEBUG_PREFIX = "skafos-debug-"
"""Begins the name of what was made for a debug shell; the attempt's name follows."""


class RunnerError(Exception):
    """The base of what a runner reports; the message is one line for people."""


class RunnerUnreachable(RunnerError):
    """The runner (the Docker daemon) doesn't answer: nothing is known, everything may still be running."""


class CouldNotStart(RunnerError):
    """This attempt will never start; the message holds the runner's own words."""


class BuildFailed(RunnerError):
    """An image can't be made; the message names the step and the reason, its log has the rest."""


class BaseImageMissing(BuildFailed):
    """The base image is neither present nor can it be pulled; the message names the command that helps."""


class LogDamaged(RunnerError):
    """Parts of a log can't be read; all that could be was handed on. The message holds the runner's words."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A directory of the host in the attempt; `target` is an absolute path."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class AttemptSpec:
    """All that decides what an attempt does. `cpu` in cores, `memory` in bytes, both enforced limits."""

    name: str
    labels: Mapping[str, str]
    image: str
    segments: tuple[Segment, ...]
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    cpu: float
    memory: int
    network: str = "bridge"
    pids: int = 4096

    def digest(self) -> str:
        """A hash over everything but the values of secrets' mounts; it goes into the label `skafos.spec`."""
        content = {
            "labels": dict(self.labels),
            "image": self.image,
            "segments": [segment.text for segment in self.segments],
            "environment": dict(self.environment),
            "mounts": [[str(m.source), m.target, m.read_only] for m in self.mounts],
            "cpu": self.cpu,
            "memory": self.memory,
            "network": self.network,
            "pids": self.pids,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


class Phase(StrEnum):
    """Where a container stands; the runner maps its own states to these."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Observation:
    """What the runner knows of an attempt right now. Times are Unix seconds of the runner's clock.

    `daemon_restarted` is True where the runner can tell that its daemon went away while this attempt ran; `log_cut`
    where it ended while the daemon was away, so that nobody took up what it printed last.
    `error` are the runner's words about a container that could not be started.
    """

    name: str
    phase: Phase
    labels: Mapping[str, str]
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    out_of_memory: bool = False
    daemon_restarted: bool = False
    log_cut: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunnerEvent:
    """A hint that something happened to an attempt; the truth is in `inspect`. `name` "" means: look at all of them."""

    name: str
    action: str


@dataclass(frozen=True, slots=True)
class RunnerInfo:
    """What `engine status` and `doctor` show of a runner; `capacity` is what admission may hand out."""

    kind: str
    version: str
    capacity: Resources
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What an image is made of.

    `base` None means the default of SPEC 4. `requirements` are the lines to install, `skafossdk` already taken out,
    None where there is no file. `code` is a gzipped tar of the project's files, `code_digest` its content hash.
    """

    project: str
    base: str | None
    requirements: bytes | None
    code: Path
    code_digest: str


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that attempts can be created from; `packages` is its `pip freeze`."""

    reference: str
    packages: str


@dataclass(frozen=True, slots=True)
class Door:
    """A shell in an attempt: the program that opens it on the terminal it is run on, and the variables it needs.

    `command` is what a person could type instead; empty where there is no such command.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    command: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """All that a runner knows of an attempt, in its own words; `processes` are rows, the first one their names."""

    inspect: Mapping[str, Any]
    processes: tuple[tuple[str, ...], ...] = ()


LogSink = Callable[[bytes], None]
"""Takes complete log lines in the format of DESIGN 5, `<RFC 3339 ns> <stdout|stderr> <F|P> <text>\\n`, many at a time.

It is called on the reading thread and may block: that is the back-pressure.
"""

StatsSink = Callable[[Sample], None]
"""Takes one sample; called on the reading thread, and quick."""

Progress = Callable[[str], None]
"""Takes one line of a build's log, without its newline; called on any thread."""


class Runner(Protocol):
    """One way to run attempts. Methods are awaited on the engine's loop and don't block it, but those that `read_`.

    All of them raise RunnerUnreachable when the daemon doesn't answer.
    """

    kind: str

    async def info(self) -> RunnerInfo:
        """What this runner is and how much it may hand out."""
        ...

    async def build(self, request: ImageRequest, progress: Progress) -> BuiltImage:
        """Make the image, or find it; cancelling the awaiting task ends the work. Raises BuildFailed."""
        ...

    async def has_image(self, reference: str) -> bool:
        """Whether the image is there."""
        ...

    async def drop_image(self, reference: str) -> None:
        """Remove an image that nothing will be created from; nothing happens where it is in use or gone."""
        ...

    async def create(self, spec: AttemptSpec) -> None:
        """Create the container, not started. One of that name with the same labels and hash is adopted.

        Raises CouldNotStart: a foreign container has the name, the image is gone, a mount is refused.
        """
        ...

    async def start(self, name: str) -> None:
        """Start the container if it was never started; else do nothing. Raises CouldNotStart."""
        ...

    async def inspect(self, name: str) -> Observation | None:
        """The attempt as it is; None where there is none."""
        ...

    async def list_attempts(self, engine: str) -> Mapping[str, Phase]:
        """All attempts with this engine's label, by name."""
        ...

    async def signal(self, name: str, signal: str) -> None:
        """Send `SIGTERM` or `SIGKILL` to the user's own process; nothing happens where it has ended."""
        ...

    async def remove(self, name: str) -> None:
        """Remove the container; nothing happens where there is none."""
        ...

    def events(self, engine: str) -> AsyncIterator[RunnerEvent]:
        """Hints as they come; ends, or raises RunnerUnreachable, when the connection is lost."""
        ...

    def read_logs(self, name: str, *, since: str | None, follow: bool, sink: LogSink, stop: threading.Event) -> None:
        """Hand the attempt's log to `sink`; blocks its thread until the end of the stream, or soon after `stop` is set.

        `since` is `<seconds>.<9 digits>`, inclusive. With `follow` it goes on while the container runs; the end of
        the stream is not the end of the job, nor of the log: read once more without `follow`, `since` the last line
        kept. Raises RunnerUnreachable (also when the connection broke before the end of the log), LogDamaged after the
        last line; a container that is gone has an empty log.
        """
        ...

    def read_stats(self, name: str, sink: StatsSink, stop: threading.Event) -> None:
        """Hand a sample of the running attempt to `sink` every second; blocks its thread.

        Returns once the attempt has ended or is gone, or within two seconds after `stop` is set. Raises
        RunnerUnreachable, also when the connection broke: then the attempt may go on unseen.
        """
        ...

    async def close(self) -> None:
        """End all connections and threads."""
        ...


@runtime_checkable
class Enterable(Protocol):
    """A runner whose attempts can be entered and looked into. Everything raises RunnerUnreachable."""

    async def shell(self, name: str, prompt: str) -> Door:
        """The way into an attempt that runs. Raises RunnerError where it doesn't."""
        ...

    async def debug_shell(self, spec: AttemptSpec, prompt: str) -> Door:
        """Make again what an ended attempt ran in, without its job, and tell the way in; `spec` is named for it.

        It is gone when the shell ends; whoever died before opening it leaves what `end_debug` removes. Raises
        CouldNotStart, also while another shell is open there.
        """
        ...

    async def end_debug(self, name: str) -> None:
        """Remove what was made for a debug shell; nothing happens where there is none."""
        ...

    async def look(self, name: str) -> Look | None:
        """All that is known of an attempt; None where there is none."""
        ...
