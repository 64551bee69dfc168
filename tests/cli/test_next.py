"""`skafos next` shows the coming slots on the clock of each job's zone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skafos_tui.cli.main import main

CONFIG = """\
project_token: 06a16549a3e19a93faff2cc3
name: clocks
timezone: Europe/Paris
jobs:
  - job_id: 20d19311-146b-4cd8-ac39-270515e6b77b
    language: python
    name: Train
    entrypoint: "sleep 1"
    schedule: "0 9 * * *"
  - job_id: b039a0b0-9ec5-40fa-b014-262e9cb04087
    language: python
    name: Tokyo
    entrypoint: "sleep 1"
    schedule: "0 18 * * *"
    timezone: Asia/Tokyo
  - {job_id: 5439f163-a147-436b-a088-9ec344c1ae7c, language: python, name: Free, entrypoint: "sleep 1"}
  - job_id: 0d78765e-de37-4ec5-94dd-431295046f86
    language: python
    name: Off
    entrypoint: "sleep 1"
    schedule: "* * * * *"
    enabled: false
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is the working directory."""
    (tmp_path / "metis.config.yml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_slots_of_all_jobs_are_merged_and_shown_with_their_offsets(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["next", "-n", "4", "--from", "2026-10-24T04:00:00+00:00"]) == 0
    assert capsys.readouterr().out == (
        "2026-10-24 09:00 +02:00  Train  in 3 h\n"
        "2026-10-24 18:00 +09:00  Tokyo  in 5 h\n"
        "2026-10-25 09:00 +01:00  Train  in 1 d\n"
        "2026-10-25 18:00 +09:00  Tokyo  in 1 d\n"
    )


@pytest.mark.parametrize("job", ["Tokyo", "b039a0b0-9ec5-40fa-b014-262e9cb04087"])
def test_one_job_is_named_by_name_or_id(project: Path, capsys: pytest.CaptureFixture[str], job: str) -> None:
    assert main(["next", job, "-n", "1", "--json", "--from", "2026-10-24T09:00:00Z"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "scheduled_at": "2026-10-25T09:00:00.000Z",
            "local_time": "2026-10-25T18:00:00+09:00",
            "timezone": "Asia/Tokyo",
            "job_id": "b039a0b0-9ec5-40fa-b014-262e9cb04087",
            "name": "Tokyo",
            "schedule": "0 18 * * *",
            "paused": False,
            "paused_at": None,
            "deployment": None,
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "out", "says"),
    [
        (["Free"], "", "Free has no schedule"),
        (["Off"], "", "Off is disabled"),
        (["Free", "--json"], "[]\n", "Free has no schedule"),
    ],
)
def test_a_job_that_never_fires_says_why(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], out: str, says: str
) -> None:
    assert main(["next", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.out == out
    assert printed.err == f"skafos: {says}\n"


def test_a_project_without_schedules_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = project / "metis.config.yml"
    config.write_text("\n".join(line for line in CONFIG.splitlines() if "schedule" not in line))
    assert main(["next"]) == 0
    assert capsys.readouterr().err == "skafos: no job has a schedule\n"


def test_a_config_with_errors_shows_them_and_ends_with_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "metis.config.yml").write_text(CONFIG.replace("0 9 * * *", "@daily"))
    assert main(["next"]) == 1
    printed = capsys.readouterr()
    assert "metis.config.yml:9:" in printed.out
    assert "error[bad-cron]" in printed.out
    assert printed.err.count("\n") == 1


def test_wrong_usage_ends_with_2_and_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["next", "Nobody"]) == 2
    assert "Train" in capsys.readouterr().err
    assert main(["--project", str(project / "away"), "next"]) == 2
    (project / "metis.config.yml").unlink()
    assert main(["next"]) == 2
    assert "skafos init" in capsys.readouterr().err
    for count in ("0", "-1", "many", "99999999999"):
        with pytest.raises(SystemExit) as ended:
            main(["next", "-n", count])
        assert ended.value.code == 2
