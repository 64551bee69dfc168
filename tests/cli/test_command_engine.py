"""`engine`, `doctor`, `image`: the background process, what is missing, a base image."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cli_support import FakeEngine, refusal

from skafos_tui.cli.main import main
from skafos_tui.store.home import Home

DOCTOR = [
    {"name": "docker", "good": True, "detail": "20.10.24", "remedy": ""},
    {"name": "base image", "good": True, "detail": "skafos/base:1", "remedy": ""},
]


def test_asking_for_the_status_starts_nothing_and_is_good(capsys: Any) -> None:
    assert main(["engine", "status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"running": False, "pid": None, "version": None, "enabled": None}
    assert main(["engine", "status"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "no engine runs" in first
    assert "`skafos engine enable`" in second


def test_the_status_of_a_running_engine(engine: FakeEngine, capsys: Any) -> None:
    assert main(["engine", "status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["running"], found["pid"], found["version"]) == (True, 4711, "1.2.3")
    assert main(["engine", "status"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "the engine runs: pid 4711, version 1.2.3, 0 unfinished runs"


def test_starting_what_runs_says_so(engine: FakeEngine, capsys: Any) -> None:
    assert main(["engine", "start"]) == 0
    assert "pid 4711" in capsys.readouterr().out


def test_an_engine_that_does_not_start_ends_with_code_3_and_names_its_log(home: Home, capsys: Any) -> None:
    assert main(["engine", "start"]) == 3
    message = capsys.readouterr().err
    assert str(home.engine_log) in message
    assert message.count("\n") == 1


def test_stopping_is_good_also_where_nothing_runs(capsys: Any) -> None:
    assert main(["engine", "stop"]) == 0
    assert capsys.readouterr().out == "no engine runs\n"


def test_stopping_waits_for_the_end_of_the_process(engine: FakeEngine, capsys: Any) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    engine.answers[("POST", "/v1/stop")] = (200, {"pid": ended.pid})
    assert main(["engine", "stop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["running"] is False


def test_doctor_is_good_where_nothing_needed_is_missing(engine: FakeEngine, capsys: Any) -> None:
    engine.answers[("GET", "/v1/doctor")] = (200, {"checks": DOCTOR})
    assert main(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert {"python", "packages", "home", "disk", "settings", "engine", "docker", "base image"} <= set(checks)
    assert all(check["good"] for check in checks.values() if check["needed"])


def test_doctor_says_how_to_get_what_is_missing(engine: FakeEngine, capsys: Any) -> None:
    missing = {"name": "docker", "good": False, "detail": "does not answer", "remedy": "scripts/docker-engine"}
    engine.answers[("GET", "/v1/doctor")] = (200, {"checks": [missing]})
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("missing docker: does not answer")
    assert lines[at + 1].strip() == "scripts/docker-engine"


def test_doctor_answers_without_an_engine(home: Home, capsys: Any) -> None:
    assert main(["doctor", "--json"]) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert checks["engine"]["good"] is False
    assert str(home.engine_log) in checks["engine"]["remedy"]


def test_doctor_finds_a_home_that_is_too_long_for_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("SKAFOS_HOME", str(tmp_path / ("x" * 120)))
    assert main(["doctor", "--json"]) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert checks["home"]["good"] is False
    assert "too long for a socket" in checks["home"]["detail"]


def test_doctor_finds_settings_that_are_wrong(home: Home, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[("GET", "/v1/doctor")] = (200, {"checks": []})
    (home.path / "settings.yml").write_text("max_cpus: 3\n")
    assert main(["doctor"]) == 1
    assert "did you mean `max_cpu`?" in capsys.readouterr().out


def test_bootstrap_streams_its_lines_plainly_on_a_pipe(engine: FakeEngine, capsys: Any) -> None:
    steps = [{"line": "downloading"}, {"line": "un\x1b[31mpacking"}, {"image": "skafos/base:1"}]
    engine.answers[("POST", "/v1/image/bootstrap")] = (200, b"".join(json.dumps(s).encode() + b"\n" for s in steps))
    assert main(["image", "bootstrap"]) == 0
    out = capsys.readouterr().out
    assert out == "base image | downloading\nbase image | unpacking\nbase image: skafos/base:1\n"


def test_bootstrap_that_fails_ends_with_the_engines_words(engine: FakeEngine, capsys: Any) -> None:
    steps = [{"line": "downloading"}, refusal("bootstrap", "run it as root: sudo skafos image bootstrap", 1)]
    engine.answers[("POST", "/v1/image/bootstrap")] = (200, b"".join(json.dumps(s).encode() + b"\n" for s in steps))
    assert main(["image", "bootstrap"]) == 1
    assert "sudo skafos image bootstrap" in capsys.readouterr().err
