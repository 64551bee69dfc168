"""Reading a value by the kind its row in the table of keys names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from skafos_tui.config.entrypoint import split_entrypoint
from skafos_tui.config.fields import Field, Kind
from skafos_tui.config.nodes import LIST, MAP, QUOTED, SCALAR, Node
from skafos_tui.config.places import short
from skafos_tui.config.quantities import (
    BadValue,
    read_boolean,
    read_count,
    read_cpu,
    read_duration,
    read_memory,
    read_number,
)
from skafos_tui.config.reading import Options, Reading, inside_smart_quotes, is_token
from skafos_tui.config.sections import Section, kind_name
from skafos_tui.model.diagnostic import Edit, Fix

Reader = Callable[[str], Any]
_NUMERIC = frozenset([Kind.COUNT, Kind.NUMBER, Kind.CPU])
_PLAIN_NUMBER = r"[0-9]+(?:\.[0-9]+)?"


def reader_of(field: Field, options: Options) -> Reader:
    """The function from a text to the value of this field; it raises BadValue."""
    kind = field.kind if field.shorthand is None else field.shorthand
    if kind is Kind.CPU:
        return lambda text: read_cpu(text, options.max_cpu)
    if kind is Kind.MEMORY:
        return lambda text: read_memory(text, options.max_memory)
    if kind in (Kind.COUNT, Kind.COUNTS):
        maximum = field.maximum if field.maximum is not None else 10_000
        return lambda text: read_count(text, field.code, field.key, field.minimum, maximum)
    if kind is Kind.NUMBER:
        return lambda text: _number(field, text)
    if kind is Kind.DURATION:
        zero = field.default == "0s" or field.key in ("delay", "max_delay")
        return lambda text: read_duration(text, zero=zero)
    if kind is Kind.BOOLEAN:
        return lambda text: read_boolean(text, field.key)
    if kind is Kind.CHOICE:
        return lambda text: _choice(field, text)
    if kind is Kind.PATTERN:
        return lambda text: _pattern(field, text)
    if kind is Kind.TOKEN:
        return _token
    if kind is Kind.ENTRYPOINT:
        return split_entrypoint
    return lambda text: _text(field, text)


def _text(field: Field, text: str) -> str:
    stripped = text.strip()
    if not stripped:
        example = f", such as {field.example}" if field.example else ""
        raise BadValue("missing-key", f"`{field.key}` is empty; it needs a text{example}")
    if "\0" in stripped:
        raise BadValue(field.code, f"`{short(text)}` won't do: {field.key} can't hold a NUL character; remove it")
    if field.key == "image" and len(stripped.split()) > 1:
        raise BadValue(field.code, f"`{short(text)}` is no image; write its name without spaces")
    return stripped


def _token(text: str) -> str:
    if not is_token(text):
        message = f"`{short(text)}` is no project token; it has 24 hex characters (0-9, a-f), old ones 32"
        raise BadValue("bad-token", message)
    return text


def _number(field: Field, text: str) -> float:
    number = read_number(text, field.code, field.key)
    if field.minimum and number < field.minimum:
        raise BadValue(field.code, f"`{short(text)}` won't do: {field.key} must be at least {field.minimum}")
    return number


def _choice(field: Field, text: str) -> str:
    if text in field.choices:
        return text
    from skafos_tui.config.spelling import nearest

    better = nearest(text, field.choices, {"python3": "python", "py": "python", "spark": "spark-cluster"})
    hint = f"; did you mean `{better}`?" if better else ""
    words = ", ".join(field.choices)
    one = "must be" if len(field.choices) == 1 else "must be one of"
    message = f"`{short(text)}` won't do: {field.key} {one} {words}{hint}"
    raise BadValue(field.code, message, better=better)


def _pattern(field: Field, text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        message = f"{field.key} is no Python regular expression: {short(str(error))}"
        raise BadValue(field.code, message) from error
    return text


def read_scalar(reading: Reading, field: Field, node: Node, reader: Reader) -> Any:
    """The value of a scalar; None, with a finding, where it won't do."""
    if node.kind != SCALAR:
        example = f" such as {field.example or field.default}" if field.example or field.default else ""
        message = f"`{field.key}` must be one value{example}, not {kind_name(node)}"
        reading.error("wrong-type", message, node)
        return None
    numeric = field.kind in _NUMERIC
    try:
        value = reader(node.text)
    except BadValue as bad:
        reading.bad_value(node, bad, reader, numeric=numeric)
        return None
    if numeric and node.style in QUOTED:
        warn_quoted(reading, field.key, node)
    return value


def warn_quoted(reading: Reading, key: str, node: Node) -> None:
    """Warn about a number in quotes; the fix takes them away."""
    fix = None
    if re.fullmatch(_PLAIN_NUMBER, node.text):
        fix = Fix("Remove the quotes", (Edit(node.start, node.end, node.text),))
    reading.warning("quoted-number", f"{key} is a number: write {short(node.text)} without quotes", node, fix)


def read_texts(reading: Reading, field: Field, node: Node) -> list[tuple[str, Node]]:
    """The texts of a list with their nodes; of one text in its place (a finding with a fix) those it names."""
    if node.kind == SCALAR:
        return _listed(reading, field, node)
    if node.kind == MAP:
        reading.error("wrong-type", f"`{field.key}` must be a list, not a mapping; write [first, second]", node)
        return []
    found = []
    for item in node.items:
        if item.kind != SCALAR:
            reading.error("wrong-type", f"each of `{field.key}` must be a text, not {kind_name(item)}", item)
        elif not item.is_null:
            found.append((item.text, item))
    return found


def _listed(reading: Reading, field: Field, node: Node) -> list[tuple[str, Node]]:
    """One text where a list belongs: what it names, separated by commas, each at its own place."""
    base = reading.base(node)
    inner = inside_smart_quotes(node)
    text = node.text if inner is None else inner
    offset = 0 if inner is None else 1
    found: list[tuple[str, Node]] = []
    for match in re.finditer(r"[^\s,](?:[^,]*[^\s,])?", text):
        start, end = node.start, node.end
        if base is not None:
            start, end = base + offset + match.start(), base + offset + match.end()
        # Already inside a list to come: nothing but the list itself is offered as a fix there.
        found.append((match.group(), Node(match.group(), start, end, "alias")))
    fix = None
    plain = all('"' not in name and "\\" not in name and name.isprintable() for name, _ in found)
    if node.style in ("", *QUOTED) and plain:
        if len(found) == 1 and node.style in QUOTED and found[0][0] == node.text:
            written = f"[{reading.text[node.start : node.end]}]"
        else:
            written = "[" + ", ".join(f'"{name}"' for name, _ in found) + "]"
        fix = Fix("Make it a list", (Edit(node.start, node.end, written),))
    reading.error("wrong-type", f"`{field.key}` must be a list, not a text; write [{short(text)}]", node, fix)
    return found


def read_counts(reading: Reading, field: Field, node: Node, reader: Reader) -> list[int]:
    """The integers of a list, or of one in its place (a finding with a fix)."""
    items = node.items
    if node.kind == SCALAR:
        written = f"[{reading.text[node.start : node.end]}]"
        fix = None
        if node.style in ("", *QUOTED):
            fix = Fix("Make it a list", (Edit(node.start, node.end, written),))
        reading.error("wrong-type", f"`{field.key}` must be a list; write [{short(node.text)}]", node, fix)
        items = [node]
    elif node.kind == MAP:
        reading.error("wrong-type", f"`{field.key}` must be a list, not a mapping; write [1, 2]", node)
    found = (read_scalar(reading, field, item, reader) for item in items if not item.is_null)
    return [number for number in found if number is not None]


def read_variables(reading: Reading, field: Field, node: Node) -> dict[str, str]:
    """Names and values from a mapping, or from the older list of one-key mappings."""
    found: dict[str, str] = {}
    parts = [node]
    if node.kind == LIST:
        parts = [item for item in node.items if not item.is_null]
    for part in parts:
        if part.kind != MAP:
            message = f"`{field.key}` holds names and values: write NAME: value, not {kind_name(part)}"
            reading.error("wrong-type", message, part, _assignment(reading, part) if part is not node else None)
            continue
        for key, (name, value) in Section(reading, part, {}, field.key).entries.items():
            if value.kind != SCALAR:
                message = f"the value of `{short(key)}` must be a text, not {kind_name(value)}"
                reading.error("wrong-type", message, value)
            elif not key or "=" in key or not key.isprintable():
                message = f"`{short(key)}` can't name a variable; use letters, digits and underscores"
                reading.error("wrong-type", message, name)
            elif "\0" in value.text:
                reading.error("wrong-type", f"the value of `{short(key)}` can't hold a NUL character", value)
            elif not value.is_null or field.key == "parameters":
                found[key] = "" if value.is_null else value.text
    return found


def _assignment(reading: Reading, node: Node) -> Fix | None:
    """The fix of `NAME=value` in a list of variables."""
    match = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)=([^\"\\\n]*)", node.text) if node.kind == SCALAR else None
    if match is None or reading.base(node) is None:
        return None
    return Fix(f"Write `{match[1]}: …`", (Edit(node.start, node.end, f'{match[1]}: "{match[2]}"'),))
