"""Jobs are added, changed, renamed and deleted in the style of the file; every other byte stays."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.job_edits import NewJob, add_job, delete_job, quoted, rename_job, set_key
from skafos_tui.model.diagnostic import Edit

HEAD = "project_token: x\nname: y\n"
NEW = NewJob("b7", "New one", "new.py")


def load(text: str) -> Any:
    """What the text says, every scalar as text."""
    return yaml.load(text.removeprefix("\ufeff"), Loader=yaml.BaseLoader)


def changes(before: str, edits: tuple[Edit, ...]) -> list[str]:
    """The lines taken away and added."""
    after = apply_edits(before, edits)
    compared = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line for line in compared if line[0] in "+-"]


STYLES = {
    "indented": "jobs:\n  - job_id: a1\n    name: A\nadd-ons: []\n",
    "not indented": "jobs:\n- job_id: a1\n  name: A\nadd-ons: []\n",
    "wide": "jobs:\n    -   job_id: a1\n        name: A # c\n\n# end\n",
    "dash alone": "jobs:\n  -\n    job_id: a1\n    name: A\n",
    "no last line break": "jobs:\n  - job_id: a1\n    name: A",
    "literal": "jobs:\n  - job_id: a1\n    name: |\n      A\n\n\nz: 1\n",
    "literal that keeps": "jobs:\n  - job_id: a1\n    name: |+\n      A\n\n\nz: 1\n",
    "flow item": "jobs:\n  - {job_id: a1, name: A}\nz: 1\n",
    "flow": "jobs: [{job_id: a1, name: A}] # c\nz: 1\n",
    "flow on lines": "jobs: [\n  {job_id: a1, name: A},\n  {job_id: a2, name: B}, # c\n]\nz: 1\n",
    "empty flow": "jobs: []\nz: 1\n",
    "empty flow with a comment": "jobs: [ ]  # none yet\nz: 1\n",
    "nothing": "jobs:\nz: 1\n",
    "nothing with comments": "jobs: # none\n  # yet\nz: 1\n",
    "null": "jobs: null # none\n",
    "last and nothing": "jobs:",
    "missing": "z: 1\n# end\n",
    "old tasks": "project_tasks:\n- project_task_id: a1\n  name: A\n",
    "alias": "z: &z [q]\njobs:\n  - job_id: a1\n    name: A\n    dependencies: *z\nend: 1\n",
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("style", STYLES)
def test_a_job_is_added_at_the_end_of_the_jobs_of_every_style(style: str, mark: str, newline: str) -> None:
    text = mark + (HEAD + STYLES[style]).replace("\n", newline)
    job = NewJob("b7", "New: one \U0001f600", "new.py --x 'a b'", schedule="*/5 * * * 1", dependencies=("a1",))
    after = apply_edits(text, add_job(text, job))
    key = "project_tasks" if "tasks" in style else "jobs"
    identity = "project_task_id" if "tasks" in style else "job_id"
    expected = load(text)
    expected[key] = [
        *(expected.get(key) if isinstance(expected.get(key), list) else []),
        {
            identity: "b7",
            "language": "python",
            "name": job.name,
            "entrypoint": job.entrypoint,
            "schedule": job.schedule,
            "dependencies": ["a1"],
        },
    ]
    assert load(after) == expected
    assert after.count("\r\n") == (after.count("\n") if newline == "\r\n" else 0)
    # Only something put in, but for an empty value that makes place.
    kept = text.replace("[]", "").replace("[ ]", "").replace("null", "").replace(" ", "")
    remaining = iter(after.replace(" ", ""))
    assert all(character in remaining for character in kept)
    assert after.endswith("\n") == text.endswith("\n")


def test_a_new_job_follows_the_comments_quotes_and_blank_lines_of_the_last_one() -> None:
    text = HEAD + "jobs:\n  - job_id: 'a1'\n\n  - job_id: 'a2'\n    name: \"B\"\n    # retries: 3\n# other\nz: 1\n"
    assert changes(text, add_job(text, NEW)) == [
        "+ \n",
        "+   - job_id: 'b7'\n",
        "+     language: python\n",
        '+     name: "New one"\n',
        '+     entrypoint: "new.py"\n',
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "entrypoint: a.py\nlanguage: python\n", "skafos validate --fix"),
        (HEAD + "jobs: {}\n", "no list"),
        (HEAD + "jobs: many\n", "no list"),
        ("{}", "skafos init"),
        ("- a\n", "no mapping"),
        ("", "no mapping"),
        ("a: [\n", "no valid YAML"),
    ],
)
def test_a_file_without_a_place_for_jobs_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        add_job(text, NEW)
    assert "\n" not in str(caught.value)


@given(st.text(), st.sampled_from([None, "'", '"']))
@settings(max_examples=300, deadline=None)
def test_a_quoted_text_reads_as_itself(value: str, style: str | None) -> None:
    assert load(f"k: {quoted(value, style)}\n") == {"k": value}
    assert load("k: {a: " + quoted(value, style) + ", b: c}\n") == {"k": {"a": value, "b": "c"}}


FILE = (
    HEAD
    + """\
# first
jobs:
  - job_id: a1        # the first
    name: 'Train'
    dependencies: [b2, c3]
    resources:
      limits:
        cpu: 1 # one
        memory: 1Gi

  # about b
  - job_id: b2
    name: Score
    schedule:
    dependencies:
      - a1
      - c3

  - {job_id: c3, name: Clean, dependencies: [a1]}
alerts:
  - {when: failure, job: Train}
"""
)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda: set_key(FILE, "a1", ("name",), "Fit"), ["-     name: 'Train'\n", "+     name: Fit\n"]),
        (
            lambda: set_key(FILE, "a1", ("resources", "limits", "cpu"), "2"),
            ["-         cpu: 1 # one\n", "+         cpu: 2 # one\n"],
        ),
        (
            lambda: set_key(FILE, "a1", ("resources", "requests", "cpu"), "1"),
            ["+       requests:\n", "+         cpu: 1\n"],
        ),
        (lambda: set_key(FILE, "a1", ("timeout",), "2h"), ["+     timeout: 2h\n"]),
        (
            lambda: set_key(FILE, "b2", ("schedule",), '"0 9 * * *"'),
            ["-     schedule:\n", '+     schedule: "0 9 * * *"\n'],
        ),
        (
            lambda: set_key(FILE, "b2", ("dependencies",), "[c3]"),
            ["-     dependencies:\n", "-       - a1\n", "-       - c3\n", "+     dependencies: [c3]\n"],
        ),
        (
            lambda: set_key(FILE, "c3", ("resources", "limits", "cpu"), "2"),
            [
                "-   - {job_id: c3, name: Clean, dependencies: [a1]}\n",
                "+   - {job_id: c3, name: Clean, dependencies: [a1], resources: {limits: {cpu: 2}}}\n",
            ],
        ),
        (lambda: set_key(FILE, "a1", ("resources", "limits", "memory"), None), ["-         memory: 1Gi\n"]),
        (lambda: set_key(FILE, "a1", ("dependencies",), None), ["-     dependencies: [b2, c3]\n"]),
        (lambda: set_key(FILE, "a1", ("schedule",), None), []),
        (lambda: set_key(FILE, "a1", ("name",), "'Train'"), []),
        (
            lambda: rename_job(FILE, "a1", "It's"),
            [
                "-     name: 'Train'\n",
                "+     name: 'It''s'\n",
                "-   - {when: failure, job: Train}\n",
                '+   - {when: failure, job: "It\'s"}\n',
            ],
        ),
        (
            lambda: delete_job(FILE, "b2"),
            [
                "-     dependencies: [b2, c3]\n",
                "+     dependencies: [c3]\n",
                "-   - job_id: b2\n",
                "-     name: Score\n",
                "-     schedule:\n",
                "-     dependencies:\n",
                "-       - a1\n",
                "-       - c3\n",
            ],
        ),
        (
            lambda: delete_job(FILE, "c3"),
            [
                "-     dependencies: [b2, c3]\n",
                "+     dependencies: [b2]\n",
                "-       - c3\n",
                "-   - {job_id: c3, name: Clean, dependencies: [a1]}\n",
            ],
        ),
    ],
)
def test_an_edit_of_a_job_changes_these_lines_and_no_other(
    edit: Callable[[], tuple[Edit, ...]], expected: list[str]
) -> None:
    assert sorted(line for line in changes(FILE, edit())) == sorted(expected)


def test_deleting_the_last_job_leaves_an_empty_list() -> None:
    text = HEAD + "jobs:\n  - job_id: a1\n    name: A\n    # note\nz: 1\n"
    assert apply_edits(text, delete_job(text, "a1")) == HEAD + "jobs: []\nz: 1\n"


FLOW_LISTS = [
    ("[{job_id: a1}]", "[]"),
    ("[ {job_id: a1}, ] # c", "[  ] # c"),
    ("[\n  {job_id: a1}, # about a\n  # further\n]", "[\n  # further\n]"),
    ("[\n  {job_id: a1} # about a\n  , # comma\n]", "[\n   # about a\n   # comma\n]"),
    ("[\n  {job_id: b2}, # about b\n  {job_id: a1} # about a\n]", "[\n  {job_id: b2}, # about b\n]"),
    ("[\n  {job_id: a1}, # about a\n  {job_id: b2}, # about b\n]", "[\n  {job_id: b2}, # about b\n]"),
    ("[\n  {job_id: a1}\n  , {job_id: b2}\n]", "[\n  {job_id: b2}\n]"),
    ("[\n  {job_id: b2}\n  , {job_id: a1}\n]", "[\n  {job_id: b2}\n]"),
    ("[{job_id: a1}, {job_id: b2}]", "[{job_id: b2}]"),
    ("[{job_id: b2}, {job_id: a1}, ]", "[{job_id: b2}, ]"),
]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(("before", "after"), FLOW_LISTS)
def test_a_job_leaves_a_list_in_brackets_with_its_comma_and_no_comment_of_another(
    before: str, after: str, newline: str
) -> None:
    text, wanted = ((HEAD + f"jobs: {jobs}\nz: 1\n").replace("\n", newline) for jobs in (before, after))
    assert apply_edits(text, delete_job(text, "a1")) == wanted


def test_the_first_job_in_brackets_with_a_comment_leaves_it_there() -> None:
    text = HEAD + "jobs: [\n  # further\n]\nz: 1\n"
    after = apply_edits(text, add_job(text, NEW))
    assert "[\n  # further\n{job_id: b7," in after
    assert [job["job_id"] for job in load(after)["jobs"]] == ["b7"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda: set_key(FILE, "zz", ("name",), "X"),
        lambda: set_key(FILE, "a1", ("job_id",), "X"),
        lambda: set_key(FILE, "a1", ("name", "first"), "X"),
        lambda: set_key(FILE, "a1", ("name",), "{"),
        lambda: delete_job(FILE, "zz"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(edit: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        edit()


NAMES = st.sampled_from(["Train", "x: y", "a # b", "'q'", '"', "\u00e4", "-", "yes", "", "{{x}}", "a, b", "1"])
STEPS = st.one_of(
    st.tuples(st.just("add"), NAMES),
    st.tuples(st.just("rename"), NAMES),
    st.tuples(st.just("schedule"), st.sampled_from(['"0 9 * * *"', "'* * * * *'", None])),
    st.tuples(st.just("memory"), st.sampled_from(["1Gi", "2Gi", None])),
    st.tuples(st.just("delete"), st.just("")),
)


@given(st.sampled_from([*STYLES.values()]), st.lists(st.tuples(STEPS, st.integers(0, 5)), max_size=6), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_row_of_edits_does_to_the_text_what_it_does_to_the_jobs(
    style: str, steps: list[tuple[tuple[str, str | None], int]], carriage_returns: bool
) -> None:
    text = HEAD + style.replace("project_tasks", "jobs").replace("project_task_id", "job_id")
    text = text.replace("\n", "\r\n") if carriage_returns else text
    wanted = load(text)
    if not isinstance(wanted.get("jobs"), list):
        wanted["jobs"] = []
    for number, ((action, value), index) in enumerate(steps):
        jobs = wanted["jobs"]
        job = jobs[index % len(jobs)] if jobs else None
        if action == "add":
            added = NewJob(f"n{number}", value or "", "x.py")
            text = apply_edits(text, add_job(text, added))
            jobs.append({"job_id": added.id, "language": "python", "name": added.name, "entrypoint": "x.py"})
        elif job is None:
            continue
        elif action == "rename":
            text = apply_edits(text, rename_job(text, job["job_id"], value or ""))
            job["name"] = value
        elif action == "delete":
            text = apply_edits(text, delete_job(text, job["job_id"]))
            jobs.remove(job)
        elif action == "schedule":
            text = apply_edits(text, set_key(text, job["job_id"], ("schedule",), value))
            job.pop("schedule", None)
            if value is not None:
                job["schedule"] = value.strip("\"'")
        else:
            text = apply_edits(text, set_key(text, job["job_id"], ("resources", "limits", "memory"), value))
            job.pop("resources", None)
            if value is not None:
                job["resources"] = {"limits": {"memory": value}}
    found = load(text)
    found["jobs"] = found["jobs"] if isinstance(found.get("jobs"), list) else []
    assert found == wanted
