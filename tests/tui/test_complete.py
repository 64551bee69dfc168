"""Completion: the place of the cursor is right in whole and broken YAML, and what fits there comes from the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.fields import ALERT, JOB, PROJECT, RESOURCES
from skafos_tui.tui.editor.complete import (
    Known,
    Suggestion,
    jobs_in,
    project_files,
    root_keys,
    suggestions,
)
from skafos_tui.tui.editor.place import Place, Spot, place_at

TRAIN, SCORE = "20d19311-146b-4cd8-ac39-270515e6b77b", "b039a0b0-9ec5-40fa-b014-262e9cb04087"
JOBS = ((TRAIN, "Train"), (SCORE, "Score"))
WHOLE = f"""\
# what we run: all of it
project_token: 06a16549a3e19a93faff2cc3
name: "my: project"   # ours
jobs:
  - job_id: {TRAIN}
    language: python
    name: 'Tränen'
    entrypoint: "train.py | sleep 1"
    schedule: "0 9 * * *"
    environment:
      MODE: fast # or slow
      TEXT: |
        some: text
        more
    resources:
      requests: {{cpu: 1, memory: 1Gi}}
      limits:
        cpu: 2

  # the second
  -   job_id: {SCORE}
      name: Score
      retries: {{limit: 3, delay: 5s}}
      dependencies:
      - {TRAIN}
      - another
  - {{job_id: x, name: Flow, dependencies: [{TRAIN},
      {SCORE}]}}
add-ons:
- name: queue
  engine: embedded
alerts:
  - {{name: slow, when: duration, job: Train, notify: [team]}}
notify:
  team: {{webhook: "https://x", format: slack}}
  me:
    bell: true
"""


def at(text: str) -> Place:
    """The place of the bar in a text."""
    offset = text.index("¦")
    lines = text.replace("¦", "", 1).split("\n")
    row = text.count("\n", 0, offset)
    return place_at(lines, row, offset - (text.rfind("\n", 0, offset) + 1))


def offered(text: str, **known: Any) -> list[Suggestion]:
    whole = text.replace("¦", "", 1)
    facts = {"jobs": jobs_in(whole.split("\n")), "root": root_keys(whole.split("\n")), **known}
    return suggestions(at(text), Known(**facts))


def labels(text: str, **known: Any) -> list[str]:
    return [each.label for each in offered(text, **known)]


def taken(text: str, label: str, **known: Any) -> str:
    """The text after a suggestion was taken, with the bar where the cursor is."""
    place = at(text)
    chosen = next(each for each in offered(text, **known) if each.label == label)
    lines = text.replace("¦", "", 1).split("\n")
    row = text.count("\n", 0, text.index("¦"))
    line, cut = lines[row], len(chosen.text) - chosen.back
    lines[row] = line[: place.start] + chosen.text[:cut] + "¦" + chosen.text[cut:] + line[place.end :]
    return "\n".join(lines)


# Place -----------------------------------------------------------------------------------------------------------


def true_places(text: str) -> list[tuple[int, int, Spot, tuple[str, ...]]]:
    """Where every key and scalar value of a text ends, and what is there: as the YAML library sees it."""
    found: list[tuple[int, int, Spot, tuple[str, ...]]] = []

    def visit(node: yaml.Node, path: tuple[str, ...], spot: Spot) -> None:
        if isinstance(node, yaml.MappingNode):
            for number, (key, value) in enumerate(node.value):
                # The first key of an item may as well be an item.
                first = number == 0 and spot is Spot.ITEM
                flow = node.flow_style
                found.append(
                    (key.end_mark.line, key.end_mark.column, Spot.ITEM if first and not flow else Spot.KEY, path)
                )
                visit(value, (*path, key.value), Spot.VALUE)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                visit(item, path, Spot.ITEM)
        elif isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"):
            found.append((node.end_mark.line, node.end_mark.column - (1 if node.style else 0), spot, path))

    visit(yaml.compose(text), (), Spot.VALUE)
    return found


TRUE = true_places(WHOLE)


@pytest.mark.parametrize(("row", "column", "spot", "path"), TRUE)
def test_the_place_at_every_key_and_value_is_that_of_the_yaml_library(
    row: int, column: int, spot: Spot, path: tuple[str, ...]
) -> None:
    place = place_at(WHOLE.split("\n"), row, column)
    assert (place.spot, place.path) == (spot, path)


@given(st.sampled_from(TRUE), st.integers(1, 40), st.sampled_from(["", '"', "{", "[", ": :", "- x: ["]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_place_is_the_same_in_yaml_that_is_broken_behind_it_and_half_typed(
    true: tuple[int, int, Spot, tuple[str, ...]], kept: int, junk: str, is_cut: bool
) -> None:
    row, column, spot, path = true
    lines = WHOLE.split("\n")
    word = place_at(lines, row, column)
    column = min(column, max(word.start + len(word.quote) + 1, column - kept))
    broken = [*lines[:row], lines[row][:column] if is_cut else lines[row], junk, *lines[row + 1 :]]
    place = place_at(broken, row, column)
    assert (place.spot, place.path, place.start) == (spot, path, word.start)


@given(
    st.sampled_from(TRUE), st.sampled_from(["  broken: [", '  x: "', "  {", "    y", "    dependencies: [a, b", "@"])
)
@settings(max_examples=150, deadline=None)
def test_the_place_is_the_same_where_another_job_is_broken(
    true: tuple[int, int, Spot, tuple[str, ...]], junk: str
) -> None:
    row, column, spot, path = true
    lines = WHOLE.split("\n")
    begin = next(number for number, line in enumerate(lines) if line.startswith("  -   job_id"))
    if row < begin or row > begin + 5:
        return
    lines.insert(begin - 2, junk)
    place = place_at(lines, row + 1, column)
    assert (place.spot, place.path) == (spot, path)


@pytest.mark.parametrize(
    "text",
    [
        "name: x # a comm¦ent",
        "# na¦",
        "jobs:\n  - environment:\n      X: |\n        na¦",
        "jobs:\n  - environment:\n      X: |\n        a\n        ¦",
        "name:x¦",
        "name: x\n    na¦",
        "jobs:\n\t- na¦",
        "name: &an¦",
        "name: {a: b} ¦",
    ],
)
def test_nothing_is_offered_where_nothing_can_be_meant(text: str) -> None:
    place = at(text)
    assert place.spot is Spot.NOTHING or labels(text) == []


@given(st.text(alphabet="ab:-[]{}\"'#|,& \n\t💥ü", max_size=60), st.data())
@settings(max_examples=300, deadline=None)
def test_no_text_is_too_strange(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    row = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[row])))
    place = place_at(lines, row, column)
    suggestions(place, Known(jobs_in(lines), root=root_keys(lines)))
    if place.spot is not Spot.NOTHING:
        assert 0 <= place.start <= column <= place.end <= len(lines[row])


# Keys ------------------------------------------------------------------------------------------------------------


def keys_of(fields: Any) -> list[str]:
    return [row.key for row in fields if row.has_effect]


def test_keys_are_those_of_the_table_that_are_not_there_yet() -> None:
    assert labels("¦") == keys_of(PROJECT)
    text = "jobs:\n  - job_id: x\n    ¦\n    name: y\n  - entrypoint: z\n"
    assert labels(text) == [key for key in keys_of(JOB) if key not in ("job_id", "name")]
    assert labels("jobs:\n  - ¦") == keys_of(JOB)
    assert labels("alerts:\n- when: log\n  ¦") == [key for key in keys_of(ALERT) if key != "when"]
    assert labels("jobs:\n- resources:\n    ¦") == keys_of(RESOURCES)
    assert labels("jobs:\n- resources: {limits: {cpu: 1, ¦}}") == ["memory"]


def test_every_key_comes_with_its_help() -> None:
    for each in offered("jobs:\n  - ¦"):
        row = next(row for row in JOB if row.key == each.label)
        assert each.help.endswith(row.help)
        assert each.help.startswith("required; ") == row.required


def test_what_begins_so_comes_first_and_other_tools_names_are_known() -> None:
    found = labels("jobs:\n- name: x\n  re¦")
    assert found[:2] == ["resources", "retries"] and found[2:] == ["parallelism", "dependencies"]
    assert labels("jobs:\n- name: x\n  cron¦") == ["schedule"]
    assert labels("jobs:\n- name: x\n  after¦") == ["dependencies"]
    assert labels("jobs:\n- name: x\n  zzz¦") == []


@pytest.mark.parametrize(
    ("text", "label", "after"),
    [
        ("na¦", "name", "name: ¦"),
        ("jobs:\n  - na¦\n", "name", "jobs:\n  - name: ¦\n"),
        ("jobs:\n  - a: b\n    dep¦", "dependencies", "jobs:\n  - a: b\n    dependencies: [¦]"),
        ("jobs:\n  - a: b\n    res¦", "resources", "jobs:\n  - a: b\n    resources:\n      ¦"),
        ("jobs:\n  - a: b\n    retr¦", "retries", "jobs:\n  - a: b\n    retries: ¦"),
        ("al¦", "alerts", "alerts:\n  - ¦"),
        ("jobs:\n  - {na¦}", "name", "jobs:\n  - {name: ¦}"),
        ("jobs:\n  - {resou¦}", "resources", "jobs:\n  - {resources: {¦}}"),
        ("timezone: Europe/Ber¦", "Europe/Berlin", "timezone: Europe/Berlin¦"),
        ('jobs:\n  - schedule: "0 9 * * 1¦"', "0 9 * * 1-5", 'jobs:\n  - schedule: "0 9 * * 1-5"¦'),
        ("jobs:\n  - schedule: ¦", "0 9 * * *", 'jobs:\n  - schedule: "0 9 * * *"¦'),
        ("jobs:\n  - timeout: 90¦", "90s", "jobs:\n  - timeout: 90s¦"),
        ("jobs:\n  - resources: {limits: {memory: 4¦}}", "4Gi", "jobs:\n  - resources: {limits: {memory: 4Gi¦}}"),
        ("jobs:\n  - enabled: f¦", "false", "jobs:\n  - enabled: false¦"),
        ("jobs:\n  - overlap: 'q¦'", "queue", "jobs:\n  - overlap: 'queue'¦"),
        ("add-ons:\n  - name: sp¦", "spark-cluster", "add-ons:\n  - name: spark-cluster¦"),
    ],
)
def test_a_suggestion_taken_stands_as_it_should(text: str, label: str, after: str) -> None:
    assert taken(text, label) == after


# Values ----------------------------------------------------------------------------------------------------------

TWO = f"jobs:\n  - job_id: {TRAIN}\n    name: Train\n  - job_id: {SCORE}\n    name: Score\n"


@pytest.mark.parametrize("form", ["    dependencies: [¦]", "    dependencies:\n      - ¦", '    dependencies: ["Tr¦"]'])
def test_a_job_is_found_by_its_name_and_written_by_its_id(form: str) -> None:
    assert labels(TWO + form, own_job=SCORE) == ["Train"]
    assert f'"{TRAIN}"' in taken(TWO + form, "Train", own_job=SCORE)


@pytest.mark.parametrize(
    ("form", "quote"),
    [
        ("[x, ¦]", ""),
        ("['x', ¦]", "'"),
        ('["x", ¦]', '"'),
        ("\n      - x\n      - ¦", ""),
        ("\n      - 'x'\n      - ¦", "'"),
        ('[x, "¦]', '"'),
    ],
)
def test_an_id_is_quoted_as_the_others_of_its_list(form: str, quote: str) -> None:
    after = taken(f"{TWO}    dependencies: {form}", "Train", own_job=SCORE)
    assert f" {quote}{TRAIN}{quote}¦" in after


def test_a_job_that_is_listed_already_is_not_offered_again() -> None:
    assert labels(TWO + f"    dependencies: [{TRAIN}, ¦]", own_job=SCORE) == []


def test_alerts_name_jobs_and_channels_by_name() -> None:
    assert taken(TWO + "alerts:\n  - {when: failure, job: Sc¦}", "Score").endswith('job: "Score"¦}')
    assert labels("alerts:\n  - {when: failure, notify: [¦]}", channels=("team", "me")) == ["team", "me"]


def test_files_are_offered_for_entrypoints_and_for_the_next_step() -> None:
    files = ("backend/main.py", "score.py", "train.py")
    assert labels("jobs:\n- entrypoint: ¦", files=files) == list(files)
    assert labels("jobs:\n- entrypoint: main¦", files=files) == ["backend/main.py"]
    assert taken('jobs:\n- entrypoint: "train.py | sc¦"', "train.py | score.py", files=files) == (
        'jobs:\n- entrypoint: "train.py | score.py"¦'
    )


def test_zones_and_crontabs_are_found_by_what_they_mean() -> None:
    assert labels("timezone: berl¦") == ["Europe/Berlin"]
    assert labels("timezone: U¦")[0] == "UTC"
    assert labels("jobs:\n- schedule: every¦")[:1] == ["0 9 * * *"]


def test_what_is_written_out_asks_for_nothing_more() -> None:
    assert labels("timezone: UTC¦") == []
    assert labels("jobs:\n- overlap: skip¦") == []
    assert labels("jobs:\n- name¦") == ["name"]


def test_a_new_job_id_is_a_new_uuid() -> None:
    first, second = (labels("jobs:\n- job_id: ¦") for _ in range(2))
    assert len(first) == 1 and first != second


def test_the_old_forms_have_the_keys_of_jobs_too() -> None:
    assert "schedule" in labels("entrypoint: x.py\nsch¦")
    assert labels("project_tasks:\n- project_task_id: x\n  ¦", root=frozenset(["project_tasks"]))[:2] == [
        "job_id",
        "language",
    ]


# What is known of the file ---------------------------------------------------------------------------------------


def test_jobs_are_known_from_yaml_that_is_broken() -> None:
    text = TWO.replace("name: Train", "name: Train\n    x: [") + f'  - {{name: "F: x", job_id: {TRAIN[::-1]}}}\n'
    assert jobs_in(text.split("\n")) == (*JOBS, (TRAIN[::-1], "F: x"))
    assert jobs_in(["name: project", "jobs:", "- job_id: a", "- name: b"]) == ()


def test_files_of_the_project_leave_hidden_and_installed_ones_aside(tmp_path: Path) -> None:
    for name in ("a.py", "b/c.ipynb", ".git/x.py", "venv/y.py", "__pycache__/z.py", "data.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert project_files(str(tmp_path)) == ("a.py", "b/c.ipynb")


def test_an_answer_in_6000_lines_is_as_good_as_in_few() -> None:
    job = '  - job_id: {}\n    language: python\n    name: Job {}\n    entrypoint: "x.py"\n    schedule: "0 9 * * *"\n'
    text = "name: x\njobs:\n" + "".join(job.format(f"{n:036}", n) + "    dependencies: []\n" for n in range(1000))
    lines = text.split("\n")
    lines[5000] = "    dependencies: ["
    place = place_at(lines, 5000, len(lines[5000]))
    found = suggestions(place, Known(jobs_in(lines), root=root_keys(lines)))
    assert place.path == ("jobs", "dependencies") and len(found) == 50
