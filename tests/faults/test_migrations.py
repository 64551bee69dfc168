"""A database of an earlier version is brought forward, with a backup, and a kill leaves each step done or not begun.

The tests add a migration that is yet to come to those there are, so that there is always one.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engines import Engines

from skafos_tui.store import database
from skafos_tui.store.database import MIGRATIONS, connect, migrate

TO_COME = """
    CREATE TABLE to_come (token TEXT PRIMARY KEY);
    INSERT INTO to_come SELECT token FROM projects;
    ALTER TABLE runs ADD COLUMN to_come TEXT NOT NULL DEFAULT 'none';
    CREATE INDEX runs_to_come ON runs (to_come);
"""
STEPS = (*MIGRATIONS, TO_COME)
CONFIG = """
project_token: 5b6559ad6551d0f920c485e4
name: wines
jobs:
  - {job_id: 20d19311-146b-4cd8-ac39-270515e6b77b, language: python, name: Train, entrypoint: "sleep 1"}
"""
FIRST_ROWS = f"""
    INSERT INTO meta VALUES ('engine', 'e1');
    INSERT INTO projects VALUES ('5b6559ad6551d0f920c485e4', 'wines', '/home/me/wines', 'docker', 1.5);
    INSERT INTO deployments (project, number, state, config, config_digest, code_digest, created_at)
        VALUES ('5b6559ad6551d0f920c485e4', 1, 'ready', '{CONFIG}', 'c', 'd', 2.5);
    INSERT INTO runs (project, deployment, trigger, request_id, state, created_at, ended_at)
        VALUES ('5b6559ad6551d0f920c485e4', 1, 'manual', 'r1', 'succeeded', 3.5, 9.5);
    INSERT INTO runs (project, deployment, trigger, request_id, state, created_at)
        VALUES ('5b6559ad6551d0f920c485e4', 1, 'manual', 'r2', 'failed', 4.5);
    INSERT INTO tasks (run_id, job_id, project, name, position, state, instances)
        VALUES (1, '20d19311-146b-4cd8-ac39-270515e6b77b', '5b6559ad6551d0f920c485e4', 'Train', 0, 'succeeded', 1);
    INSERT INTO attempts (run_id, job_id, instance, number, name, state, cpu, memory, planned_at, verdict)
        VALUES (1, '20d19311-146b-4cd8-ac39-270515e6b77b', 0, 1, 'skafos-1', 'collected', 1.0, 1024, 5.5, 'exited');
    INSERT INTO variables VALUES ('5b6559ad6551d0f920c485e4', 'KEY', 'wörd', 1);
    INSERT INTO changes (kind, id) VALUES ('run', '1');
"""
KILLED_AT_EVERY_STATEMENT = """
import os, shutil, signal, sys
from pathlib import Path
from skafos_tui.store import database

template, directory = Path(sys.argv[1]), Path(sys.argv[2])
database.MIGRATIONS = (*database.MIGRATIONS, sys.argv[3])
plain, seen, limit = database.connect, 0, 0

def count(statement):
    global seen
    seen += 1
    if seen == limit:
        os.kill(os.getpid(), signal.SIGKILL)

def connect(path):
    connection = plain(path)
    connection.set_trace_callback(count)
    return connection

database.connect = connect
while True:
    limit += 1
    path = directory / str(limit) / "state.db"
    path.parent.mkdir()
    if template.exists():
        shutil.copy(template, path)
    child = os.fork()
    if child == 0:
        database.migrate(path)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
"""

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A database as the first version wrote it, with rows in every table."""
    path = tmp_path / "first" / "state.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA journal_mode = WAL; {MIGRATIONS[0]} PRAGMA user_version = 1; {FIRST_ROWS}")
    return path


@pytest.fixture
def all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that knows one more migration."""
    monkeypatch.setattr(database, "MIGRATIONS", STEPS)


def rows_of(path: Path) -> Rows:
    """Every row of every table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for (name,) in tables}


def keeps(later: Rows, earlier: Rows) -> bool:
    """Whether every row, and every value of it, is there still."""
    return all(
        len(later[table]) >= len(rows)
        and all(any(row.items() <= other.items() for other in later[table]) for row in rows)
        for table, rows in earlier.items()
    )


def version_of(path: Path) -> int:
    """The version of a database that is whole."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def schema_of(path: Path) -> set[tuple[str, ...]]:
    """Tables and indexes with their SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute("SELECT type, name, sql FROM sqlite_master"))


def schemas(directory: Path) -> dict[int, set[tuple[str, ...]]]:
    """The schema of every version."""
    found: dict[int, set[tuple[str, ...]]] = {}
    for version in range(len(STEPS) + 1):
        path = directory / f"schema-{version}.db"
        with closing(connect(path)) as connection:
            connection.executescript("".join(STEPS[:version]))
        found[version] = schema_of(path)
    return found


def test_rows_of_the_first_version_are_there_after_all_migrations(first: Path, all_steps: None) -> None:
    before = rows_of(first)
    assert all(before.values())
    migrate(first)
    assert version_of(first) == len(STEPS)
    assert keeps(rows_of(first), before)


def test_the_backup_beside_it_is_the_database_as_it_was(first: Path, all_steps: None) -> None:
    before, schema = rows_of(first), schema_of(first)
    migrate(first)
    backup = first.with_name("state.db.v1.backup")
    assert version_of(backup) == 1
    assert rows_of(backup) == before
    assert schema_of(backup) == schema


def test_migrating_step_by_step_and_at_once_gives_the_same(first: Path, all_steps: None, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.db"
    migrate(fresh)
    migrate(first)
    assert schema_of(first) == schema_of(fresh)


@pytest.mark.parametrize("begin", ["no database yet", "the first version"])
def test_a_kill_at_any_statement_leaves_each_step_done_or_not_begun(
    begin: str, first: Path, all_steps: None, tmp_path: Path
) -> None:
    template = first if begin == "the first version" else tmp_path / "none"
    before = rows_of(first) if template == first else {}
    expected = schemas(tmp_path)
    killed = tmp_path / "killed"
    killed.mkdir()
    script = [sys.executable, "-c", KILLED_AT_EVERY_STATEMENT, str(template), str(killed), TO_COME]
    subprocess.run(script, check=True, timeout=60)
    versions = []
    for path in sorted(killed.glob("*/state.db")):
        versions.append(version_of(path))
        assert schema_of(path) == expected[versions[-1]]
        assert keeps(rows_of(path), before)
        migrate(path)
        assert version_of(path) == len(STEPS)
        assert schema_of(path) == expected[len(STEPS)]
        assert keeps(rows_of(path), before)
    # Every version was the one found after some kill: the statements of all steps were reached. A new one is whole or
    # not there.
    assert set(versions) == (set(range(1, len(STEPS) + 1)) if before else {0, len(STEPS)})
    assert len(versions) > sum(step.count(";") for step in STEPS[1:])


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


def test_an_engine_brings_an_old_database_forward_when_it_starts(engines: Engines, first: Path) -> None:
    before = rows_of(first)
    engines.home.create()
    shutil.copy(first, engines.home.state_database)
    engines.start(f"from skafos_tui.store import database; database.MIGRATIONS += ({TO_COME!r},)")
    found = rows_of(engines.home.state_database)
    assert found["to_come"] == [{"token": "5b6559ad6551d0f920c485e4"}]
    assert found["projects"][0].items() >= before["projects"][0].items()
    backup = engines.home.path / "state.db.v1.backup"
    assert version_of(backup) == 1
    assert backup.stat().st_mode & 0o077 == 0
