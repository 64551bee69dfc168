"""The JSON Schema of `metis.config.yml`, made from the table of keys; editors complete and check with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skafos_tui.config.fields import JOB, JOB_ONLY, OLD_JOB_ID, OLD_JOBS, PROJECT, Field, Kind

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number", "boolean"]}
"""Editors read a token of digits as a number; we read every scalar as the text that stands there."""
_NUMBER_TEXT = r"^(?:[0-9]+\.?[0-9]*|\.[0-9]+)$"
_PATTERNS = {
    Kind.TOKEN: r"^(?:[0-9a-fA-F]{24}|[0-9a-fA-F]{32})$",
    Kind.MEMORY: r"^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:Mi|Gi|M|G)$",
    Kind.DURATION: r"^(?:0|(?:[0-9]+(?:\.[0-9]+)?[dhms])+)$",
    Kind.CRON: r"^\s*\S+(?:\s+\S+){4}\s*$",
}


def schema() -> Schema:
    """The whole schema (draft 2020-12).

    What is a warning to `validate` (unknown keys, ids that are no UUIDs) is valid here, too; a key without a value
    counts as not given. Rules between keys (dependencies, cycles, limits below requests) are `validate`'s alone.
    """
    job = _section(JOB)
    old_job = {
        "type": "object",
        "properties": {**job["properties"], OLD_JOB_ID: {"type": "string", "deprecated": True}},
        "required": [key for key in job["required"] if key != "job_id"],
    }
    project = _section(PROJECT)
    properties = project["properties"]
    properties["jobs"] = _or_null({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/old_job"}})
    properties[OLD_JOBS] = {
        **_or_null({"type": "array", "items": {"$ref": "#/$defs/old_job"}}),
        "deprecated": True,
        "description": "The older name of `jobs`.",
    }
    flat = {key: {**value, "deprecated": True} for key, value in job["properties"].items() if key in JOB_ONLY}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "metis.config.yml",
        "description": "A Skafos project: its jobs, what they need, and when they run.",
        "type": "object",
        "properties": {**flat, **properties},
        "required": ["project_token", "name"],
        "anyOf": [
            {"required": ["jobs"]},
            {"required": [OLD_JOBS]},
            {"required": ["language", "entrypoint"]},
        ],
        "$defs": {"job": job, "old_job": {**old_job, "anyOf": [{"required": ["job_id"]}, {"required": [OLD_JOB_ID]}]}},
    }


def _section(fields: Sequence[Field]) -> Schema:
    found: Schema = {"type": "object", "properties": {field.key: _described(field) for field in fields}}
    required = [field.key for field in fields if field.required]
    if required:
        found["required"] = required
    return found


def _described(field: Field) -> Schema:
    value = _value(field)
    if not field.required:
        value = _or_null(value)
    value["description"] = field.help
    if field.default is not None:
        value["default"] = _typed(field, field.default)
    if not field.has_effect:
        value["deprecated"] = True
    return value


def _typed(field: Field, text: str) -> Any:
    if field.kind is Kind.BOOLEAN:
        return text == "true"
    if field.kind in (Kind.COUNT, Kind.NUMBER) or field.shorthand is Kind.COUNT:
        return int(text)
    return text


def _or_null(value: Schema) -> Schema:
    if value.keys() == {"type"} and isinstance(value["type"], str):
        return {"type": [value["type"], "null"]}
    return {"anyOf": [value, {"type": "null"}]} if value else {}


def _value(field: Field) -> Schema:
    kind = field.kind
    if kind is Kind.SECTION:
        section = _section(field.fields)
        return section if field.shorthand is None else {"anyOf": [_count(field), section]}
    if kind is Kind.SECTIONS:
        return {"type": "array", "items": _section(field.fields)}
    if kind is Kind.NAMED_SECTIONS:
        return {"type": "object", "additionalProperties": _section(field.fields)}
    if kind is Kind.VARIABLES:
        texts = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
        return {"anyOf": [texts, {"type": "array", "items": texts}]}
    if kind is Kind.TEXTS:
        return {"type": "array", "items": dict(_TEXT)}
    if kind is Kind.COUNTS:
        return {"type": "array", "items": _count(field)}
    if kind is Kind.COUNT:
        return _count(field)
    if kind is Kind.CPU:
        amount = {"type": "number", "exclusiveMinimum": 0}
        return {"anyOf": [amount, {"type": "string", "pattern": _NUMBER_TEXT}]}
    if kind is Kind.NUMBER:
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _NUMBER_TEXT}]}
    if kind is Kind.BOOLEAN:
        return {"enum": [True, False, "yes", "no", "on", "off"]}
    if kind is Kind.CHOICE:
        return {"enum": list(field.choices)}
    if kind in _PATTERNS:
        # A pattern binds strings only: a token of digits, read as a number by the editor, passes.
        return {"type": ["string", "number"], "pattern": _PATTERNS[kind]}
    return dict(_TEXT) if kind is not Kind.NOTHING else {}


def _count(field: Field) -> Schema:
    number: Schema = {"type": "integer", "minimum": field.minimum}
    if field.maximum is not None:
        number["maximum"] = field.maximum
    return {"anyOf": [number, {"type": "string", "pattern": "^(?:0|[1-9][0-9]*)$"}]}
