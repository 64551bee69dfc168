"""One engine per home, whatever is started, killed, stopped, left behind or in the way."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engines import PATIENCE_S, Engines

from skafos_tui import __version__
from skafos_tui.store.database import MIGRATIONS
from skafos_tui.store.engine_log import LIMIT_BYTES

AT_ONCE = 5
OLDER = "import skafos_tui; skafos_tui.__version__ = '0.0.1'"


@pytest.fixture
def engines() -> Iterator[Engines]:
    """A home under a short path: its socket must fit."""
    directory = Path(tempfile.mkdtemp(prefix="sk-"))
    found = Engines(directory)
    try:
        yield found
    finally:
        found.leave()
        shutil.rmtree(directory)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit code of a command, and what it said."""
    out, error = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, error


def began(engines: Engines) -> int:
    """How many engines were in charge so far."""
    return len(re.findall(r"skafos engine \S+, pid \d+", engines.home.engine_log.read_text()))


def footprint(engines: Engines) -> dict[str, tuple[int, ...]]:
    """What writing to a file, or replacing it, would change; the engines' common log left out."""
    found = {}
    for path in engines.home.path.rglob("*"):
        if path != engines.home.engine_log and not path.name.endswith("-shm"):
            status = path.stat()
            found[str(path)] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def test_a_second_engine_ends_well_and_touches_nothing(engines: Engines) -> None:
    first = engines.start()
    before = footprint(engines)
    assert engines.home.socket.is_socket()
    assert engines.begin().wait(PATIENCE_S) == 0
    assert footprint(engines) == before
    assert engines.pid() == first.pid
    assert "another engine is in charge" in engines.home.engine_log.read_text()


def test_after_a_kill_the_next_engine_takes_over_and_replaces_the_stale_socket(engines: Engines) -> None:
    first = engines.start()
    first.kill()
    first.wait()
    stale = engines.home.socket.stat().st_ino, engines.home.socket.stat().st_mtime_ns
    second = engines.start()
    assert engines.pid() == second.pid != first.pid
    assert (engines.home.socket.stat().st_ino, engines.home.socket.stat().st_mtime_ns) != stale
    assert engines.home.socket.stat().st_mode & 0o777 == 0o600


def test_commands_at_once_start_one_engine(engines: Engines) -> None:
    answers = [ended(command) for command in [engines.command("engine", "start", "--json") for _ in range(AT_ONCE)]]
    assert [code for code, _, _ in answers] == [0] * AT_ONCE, answers
    assert len({json.loads(out)["pid"] for _, out, _ in answers}) == 1
    assert began(engines) == 1


def test_newer_commands_at_once_replace_an_older_engine_once(engines: Engines) -> None:
    older = engines.start(OLDER)
    answers = [ended(command) for command in [engines.command("engine", "start", "--json") for _ in range(AT_ONCE)]]
    assert [code for code, _, _ in answers] == [0] * AT_ONCE, answers
    assert older.wait(PATIENCE_S) == 0
    found = [json.loads(out) for _, out, _ in answers]
    assert {status["version"] for status in found} == {__version__}
    assert len({status["pid"] for status in found} - {older.pid}) == 1
    assert began(engines) == 2


def test_an_engine_that_is_just_starting_is_waited_for(engines: Engines) -> None:
    slow = "import time; import skafos_tui.daemon as d; open_door = d.open_door\n"
    slow += "async def late(*a):\n    time.sleep(1.5)\n    return await open_door(*a)\nd.open_door = late"
    first = engines.begin(slow)
    engines.until(lambda: engines.home.lock.exists() and engines.home.lock.read_text() != "", "it has the lock")
    code, out, error = ended(engines.command("engine", "start", "--json"))
    assert code == 0, error
    assert json.loads(out)["pid"] == first.pid


def test_of_an_engine_that_hangs_commands_say_so_within_seconds(engines: Engines) -> None:
    engine = engines.start()
    os.kill(engine.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        commands = [engines.command("engine", word) for word in ("status", "start", "stop")]
        answers = [ended(command) for command in commands]
        took_s = time.monotonic() - begun
    finally:
        os.kill(engine.pid, signal.SIGCONT)
    for code, _, error in answers:
        assert code == 3
        assert f"the engine (pid {engine.pid}) doesn't answer" in error
        assert error.count("\n") == 1
    assert took_s < 15
    assert engines.pid() == engine.pid


def test_stopping_twice_is_good_both_times(engines: Engines) -> None:
    engine = engines.start()
    first = ended(engines.command("engine", "stop"))
    assert first[0] == 0, first
    assert engine.wait(PATIENCE_S) == 0
    code, out, _ = ended(engines.command("engine", "stop"))
    assert (code, out) == (0, "no engine runs\n")


def test_a_home_that_cannot_be_made_is_told_in_one_line(engines: Engines) -> None:
    engines.home.path.write_text("in the way")
    code, _, error = ended(engines.command("engine", "start"))
    assert code == 3
    assert str(engines.home.path) in error
    assert error.count("\n") == 1


def test_a_log_that_cannot_be_written_is_told_in_one_line(engines: Engines) -> None:
    engines.home.create()
    engines.home.engine_log.mkdir()
    code, _, error = ended(engines.command("engine", "start"))
    assert code == 3
    assert f"{engines.home.engine_log} can't be written" in error
    assert error.count("\n") == 1


def test_the_log_is_bounded_when_an_engine_starts(engines: Engines) -> None:
    engines.home.create()
    aside = engines.home.path / "engine.log.1"
    aside.write_text("the one before")
    long = b"a line of the last engine\n" * (LIMIT_BYTES // 20)
    engines.home.engine_log.write_bytes(long)
    engines.start()
    assert aside.read_bytes().startswith(long)
    assert engines.home.engine_log.stat().st_size < 10_000
    assert "skafos engine" in engines.home.engine_log.read_text()
    assert sorted(path.name for path in engines.home.path.glob("engine.log*")) == ["engine.log", "engine.log.1"]


def test_a_database_of_a_newer_program_is_refused_with_one_line(engines: Engines) -> None:
    engines.home.create()
    newer = len(MIGRATIONS) + 1
    with closing(sqlite3.connect(engines.home.state_database)) as connection:
        connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA user_version = {newer}")
    before = engines.home.state_database.read_bytes()
    assert engines.begin().wait(PATIENCE_S) == 1
    said = engines.home.engine_log.read_text()
    assert "was written by a newer Skafos" in said
    assert said.count("\n") == 1
    code, _, error = ended(engines.command("engine", "start"))
    assert code == 3
    assert said.strip() in error
    assert error.count("\n") == 1
    assert engines.home.state_database.read_bytes() == before
