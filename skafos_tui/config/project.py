"""A whole config: its own keys, its jobs in whatever form, and what holds between them."""

from __future__ import annotations

from typing import Any

from skafos_tui.config.fields import JOB_KEYS, JOB_ONLY, OLD_JOB_ID, OLD_JOBS, PROJECT_KEYS
from skafos_tui.config.jobs import JobDraft, JobReader
from skafos_tui.config.nodes import LIST, MAP, SCALAR, MapNode, Node, compose
from skafos_tui.config.places import short
from skafos_tui.config.quantities import BadValue
from skafos_tui.config.reading import Reading
from skafos_tui.config.relations import Relations
from skafos_tui.config.sections import Section, kind_name
from skafos_tui.config.values import read_scalar, read_texts, read_variables, reader_of
from skafos_tui.model.diagnostic import Edit, Fix, Severity
from skafos_tui.model.project import Project

_FLAT_KEYS = {**JOB_KEYS, **{key: row for key, row in PROJECT_KEYS.items() if key != "jobs"}}


class ProjectReader:
    """Reads one config from its root mapping."""

    def __init__(self, reading: Reading, root: Node) -> None:
        self._reading = reading
        self._root = root
        self._flat = is_flat(root)
        known = _FLAT_KEYS if self._flat else PROJECT_KEYS
        self._section = Section(reading, root, known, "this config")
        self._unknown = self._section.unknown(ignore=(OLD_JOBS, *(() if self._flat else JOB_ONLY)))
        self._section.adopt_misspelt(self._unknown)

    def read(self) -> Project | None:
        """The project, None where something required is missing; findings go to the reading."""
        reading, section = self._reading, self._section
        values = self._own_values()
        jobs = JobReader(reading, values["timezone"] if section.value("timezone") is not None else "UTC")
        if self._flat:
            drafts = [self._flat_draft(jobs, values.get("project_token"))]
        else:
            drafts = self._listed_drafts(jobs)
            self._misplaced(drafts)
            section.report_no_effect()
        relations = Relations(reading, drafts)
        relations.check()
        known = relations.known()
        alerts = section.value("alerts")
        values["alerts"] = ()
        if alerts is not None:
            from skafos_tui.config.alerts import read_alerts

            values["alerts"] = read_alerts(reading, alerts, known)
        for draft in drafts:
            if not self._flat:
                self._report_unknown_of(jobs, draft, relations)
        self._report_own_unknown(jobs, drafts[0] if self._flat else None, relations)
        self._conda_file()
        if self._flat:
            from skafos_tui.config.legacy import report_flat

            report_flat(reading, section, drafts[0].id)
        if any(item.severity is Severity.ERROR and item.code != "entrypoint-missing-file" for item in reading.findings):
            return None
        zone = values["timezone"] or "UTC"
        return Project(
            token=values["project_token"],
            name=values["name"],
            jobs=tuple(jobs.job(draft, zone) for draft in drafts),
            image=values.get("image"),
            timezone=zone,
            environment=values.get("environment") or {},
            alerts=values["alerts"],
            notify=values["notify"],
            add_ons=values["add-ons"],
        )

    # The project's own keys ----------------------------------------------------------------------------------

    def _own_values(self) -> dict[str, Any]:
        reading, section = self._reading, self._section
        values: dict[str, Any] = {"timezone": None, "notify": {}, "add-ons": ()}
        self._read_token(values)
        for key in ("name", "image"):
            node = section.value(key)
            if node is not None:
                row = PROJECT_KEYS[key]
                values[key] = read_scalar(reading, row, node, reader_of(row, reading.options))
            elif key == "name":
                section.missing("name", "write what the project is called")
        node = section.value("timezone")
        if node is not None:
            from skafos_tui.config.schedules import read_timezone

            values["timezone"] = read_timezone(reading, node)
        node = section.value("environment")
        if node is not None:
            values["environment"] = read_variables(reading, PROJECT_KEYS["environment"], node)
        node = section.value("notify")
        if node is not None:
            from skafos_tui.config.alerts import read_channels

            values["notify"] = read_channels(reading, node)
        node = section.value("add-ons")
        if node is not None:
            from skafos_tui.config.alerts import read_add_ons

            values["add-ons"] = read_add_ons(reading, node)
        return values

    def _read_token(self, values: dict[str, Any]) -> None:
        reading, section, row = self._reading, self._section, PROJECT_KEYS["project_token"]
        node = section.value("project_token")
        if node is None:
            section.missing("project_token", "it needs 24 hex characters", reading.options.new_token(), first=True)
            return
        read_token = reader_of(row, reading.options)
        if node.kind != SCALAR:
            read_scalar(reading, row, node, read_token)
            return
        try:
            values["project_token"] = read_token(node.text)
        except BadValue as bad:
            fix = reading.straight_quotes(node, read_token)
            if fix is None:
                fix = reading.replacement(node, reading.options.new_token(), "Write a new token")
            reading.error(bad.code, bad.message, node, fix)

    def _report_own_unknown(self, jobs: JobReader, flat: JobDraft | None, relations: Relations) -> None:
        section, offered = self._section, []
        for key, (_, value) in section.renames.items():
            if flat is not None and key in JOB_KEYS:
                good = key in flat.section.renames and _offers(jobs, flat, key, relations)
            else:
                good = self._offers(key, value)
            if good:
                offered.append(key)
        section.report_unknown(self._unknown, offered)

    def _offers(self, key: str, value: Node) -> bool:
        """Whether renaming a misspelt key of the project brings no new error."""
        from skafos_tui.config.alerts import read_add_ons, read_alerts, read_channels
        from skafos_tui.config.schedules import read_timezone

        row = PROJECT_KEYS[key]
        if value.is_null or not row.has_effect:
            return True
        if row.required:
            return key in self._section.adopted
        reading = self._reading
        with reading.aside() as found:
            if key == "environment":
                read_variables(reading, row, value)
            elif key == "timezone":
                read_timezone(reading, value)
            elif key == "image":
                read_scalar(reading, row, value, reader_of(row, reading.options))
            elif key == "notify":
                read_channels(reading, value)
            elif key == "add-ons":
                read_add_ons(reading, value)
            else:
                read_alerts(reading, value, ())
        return not any(item.severity is Severity.ERROR for item in found)

    # The jobs ------------------------------------------------------------------------------------------------

    def _flat_draft(self, jobs: JobReader, token: str | None) -> JobDraft:
        draft = jobs.read(self._root, _FLAT_KEYS, "this config")
        self._reading.job_id = None
        if draft.id is None and token is not None:
            from skafos_tui.config.legacy import flat_job_id

            draft.id = flat_job_id(token)
        return draft

    def _listed_drafts(self, jobs: JobReader) -> list[JobDraft]:
        section, reading = self._section, self._reading
        lists = [(key, section.value(key)) for key in section.entries if key in ("jobs", OLD_JOBS)]
        given = [(key, node) for key, node in lists if node is not None]
        if not given:
            section.missing("jobs", "write at least one job")
        items: list[Node] = []
        for key, node in given:
            if node.kind != LIST:
                message = f"`{key}` must be a list of jobs, each led by a `-`, not {kind_name(node)}"
                reading.error("wrong-type", message, node)
                continue
            if not node.items:
                reading.error("missing-key", f"`{key}` is empty; write at least one job", node)
            for item in node.items:
                if item.kind == MAP:
                    items.append(item)
                else:
                    message = f"a job is a mapping with job_id, language, name and entrypoint, not {kind_name(item)}"
                    reading.error("wrong-type", message, item)
        if OLD_JOBS in section.entries or OLD_JOB_ID in reading.text:
            from skafos_tui.config.legacy import report_old_lists

            report_old_lists(reading, self._root, items)
        return [self._draft(jobs, item) for item in items]

    def _draft(self, jobs: JobReader, item: Node) -> JobDraft:
        before = self._reading.enter(item, None)
        draft = jobs.read(item, JOB_KEYS)
        if draft.id is None:
            jobs.missing_id(draft)
        self._reading.leave(before)
        return draft

    def _report_unknown_of(self, jobs: JobReader, draft: JobDraft, relations: Relations) -> None:
        section = draft.section
        if section.all_known:
            return
        with self._reading.within(draft.node, draft.id):
            unknown = section.unknown()
            offered = [key for key in section.renames if _offers(jobs, draft, key, relations)]
            own = [pair for pair in unknown if pair[0].text in PROJECT_KEYS]
            for key, _ in own:
                message = f"`{key.text}` belongs to the project, at the top level; it has no effect in a job"
                self._reading.warning("misplaced-key", message, key)
            section.report_unknown([pair for pair in unknown if pair not in own], offered)

    def _misplaced(self, drafts: list[JobDraft]) -> None:
        """Warn about a job's keys beside `jobs`; where there is one job without them the fix moves them there."""
        for name, (key, value) in self._section.entries.items():
            if name not in JOB_ONLY:
                continue
            message = f"`{name}` belongs to a job; beside `jobs` it has no effect, put it into the job"
            fix = None
            if len(drafts) == 1 and sum(other.text == name for other, _ in self._root.pairs) == 1:
                fix = _moved_into(self._reading, drafts[0], key, value)
            self._reading.warning("misplaced-key", message, key, fix)

    def _conda_file(self) -> None:
        files = self._reading.options.files
        if files is None or not files.has_file("environment.yml") or files.has_file("requirements.txt"):
            return
        packages = _conda_packages(files.read_text("environment.yml") or "")
        what = ", ".join(short(name, 30) for name in packages[:8]) + (" …" if len(packages) > 8 else "")
        message = (
            f"environment.yml is for conda and is not installed ({what or 'it names no package'}); "
            "write a requirements.txt"
        )
        self._reading.add(Severity.WARNING, "conda-file", message, 0, 0)


def is_flat(root: Node) -> bool:
    """Whether a config has one job's keys at its top level and no list of jobs."""
    flat = False
    for key, value in root.pairs:
        if key.text in ("jobs", OLD_JOBS) and not value.is_null:
            return False
        if value.kind == LIST and key.text not in PROJECT_KEYS and key.text not in JOB_KEYS:
            from skafos_tui.config.spelling import nearest

            meant = nearest(key.text, ("jobs", *JOB_KEYS))
            if meant == "jobs" and any(item.kind == MAP for item in value.items):
                return False
        flat = flat or key.text in JOB_ONLY
    return flat


def _offers(jobs: JobReader, draft: JobDraft, key: str, relations: Relations) -> bool:
    """Whether renaming a misspelt key of a job brings no new error."""
    if not jobs.offers_rename(draft, key):
        return False
    value = draft.section.renames[key][1]
    if key != "dependencies" or value.kind != LIST:
        return True
    return relations.accepts(draft, [item.text for item in value.items if not item.is_null])


def _moved_into(reading: Reading, draft: JobDraft, key: Node, value: Node) -> Fix | None:
    """The edits that move a block of the top level into the only job, behind its last key."""
    text, places, job = reading.text, reading.places, draft.node
    if key.text in draft.section.entries or key.text in draft.section.renames or not job.pairs:
        return None
    if job.style != "block" or places.line_start(key.start) != key.start or (value.kind == SCALAR and value.is_null):
        return None
    with reading.aside() as found:
        # Judged by a reader of its own: what has no effect here may be wrong there.
        reader = JobReader(reading, None)
        lone = MapNode(key.start, value.end, "block")
        lone.pairs = [(key, value)]
        reader.read(lone, JOB_KEYS)
        if key.text == "dependencies":
            read_texts(reading, JOB_KEYS["dependencies"], value)
            return None
    if any(item.severity is Severity.ERROR and item.code != "missing-key" for item in found):
        return None
    first, (_, last) = job.pairs[0][0], job.pairs[-1]
    if last.style in ("|", ">") or value.style in ("|", ">"):
        return None
    indent = " " * (first.start - places.line_start(first.start))
    newline = places.newline()
    end = places.next_line(max(value.end - 1, key.start))
    lines = text[key.start : end].splitlines()
    block = "".join(f"{newline}{indent if line else ''}{line}" for line in lines)
    at = places.line_start(last.end) + len(places.line_text(last.end))
    start = key.start
    if end == len(text) and not text.endswith(("\n", "\r")):
        start = max(at, start - len(newline))
    return Fix(f"Move `{key.text}` into the job", (Edit(at, at, block), Edit(start, end, "")))


def _conda_packages(text: str) -> list[str]:
    """The packages an environment.yml names, python and pip left out; none where it can't be read."""
    from skafos_tui.config.nodes import NodeError

    try:
        root = compose(text).root
    except NodeError:
        return []
    given = root.get("dependencies") if root is not None else None
    items = list(given.items) if given is not None else []
    for item in list(items):
        inner = item.get("pip")
        if inner is not None:
            items += inner.items
    names = [item.text for item in items if item.kind == SCALAR and item.text]
    return [name for name in names if name.split("=")[0].rstrip("<>=! ") not in ("python", "pip")]
