"""The JSON Schema says what the validator says, as far as a schema can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from config_samples import broken, errors, read, top, train
from jsonschema import Draft202012Validator

from skafos_tui.config.fields import JOB, PROJECT
from skafos_tui.config.schema import schema

REAL = sorted((Path(__file__).parents[2] / "data" / "real-configs").glob("*.yml"))
VALIDATOR = Draft202012Validator(schema())
BEYOND = {"duplicate-key", "duplicate-id"}
"""Errors about two places at once: no schema sees them."""


class _AsEditors(yaml.SafeLoader):
    """Reads values as editors do, but a time like 10:30 or a date stays a text."""


_AsEditors.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp",))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _valid(text: str) -> bool:
    value: Any = yaml.load(text, Loader=_AsEditors)
    return VALIDATOR.is_valid(value)


def test_the_schema_is_a_schema_and_has_every_key() -> None:
    Draft202012Validator.check_schema(schema())
    properties = schema()["properties"]
    assert {field.key for field in PROJECT} <= properties.keys()
    assert {field.key for field in JOB} == schema()["$defs"]["job"]["properties"].keys()
    assert all(field.help.endswith(".") for field in (*PROJECT, *JOB))


@pytest.mark.parametrize(
    "path", [p for p in REAL if not p.name.startswith(("broken", "template"))], ids=lambda p: p.name
)
def test_schema_and_validator_agree_on_the_real_files(path: Path) -> None:
    text = path.read_text()
    assert _valid(text) == (not errors(read(text)).keys() - BEYOND)


@pytest.mark.parametrize(
    "text",
    [
        train("parallelism: 0"),
        train("parallelism: two"),
        train("resources: {limits: {memory: 2gb}}"),
        train("resources: {limits: {cpu: 0}}"),
        train("timeout: soon"),
        train("overlap: sometimes"),
        train("retries: {delay: 5s}"),
        train("schedule: '@daily'"),
        broken("language: python", "language: R"),
        broken("    name: Train\n", ""),
        top("alerts: [{when: explosion}]"),
        top("add-ons: [{name: kafka}]"),
        top("timezone: [1]"),
        train("schedule:", "retries: 3", "timeout: 1h30m", "environment: [A: 1]", "enabled: yes"),
        train("resources: {limits: {cpu: 0.5, memory: 1.5Gi}}", "colour: blue"),
        train("retries: {limit: 3, delay: 5s, exit_codes: [75], lost: true}"),
    ],
)
def test_schema_and_validator_agree_on_values(text: str) -> None:
    assert _valid(text) == (not errors(read(text)))
