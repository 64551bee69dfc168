"""The form of a job has every key of the table, and a value typed into it changes that key and nothing else."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
import yaml
from config_samples import GOOD, SCORE, TRAIN, read, train
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.fields import JOB, Kind
from skafos_tui.config.job_edits import EditError, toggle_dependency
from skafos_tui.config.job_form import FormRow, candidates, change, form_of, problem_of

FULL = train(
    "schedule: '0 9 * * *' # daily",
    "timezone: Europe/Berlin",
    "retries: 3",
    "resources: {limits: {cpu: 2, memory: 1Gi}}",
    "environment:",
    '  MODE: "fast" # or slow',
    "exit: 1",
)


def load(text: str) -> Any:
    return yaml.load(text, Loader=yaml.BaseLoader)


def row_at(text: str, *path: str, job_id: str = TRAIN) -> FormRow:
    return form_of(text, job_id, read(text).diagnostics).row(*path)


def typed(text: str, value: str, *path: str) -> str:
    """The text after a value was typed into a row of Train."""
    return apply_edits(text, change(text, TRAIN, row_at(text, *path), value))


def changed_lines(before: str, after: str) -> list[str]:
    compared = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in compared if line[0] in "+-"]


def test_the_form_has_a_row_for_every_key_of_the_table() -> None:
    labels = [row.label for row in form_of(GOOD, TRAIN).rows]
    for field in JOB:
        if field.kind is Kind.SECTION:
            assert any(label.startswith(f"{field.key}.") for label in labels)
        elif field.has_effect:
            assert field.key in labels
    assert {"resources.requests.cpu", "resources.limits.memory", "retries.max_delay"} <= set(labels)


def test_values_are_read_as_people_type_them() -> None:
    form = form_of(FULL, TRAIN)
    values = {row.label: row.value for row in form.rows if row.value is not None}
    assert values == {
        "job_id": TRAIN,
        "language": "python",
        "name": "Train",
        "entrypoint": "train.py",
        "schedule": "0 9 * * *",
        "timezone": "Europe/Berlin",
        "retries.limit": "3",
        "resources.limits.cpu": "2",
        "resources.limits.memory": "1Gi",
        "environment.MODE": "fast",
    }
    assert form_of(GOOD, SCORE).row("dependencies").value == "Train"
    assert form.name == "Train"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("name",), "Fit", ["-     name: Train", "+     name: Fit"]),
        (
            ("schedule",),
            "*/5 * * * *",
            ["-     schedule: '0 9 * * *' # daily", "+     schedule: '*/5 * * * *' # daily"],
        ),
        (("schedule",), "", ["-     schedule: '0 9 * * *' # daily"]),
        (("timezone",), "Asia/Tokyo", ["-     timezone: Europe/Berlin", "+     timezone: Asia/Tokyo"]),
        (("parallelism",), "3", ["+     parallelism: 3"]),
        (("enabled",), "false", ["+     enabled: false"]),
        (("timeout",), "90s", ["+     timeout: 90s"]),
        (("retries", "limit"), "4", ["-     retries: 3", "+     retries: 4"]),
        (("retries", "limit"), "", ["-     retries: 3"]),
        (("retries", "delay"), "5s", ["-     retries: 3", "+     retries: {limit: 3, delay: 5s}"]),
        (("environment", "MODE"), "slow", ['-       MODE: "fast" # or slow', '+       MODE: "slow" # or slow']),
        (
            ("resources", "limits", "cpu"),
            "1.5",
            [
                "-     resources: {limits: {cpu: 2, memory: 1Gi}}",
                "+     resources: {limits: {cpu: 1.5, memory: 1Gi}}",
            ],
        ),
        (
            ("resources", "requests", "memory"),
            "512Mi",
            [
                "-     resources: {limits: {cpu: 2, memory: 1Gi}}",
                "+     resources: {limits: {cpu: 2, memory: 1Gi}, requests: {memory: 512Mi}}",
            ],
        ),
        (("overlap",), "queue", ["+     overlap: queue"]),
        (("image",), "python:3.11", ['+     image: "python:3.11"']),
        (("name",), "Train", []),
    ],
)
def test_a_typed_value_changes_its_key_and_no_other_line(
    path: tuple[str, ...], value: str, expected: list[str]
) -> None:
    before = [line for line in changed_lines(FULL, typed(FULL, value, *path)) if line[0] in "+-"]
    assert before == expected


def test_a_new_variable_is_typed_with_its_name() -> None:
    form = form_of(FULL, TRAIN)
    new = next(row for row in form.rows if row.is_new and row.path == ("environment",))
    after = apply_edits(FULL, change(FULL, TRAIN, new, "WHERE = here: there"))
    assert changed_lines(FULL, after) == ['+       WHERE: "here: there"']
    assert change(FULL, TRAIN, new, "  ") == ()
    with pytest.raises(EditError, match="NAME=value"):
        change(FULL, TRAIN, new, "no name")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("schedule",), "0 9 * *", "5"),
        (("schedule",), "0 0 30 2 *", "never fires"),
        (("timezone",), "Europe/Berln", "did you mean `Europe/Berlin`"),
        (("resources", "limits", "memory"), "lots", "memory"),
        (("parallelism",), "0", "from 1 to"),
        (("overlap",), "skp", "did you mean `skip`"),
        (("timeout",), "soon", "soon"),
        (("name",), "", "required"),
        (("entrypoint",), "'open", "not closed"),
        (("enabled",), "maybe", "enabled"),
        (("retries", "exit_codes"), "1 x", "x"),
    ],
)
def test_a_value_that_will_not_do_is_refused_in_one_line(path: tuple[str, ...], value: str, says: str) -> None:
    row = row_at(FULL, *path)
    problem = problem_of(row, value)
    assert says in problem and "\n" not in problem
    with pytest.raises(EditError):
        change(FULL, TRAIN, row, value)


@pytest.mark.parametrize(
    ("line", "path", "why"),
    [
        ("environment: [{A: b}]", ("environment", "A"), "older form"),
        ("image: |\n      python", ("image",), "several lines"),
        ("resources: much", ("resources", "limits", "cpu"), "mapping"),
        ("dependencies: Score", ("dependencies",), "list"),
        ("use_cache: 1", ("use_cache",), "without effect"),
    ],
)
def test_what_can_not_be_edited_in_a_row_says_why(line: str, path: tuple[str, ...], why: str) -> None:
    text = train(*line.split("\n    "))
    row = form_of(text, TRAIN).row(*path)
    assert why in row.locked
    with pytest.raises(EditError, match=why):
        change(text, TRAIN, row, "x")


def test_the_id_never_changes() -> None:
    with pytest.raises(EditError, match="history"):
        change(GOOD, TRAIN, row_at(GOOD, "job_id"), "x")


def test_findings_stand_at_their_rows() -> None:
    text = train("schedule: 0 9 * *", "retries: {limit: 2, delay: soon}").replace("    language: python\n", "", 1)
    form = form_of(text, TRAIN, read(text).diagnostics)
    found = {row.label: [item.code for item in row.findings] for row in form.rows if row.findings}
    assert found == {"schedule": ["bad-cron"], "retries.delay": ["bad-duration"], "language": ["missing-key"]}
    assert form.others == ()
    assert form_of(text, SCORE, read(text).diagnostics).others == ()


def test_a_text_that_is_no_yaml_has_no_form() -> None:
    with pytest.raises(ValueError, match="no valid YAML"):
        form_of(GOOD + "  x: [", TRAIN)
    with pytest.raises(EditError, match="no job"):
        form_of(GOOD, "another")


# Dependencies ----------------------------------------------------------------------------------------------------


def test_the_jobs_to_depend_on_are_listed_with_what_speaks_against_them() -> None:
    assert [(each.name, each.ticked, each.note) for each in candidates(GOOD, SCORE)] == [("Train", True, "")]
    assert [(each.name, each.ticked, each.note) for each in candidates(GOOD, TRAIN)] == [
        ("Score", False, "it waits for this one")
    ]
    unknown = GOOD.replace(f'["{TRAIN}"]', "[gone]")
    assert [(each.name, each.ticked, each.note) for each in candidates(unknown, SCORE)] == [
        ("Train", False, ""),
        ("gone", True, "no job has this id"),
    ]


LISTS = {
    "none": ("", '+     dependencies: ["c3"]'),
    "nothing": ("    dependencies:\n", '+     dependencies: ["c3"]'),
    "empty": ("    dependencies: []\n", '+     dependencies: ["c3"]'),
    "flow": ("    dependencies: ['b2'] # those\n", "+     dependencies: ['b2', 'c3'] # those"),
    "flow lines": ("    dependencies: [\n      b2 # b\n    ]\n", "+       b2,"),
    "block": ("    dependencies:\n      - 'b2' # b\n      # more\n", "+       - 'c3'"),
    "block at the key": ("    dependencies:\n    - b2\n", "+     - c3"),
}


@pytest.mark.parametrize("form", LISTS)
def test_a_dependency_is_ticked_in_the_form_the_list_has_and_unticked_again(form: str) -> None:
    lines, expected = LISTS[form]
    text = f"jobs:\n  - job_id: a1\n    name: A\n{lines}    image: x\n  - job_id: b2\n  - job_id: c3\n"
    before = load(text)["jobs"][0].get("dependencies") or []
    ticked = apply_edits(text, toggle_dependency(text, "a1", "c3"))
    assert load(ticked)["jobs"][0]["dependencies"] == [*before, "c3"]
    assert expected in changed_lines(text, ticked)
    again = apply_edits(ticked, toggle_dependency(ticked, "a1", "c3"))
    assert (load(again)["jobs"][0].get("dependencies") or []) == before
    if form.startswith(("flow", "block")) and form != "flow lines":
        assert again == text


def test_a_list_that_is_another_s_is_left_alone() -> None:
    text = "x: &x [b2]\njobs:\n  - job_id: a1\n    dependencies: *x\n  - job_id: b2\n"
    with pytest.raises(EditError, match="no list of its own"):
        toggle_dependency(text, "a1", "b2")


# Properties ------------------------------------------------------------------------------------------------------

VALUES: dict[tuple[str, ...], list[str]] = {
    ("name",): ["Train it", "a: b", "yes", "'x'", "ü # no"],
    ("entrypoint",): ["x.py --a 'b c'", "sleep 5", "a.py | b.py"],
    ("schedule",): ["0 9 * * *", "*/5 * * * 1-5", ""],
    ("timezone",): ["UTC", "Europe/Berlin", ""],
    ("parallelism",): ["1", "12", ""],
    ("timeout",): ["90s", "2h", ""],
    ("retries", "limit"): ["0", "3"],
    ("retries", "lost"): ["true", "false", ""],
    ("resources", "limits", "cpu"): ["1", "0.5", ""],
    ("resources", "limits", "memory"): ["1Gi", "512Mi", ""],
    ("resources", "requests", "cpu"): ["0.25", ""],
    ("overlap",): ["queue", "skip", ""],
    ("enabled",): ["true", "false", ""],
    ("image",): ["python:3.12-slim", "a/b:c@d", ""],
}
STEPS = st.sampled_from(list(VALUES)).flatmap(lambda path: st.tuples(st.just(path), st.sampled_from(VALUES[path])))


@given(st.lists(STEPS, min_size=1, max_size=6), st.sampled_from([TRAIN, SCORE]), st.booleans())
@settings(max_examples=120, deadline=None)
def test_any_row_of_values_stays_valid_is_read_back_and_leaves_everything_else(
    steps: list[tuple[tuple[str, ...], str]], job_id: str, carriage_returns: bool
) -> None:
    text = GOOD.replace("\n", "\r\n") if carriage_returns else GOOD
    for path, value in steps:
        if path == ("retries", "lost") and form_of(text, job_id).row("retries", "limit").value is None:
            continue
        row = form_of(text, job_id).row(*path)
        after = apply_edits(text, change(text, job_id, row, value))
        assert form_of(after, job_id).row(*path).value == (value or None)
        assert [code for code in (item.code for item in read(after).diagnostics) if code != "dst-sensitive"] == []
        old, new = load(text), load(after)
        for jobs in (old["jobs"], new["jobs"]):
            for job in jobs:
                if job["job_id"] == job_id:
                    job.pop(path[0], None)
        assert new == old
        assert all("# " not in line or path[0] in line for line in changed_lines(text, after))
        text = after
