"""A client and an engine of two versions: the newer one goes on, and systemd keeps what is systemd's."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cli_support import FakeEngine
from fake_system import FakeSystem

from skafos_tui.api import unit
from skafos_tui.api.client import PROTOCOL, EngineClient, EngineSilent, EngineUnreachable, ensure_engine
from skafos_tui.cli.main import main
from skafos_tui.store.home import Home

NOW = "0.2.0"
BEFORE = "0.1.9"
OLD_PID = 4001
SERVICE_PID = 5001


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> FakeSystem:
    """A machine with systemd and an engine of the version before ours."""
    monkeypatch.setattr("skafos_tui.api.client.__version__", NOW)
    machine = FakeSystem(tmp_path, monkeypatch)
    machine.give_systemd()
    machine.engine_answers(engine, OLD_PID, BEFORE)
    machine.set("now", NOW)
    return machine


@pytest.fixture
def spawned(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """The homes that an engine was started for as a process of ours; it has our version."""
    homes: list[Home] = []

    def spawn(home: Home) -> subprocess.Popen[bytes]:
        homes.append(home)
        system.set("version", NOW)
        system.set("pid", "7001\n")
        process = subprocess.Popen(["/bin/true"])
        process.wait()
        return process

    monkeypatch.setattr("skafos_tui.api.client.spawn_engine", spawn)
    return homes


def as_service(system: FakeSystem, home: Home) -> None:
    """Make the running engine the service that systemd runs."""
    file, link = unit.unit_file(home), unit.wanted_link(home)
    link.parent.mkdir(parents=True)
    file.write_text(unit.unit_text(home, {"DOCKER_HOST": "unix:///kept.sock"}))
    link.symlink_to(f"../{file.name}")
    system.set("main", f"{OLD_PID}\n")
    system.set("pid", f"{OLD_PID}\n")


def test_an_older_engine_ends_and_a_new_one_is_started_once(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home]
) -> None:
    assert ensure_engine(home).status()["version"] == NOW
    assert len(engine.asked("POST", "/v1/stop")) == 1
    assert spawned == [home]
    ensure_engine(home)
    assert spawned == [home]


def test_an_engine_that_does_not_say_its_version_is_older(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home]
) -> None:
    system.set("version", "")
    ensure_engine(home)
    assert spawned == [home]


@pytest.mark.parametrize("version", [NOW, "0.2.0+local", "0.3.0"])
def test_an_engine_as_new_or_newer_stays(
    version: str, system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home]
) -> None:
    system.set("version", version)
    ensure_engine(home)
    assert spawned == []
    assert not engine.asked("POST", "/v1/stop")


def test_a_newer_engine_of_another_protocol_is_told_in_one_line(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home], capsys: Any
) -> None:
    newer = {"running": True, "pid": 1, "version": "0.3.0", "protocol": PROTOCOL + 1}
    engine.answers[("GET", "/v1/status")] = (200, newer)
    assert main(["engine", "start"]) == 3
    said = capsys.readouterr().err
    assert "skafos 0.3.0" in said
    assert NOW in said
    assert "pip install" in said
    assert said.count("\n") == 1
    assert spawned == []


def test_a_service_is_restarted_by_systemd_and_stays_the_service(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home]
) -> None:
    as_service(system, home)
    text = system.unit(home)
    assert ensure_engine(home).status()["version"] == NOW
    assert system.asked("restart")
    assert not engine.asked("POST", "/v1/stop")
    assert spawned == []
    assert system.unit(home) == text


def test_a_service_of_another_environment_gets_this_interpreter_and_keeps_the_rest(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home]
) -> None:
    as_service(system, home)
    text = system.unit(home)
    unit.unit_file(home).write_text(text.replace(sys.executable, "/opt/older/bin/python"))
    ensure_engine(home)
    assert system.unit(home) == text
    assert system.asked("daemon-reload")
    assert system.asked("restart")


def test_where_systemd_does_not_restart_it_the_engine_is_replaced_all_the_same(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home]
) -> None:
    as_service(system, home)
    system.set("refuse-restart")
    system.set("refuse-start")
    assert ensure_engine(home).status()["version"] == NOW
    assert len(engine.asked("POST", "/v1/stop")) == 1
    assert spawned == [home]


def test_an_engine_beside_the_service_is_replaced_by_the_service(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home]
) -> None:
    as_service(system, home)
    system.set("main", "0\n")
    assert ensure_engine(home).status()["pid"] == SERVICE_PID
    assert len(engine.asked("POST", "/v1/stop")) == 1
    assert spawned == []


def test_an_enabled_engine_is_started_by_systemd(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home]
) -> None:
    as_service(system, home)
    system.set("version", NOW)
    system.set("pid")
    assert ensure_engine(home).status()["pid"] == SERVICE_PID
    assert spawned == []


def test_a_service_that_systemd_does_not_start_is_started_by_us(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home]
) -> None:
    as_service(system, home)
    system.set("pid")
    system.set("refuse-start")
    ensure_engine(home)
    assert spawned == [home]


def test_a_service_that_fails_again_and_again_is_given_up_soon_with_its_last_line(
    system: FakeSystem, engine: FakeEngine, home: Home, spawned: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_service(system, home)
    engine.answers[("GET", "/v1/status")] = (0, None)
    system.set("active", "activating")
    home.engine_log.write_text("an old line\n")
    start = unit.start_service

    def start_and_fail(home: Home) -> bool:
        with home.engine_log.open("a") as log:
            log.write("the database was written by a newer Skafos\n")
        return start(home)

    monkeypatch.setattr(unit, "start_service", start_and_fail)
    begun = time.monotonic()
    with pytest.raises(EngineUnreachable, match="the database was written by a newer Skafos"):
        ensure_engine(home)
    assert time.monotonic() - begun < 5


def test_an_engine_that_was_ending_when_ours_was_started_is_followed_by_another_one(
    system: FakeSystem, engine: FakeEngine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.set("pid")
    monkeypatch.setattr("skafos_tui.api.client.AGAIN_S", 0.05)
    spawned: list[Home] = []

    def spawn(home: Home) -> subprocess.Popen[bytes]:
        spawned.append(home)
        if len(spawned) == 2:  # the lock was held by the one that ended; now it is free
            system.set("version", NOW)
            system.set("pid", "7002\n")
        process = subprocess.Popen(["/bin/true"])
        process.wait()
        return process

    monkeypatch.setattr("skafos_tui.api.client.spawn_engine", spawn)
    assert ensure_engine(home).status()["pid"] == 7002
    assert len(spawned) == 2


def test_an_engine_that_ends_while_it_is_asked_is_gone_and_one_that_stays_hangs(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skafos_tui.api.client.STATUS_TIMEOUT_S", 0.1)
    home.create()
    home.lock.write_text("4711 0.1.0 0\n")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(home.socket))
        silent.listen()
        with pytest.raises(EngineSilent, match="4711"):
            EngineClient(home).status()
        monkeypatch.setattr("skafos_tui.api.client.STATUS_TIMEOUT_S", 1.0)
        ending = threading.Timer(0.3, home.socket.unlink)
        ending.start()
        with pytest.raises(EngineUnreachable) as error:
            EngineClient(home).status()
        ending.join()
    assert not isinstance(error.value, EngineSilent)
