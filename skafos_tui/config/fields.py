"""The one table of the keys of `metis.config.yml`: reader, checks, schema, form and completion follow it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What stands behind a key."""

    TEXT = "text"
    TOKEN = "token"
    JOB_ID = "job id"
    CHOICE = "choice"
    ENTRYPOINT = "entrypoint"
    CRON = "schedule"
    TIMEZONE = "time zone"
    COUNT = "count"
    NUMBER = "number"
    CPU = "cpu"
    MEMORY = "memory"
    DURATION = "duration"
    BOOLEAN = "boolean"
    PATTERN = "pattern"
    TEXTS = "list of texts"
    COUNTS = "list of counts"
    VARIABLES = "variables"
    SECTION = "section"
    SECTIONS = "list of sections"
    NAMED_SECTIONS = "sections by name"
    NOTHING = "nothing"


class Field(NamedTuple):
    """One key.

    `default` as it would be written. `minimum` and `maximum` bound a count or number; `choices` a choice.
    `code` is the finding when the value won't do. `from_skafos`: Skafos had it too. `fields` are the keys inside a
    section, `shorthand` the kind a section may have instead of its keys (`retries: 3`).
    """

    key: str
    kind: Kind
    help: str
    required: bool = False
    default: str | None = None
    example: str | None = None
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int | None = None
    code: str = "wrong-type"
    from_skafos: bool = True
    fields: tuple[Field, ...] = ()
    shorthand: Kind | None = None

    @property
    def has_effect(self) -> bool:
        """Whether the key does anything here; an old key without effect is a warning."""
        return self.kind is not Kind.NOTHING


AMOUNTS = (
    Field("cpu", Kind.CPU, "Cores, above 0 up to 7; fractions allowed.", example="2", code="bad-quantity"),
    Field("memory", Kind.MEMORY, "Memory with Mi, Gi, M or G, above 0 up to 30Gi.", example="4Gi", code="bad-quantity"),
)

RESOURCES = (
    Field("requests", Kind.SECTION, "What must be free before an instance starts.", fields=AMOUNTS),
    Field("limits", Kind.SECTION, "What an instance can use at most; enforced.", fields=AMOUNTS),
)

RETRIES = (
    Field("limit", Kind.COUNT, "Further attempts after the first.", required=True, example="3", maximum=100),
    Field("delay", Kind.DURATION, "Wait before the first retry.", default="10s", code="bad-duration"),
    Field("factor", Kind.NUMBER, "Each wait is this many times the last.", default="2", minimum=1),
    Field("max_delay", Kind.DURATION, "No wait is longer.", default="10m", code="bad-duration"),
    Field("exit_codes", Kind.COUNTS, "Retry only these exit codes.", example="[75]", maximum=255),
    Field("lost", Kind.BOOLEAN, "Retry lost attempts too.", default="false"),
)

NO_EFFECT = (
    Field("use_cache", Kind.NOTHING, "Of old Skafos; without effect here."),
    Field("update_policy", Kind.NOTHING, "Of old Skafos; without effect here."),
    Field("max_runs", Kind.NOTHING, "Of old Skafos; without effect here."),
)

_ENVIRONMENT = Field(
    "environment", Kind.VARIABLES, "Variables of the job's environment: name and value.", example="{MODE: fast}"
)
_IMAGE = Field("image", Kind.TEXT, "The Docker image to build on.", default="python:3.12-slim", from_skafos=False)
_TIMEZONE = Field(
    "timezone",
    Kind.TIMEZONE,
    "Time zone of the schedules, such as Europe/Berlin.",
    default="UTC",
    code="bad-timezone",
    from_skafos=False,
)

JOB = (
    Field("job_id", Kind.JOB_ID, "The job's identity, a UUID; generated, never changed.", required=True),
    Field(
        "language",
        Kind.CHOICE,
        "The language of the job.",
        required=True,
        default="python",
        choices=("python",),
        code="bad-language",
    ),
    Field("name", Kind.TEXT, "What the job is called.", required=True, example="Train"),
    Field(
        "entrypoint",
        Kind.ENTRYPOINT,
        "A script, a notebook or a command; `|` means then.",
        required=True,
        example="train.py",
        code="bad-entrypoint",
    ),
    Field("schedule", Kind.CRON, "When it starts, as a 5-field crontab.", example='"0 9 * * *"', code="bad-cron"),
    Field("resources", Kind.SECTION, "CPU and memory of an instance.", fields=RESOURCES),
    Field(
        "parallelism",
        Kind.COUNT,
        "Instances that run in parallel.",
        default="1",
        minimum=1,
        maximum=10_000,
        code="bad-parallelism",
    ),
    Field("dependencies", Kind.TEXTS, "Ids of the jobs that must have succeeded before."),
    _ENVIRONMENT,
    _TIMEZONE,
    Field(
        "timeout",
        Kind.DURATION,
        "Ends an attempt that runs longer.",
        example="2h",
        code="bad-duration",
        from_skafos=False,
    ),
    Field(
        "retries",
        Kind.SECTION,
        "Further attempts after a failure or a timeout: a number, or a policy.",
        default="0",
        maximum=100,
        fields=RETRIES,
        shorthand=Kind.COUNT,
        from_skafos=False,
    ),
    Field(
        "overlap",
        Kind.CHOICE,
        "When the last one still runs.",
        default="skip",
        choices=("skip", "queue", "replace", "parallel"),
        from_skafos=False,
    ),
    Field(
        "catchup",
        Kind.CHOICE,
        "What happens to fire times missed.",
        default="latest",
        choices=("latest", "none", "all"),
        from_skafos=False,
    ),
    _IMAGE,
    Field(
        "parameters",
        Kind.VARIABLES,
        "Name and default of what a manual run asks for.",
        example="{DAYS: 7}",
        from_skafos=False,
    ),
    Field("enabled", Kind.BOOLEAN, "Whether it runs at all.", default="true", from_skafos=False),
    *NO_EFFECT,
)

SEVERITIES = ("info", "warning", "critical")
ALERT_KINDS = (
    "failure",
    "success",
    "duration",
    "missed",
    "log",
    "metric",
    "cpu",
    "memory",
    "lost",
    "config",
    "disk",
)
ALERT_NEEDS: dict[str, tuple[str, ...]] = {
    "duration": ("over",),
    "log": ("matches",),
    "metric": ("metric", "above|below"),
    "cpu": ("above",),
    "memory": ("above",),
    "disk": ("above",),
}
"""What each kind of alert needs besides `when`; a bar stands between keys of which one is enough."""

ALERT = (
    Field(
        "when", Kind.CHOICE, "What it watches.", required=True, choices=ALERT_KINDS, code="bad-alert", from_skafos=False
    ),
    Field("name", Kind.TEXT, "What the alert is called.", from_skafos=False),
    Field("job", Kind.TEXT, "Only this job: its id or name.", from_skafos=False),
    Field(
        "severity",
        Kind.CHOICE,
        "How much it matters.",
        default="warning",
        choices=SEVERITIES,
        code="bad-alert",
        from_skafos=False,
    ),
    Field("for", Kind.DURATION, "How long before it fires.", default="0s", code="bad-duration", from_skafos=False),
    Field("notify", Kind.TEXTS, "Channels it goes to, by name.", from_skafos=False),
    Field("over", Kind.DURATION, "Duration: longer than this.", code="bad-duration", from_skafos=False),
    Field("matches", Kind.PATTERN, "Log: a Python regular expression.", code="bad-alert", from_skafos=False),
    Field("metric", Kind.TEXT, "Metric: the name of the chart.", from_skafos=False),
    Field(
        "above", Kind.NUMBER, "Above this value; percent for cpu, memory, disk.", code="bad-alert", from_skafos=False
    ),
    Field("below", Kind.NUMBER, "Below this value.", code="bad-alert", from_skafos=False),
)

CHANNEL = (
    Field("webhook", Kind.TEXT, "An http(s) URL that gets JSON.", from_skafos=False),
    Field(
        "format",
        Kind.CHOICE,
        "Shape of the webhook's JSON.",
        default="json",
        choices=("json", "slack"),
        code="bad-alert",
        from_skafos=False,
    ),
    Field("email", Kind.TEXT, "An address.", from_skafos=False),
    Field("desktop", Kind.BOOLEAN, "A notification of the desktop.", from_skafos=False),
    Field("bell", Kind.BOOLEAN, "The terminal's bell.", from_skafos=False),
)

ADD_ON_NAMES = ("queue", "spark-cluster")
ADD_ON = (
    Field("name", Kind.CHOICE, "Which one.", required=True, choices=ADD_ON_NAMES, code="unknown-add-on"),
    Field(
        "engine",
        Kind.CHOICE,
        "Queue: what carries it.",
        default="embedded",
        choices=("embedded", "rabbitmq"),
        code="unknown-add-on",
        from_skafos=False,
    ),
    Field("image", Kind.TEXT, "Its Docker image.", from_skafos=False),
    Field("workers", Kind.COUNT, "Spark: workers of the cluster.", minimum=1, maximum=100, from_skafos=False),
    Field("cpu", Kind.CPU, "Cores it gets.", code="bad-quantity", from_skafos=False),
    Field("memory", Kind.MEMORY, "Memory it gets.", code="bad-quantity", from_skafos=False),
)

PROJECT = (
    Field(
        "project_token",
        Kind.TOKEN,
        "The project's identity: 24 hex characters (old ones: 32).",
        required=True,
        code="bad-token",
    ),
    Field("name", Kind.TEXT, "What the project is called.", required=True, example="my-project"),
    Field("jobs", Kind.SECTIONS, "The jobs.", required=True, fields=JOB),
    Field("add-ons", Kind.SECTIONS, "Services of the project.", fields=ADD_ON),
    _IMAGE,
    _TIMEZONE,
    _ENVIRONMENT,
    Field("alerts", Kind.SECTIONS, "When to tell whom.", fields=ALERT, from_skafos=False),
    Field("notify", Kind.NAMED_SECTIONS, "Channels by name.", fields=CHANNEL, from_skafos=False),
    *NO_EFFECT,
)

OLD_JOBS = "project_tasks"
OLD_JOB_ID = "project_task_id"

SYNONYMS = {
    "run": "entrypoint",
    "command": "entrypoint",
    "cmd": "entrypoint",
    "script": "entrypoint",
    "id": "job_id",
    "uuid": "job_id",
    "cron": "schedule",
    "depends_on": "dependencies",
    "deps": "dependencies",
    "needs": "dependencies",
    "requires": "dependencies",
    "lang": "language",
    "after": "dependencies",
    "env": "environment",
    "replicas": "parallelism",
    "instances": "parallelism",
    "tz": "timezone",
    "retry": "retries",
    "token": "project_token",
    "tasks": "jobs",
    "cpus": "cpu",
    "cores": "cpu",
    "mem": "memory",
    "ram": "memory",
}
"""What other tools call our keys."""


def by_key(fields: tuple[Field, ...]) -> dict[str, Field]:
    """The fields of a section by their keys, in the order of the table."""
    return {field.key: field for field in fields}


PROJECT_KEYS = by_key(PROJECT)
JOB_KEYS = by_key(JOB)
JOB_ONLY = frozenset(JOB_KEYS.keys() - PROJECT_KEYS.keys())
"""Keys that at the top level tell the flat form."""
