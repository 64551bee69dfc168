"""`init` makes whole projects that run as they are; `create job` adds a valid job or nothing."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from skafos_tui.cli import new_project
from skafos_tui.cli.main import main
from skafos_tui.cli.new_project import TEMPLATES
from skafos_tui.config.reader import read_config
from skafos_tui.model.graph import graph_of, topological
from skafos_tui.model.project import Project

CONFIG = "metis.config.yml"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(directory: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def valid(directory: Path) -> Project:
    """The project of a directory whose config has no finding at all."""
    read = read_config(directory / CONFIG)
    assert read.diagnostics == ()
    assert read.project is not None
    return read.project


def test_every_template_is_listed_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    there = {path.name for path in new_project._DIRECTORY.iterdir() if (path / CONFIG).is_file()}
    assert set(TEMPLATES) == there
    assert main(["templates"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(TEMPLATES)
    assert main(["templates", "--json"]) == 0
    assert {row["name"] for row in json.loads(capsys.readouterr().out)} == there


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_is_valid_and_its_jobs_run_with_python_alone(here: Path, template: str) -> None:
    assert main(["init", "fresh", "--template", template]) == 0
    project = valid(here / "fresh")
    assert project.name == "fresh"
    data = here / "data"
    data.mkdir()
    for job_id in topological(graph_of(project)):
        job = project.job(job_id)
        for instance in range(job.parallelism):
            environment = {
                "PATH": os.environ["PATH"],
                "SKAFOS_DATA": str(data),
                "SKAFOS_PROJECT": project.name,
                "SKAFOS_INSTANCE": str(instance),
                "SKAFOS_INSTANCES": str(job.parallelism),
                **job.parameters,
            }
            command = [sys.executable, "-I", job.entrypoint]
            done = subprocess.run(command, cwd=here / "fresh", env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip()
    assert not list(data.glob("*.tmp"))


def test_two_projects_of_one_template_share_no_token_and_no_id(here: Path) -> None:
    assert main(["init", "a", "--template", "pipeline"]) == 0
    assert main(["init", "b", "--template", "pipeline"]) == 0
    a, b = valid(here / "a"), valid(here / "b")
    assert re.fullmatch("[0-9a-f]{24}", a.token)
    assert a.token != b.token
    assert len({job.id for job in (*a.jobs, *b.jobs)}) == 6


@pytest.mark.parametrize("name", ['it\'s: a #1 "project"', "12", "\u00e4\u00f6\u00fc", "yes"])
def test_any_directory_name_becomes_the_project_name(here: Path, name: str) -> None:
    assert main(["init", name]) == 0
    assert valid(here / name).name == name


def test_without_a_name_the_files_come_beside_what_is_there(here: Path) -> None:
    (here / "notes.txt").write_text("mine")
    assert main(["init"]) == 0
    assert set(files(here)) == {"notes.txt", "main.py", CONFIG}
    assert valid(here).name == here.name


@pytest.mark.parametrize("name", [".", "./", "../inner"])
def test_this_directory_by_its_path_is_this_directory(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (here / "inner").mkdir()
    monkeypatch.chdir(here / "inner")
    assert main(["init", name]) == 0
    assert (Path.cwd() / CONFIG).is_file()
    assert "cd " not in capsys.readouterr().out
    assert valid(here / "inner").name == "inner"


def test_a_new_directory_has_the_usual_mode(here: Path) -> None:
    (here / "plain").mkdir()
    assert main(["init", "new"]) == 0
    assert stat.S_IMODE((here / "new").stat().st_mode) == stat.S_IMODE((here / "plain").stat().st_mode)
    assert main(["init", "plain"]) == 0  # an empty directory is free
    assert sorted(path.name for path in here.iterdir()) == ["new", "plain"]


@pytest.mark.parametrize("taken", ["main.py", CONFIG])
def test_nothing_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str], taken: str) -> None:
    (here / "there").mkdir()
    (here / "there" / taken).write_text("mine")
    before = files(here)
    assert main(["init", "there"]) == 2
    assert main(["--project", "there", "init"]) == 2
    (here / "link").symlink_to("nowhere")
    assert main(["init", "link"]) == 2
    assert files(here) == before
    assert capsys.readouterr().err.count("\n") == 3


@pytest.mark.parametrize("arguments", [["init", "new"], ["init"]])
def test_an_init_that_fails_in_the_middle_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    good = new_project.template_files("pipeline", "x")
    monkeypatch.setattr("skafos_tui.cli.create.template_files", lambda *_: {**good, "a/b": "no such directory"})
    assert main([*arguments, "--template", "pipeline"]) == 2
    assert list(here.iterdir()) == []
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--template", "nope"], ["no/where/x"], [""], ["a\nb"]])
def test_wrong_usage_of_init_is_one_line(here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["init", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(here.iterdir()) == []


@pytest.fixture
def pipeline(here: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A project of three jobs in the working directory."""
    assert main(["init", "--template", "pipeline"]) == 0
    capsys.readouterr()
    return here


def test_a_job_is_added_with_a_new_id_its_place_and_a_first_script(
    pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (pipeline / CONFIG).read_text()
    arguments = ["--after", "Score", "--after", "Train", "--schedule", "0 9 * * Mon"]
    assert main(["create", "job", "Write Ou\u0308t", *arguments]) == 0
    project = valid(pipeline)
    job = project.jobs[-1]
    assert (job.name, job.entrypoint, job.schedule) == ("Write Ou\u0308t", "write_out.py", "0 9 * * Mon")
    assert [project.job(parent).name for parent in job.dependencies] == ["Score", "Train"]
    assert (pipeline / CONFIG).read_text().startswith(before)
    out = capsys.readouterr().out
    line = (pipeline / CONFIG).read_text().splitlines().index(f"  - job_id: {job.id}") + 1
    assert f"{CONFIG}:{line}: " in out
    assert job.id in out
    done = subprocess.run([sys.executable, "write_out.py"], cwd=pipeline, capture_output=True, text=True)
    assert done.returncode == 0


def test_an_existing_script_is_used_and_kept(pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pipeline / "own.py").write_text("mine")
    assert main(["create", "job", "Own"]) == 0
    assert main(["create", "job", "Shell", "--entrypoint", "sleep 1 | train.py"]) == 0
    assert main(["create", "job", "Book", "--entrypoint", "book.ipynb"]) == 0
    assert (pipeline / "own.py").read_text() == "mine"
    assert "not there yet" in capsys.readouterr().out
    read = read_config(pipeline / CONFIG)
    assert [item.code for item in read.diagnostics] == ["entrypoint-missing-file"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["X", "--schedule", "@daily"], "0 0 * * *"),
        (["X", "--schedule", "0 0 30 2 *"], "never fires"),
        (["X", "--schedule", ""], "empty"),
        (["X", "--after", "Nope"], "Ingest"),
        (["X", "--entrypoint", "../x.py"], "entrypoint-outside-project"),
        (["X", "--entrypoint", "python x.py 'a"], "bad-entrypoint"),
        (["Train"], "already"),
        (["  "], "NAME"),
        (["a\nb"], "NAME"),
    ],
)
def test_a_job_that_would_not_be_valid_changes_nothing(
    pipeline: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    before = files(pipeline)
    assert main(["create", "job", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert files(pipeline) == before


@pytest.mark.parametrize(
    "text",
    [
        "project_token: 06a16549a3e19a93faff2cc3\nname: flat\nlanguage: python\nentrypoint: main.py\n",
        "project_token: short\nname: x\njobs: []\n",
        "a: [\n",
        "",
        "\u00e4".encode("latin-1").decode("latin-1"),
    ],
)
def test_a_config_with_errors_of_its_own_is_left_alone(
    here: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (here / CONFIG).write_text(text, encoding="latin-1")
    before = files(here)
    assert main(["create", "job", "X"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert files(here) == before


def test_the_first_job_makes_an_empty_project_valid(here: Path) -> None:
    (here / CONFIG).write_text("project_token: 06a16549a3e19a93faff2cc3\nname: empty\njobs: []   # soon\n")
    assert main(["create", "job", "First"]) == 0
    assert [job.name for job in valid(here).jobs] == ["First"]


def test_a_config_changed_meanwhile_is_kept_and_the_script_goes_again(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sync = os.fsync

    def synced(descriptor: int) -> None:
        sync(descriptor)
        (pipeline / CONFIG).write_text("theirs")

    monkeypatch.setattr("os.fsync", synced)
    assert main(["create", "job", "Late"]) == 1
    assert "changed meanwhile" in capsys.readouterr().err
    assert (pipeline / CONFIG).read_text() == "theirs"
    assert set(files(pipeline)) == {CONFIG, "ingest.py", "train.py", "score.py"}
