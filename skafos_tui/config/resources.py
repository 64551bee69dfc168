"""The resources of a job: requests and limits, their order, and what stands beside them."""

from __future__ import annotations

from typing import Any

from skafos_tui.config.fields import AMOUNTS, JOB_KEYS, Field, by_key
from skafos_tui.config.nodes import MAP, Node
from skafos_tui.config.places import short
from skafos_tui.config.quantities import GI, BadValue
from skafos_tui.config.reading import Reading
from skafos_tui.config.sections import Section, kind_name
from skafos_tui.config.values import Reader, read_scalar, reader_of
from skafos_tui.model.diagnostic import Edit, Fix
from skafos_tui.model.project import Resources

_SECTION = by_key(JOB_KEYS["resources"].fields)
_AMOUNTS = by_key(AMOUNTS)


class ResourceReader:
    """Reads the resources of any number of jobs under the same options."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._readers: dict[str, Reader] = {f.key: reader_of(f, reading.options) for f in AMOUNTS}

    def read(self, node: Node) -> tuple[Resources, Resources]:
        """Requests (default: the limits) and limits; findings for what won't do."""
        reading = self._reading
        if node.kind != MAP:
            message = f"`resources` must be a mapping with limits or requests, not {kind_name(node)}"
            reading.error("wrong-type", message, node)
            return Resources(), Resources()
        section = Section(reading, node, _SECTION, "resources")
        requests, limits = self._amounts(section, "requests"), self._amounts(section, "limits")
        unknown = section.unknown()
        if unknown:
            beside = [pair for pair in unknown if pair[0].text in _AMOUNTS]
            self._misplaced(section, beside, requests, limits)
            others = [pair for pair in unknown if pair[0].text not in _AMOUNTS]
            section.adopt_misspelt(others)
            offered = [key for key, pair in section.renames.items() if self._is_fine(pair[1])]
            section.report_unknown(others, offered)
        self._check_order(requests, limits)
        self._check_machine(limits or requests)
        cpu, memory = self._value(limits, "cpu"), self._value(limits, "memory")
        wanted = Resources(self._value(requests, "cpu", cpu), self._value(requests, "memory", memory))
        return wanted, Resources(cpu, memory)

    def _amounts(self, section: Section, key: str) -> dict[str, tuple[Any, Node]]:
        node = section.value(key)
        if node is None:
            return {}
        if node.kind != MAP:
            message = f"`{key}` must be a mapping such as {{cpu: 1, memory: 2Gi}}, not {kind_name(node)}"
            self._reading.error("wrong-type", message, node)
            return {}
        amounts = Section(self._reading, node, _AMOUNTS, key)
        found: dict[str, tuple[Any, Node]] = {}
        for name, field in _AMOUNTS.items():
            given = amounts.value(name)
            if given is not None:
                amount = read_scalar(self._reading, field, given, self._readers[name])
                if amount is not None:
                    found[name] = (amount, given)
        unknown = amounts.unknown()
        if unknown:
            amounts.adopt_misspelt(unknown)
            offered = [
                key for key, (_, value) in amounts.renames.items() if self._amount(_AMOUNTS[key], value) is not None
            ]
            amounts.report_unknown(unknown, offered)
        return found

    def _amount(self, field: Field, node: Node) -> Any:
        """The amount a scalar holds, without a finding; None where it won't do."""
        try:
            return self._readers[field.key](node.text) if node.kind != MAP else None
        except BadValue:
            return None

    def _is_fine(self, node: Node) -> bool:
        """Whether a mapping under a misspelt `limits` or `requests` holds amounts without a fault."""
        with self._reading.aside() as found:
            if node.kind != MAP:
                return False
            inner = Section(self._reading, node, _AMOUNTS, "limits")
            amounts = [(key, inner.value(key)) for key in _AMOUNTS]
            good = all(value is None or self._amount(_AMOUNTS[key], value) is not None for key, value in amounts)
            return good and not found

    @staticmethod
    def _value(amounts: dict[str, tuple[Any, Node]], key: str, otherwise: Any = None) -> Any:
        return amounts[key][0] if key in amounts else otherwise

    def _check_order(self, requests: dict[str, tuple[Any, Node]], limits: dict[str, tuple[Any, Node]]) -> None:
        for key in _AMOUNTS:
            if key in requests and key in limits and limits[key][0] < requests[key][0]:
                wanted, limit = requests[key][1], limits[key][1]
                message = (
                    f"the {key} limit {short(limit.text)} is below the request {short(wanted.text)}; "
                    "raise the limit or lower the request"
                )
                self._reading.error("limit-below-request", message, limit)

    def _check_machine(self, amounts: dict[str, tuple[Any, Node]]) -> None:
        machine = self._reading.options.machine
        if machine is None:
            return
        if "cpu" in amounts and amounts["cpu"][0] > machine.cpu:
            node = amounts["cpu"][1]
            message = f"cpu {short(node.text)} on a machine with {machine.cpu:g}: it runs with {machine.cpu:g}"
            self._reading.warning("above-this-machine", message, node)
        if "memory" in amounts and amounts["memory"][0] > machine.memory:
            node, size = amounts["memory"][1], f"{machine.memory / GI:.1f}Gi"
            message = f"memory {short(node.text)} on a machine with {size}: it runs with what there is"
            self._reading.warning("above-this-machine", message, node)

    def _misplaced(
        self,
        section: Section,
        beside: list[tuple[Node, Node]],
        requests: dict[str, tuple[Any, Node]],
        limits: dict[str, tuple[Any, Node]],
    ) -> None:
        """Warn about cpu and memory beside `limits`; one fix puts all of them under it."""
        if not beside:
            return
        fix = None
        amounts = {key.text: self._amount(_AMOUNTS[key.text], value) for key, value in beside}
        below = any(
            amount is None or key in limits or (key in requests and amount < requests[key][0])
            for key, amount in amounts.items()
        )
        given = section.value("limits")
        there = {key.text for key, _ in given.pairs} if given is not None else set()
        if not below and not there.intersection(amounts):
            fix = _under_limits(self._reading, section, beside)
        for key, _ in beside:
            message = f"`{key.text}` beside `limits` has no effect; put it under `limits:`"
            self._reading.warning("misplaced-key", message, key, fix)


def _under_limits(reading: Reading, section: Section, beside: list[tuple[Node, Node]]) -> Fix | None:
    """The edits that move pairs into `limits`, made where it isn't there; None where the style is too unusual."""
    title = "Put it under `limits`"
    text, places, node = reading.text, reading.places, section.node
    written = [text[key.start : value.end] for key, value in beside]
    limits = section.entries.get("limits")
    if node.style == "alias" or any(value.style == "alias" or key.style == "alias" for key, value in beside):
        return None
    if node.style == "flow":
        if limits is None and len(beside) == len(node.pairs):
            inside = text[node.start + 1 : node.end - 1]
            return Fix(title, (Edit(node.start + 1, node.end - 1, f"limits: {{{inside.strip()}}}"),))
        kept = [text[k.start : v.end] for k, v in node.pairs if (k, v) not in beside and k.text != "limits"]
        if limits is not None:
            inner = limits[1]
            if inner.kind != MAP or inner.style != "flow":
                return None
            written = [text[k.start : v.end] for k, v in inner.pairs] + written
        kept.append(f"limits: {{{', '.join(written)}}}")
        if "#" in text[node.start : node.end] or "\n" in text[node.start : node.end]:
            return None
        return Fix(title, (Edit(node.start, node.end, "{" + ", ".join(kept) + "}"),))
    for key, value in beside:
        own_line = text[places.line_start(key.start) : key.start].strip() == ""
        if not own_line or places.line_start(value.end) != places.line_start(key.start):
            return None
    # With what follows on the line: a comment moves along.
    written = [text[key.start : _line_end(reading, value.end)] for key, value in beside]
    column = beside[0][0].start - places.line_start(beside[0][0].start)
    newline = places.newline()
    if limits is None:
        deeper = " " * (column + 2)
        lines = "".join(f"{newline}{deeper}{line}" for line in written[1:])
        first_key, first_value = beside[0]
        edits = [
            Edit(first_key.start, _line_end(reading, first_value.end), f"limits:{newline}{deeper}{written[0]}{lines}")
        ]
        edits += [_line_removed(reading, pair) for pair in beside[1:]]
        return Fix(title, tuple(edits))
    inner = limits[1]
    if inner.is_null and inner.style == "":
        deeper = " " * (column + 2)
        at = _line_end(reading, limits[0].end)
        if inner.text or text[limits[0].end : limits[0].end + 1] != ":":
            return None
        edits = [Edit(at, at, "".join(f"{newline}{deeper}{line}" for line in written))]
    elif inner.kind == MAP and inner.style == "flow":
        if "#" in "".join([text[inner.start : inner.end], *written]):
            return None
        comma = ", " if inner.pairs else ""
        at = inner.pairs[-1][1].end if inner.pairs else inner.end - 1
        edits = [Edit(at, at, comma + ", ".join(written))]
    elif inner.kind == MAP and inner.style == "block":
        last = inner.pairs[-1][1]
        if last.style in ("|", ">") or last.kind != 0:
            return None
        start = inner.pairs[0][0].start
        deeper = " " * (start - places.line_start(start))
        at = _line_end(reading, last.end)
        edits = [Edit(at, at, "".join(f"{newline}{deeper}{line}" for line in written))]
    else:
        return None
    return Fix(title, (*edits, *(_line_removed(reading, pair) for pair in beside)))


def _line_end(reading: Reading, offset: int) -> int:
    """Where the line of an offset ends, its line break left out."""
    return reading.places.line_start(offset) + len(reading.places.line_text(offset).rstrip())


def _line_removed(reading: Reading, pair: tuple[Node, Node]) -> Edit:
    """The edit that removes the line of a pair, with its line break."""
    places, (key, value) = reading.places, pair
    start, end = places.line_start(key.start), places.next_line(value.end)
    if end == len(reading.text) and not reading.text.endswith(("\n", "\r")):
        newline = len(places.newline())
        return Edit(max(0, start - newline), end, "")
    return Edit(start, end, "")
