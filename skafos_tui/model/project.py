"""A project and its jobs as the config describes them, in the units the rest of the program uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

NO_TEXT: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Resources:
    """Amounts of a machine: `cpu` in cores, `memory` in bytes; None where nothing was said."""

    cpu: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed attempt is tried again (SPEC 3).

    `limit` further attempts follow the first one; the n-th waits `delay_s * factor**(n-1)` seconds, at most
    `max_delay_s`. With `exit_codes` only those are retried; `lost` attempts only if `lost` says so.
    """

    limit: int = 0
    delay_s: float = 10.0
    factor: float = 2.0
    max_delay_s: float = 600.0
    exit_codes: frozenset[int] = frozenset()
    lost: bool = False


class SegmentKind(StrEnum):
    """How a segment of an entrypoint is run."""

    SCRIPT = "script"
    NOTEBOOK = "notebook"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of an entrypoint.

    `text` as written, stripped. For a script or notebook `path` is the file, relative to the project root with
    forward slashes, and `arguments` are the words after it; a command is left to a shell.
    """

    kind: SegmentKind
    text: str
    path: str | None = None
    arguments: tuple[str, ...] = ()


class Overlap(StrEnum):
    """What happens when a job's next task would start while the last one still runs."""

    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"
    PARALLEL = "parallel"


class Catchup(StrEnum):
    """What happens to slots missed while the engine was down."""

    LATEST = "latest"
    NONE = "none"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Job:
    """One step of a pipeline, complete with its defaults."""

    id: str
    name: str
    entrypoint: str
    segments: tuple[Segment, ...]
    language: str = "python"
    schedule: str | None = None
    timezone: str = "UTC"
    dependencies: tuple[str, ...] = ()
    parallelism: int = 1
    requests: Resources = Resources()
    limits: Resources = Resources()
    environment: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)
    parameters: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)
    timeout_s: float | None = None
    retries: RetryPolicy = RetryPolicy()
    overlap: Overlap = Overlap.SKIP
    catchup: Catchup = Catchup.LATEST
    image: str | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class AddOn:
    """A service that belongs to the project, `queue` or `spark-cluster`, with its further settings as text."""

    name: str
    settings: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One user-defined alert; `settings` holds the keys of its `when` as text (SPEC 8)."""

    when: str
    name: str | None = None
    job: str | None = None
    severity: str = "warning"
    for_s: float = 0.0
    notify: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)


@dataclass(frozen=True, slots=True)
class Project:
    """A whole config, checked; `jobs` in the order of the file."""

    token: str
    name: str
    jobs: tuple[Job, ...]
    image: str | None = None
    timezone: str = "UTC"
    environment: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)
    alerts: tuple[AlertRule, ...] = ()
    notify: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    add_ons: tuple[AddOn, ...] = ()

    def job(self, job_id: str) -> Job:
        """The job with this id; KeyError where there is none."""
        for job in self.jobs:
            if job.id == job_id:
                return job
        raise KeyError(job_id)

    def find(self, text: str) -> tuple[Job, ...]:
        """The jobs a person may mean by `text`: the one with this id, else those with this name."""
        by_id = tuple(job for job in self.jobs if job.id == text)
        return by_id or tuple(job for job in self.jobs if job.name == text)
