"""Which rows of a config belong to which job."""

from __future__ import annotations

import yaml

from skafos_tui.config.outline import Outline, key_of, scalar_of
from skafos_tui.tui.editor.findings import JobSpan


def job_spans(text: str) -> tuple[JobSpan, ...] | None:
    """The rows of every job that has an id, in the order of the text; None where the text is no YAML mapping."""
    try:
        root = Outline.of(text).root
    except ValueError:
        return None
    entry = key_of(root, "jobs") or key_of(root, "project_tasks")
    if entry is None or not isinstance(entry[1], yaml.SequenceNode):
        return ()
    items = [node for node in entry[1].value if isinstance(node, yaml.MappingNode)]
    starts = [node.start_mark.line for node in items]
    after = _row_after(root, entry[1], text)
    found = []
    for node, start, end in zip(items, starts, [*starts[1:], after], strict=False):
        job_id = _text_of(node, "job_id") or _text_of(node, "project_task_id")
        if job_id:
            found.append(JobSpan(job_id, start, max(end, start + 1)))
    return tuple(found)


def _row_after(root: yaml.MappingNode, jobs: yaml.Node, text: str) -> int:
    """The row at which the key after the jobs begins; after the text where they are the last."""
    rows = [key.start_mark.line for key, _ in root.value if key.start_mark.index > jobs.start_mark.index]
    inside = [row for row in rows if row >= jobs.end_mark.line]
    return min(inside, default=text.count("\n") + 1)


def _text_of(node: yaml.MappingNode, key: str) -> str | None:
    entry = key_of(node, key)
    return None if entry is None else scalar_of(entry[1])
