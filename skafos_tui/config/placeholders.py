"""Placeholders of a template (`{{token}}`) that nobody filled in."""

from __future__ import annotations

from skafos_tui.config.fields import OLD_JOBS
from skafos_tui.config.nodes import MAP, SCALAR, Node
from skafos_tui.config.places import short
from skafos_tui.config.reading import Reading
from skafos_tui.model.diagnostic import Edit, Fix, Severity


def placeholder_findings(
    reading: Reading, text: str, root: Node | None, placeholders: tuple[tuple[int, int], ...]
) -> None:
    """An error for each template placeholder that stands in a value or key (in comments they are harmless)."""
    spans = _scalar_spans(root) if root is not None else None
    ids = _generated(reading, root)
    for start, end in placeholders:
        if spans is None:
            line = text[reading.places.line_start(start) : start]
            if "#" in line and line[line.index("#") - 1 : line.index("#")].strip() == "":
                continue
        elif not any(first < end and start < last for first, last in spans):
            continue
        written = ids.get((start, end))
        fix = None
        if written is not None:
            fix = Fix(f"Write {written}", (Edit(start, end, written),))
        message = f"`{short(text[start:end])}` is a placeholder of a template; write a value in its place"
        reading.add(Severity.ERROR, "template-placeholder", message, start, end, fix)


def _scalar_spans(root: Node) -> list[tuple[int, int]]:
    spans, todo = [], [root]
    while todo:
        node = todo.pop()
        if node.style == "alias":
            continue
        if node.kind == SCALAR:
            spans.append((node.start, node.end))
        todo += node.items
        for pair in node.pairs:
            todo += pair
    return spans


def _generated(reading: Reading, root: Node | None) -> dict[tuple[int, int], str]:
    """A new token or id for each place of one that is nothing but a placeholder."""
    found: dict[tuple[int, int], str] = {}
    if root is None or root.kind != MAP:
        return found
    token = root.get("project_token")
    if token is not None:
        found[_inner_span(token)] = reading.options.new_token()
    for key in ("jobs", OLD_JOBS):
        jobs = root.get(key)
        for item in jobs.items if jobs is not None else ():
            node = item.get("job_id") or item.get("project_task_id")
            if node is not None:
                found[_inner_span(node)] = reading.options.new_id()
    return found


def _inner_span(node: Node) -> tuple[int, int]:
    quotes = 1 if node.style in ('"', "'") else 0
    return node.start + quotes, node.end - quotes
