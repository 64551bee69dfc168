"""The 92 real configs: what is said about each of them, where, and that its fixes hold."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import pytest
from config_samples import assert_fixes_hold, brief, codes, errors, read

from skafos_tui.config.fixes import take_all
from skafos_tui.config.legacy import flat_job_id

DIRECTORY = Path(__file__).parents[2] / "data" / "real-configs"
INDEX = {row["file"]: row for row in csv.DictReader((DIRECTORY / "index.csv").read_text().splitlines())}

FLAT = ["3:1-9 info[legacy-form] fix"]
"""The usual flat file: token and name, then the first key of its job."""
NO_ENTRYPOINT = ["1:1-14 error[missing-key]", *FLAT]
"""`entrypoint` is required (SPEC 2); the place of a key that isn't there is the start of its mapping."""

EXPECTED: dict[str, list[str]] = {
    # The dash in column 4 among those in column 5.
    "broken-01.yml": ["10:4-5 error[yaml-syntax] fix"],
    "flat-04.yml": NO_ENTRYPOINT,
    "flat-05.yml": NO_ENTRYPOINT,
    "flat-06.yml": NO_ENTRYPOINT,
    # The misspelt key is the missing one: only the rename is a fix, and the form waits for it.
    "flat-12.yml": [
        "1:1-14 error[missing-key]",
        "1:1-14 warning[unknown-key] fix",
        "3:1-9 info[legacy-form]",
    ],
    "flat-22.yml": NO_ENTRYPOINT,
    "flat-34.yml": NO_ENTRYPOINT,
    "jobs-24.yml": ["3:1-14 warning[no-effect-key]"],
    # Two lists of jobs: both are read, so nothing is dropped unseen. The id stands in both; the token stands twice
    # with the same value, so removing the second is safe; `run` is no key, and a list can't become an entrypoint by
    # a rename.
    "jobs-25.yml": [
        "3:1-14 warning[no-effect-key]",
        "4:1-14 info[legacy-form]",
        "9:7-15 warning[no-effect-key]",
        "16:7-15 warning[no-effect-key]",
        "19:1-14 error[duplicate-key] fix",
        "21:5-11 error[missing-key]",
        "21:13-51 error[duplicate-id] fix",
        "24:5-8 warning[unknown-key]",
    ],
    "jobs-30.yml": ["8:1-10 warning[misplaced-key] fix"],
    "jobs-32.yml": ["9:5-11 error[missing-key] fix", "12:19-55 error[wrong-type] fix"],
    "jobs-34.yml": ["8:5-11 error[missing-key] fix", "11:19-55 error[wrong-type] fix"],
    "jobs-42.yml": ["13:19-55 error[wrong-type] fix"],
    # `job id:` is the missing `job_id`.
    "jobs-43.yml": [
        "9:5-11 error[missing-key]",
        "9:5-11 warning[unknown-key] fix",
        "13:19-55 error[wrong-type] fix",
    ],
    "project-tasks-01.yml": ["3:1-14 info[legacy-form] fix"],
    "project-tasks-02.yml": ["3:1-14 info[legacy-form] fix"],
    "project-tasks-03.yml": [
        "3:1-14 warning[no-effect-key]",
        "4:1-14 info[legacy-form] fix",
        "10:7-15 warning[no-effect-key]",
        "17:7-15 warning[no-effect-key]",
    ],
    "project-tasks-04.yml": [
        "3:1-14 warning[no-effect-key]",
        "4:1-14 info[legacy-form] fix",
        "16:7-15 warning[no-effect-key]",
    ],
    # Only a token and an id can be made up; nothing else is said about what a placeholder left open.
    "template-01.yml": [
        "1:1-14 error[missing-key]",
        "1:16-25 error[template-placeholder] fix",
        "2:7-15 error[template-placeholder]",
        "3:1-9 info[legacy-form]",
        "3:11-23 error[template-placeholder]",
    ],
    "template-02.yml": [
        "1:16-25 error[template-placeholder] fix",
        "2:7-15 error[template-placeholder]",
        "4:13-23 error[template-placeholder] fix",
    ],
    "template-03.yml": [
        "1:16-25 error[template-placeholder] fix",
        "2:7-15 error[template-placeholder]",
        "4:13-23 error[template-placeholder] fix",
    ],
}

NEEDS_AN_EDIT = {
    **{f"flat-{number}.yml": "missing-key" for number in ("04", "05", "06", "22", "34")},
    "jobs-25.yml": "missing-key",
    "template-01.yml": "template-placeholder",
    "template-02.yml": "template-placeholder",
    "template-03.yml": "template-placeholder",
}
"""Files that no fix can make whole: what their entrypoint or name is, only their owner knows."""


def test_all_92_files_are_here() -> None:
    assert len(INDEX) == 92
    assert sorted(INDEX) == sorted(path.name for path in DIRECTORY.glob("*.yml"))


@pytest.mark.parametrize("name", sorted(INDEX))
def test_the_findings_of_a_real_config_are_exactly_these(name: str) -> None:
    result = read((DIRECTORY / name).read_bytes())
    expected = EXPECTED.get(name, FLAT if name.startswith("flat") else [])
    assert [brief(item) for item in result.diagnostics] == expected
    assert (result.project is None) == bool(errors(result))


@pytest.mark.parametrize("name", sorted(INDEX))
def test_every_fix_of_a_real_config_holds_and_all_together_leave_it_valid(name: str) -> None:
    data = (DIRECTORY / name).read_bytes()
    result = read(data)
    assert_fixes_hold(result)
    outcome = take_all(result, read)
    assert not any(item.fix for item in outcome.result.diagnostics)
    if name in NEEDS_AN_EDIT:
        assert NEEDS_AN_EDIT[name] in errors(outcome.result)
    else:
        assert not errors(outcome.result)
        assert outcome.result.project is not None
        assert "legacy-form" not in codes(outcome.result)


def test_a_flat_config_is_converted_to_jobs_with_the_id_it_had() -> None:
    result = read((DIRECTORY / "flat-19.yml").read_bytes())
    assert result.project is not None
    before = result.project.jobs[0]
    assert before.id == flat_job_id("3391de52ca53749c3938d932") == "67337208-aca2-5c15-8bf7-a29fa96612ee"
    outcome = take_all(result, read)
    assert outcome.text == (
        "project_token: 3391de52ca53749c3938d932\n"
        "name: my_BC_predictor\n"
        "jobs:\n"
        f"  - job_id: {before.id}\n"
        "    name: my_BC_predictor\n"
        "    language: python\n"
        '    schedule: "45 10-18 * * *"\n'
        "    entrypoint: main.py\n"
        "    resources:\n"
        "      limits:\n"
        "        cpu: 6\n"
        "        memory: 2Gi\n"
    )
    assert outcome.result.project == result.project


def test_a_real_project_can_be_sent_to_another_process() -> None:
    project = read((DIRECTORY / "jobs-45.yml").read_bytes()).project
    assert project is not None
    assert pickle.loads(pickle.dumps(project)) == project
