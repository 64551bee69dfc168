"""One job of the file: every key read, everything wrong with it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from skafos_tui.config.fields import JOB_KEYS, OLD_JOB_ID, RETRIES, Field, Kind, by_key
from skafos_tui.config.nodes import MAP, NULLS, SCALAR, Node
from skafos_tui.config.places import short
from skafos_tui.config.quantities import BadValue
from skafos_tui.config.reading import UUID, Reading, inside_smart_quotes
from skafos_tui.config.sections import Section, kind_name
from skafos_tui.config.values import (
    Reader,
    read_counts,
    read_scalar,
    read_texts,
    read_variables,
    reader_of,
)
from skafos_tui.model.diagnostic import Edit, Fix, Severity
from skafos_tui.model.project import Catchup, Job, Overlap, Resources, RetryPolicy, Segment, SegmentKind

if TYPE_CHECKING:
    from skafos_tui.config.resources import ResourceReader

_RETRIES = by_key(RETRIES)
_RESOURCES = Resources()
_NO_RETRIES = RetryPolicy()
_RARE = frozenset(["environment", "parameters", "retries"])
_SCALARS = frozenset(["name", "language", "timeout", "overlap", "catchup", "image", "enabled", "parallelism"])


class JobDraft:
    """What was read of one job: its values by key, and the places that relations between jobs need."""

    __slots__ = ("dependencies", "id", "id_node", "name", "node", "section", "values")

    def __init__(self, node: Node, section: Section) -> None:
        self.node = node
        self.section = section
        self.id: str | None = None
        self.id_node: Node | None = None
        self.name: str | None = None
        self.dependencies: list[tuple[str, Node]] = []
        self.values: dict[str, Any] = {}

    @property
    def shown_name(self) -> str:
        """The name, else the id, else the entrypoint's place, for messages."""
        return self.name or self.id or "a job without a name"


class JobReader:
    """Reads the jobs of one project; `project_zone` is the zone of jobs that name none."""

    def __init__(self, reading: Reading, project_zone: str | None) -> None:
        self._reading = reading
        self._zone = project_zone
        self._resource_reader: ResourceReader | None = None
        self._readers: dict[str, Reader] = {key: reader_of(row, reading.options) for key, row in JOB_KEYS.items()}
        self._retry_readers = {row.key: reader_of(row, reading.options) for row in RETRIES}
        self._missing_files: dict[str, bool] = {}

    def read(self, node: Node, known: Mapping[str, Field], what: str = "") -> JobDraft:
        """Read one job; `known` are the keys its mapping may have (in the flat form the project's, too)."""
        reading = self._reading
        section = Section(reading, node, known, what or "this job")
        entries = section.entries
        if OLD_JOB_ID in entries and "job_id" not in entries:
            entries["job_id"] = entries.pop(OLD_JOB_ID)
        unknown = section.unknown()
        if unknown:
            section.adopt_misspelt(unknown)
        draft = JobDraft(node, section)
        self._read_id(draft)
        reading.job_id = draft.id
        self._read_scalars(draft)
        self._read_entrypoint(draft)
        given = section.value("dependencies")
        if given is not None:
            draft.dependencies = read_texts(reading, JOB_KEYS["dependencies"], given)
        given = section.value("resources")
        if given is not None:
            draft.values["resources"] = self._resources().read(given)
        if not _RARE.isdisjoint(section.entries):
            self._read_rare(draft)
        self._read_times(draft)
        section.report_no_effect()
        return draft

    def _resources(self) -> ResourceReader:
        if self._resource_reader is None:
            from skafos_tui.config.resources import ResourceReader

            self._resource_reader = ResourceReader(self._reading)
        return self._resource_reader

    def _read_rare(self, draft: JobDraft) -> None:
        for key in ("environment", "parameters"):
            given = draft.section.value(key)
            if given is not None:
                draft.values[key] = read_variables(self._reading, JOB_KEYS[key], given)
        given = draft.section.value("retries")
        if given is not None:
            draft.values["retries"] = self._read_retries(given)

    # Single keys ----------------------------------------------------------------------------------------

    def _read_id(self, draft: JobDraft) -> None:
        reading, section = self._reading, draft.section
        node = section.value("job_id")
        if node is None:
            return
        if node.kind != SCALAR:
            reading.error("wrong-type", f"`job_id` must be a UUID, not {kind_name(node)}", node)
            return
        if not node.text.strip():
            fix = reading.replacement(node, reading.options.new_id(), "Write a new id")
            reading.error("missing-key", "`job_id` is empty; it needs a UUID", node, fix)
            return
        if "\0" in node.text:
            reading.error("wrong-type", "`job_id` can't hold a NUL character; write a UUID", node)
            return
        draft.id, draft.id_node = node.text, node
        if UUID.match(node.text) is None:
            inner = inside_smart_quotes(node)
            if inner is not None and UUID.match(inner):
                draft.id = inner
            fix = reading.straight_quotes(node, _uuid)
            message = f"`{short(node.text)}` is no UUID; it works, but new ids look like {_EXAMPLE_ID}"
            reading.warning("id-not-uuid", message, node, fix)

    def missing_id(self, draft: JobDraft) -> None:
        """The error of a job without an id, with a new one as its fix."""
        pair = draft.section.entries.get("job_id")
        if pair is None or pair[1].is_null:
            draft.section.missing("job_id", "it needs a UUID", self._reading.options.new_id(), first=True)

    def _read_scalars(self, draft: JobDraft) -> None:
        section, values = draft.section, draft.values
        entries, readers, reading = section.entries, self._readers, self._reading
        for key, (_, node) in entries.items():
            if key in _SCALARS and not (node.text in NULLS and node.is_null):
                if node.text == "python" and key == "language":
                    values[key] = node.text
                else:
                    values[key] = read_scalar(reading, JOB_KEYS[key], node, readers[key])
        if "name" not in values and section.known is JOB_KEYS:  # in the flat form the project says so
            section.missing("name", "write what the job is called")
        if "language" not in values:
            section.missing("language", "write python", "python")
        draft.name = values.get("name")

    def _read_entrypoint(self, draft: JobDraft) -> None:
        reading, section = self._reading, draft.section
        node = section.value("entrypoint")
        files = reading.options.files
        if node is None:
            found = "main.py" if files is not None and files.has_file("main.py") else None
            section.missing("entrypoint", "write a script of the project, such as main.py, or a command", found)
            return
        segments = read_scalar(reading, JOB_KEYS["entrypoint"], node, self._readers["entrypoint"])
        draft.values["segments"] = segments
        draft.values["entrypoint"] = node.text
        for segment in segments or ():
            if segment.path is not None and files is not None:
                self._check_file(node, segment)

    def _check_file(self, node: Node, segment: Segment) -> None:
        path, files, reading = segment.path, self._reading.options.files, self._reading
        assert path is not None and files is not None
        there = self._missing_files.get(path)
        if there is None:
            there = self._missing_files[path] = files.has_file(path)
        if there:
            return
        start, end, fix, hint = node.start, node.end, None, ""
        base = reading.base(node)
        offset = node.text.find(path)
        if base is not None and offset >= 0:
            start, end = base + offset, base + offset + len(path)
        other = files.other_spelling(path)
        if other is not None:
            hint = f"; did you mean `{other}`?"
            if base is not None and offset >= 0:
                fix = Fix(f"Write `{short(other)}`", (Edit(start, end, other),))
        kind = "notebook" if segment.kind is SegmentKind.NOTEBOOK else "script"
        message = f"there is no {kind} `{short(path)}` in the project{hint or '; add it or correct the name'}"
        reading.add(Severity.ERROR, "entrypoint-missing-file", message, start, end, fix)

    def _read_retries(self, node: Node) -> RetryPolicy:
        reading, row = self._reading, JOB_KEYS["retries"]
        if node.kind == SCALAR:
            count = Field(row.key, Kind.COUNT, row.help, maximum=row.maximum)
            limit = read_scalar(reading, count, node, self._readers["retries"])
            return RetryPolicy(limit=limit or 0)
        if node.kind != MAP:
            reading.error("wrong-type", "`retries` must be an integer or a mapping with limit, not a list", node)
            return _NO_RETRIES
        section = Section(reading, node, _RETRIES, "retries")
        unknown = section.unknown()
        section.adopt_misspelt(unknown)
        values: dict[str, Any] = {}
        for key, inner in _RETRIES.items():
            given = section.value(key)
            if given is None:
                continue
            if inner.kind is Kind.COUNTS:
                values[key] = frozenset(read_counts(reading, inner, given, self._retry_readers[key]))
            else:
                values[key] = read_scalar(reading, inner, given, self._retry_readers[key])
        if section.value("limit") is None:
            section.missing("limit", "write how many further attempts there may be, such as 3")
        section.report_unknown(unknown, [key for key in section.renames if self._is_fine(section, key)])
        names = {"delay": "delay_s", "max_delay": "max_delay_s"}
        return RetryPolicy(**{names.get(key, key): value for key, value in values.items() if value is not None})

    def _read_times(self, draft: JobDraft) -> None:
        reading, section = self._reading, draft.section
        zone = self._zone
        given = section.value("timezone")
        if given is not None:
            from skafos_tui.config.schedules import read_timezone

            zone = read_timezone(reading, given)
            draft.values["timezone"] = zone
        schedule = section.value("schedule")
        if schedule is not None:
            from skafos_tui.config.schedules import check_schedule

            draft.values["schedule"] = check_schedule(reading, schedule, zone)

    def _is_fine(self, section: Section, key: str) -> bool:
        """Whether the value under a misspelt key is right for the key that is meant."""
        value, row = section.renames[key][1], section.known[key]
        if value.is_null or value.kind == MAP:
            return value.is_null
        with self._reading.aside() as found:
            if row.kind is Kind.COUNTS:
                read_counts(self._reading, row, value, self._retry_readers[key])
            else:
                read_scalar(self._reading, row, value, self._retry_readers[key])
        return not any(item.severity is Severity.ERROR for item in found)

    def offers_rename(self, draft: JobDraft, key: str) -> bool:
        """Whether renaming a misspelt key of a job brings no new error; dependencies are judged elsewhere."""
        from skafos_tui.config.schedules import check_schedule, read_timezone

        value, row = draft.section.renames[key][1], JOB_KEYS[key]
        if value.is_null or not row.has_effect:
            return True
        if row.required:
            return key in draft.section.adopted
        with self._reading.aside() as found:
            if row.kind is Kind.VARIABLES:
                read_variables(self._reading, row, value)
            elif key == "dependencies":
                read_texts(self._reading, row, value)
            elif key == "resources":
                self._resources().read(value)
            elif key == "retries":
                self._read_retries(value)
            elif key == "schedule":
                check_schedule(self._reading, value, self._zone)
            elif key == "timezone":
                read_timezone(self._reading, value)
            else:
                read_scalar(self._reading, row, value, self._readers[key])
        return not any(item.severity is Severity.ERROR for item in found)

    def job(self, draft: JobDraft, project_zone: str) -> Job:
        """The job itself; only for a draft without errors."""
        values = draft.values
        assert draft.id is not None and draft.name is not None
        requests, limits = values.get("resources") or (_RESOURCES, _RESOURCES)
        return Job(
            id=draft.id,
            name=draft.name,
            entrypoint=values["entrypoint"],
            segments=values["segments"],
            language=values["language"],
            schedule=values.get("schedule"),
            timezone=values.get("timezone") or project_zone,
            dependencies=tuple(dict.fromkeys(name for name, _ in draft.dependencies)),
            parallelism=values.get("parallelism") or 1,
            requests=requests,
            limits=limits,
            environment=values.get("environment") or {},
            parameters=values.get("parameters") or {},
            timeout_s=values.get("timeout"),
            retries=values.get("retries") or _NO_RETRIES,
            overlap=Overlap(values["overlap"]) if "overlap" in values else Overlap.SKIP,
            catchup=Catchup(values["catchup"]) if "catchup" in values else Catchup.LATEST,
            image=values.get("image"),
            enabled=values.get("enabled", True),
        )


_EXAMPLE_ID = "20d19311-146b-4cd8-ac39-270515e6b77b"


def _uuid(text: str) -> str:
    if UUID.match(text) is None:
        raise BadValue("id-not-uuid", "no UUID")
    return text
