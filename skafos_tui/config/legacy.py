"""The older forms of a config: one job's keys at the top level, and `project_tasks`."""

from __future__ import annotations

import json

from skafos_tui.config.fields import JOB_ONLY, OLD_JOB_ID, OLD_JOBS
from skafos_tui.config.nodes import Node
from skafos_tui.config.reading import Reading
from skafos_tui.config.sections import Section
from skafos_tui.model.diagnostic import Edit, Fix, Severity


def flat_job_id(token: str) -> str:
    """The id of the job of a flat config: the UUIDv5 of its token in the standard namespace for URLs.

    A fixed namespace, so that the same file has the same job on every machine and after the conversion.
    """
    import uuid

    return str(uuid.uuid5(uuid.NAMESPACE_URL, token))


def report_old_lists(reading: Reading, root: Node, items: list[Node]) -> None:
    """The info about `project_tasks` and `project_task_id`; its fix renames them all."""
    old_list = next((key for key, value in root.pairs if key.text == OLD_JOBS and not value.is_null), None)
    ids = [_old_id(item) for item in items]
    keys = [key for key in ids if key is not None]
    place = old_list or (keys[0] if keys else None)
    if place is None:
        return
    edits = {key.start: Edit(key.start, key.end, _renamed(reading, key, "job_id")) for key in keys}
    message = f"`{OLD_JOBS}` is the older form; write `jobs` with `job_id`"
    if old_list is not None:
        if any(key.text == "jobs" for key, _ in root.pairs):
            message = f"`{OLD_JOBS}` is the older form, and `jobs` is there, too; put all jobs under `jobs`"
            edits = {}
        else:
            edits[old_list.start] = Edit(old_list.start, old_list.end, _renamed(reading, old_list, "jobs"))
    else:
        message = f"`{OLD_JOB_ID}` is the older form; write `job_id`"
    fix = Fix("Write the newer form with `jobs`", tuple(edits.values())) if edits else None
    reading.add(Severity.INFO, "legacy-form", message, place.start, place.end, fix)


def _old_id(item: Node) -> Node | None:
    """The key `project_task_id` of a job that has no `job_id`."""
    old = None
    for key, _ in item.pairs:
        if key.text == "job_id":
            return None
        if key.text == OLD_JOB_ID:
            old = key
    return old


def _renamed(reading: Reading, key: Node, name: str) -> str:
    return reading.text[key.start : key.end].replace(key.text, name)


def report_flat(reading: Reading, section: Section, job_id: str | None) -> None:
    """The info about the flat form; its fix is offered where the lines can be put under `jobs` as they are."""
    place = next(key for key, _ in section.node.pairs if key.text in JOB_ONLY)
    message = "one job's keys at the top level are the older form; write them under `jobs`"
    fix = None
    if job_id is not None and not any(finding.fix for finding in reading.findings):
        fix = _under_jobs(reading, section, job_id)
    reading.add(Severity.INFO, "legacy-form", message, place.start, place.end, fix)


def _under_jobs(reading: Reading, section: Section, job_id: str) -> Fix | None:
    """The edits that put a flat job under `jobs`: its lines shifted by four, other lines moved before it at most."""
    text, places, root = reading.text, reading.places, section.node
    if root.style != "block" or any(key.text in ("jobs", OLD_JOBS, "<<") for key, _ in root.pairs):
        return None
    if any(places.line_start(key.start) != key.start for key, _ in root.pairs):
        return None
    name = section.value("name")
    if name is None:
        return None
    written = text[name.start : name.end]
    if name.style == "alias" or "\n" in written or "\r" in written or name.style in ("|", ">"):
        written = json.dumps(name.text, ensure_ascii=False)
    newline = places.newline()
    of_job = [key.text in JOB_ONLY for key, _ in root.pairs]
    first = of_job.index(True)
    last = len(of_job) - 1 - of_job[::-1].index(True)
    lines = [f"name: {written}"]
    if "job_id" not in section.entries:
        lines.insert(0, f"job_id: {job_id}")
    head = f"jobs:{newline}  - {lines[0]}{newline}" + "".join(f"    {line}{newline}" for line in lines[1:])
    start = root.pairs[first][0].start
    edits: list[Edit] = []
    moved = ""
    for index in range(first, last + 1):
        key, value = root.pairs[index]
        if of_job[index]:
            edits += _shifted(reading, key.start, max(key.end, value.end))
        else:
            end = root.pairs[index + 1][0].start
            moved += text[key.start : end]
            edits.append(Edit(key.start, end, ""))
    if edits and edits[0].start == start:
        edits[0] = Edit(start, edits[0].end, moved + head + edits[0].replacement)
    return Fix("Write the newer form with `jobs`", tuple(edits))


def _shifted(reading: Reading, start: int, end: int) -> list[Edit]:
    """Four spaces before each line from `start` to the one that holds the last character before `end`."""
    places, edits = reading.places, []
    line = places.line_start(start)
    while line < end:
        following = places.next_line(line)
        if places.line_text(line):
            edits.append(Edit(line, line, "    "))
        if following == line or following == len(reading.text):
            break
        line = following
    return edits
