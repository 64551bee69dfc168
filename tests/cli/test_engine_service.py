"""`engine enable` and `disable`: the engine comes back after a reboot, and nothing of anybody else's is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_support import FakeEngine
from fake_system import FakeSystem

from skafos_tui.api import unit
from skafos_tui.cli.crontab import with_line
from skafos_tui.cli.main import main
from skafos_tui.cli.service import comes_back
from skafos_tui.store.home import Home

CRONTAB = b"# mine\nMAILTO=me@b.c\n0 9 * * * date +\\%F  \n\n@reboot /opt/caf\xe9/start # skafos\n*/5 * * * * true"


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    """A machine with neither systemd nor cron; the tests give it what they need."""
    return FakeSystem(tmp_path, monkeypatch)


@pytest.fixture
def running(system: FakeSystem, engine: FakeEngine) -> FakeEngine:
    """An engine that some command has started."""
    system.engine_answers(engine, 4001)
    return engine


def test_a_service_with_linger_where_systemd_answers(system: FakeSystem, running: FakeEngine, home: Home) -> None:
    system.give_systemd()
    assert main(["engine", "enable"]) == 0
    lines = system.unit(home).splitlines()
    assert f'ExecStart="{sys.executable}" -m skafos_tui.daemon' in lines
    assert f'Environment="SKAFOS_HOME={home.path}"' in lines
    assert f'Environment="SKAFOS_SETTINGS={home.path}/settings.yml"' in lines
    assert {"Restart=on-failure", "KillMode=process", "WantedBy=default.target"} <= set(lines)
    assert unit.unit_file(home).stat().st_mode & 0o777 == 0o600
    assert system.linger()
    assert comes_back(home) == "systemd"


def test_the_service_is_given_what_the_user_has_set(
    system: FakeSystem, running: FakeEngine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.give_systemd()
    monkeypatch.setenv("DOCKER_HOST", 'unix:///run/my docker/100%/"d".sock')
    monkeypatch.setenv("PIP_INDEX_URL", "https://a:b\\c@index")
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    assert main(["engine", "enable"]) == 0
    lines = system.unit(home).splitlines()
    assert 'Environment="DOCKER_HOST=unix:///run/my docker/100%%/\\"d\\".sock"' in lines
    assert 'Environment="PIP_INDEX_URL=https://a:b\\\\c@index"' in lines
    assert f'Environment="PATH={os.environ["PATH"]}"' in lines
    assert not any("SOMETHING_ELSE" in line for line in lines)


def test_paths_with_spaces_and_percent_signs_are_written_as_systemd_reads_them(
    system: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/my env/50%/bin/python")
    lines = unit.unit_text(Home(Path("/data/my home/50%")), {}).splitlines()
    assert 'ExecStart="/opt/my env/50%%/bin/python" -m skafos_tui.daemon' in lines
    assert "StandardOutput=append:/data/my home/50%%/engine.log" in lines


def test_an_engine_that_runs_is_handed_over(system: FakeSystem, running: FakeEngine, home: Home, capsys: Any) -> None:
    system.give_systemd()
    assert main(["engine", "enable"]) == 0
    assert running.asked("POST", "/v1/stop")
    assert system.asked("start")
    said = capsys.readouterr().out
    assert "4001" in said
    assert unit.unit_name(home) in said
    assert main(["engine", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pid"] == 5001


def test_enabling_twice_is_the_same_as_once(system: FakeSystem, running: FakeEngine, home: Home) -> None:
    system.give_systemd()
    assert main(["engine", "enable"]) == 0
    text, requests = system.unit(home), len(running.asked("POST", "/v1/stop"))
    system.forget()
    assert main(["engine", "enable"]) == 0
    assert system.unit(home) == text
    assert len(running.asked("POST", "/v1/stop")) == requests
    assert not system.asked("restart")
    assert not system.asked("start")
    assert not system.calls("loginctl")


def test_enabling_again_renews_what_has_changed(
    system: FakeSystem, running: FakeEngine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.give_systemd()
    assert main(["engine", "enable"]) == 0
    monkeypatch.setenv("DOCKER_HOST", "unix:///other.sock")
    assert main(["engine", "enable"]) == 0
    assert 'Environment="DOCKER_HOST=unix:///other.sock"' in system.unit(home)
    assert system.asked("restart")


def test_a_service_that_does_not_start_is_said_in_one_line(
    system: FakeSystem, running: FakeEngine, home: Home, capsys: Any
) -> None:
    system.give_systemd()
    system.set("refuse-start")
    assert main(["engine", "enable"]) == 3
    said = capsys.readouterr().err
    assert f"systemctl --user status {unit.unit_name(home)}" in said
    assert said.count("\n") == 1


def test_the_usual_home_has_the_plain_name_and_others_their_own(tmp_path: Path) -> None:
    usual = Home(Path.home() / ".local" / "state" / "skafos")
    names = {unit.unit_name(usual), unit.unit_name(Home(tmp_path / "a")), unit.unit_name(Home(tmp_path / "b"))}
    assert "skafos-engine.service" in names
    assert len(names) == 3


def test_where_linger_is_refused_cron_does_it(system: FakeSystem, running: FakeEngine, home: Home) -> None:
    system.give_systemd()
    system.give_cron()
    system.set("no-linger")
    assert main(["engine", "enable"]) == 0
    assert comes_back(home) == "crontab"
    assert not unit.unit_file(home).exists()


def test_where_linger_is_refused_and_cron_is_not_there_the_remedy_is_named(system: FakeSystem, capsys: Any) -> None:
    system.give_systemd()
    system.set("no-linger")
    assert main(["engine", "enable"]) == 1
    assert "sudo loginctl enable-linger" in capsys.readouterr().err


def test_without_systemd_cron_starts_it_and_other_lines_stay_byte_for_byte(
    system: FakeSystem, running: FakeEngine, home: Home, capsys: Any
) -> None:
    system.give_cron(CRONTAB)
    assert main(["engine", "enable", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["enabled"] == "crontab"
    assert system.crontab.startswith(CRONTAB + b"\n@reboot ")
    assert system.crontab.count(b"\n") == CRONTAB.count(b"\n") + 2
    once = system.crontab
    assert main(["engine", "enable"]) == 0
    assert system.crontab == once
    assert main(["engine", "disable"]) == 0
    assert system.crontab == CRONTAB + b"\n"
    assert comes_back(home) is None


def test_a_user_without_a_crontab_is_given_one(system: FakeSystem, running: FakeEngine, home: Home) -> None:
    system.give_cron()
    assert main(["engine", "enable"]) == 0
    assert system.crontab.startswith(b"@reboot ")
    assert comes_back(home) == "crontab"


def test_what_cron_runs_starts_the_engine_with_the_users_environment(
    system: FakeSystem, running: FakeEngine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.give_cron()
    python = system.programs / "my python"
    python.write_text('#!/bin/sh\nprintf "%s|" "$@" "$PWD" "$SKAFOS_HOME" "$DOCKER_HOST"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("DOCKER_HOST", "unix:///it's here/$HOME/100%")
    assert main(["engine", "enable"]) == 0
    command = system.crontab.decode().removeprefix("@reboot ")
    assert subprocess.run(["/bin/sh", "-c", command], env={}, capture_output=True).stdout == b""
    said = home.engine_log.read_text()
    assert said == f"-m|skafos_tui.daemon|/|{home.path}|unix:///it's here/$HOME/100%|"


def test_a_percent_sign_in_the_path_is_written_as_cron_reads_it() -> None:
    assert rb"'/data/50\% full/engine-at-boot'" in with_line(b"", Path("/data/50% full/engine-at-boot"), "x")


def test_a_crontab_that_cannot_be_read_is_never_overwritten(system: FakeSystem, home: Home, capsys: Any) -> None:
    system.give_cron(CRONTAB)
    system.set("cron-denied")
    assert main(["engine", "enable"]) == 1
    said = capsys.readouterr().err
    assert "not allowed to use this program" in said
    assert said.count("\n") == 1
    assert system.crontab == CRONTAB
    assert system.calls("crontab") == ["-l"]
    assert comes_back(home) is None


def test_with_neither_one_line_says_what_to_do(system: FakeSystem, home: Home, capsys: Any) -> None:
    assert main(["engine", "enable"]) == 1
    said = capsys.readouterr().err
    assert "install cron" in said
    assert said.count("\n") == 1
    assert not unit.unit_file(home).exists()


def test_systemd_takes_over_from_cron(system: FakeSystem, running: FakeEngine, home: Home) -> None:
    system.give_cron(CRONTAB + b"\n")
    assert main(["engine", "enable"]) == 0
    system.give_systemd()
    assert main(["engine", "enable"]) == 0
    assert system.crontab == CRONTAB + b"\n"
    assert comes_back(home) == "systemd"


def test_disabling_removes_the_service_and_keeps_linger_and_the_engine(
    system: FakeSystem, running: FakeEngine, home: Home, capsys: Any
) -> None:
    system.give_systemd()
    assert main(["engine", "enable"]) == 0
    asked = len(running.asked("POST", "/v1/stop"))
    system.forget()
    capsys.readouterr()
    assert main(["engine", "disable"]) == 0
    assert "loginctl disable-linger" in capsys.readouterr().out
    assert system.linger()
    assert not unit.unit_file(home).exists()
    assert not unit.wanted_link(home).is_symlink()
    assert system.asked("daemon-reload")
    assert len(running.asked("POST", "/v1/stop")) == asked
    assert comes_back(home) is None
    assert main(["engine", "disable"]) == 0


def test_the_status_says_whether_it_comes_back(
    system: FakeSystem, running: FakeEngine, home: Home, capsys: Any
) -> None:
    system.give_systemd()
    assert main(["engine", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["enabled"] is None
    assert main(["engine", "enable"]) == 0
    capsys.readouterr()
    assert main(["engine", "status"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "it comes back after a reboot (systemd)"


def test_asking_whether_it_comes_back_runs_no_program_where_the_files_say_it(
    system: FakeSystem, running: FakeEngine, home: Home
) -> None:
    system.give_systemd()
    system.give_cron(CRONTAB)
    assert comes_back(home) is None
    assert main(["engine", "enable"]) == 0
    system.forget()
    assert comes_back(home) == "systemd"
    assert system.calls("crontab") == system.calls("systemctl") == []


def test_a_service_without_linger_does_not_come_back(system: FakeSystem, running: FakeEngine, home: Home) -> None:
    system.give_systemd()
    assert main(["engine", "enable"]) == 0
    for user in (system.state / "linger").iterdir():
        user.unlink()
    assert comes_back(home) is None


def test_a_line_that_was_commented_out_does_not_count(system: FakeSystem, running: FakeEngine, home: Home) -> None:
    system.give_cron()
    assert main(["engine", "enable"]) == 0
    (system.state / "crontab").write_bytes(b"#" + system.crontab)
    assert comes_back(home) is None
    assert main(["engine", "disable"]) == 0
    assert system.crontab == b""
