"""Every field of a project and its jobs under its key in the config, as text, and what differs between two of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from skafos_tui.config.written import (
    boolean_text,
    duration_text,
    list_text,
    mapping_text,
    memory_text,
    number_text,
    scalar_text,
)
from skafos_tui.model.project import AddOn, AlertRule, Job, Project, Resources

Plain = str | tuple[str, ...] | None
"""A text, or a list whose order means nothing; None where nothing is given."""
Value = Plain | Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs: its path in the config, its old and new text; None where nothing is given.

    Of a list of names also what was `added` and `removed`. An address of a webhook is shown by its host only: who knows
    the rest can write there.
    """

    key: str
    old: str | None
    new: str | None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def changes(old: Mapping[str, Value], new: Mapping[str, Value]) -> tuple[FieldChange, ...]:
    """What differs, in the order of the new one; what is only in the old one comes last."""
    found: list[FieldChange] = []
    for key in dict.fromkeys([*new, *old]):
        was, is_now = old.get(key), new.get(key)
        if isinstance(was, Mapping) and isinstance(is_now, Mapping):
            found += changes(_inner(key, was), _inner(key, is_now))
        elif isinstance(was, tuple) and isinstance(is_now, tuple):
            added = tuple(item for item in is_now if item not in was)
            removed = tuple(item for item in was if item not in is_now)
            if added or removed:
                found.append(FieldChange(key, _text(key, was), _text(key, is_now), added, removed))
        elif was != is_now:
            found.append(FieldChange(key, _text(key, was), _text(key, is_now)))
    return tuple(found)


def _inner(key: str, section: Mapping[str, Plain]) -> dict[str, Value]:
    return {f"{key}.{name}": text for name, text in section.items()}


def _text(key: str, value: Value) -> str | None:
    if isinstance(value, Mapping):
        return mapping_text({name: _written(f"{key}.{name}", plain) for name, plain in value.items()})
    if isinstance(value, tuple):
        return list_text(value) if value else None
    return None if value is None else _discreet(key, value)


def _written(key: str, value: Plain) -> str:
    return list_text(value) if isinstance(value, tuple) else scalar_text(_discreet(key, value or ""))


def _discreet(key: str, text: str) -> str:
    if not (key.startswith("notify.") and key.endswith(".webhook")):
        return text
    host = re.match(r"(https?://)(?:[^/@]*@)?([\w.-]*)", text, re.IGNORECASE)
    return f"{host[1]}{host[2]}/…" if host else "…"


def job_values(job: Job, names: Mapping[str, str]) -> dict[str, Value]:
    """A job's fields by their keys; `names` are the jobs by id, for the dependencies. Its id is no field."""
    return {
        "name": job.name,
        "language": job.language,
        "entrypoint": job.entrypoint,
        "schedule": job.schedule,
        "timezone": job.timezone,
        "parallelism": str(job.parallelism),
        "dependencies": tuple(names.get(job_id, job_id) for job_id in job.dependencies),
        **_amounts("resources.requests", job.requests),
        **_amounts("resources.limits", job.limits),
        **_variables("environment", job.environment),
        **_variables("parameters", job.parameters),
        "timeout": None if job.timeout_s is None else duration_text(job.timeout_s),
        "retries.limit": str(job.retries.limit),
        "retries.delay": duration_text(job.retries.delay_s),
        "retries.factor": number_text(job.retries.factor),
        "retries.max_delay": duration_text(job.retries.max_delay_s),
        "retries.exit_codes": tuple(map(str, sorted(job.retries.exit_codes))),
        "retries.lost": boolean_text(job.retries.lost),
        "overlap": job.overlap.value,
        "catchup": job.catchup.value,
        "image": job.image,
        "enabled": boolean_text(job.enabled),
    }


def project_values(project: Project, names: Mapping[str, str]) -> dict[str, Value]:
    """A project's own fields by their keys, its jobs left aside."""
    return {
        "project_token": project.token,
        "name": project.name,
        "image": project.image,
        "timezone": project.timezone,
        **_variables("environment", project.environment),
        **_sections("add-ons", ((add_on.name, _add_on(add_on)) for add_on in project.add_ons)),
        **_sections("alerts", ((_label(rule, names), _alert(rule, names)) for rule in project.alerts)),
        **_sections("notify", project.notify.items()),
    }


def _amounts(key: str, amounts: Resources) -> dict[str, Value]:
    return {
        f"{key}.cpu": None if amounts.cpu is None else number_text(amounts.cpu),
        f"{key}.memory": None if amounts.memory is None else memory_text(amounts.memory),
    }


def _variables(key: str, variables: Mapping[str, str]) -> dict[str, Value]:
    return {f"{key}.{name}": value for name, value in variables.items()}


def _sections(key: str, sections: Iterable[tuple[str, Mapping[str, Plain]]]) -> dict[str, Value]:
    """Sections by what they are called; the second of one name is called `NAME 2`."""
    found: dict[str, Value] = {}
    seen: Counter[str] = Counter()
    for label, section in sections:
        seen[label] += 1
        found[f"{key}.{label}" if seen[label] == 1 else f"{key}.{label} {seen[label]}"] = section
    return found


def _add_on(add_on: AddOn) -> dict[str, Plain]:
    return {"name": add_on.name, **add_on.settings}


def _label(rule: AlertRule, names: Mapping[str, str]) -> str:
    """What an alert is called: its name, else what it watches."""
    return rule.name or (rule.when if rule.job is None else f"{rule.when} of {names.get(rule.job, rule.job)}")


def _alert(rule: AlertRule, names: Mapping[str, str]) -> dict[str, Plain]:
    return {
        "when": rule.when,
        **({} if rule.job is None else {"job": names.get(rule.job, rule.job)}),
        **rule.settings,
        **({} if not rule.for_s else {"for": duration_text(rule.for_s)}),
        "severity": rule.severity,
        **({} if not rule.notify else {"notify": rule.notify}),
    }
