"""The alerts of a project, the channels they go to, and its add-ons."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from skafos_tui.config.fields import ADD_ON, ALERT, ALERT_NEEDS, CHANNEL, PROJECT_KEYS, Field, Kind, by_key
from skafos_tui.config.nodes import LIST, MAP, SCALAR, Node
from skafos_tui.config.places import short
from skafos_tui.config.reading import Reading
from skafos_tui.config.sections import Section, kind_name
from skafos_tui.config.values import read_scalar, read_texts, reader_of
from skafos_tui.model.diagnostic import Edit, Fix, Severity
from skafos_tui.model.project import AddOn, AlertRule

_ALERT = by_key(ALERT)
_CHANNEL = by_key(CHANNEL)
_ADD_ON = by_key(ADD_ON)
_OWN_KEYS = {
    "duration": ("over",),
    "log": ("matches",),
    "metric": ("metric", "above", "below"),
    "cpu": ("above",),
    "memory": ("above",),
    "disk": ("above",),
}
_SETTINGS = ("over", "matches", "metric", "above", "below")
_PERCENT = ("cpu", "memory", "disk")
_ADD_ON_KEYS = {
    "queue": ("name", "engine", "image", "cpu", "memory"),
    "spark-cluster": ("name", "workers", "image", "cpu", "memory"),
}
_KINDS_OF_CHANNEL = ("webhook", "email", "desktop", "bell")
_URL = re.compile(r"https?://[^\s/]+\S*\Z", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\Z")


def _mappings(reading: Reading, field: Field, node: Node, example: str) -> list[Node]:
    """The mappings of a list; findings for anything else."""
    if node.kind != LIST:
        message = f"`{field.key}` must be a list, not {kind_name(node)}; write - {example}"
        reading.error("wrong-type", message, node, _named(field, node, listed=True))
        return []
    found = []
    for item in node.items:
        if item.kind == MAP:
            found.append(item)
        elif not item.is_null:
            message = f"each of `{field.key}` must be a mapping such as {{{example}}}, not {kind_name(item)}"
            reading.error("wrong-type", message, item, _named(field, item, listed=False))
    return found


def _named(field: Field, node: Node, *, listed: bool) -> Fix | None:
    """The fix of an add-on that is nothing but its name, `listed`: where the list belongs."""
    if field.key != "add-ons" or node.style == "alias" or node.text not in _ADD_ON["name"].choices:
        return None
    written = f"[{{name: {node.text}}}]" if listed else f"{{name: {node.text}}}"
    return Fix(f"Write `name: {node.text}`", (Edit(node.start, node.end, written),))


def _values(reading: Reading, section: Section) -> dict[str, Any]:
    """The values of a section of scalars and lists of texts, with its unknown keys reported."""
    unknown = section.unknown()
    section.adopt_misspelt(unknown)
    values: dict[str, Any] = {}
    for key, row in section.known.items():
        node = section.value(key)
        if node is not None:
            values[key] = _value(reading, row, node)
    offered = []
    for key, (_, node) in section.renames.items():
        if section.known[key].required and key not in section.adopted and not node.is_null:
            continue
        with reading.aside() as found:
            if not node.is_null and not section.known[key].required:
                _value(reading, section.known[key], node)
        if not any(item.severity is Severity.ERROR for item in found):
            offered.append(key)
    section.report_unknown(unknown, offered)
    return values


def _value(reading: Reading, row: Field, node: Node) -> Any:
    if row.kind is Kind.TEXTS:
        return [name for name, _ in read_texts(reading, row, node)]
    return read_scalar(reading, row, node, reader_of(row, reading.options))


def read_alerts(reading: Reading, node: Node, jobs: Collection[str]) -> tuple[AlertRule, ...]:
    """The alert rules; `jobs` are the ids and names a rule may be about."""
    items = _mappings(reading, PROJECT_KEYS["alerts"], node, "when: failure")
    return tuple(_alert(reading, item, jobs) for item in items)


def _alert(reading: Reading, node: Node, jobs: Collection[str]) -> AlertRule:
    section = Section(reading, node, _ALERT, "this alert")
    values = _values(reading, section)
    when = values.get("when")
    if section.value("when") is None:
        message = f"`when` is missing in this alert; write one of {', '.join(_ALERT['when'].choices)}"
        reading.error("bad-alert", message, node.pairs[0][0] if node.pairs else node)
    elif when is not None:
        _check_needs(reading, section, when, values)
    job = section.value("job")
    if job is not None and job.kind == SCALAR and job.text.strip() not in jobs:
        reading.error("bad-alert", f"`{short(job.text)}` is no job of this project; write its id or name", job)
    settings = {
        key: given.text for key in _SETTINGS if (given := section.value(key)) is not None and given.kind == SCALAR
    }
    return AlertRule(
        when=when or "",
        name=values.get("name"),
        job=values.get("job"),
        severity=values.get("severity") or "warning",
        for_s=values.get("for") or 0.0,
        notify=tuple(values.get("notify") or ()),
        settings=settings,
    )


def _check_needs(reading: Reading, section: Section, when: str, values: dict[str, Any]) -> None:
    place = section.value("when")
    assert place is not None
    for need in ALERT_NEEDS.get(when, ()):
        if not any(section.value(key) is not None for key in need.split("|")):
            wanted = " or ".join(f"`{key}`" for key in need.split("|"))
            reading.error("bad-alert", f"an alert on {when} needs {wanted}", place)
    own = _OWN_KEYS.get(when, ())
    for key in _SETTINGS:
        if key in section.entries and key not in own:
            message = f"`{key}` has no effect in an alert on {when}; it belongs to {_users_of(key)}"
            reading.warning("misplaced-key", message, section.entries[key][0])
    above, given = values.get("above"), section.value("above")
    if when in _PERCENT and above is not None and given is not None and not 0 < above <= 100:
        message = f"above {short(given.text)} won't do: for {when} it is in percent, above 0 and at most 100"
        reading.error("bad-alert", message, given)


def _users_of(key: str) -> str:
    return ", ".join(when for when, keys in _OWN_KEYS.items() if key in keys)


def read_channels(reading: Reading, node: Node) -> dict[str, dict[str, str]]:
    """The channels by name, their settings as text."""
    if node.kind != MAP:
        message = f"`notify` names channels: write team: {{webhook: https://…}}, not {kind_name(node)}"
        reading.error("wrong-type", message, node)
        return {}
    found: dict[str, dict[str, str]] = {}
    for name, (_, value) in Section(reading, node, {}, "notify").entries.items():
        if value.kind == MAP:
            found[name] = _channel(reading, name, value)
        else:
            message = f"channel `{short(name)}` must be a mapping such as {{bell: true}}, not {kind_name(value)}"
            reading.error("wrong-type", message, value)
    return found


def _channel(reading: Reading, name: str, node: Node) -> dict[str, str]:
    section = Section(reading, node, _CHANNEL, f"channel `{short(name)}`")
    command = section.entries.pop("command", None)
    if command is not None:
        message = "a project never runs commands on this machine; define the channel in your own settings"
        reading.error("bad-alert", message, command[0])
    _values(reading, section)
    given = [key for key in _KINDS_OF_CHANNEL if section.value(key) is not None]
    if not given and command is None:
        message = f"channel `{short(name)}` goes nowhere; give it one of {', '.join(_KINDS_OF_CHANNEL)}"
        reading.error("bad-alert", message, node)
    for key, pattern, example in (("webhook", _URL, "https://example.org/hook"), ("email", _ADDRESS, "a@b.org")):
        value = section.value(key)
        if value is not None and value.kind == SCALAR and value.text.strip() and not pattern.match(value.text):
            fix = None
            reading.error("bad-alert", f"`{short(value.text)}` is no {key}; write {example}", value, fix)
    entries = ((key, value) for key, (_, value) in section.entries.items() if key in _CHANNEL)
    return {key: value.text for key, value in entries if value.kind == SCALAR and not value.is_null}


def read_add_ons(reading: Reading, node: Node) -> tuple[AddOn, ...]:
    """The add-ons, each with its further settings as text."""
    found = []
    for item in _mappings(reading, PROJECT_KEYS["add-ons"], node, "name: queue"):
        section = Section(reading, item, _ADD_ON, "this add-on")
        values = _values(reading, section)
        if section.value("name") is None:
            section.missing("name", f"write one of {', '.join(_ADD_ON['name'].choices)}")
        name = values.get("name")
        settings = {}
        for key, (place, value) in section.entries.items():
            if key not in _ADD_ON or key == "name" or value.kind != SCALAR or value.is_null:
                continue
            settings[key] = value.text
            if name is not None and key not in _ADD_ON_KEYS[name]:
                reading.warning("misplaced-key", f"`{key}` has no effect on the add-on {name}; remove it", place)
        found.append(AddOn(name or "", settings))
    return tuple(found)
