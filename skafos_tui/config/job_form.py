"""The form of a job: a row for every key of the table, with its value as it stands, and the edits of a new value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import yaml

from skafos_tui.config.fields import JOB, Field, Kind
from skafos_tui.config.job_edits import EditError, quoted, set_key
from skafos_tui.config.outline import Outline, content_end, key_of, scalar_of
from skafos_tui.config.places import Places
from skafos_tui.config.quantities import MAX_CPU, MAX_MEMORY, BadValue
from skafos_tui.config.reading import Options
from skafos_tui.config.values import reader_of
from skafos_tui.config.zones import nearest_timezone, valid_timezone
from skafos_tui.model.diagnostic import Diagnostic, Edit
from skafos_tui.model.graph import children_of, reachable

Place = tuple[int, int]
_VARIABLE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*[=:]\s*(.*)", re.DOTALL)
_AS_IT_IS = frozenset([Kind.COUNT, Kind.NUMBER, Kind.CPU, Kind.BOOLEAN, Kind.COUNTS])
_SAFE = re.compile(r"[\w.+-]+")
_OF_SEVERAL_LINES = "stands on several lines; edit it in the text"


@dataclass(frozen=True, slots=True)
class FormRow:
    """One key of a job. `path` leads to it from the job, `value` is its text as a person types it, None: not given.

    `field` is its row of the table, `locked` why it can't be changed here (empty: it can). `span` are the lines and
    columns in the file where it begins and ends, from 1; None where it isn't. `is_new` is the row of a new variable.
    """

    path: tuple[str, ...]
    field: Field
    value: str | None = None
    locked: str = ""
    span: tuple[Place, Place] | None = None
    findings: tuple[Diagnostic, ...] = ()
    is_new: bool = False

    @property
    def label(self) -> str:
        """What the row is called: `resources.limits.cpu`."""
        return ".".join(self.path)

    @property
    def required(self) -> bool:
        """Whether the job is nothing without it."""
        return self.field.required and len(self.path) == 1


@dataclass(frozen=True, slots=True)
class JobForm:
    """All rows of a job, in the order of the table, and the findings that belong to none of them."""

    job_id: str
    name: str
    rows: tuple[FormRow, ...]
    others: tuple[Diagnostic, ...] = ()

    def row(self, *path: str) -> FormRow:
        """The row of a key; KeyError where there is none."""
        for row in self.rows:
            if row.path == path and not row.is_new:
                return row
        raise KeyError(path)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job that another may depend on; `note` says why it should not (empty: it may)."""

    job_id: str
    name: str
    ticked: bool
    note: str = ""


def form_of(text: str, job_id: str, diagnostics: Sequence[Diagnostic] = ()) -> JobForm:
    """The form of a job of a text; ValueError where the text is no YAML, EditError where it has no such job."""
    outline = Outline.of(text)
    node = _job_node(outline, job_id)
    places = Places(outline.text)
    rows = [_placed(row, outline, places, node) for row in _rows(JOB, (), node)]
    names = _names(outline)
    rows = [_shown(row, names) for row in rows]
    own = [item for item in diagnostics if item.job_id == job_id]
    found, others = _with_findings(rows, own)
    return JobForm(job_id, _text_at(node, "name") or job_id, found, others)


def candidates(text: str, job_id: str) -> list[Candidate]:
    """The other jobs of a text, those ticked that `job_id` depends on."""
    outline = Outline.of(text)
    graph: dict[str, tuple[str, ...]] = {}
    for node in _jobs(outline):
        entry = key_of(node, "dependencies")
        items = entry[1].value if entry is not None and isinstance(entry[1], yaml.SequenceNode) else []
        graph[_id_of(node)] = tuple(filter(None, map(scalar_of, items)))
    for parents in list(graph.values()):
        for parent in parents:
            graph.setdefault(parent, ())
    below = reachable([job_id], children_of(graph))
    mine = graph.get(job_id, ())
    names = _names(outline)
    listed = [Candidate(other, name, other in mine) for other, name in names.items() if other != job_id]
    listed += [
        Candidate(other, other, True, "no job has this id") for other in mine if other not in names and other != job_id
    ]
    return [replace(each, note="it waits for this one") if each.job_id in below else each for each in listed]


def problem_of(row: FormRow, typed: str, max_cpu: float = MAX_CPU, max_memory: int = MAX_MEMORY) -> str:
    """What is wrong with a value typed into a row, in one line; empty where nothing is."""
    text = typed.strip()
    if row.is_new:
        if text and _VARIABLE.fullmatch(text) is None:
            return "write NAME=value; a name has letters, digits and underscores"
        return ""
    if row.field.kind is Kind.VARIABLES or not text:
        return f"`{row.label}` is required" if row.required and not text else ""
    kind = row.field.kind if row.field.shorthand is None else row.field.shorthand
    try:
        if kind is Kind.CRON:
            from skafos_tui.config.cron import parse_cron

            return "it never fires: no month it names has that day" if parse_cron(text).never_fires() else ""
        if kind is Kind.TIMEZONE:
            return _zone_problem(text)
        reader = reader_of(row.field, Options(max_cpu=max_cpu, max_memory=max_memory))
        for part in _counts(text) if kind is Kind.COUNTS else [text]:
            reader(part)
    except BadValue as error:
        return error.message
    except ValueError as error:
        return str(getattr(error, "message", error))
    return ""


def change(text: str, job_id: str, row: FormRow, typed: str) -> tuple[Edit, ...]:
    """The edits that give a row the value typed; nothing typed takes the key away. EditError says why it can't be."""
    value = typed.strip()
    if row.locked:
        raise EditError(row.locked)
    if problem := problem_of(row, value, float("inf"), 1 << 62):
        raise EditError(problem)
    outline = Outline.of(text)
    node = _job_node(outline, job_id)
    if row.is_new:
        if not value:
            return ()
        found = _VARIABLE.fullmatch(value)
        assert found is not None
        return set_key(text, job_id, (*row.path, found[1]), quoted(found[2].strip(), None))
    path, shorthand = row.path, _shorthand(node, row.path[0])
    style = _style_at(node, row.path)
    written = _written(row.field, value, style) if value else None
    if row.path[0] == "retries":
        if row.path == ("retries", "limit") and (shorthand is not None or key_of(node, "retries") is None):
            path = ("retries",)
        elif shorthand is not None:
            path, written = ("retries",), f"{{limit: {shorthand}, {row.path[1]}: {written}}}" if written else shorthand
    return set_key(text, job_id, path, written)


# Rows


def _rows(fields: Sequence[Field], path: tuple[str, ...], node: yaml.Node | None) -> Iterator[FormRow]:
    for field in fields:
        entry = key_of(node, field.key) if isinstance(node, yaml.MappingNode) else None
        if field.key == "job_id" and entry is None and isinstance(node, yaml.MappingNode):
            entry = key_of(node, "project_task_id")
        value = entry[1] if entry is not None else None
        here = (*path, field.key)
        if field.kind is Kind.SECTION:
            yield from _section_rows(field, here, value)
        elif field.kind is Kind.VARIABLES:
            yield from _variable_rows(field, here, value)
        elif field.has_effect:
            yield _row(field, here, value)
        elif entry is not None:
            yield FormRow(here, field, scalar_of(entry[1]), "without effect here; delete it in the text")


def _section_rows(field: Field, path: tuple[str, ...], value: yaml.Node | None) -> Iterator[FormRow]:
    text = None if value is None or _is_nothing(value) else scalar_of(value)
    locked = ""
    if value is not None and not isinstance(value, yaml.MappingNode) and not _is_nothing(value):
        locked = "" if field.shorthand is not None and text is not None else f"`{field.key}` must be a mapping"
    for row in _rows(field.fields, path, value):
        if text is not None and field.shorthand is not None and row.path[-1] == "limit":
            yield replace(row, value=text)
        else:
            yield replace(row, locked=locked or row.locked)


def _variable_rows(field: Field, path: tuple[str, ...], value: yaml.Node | None) -> Iterator[FormRow]:
    pairs: list[tuple[yaml.Node, yaml.Node]] = []
    locked = ""
    if isinstance(value, yaml.MappingNode):
        pairs = list(value.value)
    elif isinstance(value, yaml.SequenceNode):
        locked = "an older form, a list; edit it in the text"
        pairs = [pair for item in value.value if isinstance(item, yaml.MappingNode) for pair in item.value]
    elif value is not None and not _is_nothing(value):
        locked = f"`{field.key}` must be a mapping of names and values"
    for name, node in pairs:
        key = scalar_of(name)
        if key is not None:
            row = _row(field, (*path, key), node)
            yield replace(row, locked=locked or row.locked)
    yield FormRow(path, field, None, locked, is_new=True)


def _row(field: Field, path: tuple[str, ...], node: yaml.Node | None) -> FormRow:
    if field.kind is Kind.JOB_ID:
        return FormRow(path, field, scalar_of(node) if node is not None else None, "a job's history hangs on its id")
    if node is None or _is_nothing(node):
        return FormRow(path, field)
    if isinstance(node, yaml.ScalarNode):
        if field.kind in (Kind.TEXTS, Kind.COUNTS):
            return FormRow(path, field, node.value, f"`{field.key}` must be a list; edit it in the text")
        locked = _OF_SEVERAL_LINES if node.style in ("|", ">") or "\n" in node.value else ""
        return FormRow(path, field, node.value, locked)
    if isinstance(node, yaml.SequenceNode) and field.kind in (Kind.TEXTS, Kind.COUNTS):
        return FormRow(path, field, ", ".join(scalar_of(item) or "…" for item in node.value))
    return FormRow(path, field, "…", f"`{field.key}` must be {'a list' if field.kind is Kind.TEXTS else 'one value'}")


def _placed(row: FormRow, outline: Outline, places: Places, job: yaml.MappingNode) -> FormRow:
    """The row with the lines where its key and value stand."""
    node: yaml.Node = job
    entry: tuple[yaml.ScalarNode, yaml.Node] | None = None
    for key in row.path:
        following = key_of(node, key) if isinstance(node, yaml.MappingNode) else None
        if following is None and key == "job_id" and isinstance(node, yaml.MappingNode):
            following = key_of(node, "project_task_id")
        if following is None:
            # A shorthand: `retries: 3` is where its limit stands.
            short = entry is not None and isinstance(node, yaml.ScalarNode) and key == "limit" and bool(node.value)
            entry = entry if short else None
            break
        entry, node = following, following[1]
    if entry is None:
        return row
    end = content_end(outline.text, entry[1], entry[0].end_mark.index)
    start = entry[0].start_mark.index
    return replace(row, span=(places.line_column(start), places.line_column(max(start, end - 1))))


def _shown(row: FormRow, names: dict[str, str]) -> FormRow:
    """Dependencies by the names of the jobs."""
    if row.path != ("dependencies",) or row.value is None:
        return row
    return replace(row, value=", ".join(names.get(item, item) for item in row.value.split(", ")))


def _with_findings(
    rows: list[FormRow], own: Sequence[Diagnostic]
) -> tuple[tuple[FormRow, ...], tuple[Diagnostic, ...]]:
    """Findings at the rows on whose lines they stand, the innermost; a missing key at its own row."""
    beside: dict[int, list[Diagnostic]] = {}
    others = []
    for item in own:
        if item.code == "missing-key":
            at = [n for n, row in enumerate(rows) if row.value is None and f"`{row.path[-1]}`" in item.message]
        else:
            place = item.line, item.column
            at = [n for n, row in enumerate(rows) if row.span and row.span[0] <= place <= row.span[1]]
            at.sort(key=lambda n: rows[n].span or ((0, 0), (0, 0)), reverse=True)
        if at:
            beside.setdefault(at[0], []).append(item)
        else:
            others.append(item)
    return tuple(replace(row, findings=tuple(beside.get(n, ()))) for n, row in enumerate(rows)), tuple(others)


# Values


def _written(field: Field, value: str, style: str | None) -> str:
    """A value as YAML on one line, in the quotes it had."""
    kind = field.kind if field.shorthand is None else field.shorthand
    if kind is Kind.COUNTS:
        return "[" + ", ".join(_counts(value)) + "]"
    if kind in _AS_IT_IS and _SAFE.fullmatch(value):
        return value
    if style == "new":
        style = '"' if kind in (Kind.CRON, Kind.ENTRYPOINT) else None
    return quoted(value, style)


def _counts(text: str) -> list[str]:
    return text.strip("[] ").replace(",", " ").split()


def _zone_problem(text: str) -> str:
    if valid_timezone(text):
        return ""
    better = nearest_timezone(text) if len(text) <= 60 else None
    return f"`{text}` is no time zone" + (f"; did you mean `{better}`?" if better else "")


def _style_at(job: yaml.MappingNode, path: Sequence[str]) -> str | None:
    """The quotes of a value: `'`, `"`, None without; `new` where there is no value."""
    node: yaml.Node = job
    for key in path:
        entry = key_of(node, key) if isinstance(node, yaml.MappingNode) else None
        if entry is None:
            return "new"
        node = entry[1]
    return (node.style or None) if isinstance(node, yaml.ScalarNode) and not _is_nothing(node) else "new"


def _shorthand(job: yaml.MappingNode, key: str) -> str | None:
    """The value of a section that is written as one value."""
    entry = key_of(job, key)
    if entry is None or not isinstance(entry[1], yaml.ScalarNode) or _is_nothing(entry[1]):
        return None
    return scalar_of(entry[1])


def _is_nothing(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null", "Null", "NULL")


def _text_at(node: yaml.MappingNode, key: str) -> str | None:
    entry = key_of(node, key)
    return None if entry is None else scalar_of(entry[1])


def _jobs(outline: Outline) -> list[yaml.MappingNode]:
    entry = key_of(outline.root, "jobs") or key_of(outline.root, "project_tasks")
    items = entry[1].value if entry is not None and isinstance(entry[1], yaml.SequenceNode) else []
    return [node for node in items if isinstance(node, yaml.MappingNode)]


def _id_of(node: yaml.MappingNode) -> str:
    return _text_at(node, "job_id") or _text_at(node, "project_task_id") or ""


def _job_node(outline: Outline, job_id: str) -> yaml.MappingNode:
    for node in _jobs(outline):
        if job_id == _id_of(node):
            return node
    raise EditError(f"no job has the id {job_id}; `skafos validate --fix` writes missing ids and the `jobs:` form")


def _names(outline: Outline) -> dict[str, str]:
    return {_id_of(node): _text_at(node, "name") or _id_of(node) for node in _jobs(outline) if _id_of(node)}
