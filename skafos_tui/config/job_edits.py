"""Edits that add, change, rename and delete jobs, in the style of the file and of nothing but their own bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import yaml

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.outline import Outline, children, content_end, key_of, scalar_of
from skafos_tui.model.diagnostic import Edit

_FLAT_KEYS = ("entrypoint", "language", "schedule", "resources", "dependencies", "parallelism")
_ID_KEYS = ("job_id", "project_task_id")
_PLAIN = re.compile(r"[\w./](?:[\w./*+()@%=~ -]*[\w./*)+])?")
_RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan"))
_NUMBER_LIKE = re.compile(r"[\d.:_eExXoO+-]*")


class EditError(ValueError):
    """An edit that can't be made in this file; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to add; `schedule` and `dependencies` are left out of the file where there are none."""

    id: str
    name: str
    entrypoint: str
    language: str = "python"
    schedule: str | None = None
    dependencies: tuple[str, ...] = ()


def quoted(value: str, style: str | None = '"') -> str:
    """`value` as a YAML scalar: in double or single quotes, or plain (None) where that is safe."""
    unsafe_plain = (
        _PLAIN.fullmatch(value) is None or value.lower() in _RESERVED or _NUMBER_LIKE.fullmatch(value) is not None
    )
    if style is None and not unsafe_plain:
        return value
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def job_names(text: str) -> dict[str, str]:
    """Id to name of the jobs that have both, in the order of the file; ValueError where the text is no config."""
    names = {}
    for node in _job_nodes(Outline.of(text)):
        job_id, name = (
            scalar_of_key(node, "job_id") or scalar_of_key(node, "project_task_id"),
            scalar_of_key(node, "name"),
        )
        if job_id and name:
            names[job_id] = name
    return names


def add_job(text: str, job: NewJob, after: str | None = None) -> tuple[Edit, ...]:
    """The edits that put `job` behind the one with the id `after`, else behind the last, in the style of those there.

    EditError where the file has no place for it: the flat form, `jobs` that is no list, text that is no YAML.
    """
    outline = Outline.of(text)
    found = _jobs_key(outline)
    if found is None:
        edits = _add_first_key(outline, job)
    elif isinstance(found[1], yaml.SequenceNode) and found[1].value:
        edits = _insert(outline, found[0].value, found[1], job, _index_of(found[1], after))
    elif isinstance(found[1], yaml.SequenceNode) or _is_empty(found[1]):
        edits = _fill(outline, found[0], found[1], job)
    else:
        raise EditError("`jobs` is no list; `skafos validate` says more")
    shifted = outline.shifted(edits)
    _check_added(text, shifted, job)
    return shifted


def set_key(text: str, job_id: str, key_path: Sequence[str], yaml_value: str | None) -> tuple[Edit, ...]:
    """The edits that give a key of a job a value, written as it stands in YAML on one line; None takes it away.

    Keys on the way (`resources`, `limits`) are made where they are missing. No edits where nothing changes.
    """
    outline = Outline.of(text)
    job = _job_node(outline, job_id)
    if yaml_value is None:
        edits = _without_key(outline, job, key_path)
    else:
        edits = _with_key(outline, job, key_path, yaml_value)
    shifted = outline.shifted(edits)
    _check_set(text, shifted, job_id, key_path, yaml_value)
    return shifted


def rename_job(text: str, job_id: str, name: str) -> tuple[Edit, ...]:
    """The edits that give a job a new name, also in the alerts and dependencies that call it by the old one."""
    outline = Outline.of(text)
    job = _job_node(outline, job_id)
    entry = key_of(job, "name")
    if entry is None:
        return set_key(text, job_id, ("name",), quoted(name, None))
    old = scalar_of(entry[1])
    style = getattr(entry[1], "style", None) or None
    edits = list(set_key(text, job_id, ("name",), quoted(name, style)))
    if [scalar_of_key(node, "name") for node in _job_nodes(outline)].count(old) == 1:
        for mention, start, end in _mentions(outline, old):
            edits += outline.shifted([Edit(start, end, quoted(name, mention.style or None))])
    return tuple(sorted(edits, key=lambda edit: edit.start))


def delete_job(text: str, job_id: str, *, keep_mentions: bool = False) -> tuple[Edit, ...]:
    """The edits that take a job away, and its id out of the dependencies of the others unless they keep it."""
    outline = Outline.of(text)
    job = _job_node(outline, job_id)
    found = _jobs_key(outline)
    assert found is not None
    edits = _without_item(outline, found[0], found[1], job, keep_empty=True)
    for other in () if keep_mentions else _job_nodes(outline):
        entry = None if other is job else key_of(other, "dependencies")
        if entry is not None and scalar_of(entry[1]) == job_id:
            edits += _without_key(outline, other, ("dependencies",))
        if entry is None or not isinstance(entry[1], yaml.SequenceNode):
            continue
        named = [item for item in entry[1].value if scalar_of(item) == job_id]
        if named and len(named) == len(entry[1].value):
            edits += _without_key(outline, other, ("dependencies",))
        else:
            for item in named:
                edits += _without_item(outline, entry[0], entry[1], item, keep_empty=False)
    edits = sorted(edits, key=lambda edit: edit.start)
    shifted = outline.shifted(edits)
    left = [scalar_of_key(node, "job_id") for node in _job_nodes(Outline.of(apply_edits(text, shifted)))]
    if job_id in left or len(left) != len(_job_nodes(outline)) - 1:
        raise EditError(f"job {job_id} can't be taken out of this file safely; delete its lines by hand")
    return shifted


def toggle_dependency(text: str, job_id: str, other: str) -> tuple[Edit, ...]:
    """The edits that make a job depend on another, or no more; the list keeps its form and its comments."""
    outline = Outline.of(text)
    entry = key_of(_job_node(outline, job_id), "dependencies")
    if entry is None or _is_empty(entry[1]) or (isinstance(entry[1], yaml.SequenceNode) and not entry[1].value):
        return set_key(text, job_id, ("dependencies",), f'["{other}"]')
    items = entry[1]
    if not isinstance(items, yaml.SequenceNode) or items.start_mark.index < entry[0].end_mark.index:
        raise EditError("`dependencies` is no list of its own here; edit it in the text")
    named = [item for item in items.value if scalar_of(item) == other]
    if named and len(named) == len(items.value):
        return set_key(text, job_id, ("dependencies",), None)
    if named:
        edits = [edit for item in named for edit in _without_item(outline, entry[0], items, item, keep_empty=False)]
    else:
        places = list(children(outline.text, items))
        written = quoted(other, getattr(items.value[-1], "style", None) or None)
        if items.flow_style:
            edits = [_insert_flow(outline, places, len(places) - 1, written)]
        else:
            edits = [insert_item(outline, items, len(places) - 1, [" " * items.start_mark.column + "- " + written])]
    shifted = outline.shifted(edits)
    _check_dependency(text, shifted, job_id, other, wanted=not named)
    return shifted


def dependents(text: str, job_id: str) -> list[tuple[str, str]]:
    """Id and name of the jobs that depend on a job directly, in the order of the file."""
    found = []
    for node in _job_nodes(Outline.of(text)):
        entry = key_of(node, "dependencies")
        items = [] if entry is None else entry[1].value if isinstance(entry[1], yaml.SequenceNode) else [entry[1]]
        other = scalar_of_key(node, "job_id") or scalar_of_key(node, "project_task_id") or ""
        if other != job_id and job_id in [scalar_of(item) for item in items]:
            found.append((other, scalar_of_key(node, "name") or other))
    return found


def scalar_of_key(mapping: yaml.MappingNode, key: str) -> str | None:
    """The text of a key's value; None where the key is missing or its value is no text."""
    entry = key_of(mapping, key)
    return None if entry is None else scalar_of(entry[1])


# Where things are


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null", "Null", "NULL")


def _jobs_key(outline: Outline) -> tuple[yaml.ScalarNode, yaml.Node] | None:
    return key_of(outline.root, "jobs") or key_of(outline.root, "project_tasks")


def _mappings(root: yaml.MappingNode, key: str) -> list[yaml.MappingNode]:
    entry = key_of(root, key)
    if entry is None or not isinstance(entry[1], yaml.SequenceNode):
        return []
    return [node for node in entry[1].value if isinstance(node, yaml.MappingNode)]


def _job_nodes(outline: Outline) -> list[yaml.MappingNode]:
    return _mappings(outline.root, "jobs") or _mappings(outline.root, "project_tasks")


def _job_node(outline: Outline, job_id: str) -> yaml.MappingNode:
    for node in _job_nodes(outline):
        if job_id in (scalar_of_key(node, "job_id"), scalar_of_key(node, "project_task_id")):
            return node
    raise EditError(f"no job has the id {job_id}; `skafos validate --fix` writes missing ids and the `jobs:` form")


def _index_of(jobs: yaml.SequenceNode, job_id: str | None) -> int:
    """The place of a job in the list; that of the last one where there is none of this id."""
    for index, node in enumerate(jobs.value if job_id is not None else ()):
        ids = [scalar_of_key(node, key) for key in _ID_KEYS] if isinstance(node, yaml.MappingNode) else []
        if job_id in ids:
            return index
    return len(jobs.value) - 1


def _mentions(outline: Outline, name: str | None) -> Iterator[tuple[yaml.ScalarNode, int, int]]:
    """Where alerts and dependencies call a job by its name, with offsets."""
    for alert in _mappings(outline.root, "alerts"):
        named = key_of(alert, "job")
        if named is None or not isinstance(named[1], yaml.ScalarNode) or named[1].value != name:
            continue
        if named[1].start_mark.index >= named[0].end_mark.index:
            yield named[1], named[1].start_mark.index, content_end(outline.text, named[1], named[0].end_mark.index)
    for node in _job_nodes(outline):
        entry = key_of(node, "dependencies")
        if entry is not None and isinstance(entry[1], yaml.SequenceNode):
            for item, start, end in children(outline.text, entry[1]):
                if isinstance(item, yaml.ScalarNode) and item.value == name and item.start_mark.index == start:
                    yield item, start, end


# A new job


def _entries(job: NewJob, jobs_key: str, nodes: Sequence[yaml.MappingNode]) -> Iterator[tuple[str, str]]:
    """The keys of a new job and their values as YAML, quoted as the newest job in the file quotes them."""

    def written(key: str, value: str, default: str | None) -> str:
        style = default
        for node in nodes:
            entry = key_of(node, key)
            if entry is not None and isinstance(entry[1], yaml.ScalarNode) and entry[1].style not in ("|", ">"):
                style = entry[1].style or None
        return quoted(value, style)

    identity = "project_task_id" if jobs_key == "project_tasks" else "job_id"
    yield identity, written(identity, job.id, None)
    yield "language", written("language", job.language, None)
    yield "name", written("name", job.name, None)
    yield "entrypoint", written("entrypoint", job.entrypoint, '"')
    if job.schedule is not None:
        yield "schedule", written("schedule", job.schedule, '"')
    if job.dependencies:
        yield "dependencies", "[" + ", ".join(quoted(item) for item in job.dependencies) + "]"


def _flow(entries: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in entries) + "}"


def _block(entries: Iterable[tuple[str, str]], dash: int, gap: int = 1) -> list[str]:
    """The lines of a job as a list item whose dash is at column `dash`, its keys `gap` blanks behind it."""
    lines = [f"{key}: {value}" for key, value in entries]
    first = " " * dash + "-" + " " * gap + lines[0]
    return [first, *(" " * (dash + 1 + gap) + line for line in lines[1:])]


def _insert(outline: Outline, jobs_key: str, jobs: yaml.SequenceNode, job: NewJob, index: int) -> list[Edit]:
    """After the job at `index` of a list that has some."""
    nodes = [node for node in jobs.value if isinstance(node, yaml.MappingNode)]
    entries = _entries(job, jobs_key, nodes)
    if jobs.flow_style:
        return [_insert_flow(outline, list(children(outline.text, jobs)), index, _flow(entries))]
    dash = jobs.start_mark.column
    node = jobs.value[index]
    own_line = node.start_mark.line == outline.text.count("\n", 0, outline.dash_of(jobs, node))
    gap_width = node.start_mark.column - dash - 1 if own_line and isinstance(node, yaml.MappingNode) else 1
    return [insert_item(outline, jobs, index, _block(entries, dash, max(gap_width, 1)))]


def insert_item(outline: Outline, items: yaml.SequenceNode, index: int, lines: Sequence[str]) -> Edit:
    """Lines of a new item after that at `index` of a block list, a blank line between where the others have one."""
    places = list(children(outline.text, items))
    at = outline.after_comments(outline.line_end(places[index][2]), items.start_mark.column + 1)
    before = max(index, 1)
    separated = len(places) > 1 and outline.has_blank_line(
        places[before - 1][2], outline.dash_of(items, places[before][0])
    )
    return outline.insert_lines(at, ([""] if separated else []) + list(lines))


def _insert_flow(outline: Outline, places: Sequence[tuple[yaml.Node, int, int]], index: int, text: str) -> Edit:
    """An item after that at `index` of a list in brackets; comments stay with the item they follow."""
    last = index + 1 == len(places)
    start = places[index if last else index + 1][1]
    own_line = not outline.text[outline.line_start(start) : start].strip()
    gap = outline.newline + outline.text[outline.line_start(start) : start] if own_line else " "
    return Edit(places[index][2], places[index][2], "," + gap + text) if last else Edit(start, start, text + "," + gap)


def _fill(outline: Outline, key: yaml.ScalarNode, value: yaml.Node, job: NewJob) -> list[Edit]:
    """The first job of `jobs:` without a value, `jobs: []` or `jobs: null`."""
    end = content_end(outline.text, value, key.end_mark.index)
    if outline.root.flow_style:
        start = min(value.start_mark.index, end)
        before = "" if outline.text[:start].endswith((" ", "\n")) else " "
        return [Edit(start, end, before + "[" + _flow(_entries(job, key.value, ())) + "]")]
    lines = _block(_entries(job, key.value, ()), outline.root.start_mark.column + 2)
    at = outline.line_end(end)
    kept = len(outline.text[:end].rstrip()) if value.start_mark.index == end else None
    if kept is not None:
        return [outline.insert_lines(at, lines)]
    if "#" in outline.text[value.start_mark.index : end]:  # a comment in the brackets keeps them
        return [Edit(end - 1, end - 1, _flow(_entries(job, key.value, ())))]
    begin = len(outline.text[: value.start_mark.index].rstrip())
    if at == end:
        return [Edit(begin, end, outline.newline + outline.newline.join(lines))]
    return [Edit(begin, end, ""), outline.insert_lines(at, lines)]


def _add_first_key(outline: Outline, job: NewJob) -> list[Edit]:
    """`jobs:` at the end of a file that has no such key."""
    if any(key_of(outline.root, key) for key in _FLAT_KEYS):
        raise EditError("this config has the flat form of one job; `skafos validate --fix` writes it as `jobs:` first")
    if not outline.root.value:
        raise EditError("this config has no project_token and no name yet; `skafos init` makes a whole one")
    end = content_end(outline.text, outline.root, 0)
    if outline.root.flow_style:
        last = list(children(outline.text, outline.root))[-1][2]
        return [Edit(last, last, ", jobs: [" + _flow(_entries(job, "jobs", ())) + "]")]
    column = outline.root.start_mark.column
    at = outline.after_comments(outline.line_end(end), column)
    return [outline.insert_lines(at, [" " * column + "jobs:", *_block(_entries(job, "jobs", ()), column + 2)])]


# One key of a job


def _with_key(outline: Outline, mapping: yaml.MappingNode, path: Sequence[str], value: str) -> list[Edit]:
    entry = key_of(mapping, path[0])
    if entry is None:
        return [_new_key(outline, mapping, path, value)]
    key, node = entry
    if node.start_mark.index < key.end_mark.index:
        raise EditError(f"`{path[0]}` is an alias of another place in the file; edit it there")
    end = content_end(outline.text, node, key.end_mark.index)
    if len(path) > 1 and isinstance(node, yaml.MappingNode) and node.value:
        return _with_key(outline, node, path[1:], value)
    if len(path) > 1 and not _is_empty(node) and not isinstance(node, yaml.MappingNode):
        raise EditError(f"`{path[0]}` is no mapping; `skafos validate` says more")
    text = value
    for name in reversed(path[1:]):
        text = "{" + f"{name}: {text}" + "}"
    start = node.start_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        start = len(outline.text[:start].rstrip())
        if outline.text[start - 1] != ":":  # a comment stands between
            raise EditError(f"`{path[0]}` has a comment after it; edit it by hand")
    blank = "" if outline.text[start - 1].isspace() else " "
    return [] if outline.text[start:end] == blank + text else [Edit(start, end, blank + text)]


def _new_key(outline: Outline, mapping: yaml.MappingNode, path: Sequence[str], value: str) -> Edit:
    """A key that is not there yet, after the last one of its mapping."""
    places = list(children(outline.text, mapping))
    end = places[-1][2]
    if mapping.flow_style:
        text = value
        for name in reversed(path[1:]):
            text = "{" + f"{name}: {text}" + "}"
        return Edit(end, end, f", {path[0]}: {text}")
    column = mapping.value[0][0].start_mark.column
    lines = [" " * (column + 2 * depth) + name + ":" for depth, name in enumerate(path)]
    lines[-1] += f" {value}"
    return outline.insert_lines(outline.line_end(end), lines)


def _without_key(outline: Outline, mapping: yaml.MappingNode, path: Sequence[str]) -> list[Edit]:
    entry = key_of(mapping, path[0])
    if entry is None:
        return []
    key, node = entry
    if len(path) > 1 and not _holds_only(node, path[1:]):
        return _without_key(outline, node, path[1:]) if isinstance(node, yaml.MappingNode) else []
    if len(mapping.value) == 1:
        raise EditError(f"`{path[0]}` is all there is; delete the job instead")
    index = next(i for i, (candidate, _) in enumerate(mapping.value) if candidate is key)
    places = list(children(outline.text, mapping))
    start, end = key.start_mark.index, places[index][2]
    if mapping.flow_style:
        return _cut_flow(outline, places, index, start)
    line_start = outline.line_start(start)
    if not outline.text[line_start:start].strip():
        return [Edit(line_start, outline.next_line(end), "")]
    if index + 1 == len(places):
        raise EditError(f"`{path[0]}` shares its line with something else; edit it by hand")
    return [Edit(start, mapping.value[index + 1][0].start_mark.index, "")]


def _holds_only(node: yaml.Node, path: Sequence[str]) -> bool:
    """Whether a mapping has nothing but this path, so that it goes with it."""
    entry = key_of(node, path[0]) if isinstance(node, yaml.MappingNode) and len(node.value) == 1 else None
    return entry is not None and (len(path) == 1 or _holds_only(entry[1], path[1:]))


def _cut_flow(outline: Outline, places: Sequence[tuple[yaml.Node, int, int]], index: int, start: int) -> list[Edit]:
    """One item out of a flow collection: with its lines where they are its own, else with a comma beside it."""
    end = places[index][2]
    comma = outline.comma_after(end)
    line, last = outline.line_start(start), outline.line_end(end)
    alone = not outline.text[line:start].strip() and outline.is_rest(end, last)
    if alone and (comma < last if comma is not None else index + 1 == len(places)):
        return [Edit(line, outline.next_line(end), "")]
    if index + 1 < len(places):
        return [Edit(start, places[index + 1][1], "")]
    if index:
        return [Edit(places[index - 1][2], end, "")]
    return [Edit(start, end, ""), *([] if comma is None else [Edit(comma, comma + 1, "")])]


def _without_item(
    outline: Outline, key: yaml.ScalarNode, items: yaml.Node, item: yaml.Node, *, keep_empty: bool
) -> list[Edit]:
    """One item out of a list; a list that would be empty is written as `[]` if it is kept."""
    assert isinstance(items, yaml.SequenceNode)
    places = list(children(outline.text, items))
    index = next(i for i, place in enumerate(places) if place[0] is item)
    _, start, end = places[index]
    if items.flow_style:
        return _cut_flow(outline, places, index, start)
    begin = outline.line_start(outline.dash_of(items, item))
    stop = outline.next_line(outline.after_comments(outline.line_end(end), items.start_mark.column + 1))
    if outline.blank_before(begin) and outline.blank_at(stop):
        stop = outline.next_line(stop)
    if len(places) > 1 or not keep_empty:
        return [Edit(begin, stop, "")]
    colon = outline.text.index(":", key.end_mark.index) + 1
    return [Edit(colon, colon, " []"), Edit(begin, stop, "")]


# What an edit must have done, and nothing else


def _check_added(text: str, edits: Sequence[Edit], job: NewJob) -> None:
    before, after = _job_nodes(Outline.of(text)), _job_nodes(Outline.of(apply_edits(text, edits)))
    wanted = {"name": job.name, "entrypoint": job.entrypoint, "schedule": job.schedule}
    added = [
        node for node in after if job.id in (scalar_of_key(node, "job_id"), scalar_of_key(node, "project_task_id"))
    ]
    if len(after) != len(before) + 1 or len(added) != 1:
        raise EditError("no place for a new job was found in this file; add it by hand")
    if any(scalar_of_key(added[0], key) != value for key, value in wanted.items()):
        raise EditError("no place for a new job was found in this file; add it by hand")


def _check_set(text: str, edits: Sequence[Edit], job_id: str, path: Sequence[str], value: str | None) -> None:
    if path[-1] in ("job_id", "project_task_id"):
        raise EditError("the id of a job is what its history hangs on; it does not change")
    changed = Outline.of(apply_edits(text, edits))
    node: yaml.Node = _job_node(changed, job_id)
    if len(_job_nodes(changed)) != len(_job_nodes(Outline.of(text))):
        raise EditError(f"`{path[-1]}` can't be changed safely here; edit it by hand")
    for key in path:
        entry = key_of(node, key) if isinstance(node, yaml.MappingNode) else None
        if entry is None:
            if value is None:
                return
            raise EditError(f"`{key}` can't be written safely here; edit it by hand")
        node = entry[1]
    if value is None:
        raise EditError(f"`{path[-1]}` can't be taken away safely here; edit it by hand")


def _check_dependency(text: str, edits: Sequence[Edit], job_id: str, other: str, *, wanted: bool) -> None:
    def listed(whole: str) -> list[str | None]:
        entry = key_of(_job_node(Outline.of(whole), job_id), "dependencies")
        items = entry[1] if entry is not None else None
        return [scalar_of(item) for item in items.value] if isinstance(items, yaml.SequenceNode) else []

    before, after = listed(text), listed(apply_edits(text, edits))
    if after != ([*before, other] if wanted else [name for name in before if name != other]):
        raise EditError("`dependencies` can't be changed safely here; edit it by hand")
