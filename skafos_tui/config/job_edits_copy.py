"""The edit that copies a job: its own text, comments and style included, under another id and name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.job_edits import EditError, insert_item, quoted
from skafos_tui.config.outline import Outline, children, key_of, scalar_of
from skafos_tui.model.diagnostic import Edit

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_ID_KEYS = ("job_id", "project_task_id")


def copy_name(names: Iterable[str], name: str) -> str:
    """A name for the copy of a job that none of `names` is: `Train copy`, `Train copy 2`."""
    taken = set(names)
    first = f"{name} copy"
    return next(tried for tried in (first, *(f"{first} {n}" for n in range(2, len(taken) + 3))) if tried not in taken)


def duplicate_job(text: str, job_id: str, new_id: str, name: str) -> tuple[Edit, ...]:
    """The edits that put a copy of a job behind it, with an id and a name of its own.

    EditError where the job is not there, or can't be copied safely (it stands in for others by an anchor, say).
    """
    outline = Outline.of(text)
    found = key_of(outline.root, "jobs") or key_of(outline.root, "project_tasks")
    items = found[1] if found is not None else None
    if not isinstance(items, yaml.SequenceNode):
        raise EditError(f"no job has the id {job_id}; `skafos validate --fix` writes missing ids and the `jobs:` form")
    ids = [_id_of(node) for node in items.value]
    if job_id not in ids:
        raise EditError(f"no job has the id {job_id}; `skafos validate --fix` writes missing ids and the `jobs:` form")
    index = ids.index(job_id)
    job = items.value[index]
    node, start, end = list(children(outline.text, items))[index]
    begin = start if items.flow_style else outline.dash_of(items, job)
    copied = _under_another(outline, node, begin, end, new_id, name)
    if items.flow_style:
        edit = Edit(end, end, ", " + copied)
    else:
        dash = items.start_mark.column
        lines = (" " * dash + copied).split(outline.newline)
        edit = insert_item(outline, items, index, lines)
    edits = outline.shifted([edit])
    _check(text, apply_edits(text, edits), index, new_id, name)
    return edits


def _id_of(node: yaml.Node) -> str | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((scalar_of(entry[1]) for key in _ID_KEYS if (entry := key_of(node, key)) is not None), None)


def _under_another(outline: Outline, node: yaml.Node, begin: int, end: int, new_id: str, name: str) -> str:
    """The job's text with the values of its id and name replaced, in the quotes they have."""
    assert isinstance(node, yaml.MappingNode)
    edits = []
    for keys, value in ((_ID_KEYS, new_id), (("name",), name)):
        entry = next((found for key in keys if (found := key_of(node, key)) is not None), None)
        if entry is None or not isinstance(entry[1], yaml.ScalarNode) or entry[1].start_mark.index < begin:
            continue
        style = entry[1].style if entry[1].style in ("'", '"') else None
        if entry[1].style in ("|", ">"):
            raise EditError("the job's name stands in a block of text; write it on one line first")
        span = entry[1].start_mark.index - begin, entry[1].end_mark.index - begin
        edits.append(Edit(*span, quoted(value, style)))
    return apply_edits(outline.text[begin:end], sorted(edits, key=lambda edit: edit.start))


def _check(before: str, after: str, index: int, new_id: str, name: str) -> None:
    """EditError where the text with the copy says anything but the jobs before and the copy."""
    try:
        was, now = (yaml.load(text.removeprefix("\ufeff"), Loader=_Loader) for text in (before, after))
    except yaml.YAMLError:
        was, now = {}, None
    if now is not None:
        jobs = was["jobs" if "jobs" in was else "project_tasks"]
        copy = dict(jobs[index])
        copy.update({key: new_id for key in _ID_KEYS if key in copy} | ({"name": name} if "name" in copy else {}))
        jobs.insert(index + 1, copy)
    if was != now:
        raise EditError("this job can't be copied safely; copy its lines by hand")
