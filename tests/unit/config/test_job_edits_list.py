"""Jobs come behind the one they are to follow, are copied, renamed and deleted; nothing else in the file changes."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from config_samples import GOOD, SCORE, TRAIN, read
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.job_edits import EditError, NewJob, add_job, delete_job, dependents, job_names, rename_job
from skafos_tui.config.job_edits_copy import copy_name, duplicate_job
from skafos_tui.model.diagnostic import Edit

NEW = "11111111-2222-4333-8444-555555555555"
HEAD = "project_token: x\nname: y\n"
STYLES = {
    "indented": "jobs:\n  - job_id: a1\n    name: A\n  - job_id: a2\n    name: 'B'\n    # of b\nadd-ons: []\n",
    "apart": "jobs:\n- job_id: a1\n  name: A # c\n  # of a\n\n# about b\n- job_id: a2\n  name: B\n\n# end\n",
    "dash alone": "jobs:\n  -\n    job_id: a1\n    name: A\n  -\n    job_id: a2\n    name: B",
    "flow items": "jobs:\n  - {job_id: a1, name: A} # a\n  - {job_id: a2, name: B}\nz: 1\n",
    "flow": "jobs: [{job_id: a1, name: A}, {job_id: a2, name: B}] # c\nz: 1\n",
    "flow on lines": "jobs: [\n  {job_id: a1, name: A}, # a\n  {job_id: a2, name: B}, # b\n]\nz: 1\n",
    "nested": "jobs:\n  - job_id: a1\n    name: A\n    dependencies:\n      - a2\n  - job_id: a2\n    name: B\n",
    "old tasks": "project_tasks:\n- project_task_id: a1\n  name: A\n- project_task_id: a2\n  name: B\n",
}


def load(text: str) -> Any:
    """What the text says, every scalar as text."""
    return yaml.load(text.removeprefix("\ufeff"), Loader=yaml.BaseLoader)


def jobs_of(text: str) -> list[dict[str, Any]]:
    """The jobs of a text, under one id key."""
    found = load(text)
    listed = found.get("jobs", found.get("project_tasks")) or []
    return [{"job_id" if key == "project_task_id" else key: value for key, value in job.items()} for job in listed]


def taken_away(before: str, after: str) -> list[str]:
    """The lines of a text that are not in another."""
    compared = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:] for line in compared if line.startswith("- ")]


every_style = pytest.mark.parametrize("style", STYLES)
both_line_ends = pytest.mark.parametrize("newline", ["\n", "\r\n"])


@every_style
@both_line_ends
@pytest.mark.parametrize("after", ["a1", "a2", None])
def test_a_new_job_stands_behind_the_one_named(style: str, newline: str, after: str | None) -> None:
    text = (HEAD + STYLES[style]).replace("\n", newline)
    new = apply_edits(text, add_job(text, NewJob("n", "New", "n.py"), after))
    order = ["a1", "n", "a2"] if after == "a1" else ["a1", "a2", "n"]
    assert [job["job_id"] for job in jobs_of(new)] == order
    assert [job for job in jobs_of(new) if job["job_id"] != "n"] == jobs_of(text)
    assert "flow" in style.split() or taken_away(text, new) == []
    assert "\r\n" not in new if newline == "\n" else new.count("\r\n") == new.count("\n")


@every_style
@both_line_ends
@pytest.mark.parametrize("job_id", ["a1", "a2"])
def test_a_copy_stands_behind_its_job_and_differs_in_id_and_name_only(style: str, newline: str, job_id: str) -> None:
    text = (HEAD + STYLES[style]).replace("\n", newline)
    new = apply_edits(text, duplicate_job(text, job_id, "n", "It's: new"))
    jobs = jobs_of(text)
    index = [job["job_id"] for job in jobs].index(job_id)
    jobs.insert(index + 1, {**jobs[index], "job_id": "n", "name": "It's: new"})
    assert jobs_of(new) == jobs
    assert "flow" in style or taken_away(text, new) == []


def test_comments_inside_a_job_are_copied_with_it() -> None:
    text = HEAD + "jobs:\n  # about a\n  - job_id: a1 # id\n    # note\n    name: A\n"
    assert apply_edits(text, duplicate_job(text, "a1", "c7", "N2")) == (
        text + "  - job_id: c7 # id\n    # note\n    name: N2\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "jobs:\n  - &a\n    job_id: a1\n    name: A\n  - <<: *a\n    job_id: a2\n",
        HEAD + "jobs:\n  - job_id: a1\n    name: |\n      A\n",
        HEAD + "jobs: {}\n",
        HEAD + "jobs:\n  - job_id: a9\n",
        HEAD + "entrypoint: x.py\n",
    ],
)
def test_a_copy_that_would_say_something_else_is_refused(text: str) -> None:
    try:
        new = apply_edits(text, duplicate_job(text, "a1", "n", "N"))
    except EditError as error:
        assert "\n" not in str(error)
    else:
        assert [job.get("job_id") for job in jobs_of(new)] == ["a1", "n", "a2"]
        assert jobs_of(new)[2]["name"] == "A"


def test_a_copy_gets_a_name_that_is_free() -> None:
    assert copy_name(["A", "A copy"], "A") == "A copy 2"
    assert copy_name(["A", "A copy"], "B") == "B copy"


def test_a_new_name_goes_into_dependencies_that_call_the_job_by_its_name() -> None:
    text = GOOD.replace(f'["{TRAIN}"]', "['Train'] # by name")
    new = apply_edits(text, rename_job(text, TRAIN, "Fit"))
    assert new == text.replace("name: Train", "name: Fit").replace("['Train']", "['Fit']")


def test_a_name_that_two_jobs_have_is_renamed_in_one_only() -> None:
    text = GOOD.replace("name: Score ", "name: Train ").replace(f'["{TRAIN}"]', "[Train]")
    new = apply_edits(text, rename_job(text, TRAIN, "Fit"))
    assert new == text.replace("name: Train", "name: Fit", 1)


def test_who_depends_on_a_job_is_known_before_it_goes() -> None:
    assert dependents(GOOD, TRAIN) == [(SCORE, "Score")]
    assert dependents(GOOD, SCORE) == []


def test_a_job_can_go_and_leave_its_mentions_to_the_validation() -> None:
    kept = apply_edits(GOOD, delete_job(GOOD, TRAIN, keep_mentions=True))
    assert [item.code for item in read(kept).diagnostics] == ["unknown-dependency"]
    assert f'dependencies: ["{TRAIN}"]' in kept
    assert read(apply_edits(GOOD, delete_job(GOOD, TRAIN))).diagnostics == ()


def test_a_dependency_written_as_one_text_goes_with_its_job_too() -> None:
    text = GOOD.replace(f'["{TRAIN}"]', f'"{TRAIN}"')
    assert dependents(text, TRAIN) == [(SCORE, "Score")]
    assert "dependencies" not in apply_edits(text, delete_job(text, TRAIN))


def codes(text: str) -> list[str]:
    return sorted(item.code for item in read(text).diagnostics)


EDITS: dict[str, Callable[[str, str], tuple[Edit, ...]]] = {
    "add": lambda text, job_id: add_job(text, NewJob(NEW, "New", "new.py"), job_id),
    "duplicate": lambda text, job_id: duplicate_job(text, job_id, NEW, copy_name(job_names(text).values(), "Old")),
    "rename": lambda text, job_id: rename_job(text, job_id, "Another: name"),
    "delete": delete_job,
}


@st.composite
def configs(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A valid config of several jobs in mixed styles, and the ids of its jobs."""
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(draw(st.integers(1, 4)))]
    dash = draw(st.sampled_from(["", "  ", "    "]))
    lines = ["# head", "project_token: 06a16549a3e19a93faff2cc3", "name: p # c", "", "jobs:"]
    for number, job_id in enumerate(ids):
        after = draw(st.lists(st.sampled_from(ids[:number]), unique=True)) if number else []
        quote = draw(st.sampled_from(["", "'", '"']))
        if draw(st.booleans()):
            lines += ["", f"{dash}# about {number}"]
        lines += [
            f"{dash}- job_id: {quote}{job_id}{quote}   # id",
            f"{dash}  language: python",
            f"{dash}  name: {quote}Job {number}{quote}",
            f"{dash}  entrypoint: {quote}x.py{quote}",
        ]
        if after and draw(st.booleans()):
            lines += [f"{dash}  dependencies: [{', '.join(after)}]  # those"]
        elif after:
            lines += [f"{dash}  dependencies:", *(f"{dash}  - {item} # one" for item in after)]
        if draw(st.booleans()):
            lines += [f"{dash}  # end of {number}"]
    lines += draw(st.sampled_from([[], ["# tail"], ["add-ons:", "  - name: queue"]]))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return newline.join(lines) + draw(st.sampled_from(["", newline])), ids


@given(configs(), st.sampled_from(list(EDITS)), st.data())
@settings(max_examples=150, deadline=None)
def test_every_edit_leaves_a_valid_file_whose_other_lines_are_the_same(
    config: tuple[str, list[str]], action: str, data: st.DataObject
) -> None:
    text, ids = config
    job_id = data.draw(st.sampled_from(ids))
    assert codes(text) == []
    after = apply_edits(text, EDITS[action](text, job_id))
    assert codes(after) == ([] if jobs_of(after) else codes(after))
    gone = taken_away(text, after)
    if action in ("add", "duplicate"):
        assert gone == []
    elif action == "rename":
        assert len(gone) == 1 and "name:" in gone[0]
    else:
        own = next(job for job in jobs_of(text) if job["job_id"] == job_id)
        assert all(any(word in line for word in (job_id, "jobs:", "dependencies:", *own)) or "#" in line or not line
                   for line in gone)  # fmt: skip


REAL = Path(__file__).parents[2] / "data" / "real-configs"


def test_edits_of_real_configs_bring_no_error_that_was_not_there() -> None:
    seen = 0
    for file in sorted(REAL.glob("jobs-*.yml")):
        text = file.read_bytes().decode("utf-8", "replace")
        before = set(codes(text))
        ids = list(job_names(text))
        for job_id in ids[:2]:
            for name, edit in EDITS.items():
                if before and name == "delete":
                    continue  # it might take what the error is about
                after = apply_edits(text, edit(text, job_id))
                left = {"missing-key"} if len(ids) == 1 and name == "delete" else set()
                assert set(codes(after)) - before <= left, (file.name, name)
                seen += 1
    assert seen > 100
