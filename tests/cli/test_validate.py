"""`skafos validate`: lines a machine can read, exit codes, fixes saved byte for byte."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from skafos_tui.cli.main import main

GOOD = """\
project_token: 06a16549a3e19a93faff2cc3
name: wines   # ours
jobs:
  - job_id: 20d19311-146b-4cd8-ac39-270515e6b77b
    language: python
    name: Train
    entrypoint: "train.py"
"""
BROKEN = GOOD.replace("language: python", "language: Python").replace("name: Train", "nmae: Train")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The config of a project that is the working directory."""
    (tmp_path / "train.py").write_text("")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "metis.config.yml"
    path.write_text(GOOD)
    return path


def test_a_good_config_prints_nothing_and_exits_0(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate"]) == 0
    assert capsys.readouterr().out == ""


def test_findings_are_lines_and_the_sum_stands_on_stderr(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(BROKEN)
    assert main(["validate"]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "metis.config.yml:5:15: error[bad-language] `Python` won't do: language must be python; did you mean `python`?",
        "metis.config.yml:6:5: error[missing-key] `name` is missing in this job; `nmae` stands in its place",
        "metis.config.yml:6:5: warning[unknown-key] `nmae` is no key of this job; did you mean `name`?",
    ]
    assert captured.err == "skafos: 2 errors, 1 warning; 2 can be fixed with --fix\n"


@pytest.mark.parametrize("where", ["PATH", "directory", "--project", "below"])
def test_the_config_is_found_wherever_it_is_named(
    config: Path, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(BROKEN)
    if where == "below":
        (config.parent / "deep" / "er").mkdir(parents=True)
        monkeypatch.chdir(config.parent / "deep" / "er")
        arguments = []
    else:
        monkeypatch.chdir("/")
        arguments = {
            "PATH": [str(config)],
            "directory": [str(config.parent)],
            "--project": ["--project", str(config.parent)],
        }[where]
    assert main(["validate", *arguments]) == 1
    assert "metis.config.yml:5:15: error[bad-language]" in capsys.readouterr().out


def test_strict_fails_on_warnings_too(config: Path) -> None:
    config.write_text(GOOD.replace("    entrypoint", "    colour: red\n    entrypoint"))
    assert main(["validate"]) == 0
    assert main(["validate", "--strict"]) == 1


@pytest.mark.parametrize(
    "kind", ["missing", "no config", "fifo", "project is a file", "dangling", "directory", "empty", "option"]
)
def test_unreadable_input_is_one_line_and_exit_2(config: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    if kind == "missing":
        arguments = ["nowhere.yml"]
    elif kind == "no config":
        (config.parent / "empty").mkdir()
        arguments = ["empty"]
    elif kind == "fifo":
        os.mkfifo("pipe")
        arguments = ["pipe"]
    elif kind == "dangling":
        Path("link.yml").symlink_to("nowhere")
        arguments = ["link.yml"]
    elif kind == "directory":
        Path("dir", "metis.config.yml").mkdir(parents=True)
        arguments = ["dir"]
    elif kind == "empty":
        arguments = [""]
    elif kind == "option":
        arguments = ["-x"]
    else:
        arguments = ["--project", "train.py"]
    try:
        code = main(["validate", *arguments])
    except SystemExit as ended:  # what argparse refuses
        code = ended.code
    assert code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


def test_json_is_a_list_of_findings(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(BROKEN)
    assert main(["validate", "--json"]) == 1
    first = json.loads(capsys.readouterr().out)[0]
    start = BROKEN.index("Python")
    assert first == {
        "severity": "error",
        "code": "bad-language",
        "message": "`Python` won't do: language must be python; did you mean `python`?",
        "file": str(config),
        "line": 5,
        "column": 15,
        "end_column": 21,
        "job_id": "20d19311-146b-4cd8-ac39-270515e6b77b",
        "fix": {
            "title": "Write `python`",
            "edits": [{"start": start, "end": start + 6, "replacement": "python"}],
            "changes_meaning": False,
        },
    }
    config.write_text(GOOD)
    assert main(["validate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_fix_saves_only_what_it_must_and_keeps_mode_symlink_mark_and_line_breaks(config: Path) -> None:
    target = config.parent / "real.yml"
    target.write_bytes(b"\xef\xbb\xbf" + BROKEN.replace("\n", "\r\n").encode())
    target.chmod(0o640)
    config.unlink()
    config.symlink_to("real.yml")
    assert main(["validate", "--fix"]) == 0
    assert target.read_bytes() == b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert config.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640


def test_fix_leaves_a_file_without_fixes_untouched(config: Path) -> None:
    config.write_text(GOOD.replace("language: python", "language: R"))
    before = config.stat().st_mtime_ns, config.stat().st_ino
    assert main(["validate", "--fix"]) == 1
    assert (config.stat().st_mtime_ns, config.stat().st_ino) == before


def test_an_edit_made_meanwhile_is_never_overwritten(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from skafos_tui.config import fixes

    config.write_text(BROKEN)
    take_all = fixes.take_all

    def meanwhile(*arguments: object) -> object:
        config.write_text("somebody else's\n")
        return take_all(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fixes, "take_all", meanwhile)
    assert main(["validate", "--fix"]) == 1
    assert config.read_text() == "somebody else's\n"
    assert "changed meanwhile" in capsys.readouterr().err


def test_the_users_settings_raise_the_ceiling(config: Path) -> None:
    config.write_text(GOOD + "    resources: {limits: {cpu: 12}}\n")
    assert main(["validate"]) == 1
    Path(os.environ["SKAFOS_SETTINGS"]).write_text("max_cpu: 16\n")
    assert main(["validate"]) == 0


def test_text_of_the_file_never_controls_the_terminal(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(GOOD.replace("language: python", 'language: "\\e]0;x\\a\\r\\u202e"'))
    assert main(["validate"]) == 1
    captured = capsys.readouterr()
    assert all(line.isprintable() for line in (captured.out + captured.err).splitlines())


def test_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].endswith("2020-12/schema")
