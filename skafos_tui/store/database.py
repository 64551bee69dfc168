"""The state database: opened, migrated, written by one connection and read by any number (DESIGN 5)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from skafos_tui.store.disk import full, is_full
from skafos_tui.store.failpoints import failpoint

T = TypeVar("T")

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE projects (
        token TEXT PRIMARY KEY, name TEXT NOT NULL, directory TEXT NOT NULL, runner TEXT NOT NULL,
        created_at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX projects_by_directory ON projects (directory) WHERE directory != '';
    CREATE TABLE deployments (
        id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL REFERENCES projects, number INTEGER NOT NULL,
        state TEXT NOT NULL, config TEXT NOT NULL, config_digest TEXT NOT NULL, code_digest TEXT NOT NULL,
        created_at REAL NOT NULL, ready_at REAL, error TEXT NOT NULL DEFAULT '', step TEXT NOT NULL DEFAULT '',
        images TEXT NOT NULL DEFAULT '{}', missing TEXT NOT NULL DEFAULT '{}', packages TEXT NOT NULL DEFAULT '',
        UNIQUE (project, number)
    );
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL REFERENCES projects,
        deployment INTEGER NOT NULL REFERENCES deployments, trigger TEXT NOT NULL, request_id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL, created_at REAL NOT NULL, reason TEXT NOT NULL DEFAULT '',
        retry_of INTEGER REFERENCES runs, scheduled_at REAL, started_at REAL, ended_at REAL,
        parameters TEXT NOT NULL DEFAULT '{}', cancelled_by TEXT
    );
    CREATE INDEX runs_of_project ON runs (project, id);
    CREATE INDEX runs_unfinished ON runs (id) WHERE state IN ('queued', 'running');
    CREATE TABLE tasks (
        run_id INTEGER NOT NULL REFERENCES runs, job_id TEXT NOT NULL, project TEXT NOT NULL, name TEXT NOT NULL,
        position INTEGER NOT NULL, state TEXT NOT NULL, instances INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '',
        queued_at REAL, started_at REAL, ended_at REAL, verdict TEXT, exit_code INTEGER,
        evidence TEXT NOT NULL DEFAULT '', warning TEXT, cancelled_by TEXT,
        PRIMARY KEY (run_id, job_id)
    ) WITHOUT ROWID;
    CREATE INDEX tasks_of_job ON tasks (project, job_id, ended_at);
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL REFERENCES runs, job_id TEXT NOT NULL,
        instance INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
        cpu REAL NOT NULL, memory INTEGER NOT NULL, planned_at REAL NOT NULL, started_at REAL, ended_at REAL,
        stop TEXT, stop_detail TEXT, verdict TEXT, exit_code INTEGER, evidence TEXT NOT NULL DEFAULT '', warning TEXT,
        UNIQUE (run_id, job_id, instance, number)
    );
    CREATE INDEX attempts_open ON attempts (id) WHERE state != 'collected';
    CREATE TABLE variables (
        project TEXT NOT NULL REFERENCES projects, key TEXT NOT NULL, value TEXT NOT NULL, secret INTEGER NOT NULL,
        PRIMARY KEY (project, key)
    ) WITHOUT ROWID;
    CREATE TABLE changes (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL);
    """,
    """
    ALTER TABLE projects ADD COLUMN active INTEGER REFERENCES deployments;
    ALTER TABLE projects ADD COLUMN seen TEXT NOT NULL DEFAULT '';
    ALTER TABLE projects ADD COLUMN paused_at REAL;
    ALTER TABLE projects ADD COLUMN problem TEXT NOT NULL DEFAULT '';
    ALTER TABLE deployments ADD COLUMN collected_at REAL;
    CREATE TABLE activations (
        id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL REFERENCES projects, kind TEXT NOT NULL,
        state TEXT NOT NULL, deployment INTEGER REFERENCES deployments, previous INTEGER REFERENCES deployments,
        request_id TEXT NOT NULL UNIQUE, requested_at REAL NOT NULL, decided_at REAL,
        config_digest TEXT NOT NULL DEFAULT '', plan TEXT NOT NULL DEFAULT '{}', findings TEXT NOT NULL DEFAULT '[]',
        error TEXT NOT NULL DEFAULT '', run_id INTEGER REFERENCES runs
    );
    CREATE INDEX activations_of_project ON activations (project, id);
    CREATE INDEX activations_waiting ON activations (id) WHERE state = 'waiting';
    CREATE TABLE schedules (
        project TEXT NOT NULL REFERENCES projects, job_id TEXT NOT NULL, expression TEXT NOT NULL,
        timezone TEXT NOT NULL, catchup TEXT NOT NULL, since REAL NOT NULL,
        PRIMARY KEY (project, job_id)
    ) WITHOUT ROWID;
    CREATE TABLE paused_jobs (
        project TEXT NOT NULL REFERENCES projects, job_id TEXT NOT NULL, paused_at REAL NOT NULL,
        PRIMARY KEY (project, job_id)
    ) WITHOUT ROWID;
    CREATE TABLE slots (
        project TEXT NOT NULL REFERENCES projects, job_id TEXT NOT NULL, slot INTEGER NOT NULL,
        run_id INTEGER NOT NULL REFERENCES runs, fired INTEGER NOT NULL, count INTEGER NOT NULL DEFAULT 1,
        first_slot INTEGER,
        PRIMARY KEY (project, job_id, slot)
    ) WITHOUT ROWID;
    CREATE INDEX slots_of_run ON slots (run_id);
    CREATE INDEX runs_unfinished_of ON runs (project, id) WHERE state IN ('queued', 'running');
    """,
    """
    CREATE TABLE alerts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
        rule TEXT NOT NULL, state TEXT NOT NULL, severity TEXT NOT NULL, what TEXT NOT NULL, evidence TEXT NOT NULL,
        name TEXT NOT NULL, run_id INTEGER, stops TEXT NOT NULL, count INTEGER NOT NULL, first_at REAL NOT NULL,
        last_at REAL NOT NULL, acknowledged_at REAL, acknowledged_by TEXT, resolved_at REAL
    );
    CREATE UNIQUE INDEX alerts_by_key ON alerts (project, kind, subject, rule);
    """,
)
"""Forward only: entry n takes a database from version n to n + 1. A landed entry never changes."""

CHANGES_KEPT = 10_000
CACHE_KIB = 256
"""The writer's page cache. The system has the pages in its own; SQLite's 2 MiB would only fill as a database grows."""
CHANGES_SLACK = 1000
"""So many more may be there before the old ones go."""


CHECKED_BYTES = 64 << 20
REMEDY = "bring back a copy of it, or move it away to start anew"


class DatabaseError(Exception):
    """The state database can't be used; the message is one line that says what to do."""


def connect(path: Path, *, durable: bool = True) -> sqlite3.Connection:
    """A connection for the engine: durable at every commit, foreign keys checked. Usable from any one thread.

    Not `durable`: a loss of power may take the last commits, never more.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30.0)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def connect_reader(path: Path, migrations: Sequence[str] | None = None) -> sqlite3.Connection:
    """A connection that only reads, for commands and screens; works with the engine off.

    Opened read-write because a reader of a WAL database must be able to make its shared memory file; `query_only`
    keeps it from writing. Raises DatabaseError for a database that is newer than this program.
    """
    connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=30.0)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA query_only = ON")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    known = len(MIGRATIONS if migrations is None else migrations)
    if version > known:
        connection.close()
        raise DatabaseError(newer_message(path, version, known))
    return connection


def newer_message(path: Path, version: int, known: int) -> str:
    """What to do about a database that a newer Skafos has written."""
    return f"{path} was written by a newer Skafos (version {version}, this one knows {known}): install that one"


def migrate(path: Path, migrations: Sequence[str] | None = None) -> None:
    """Bring the database forward, after a backup beside it; makes it (0600) where there is none.

    `migrations` are the steps of another database than the state's.
    Raises DatabaseError where it is newer than this program or is no database.
    """
    migrations = MIGRATIONS if migrations is None else migrations
    existed = path.exists() and path.stat().st_size > 0
    if not path.exists():
        path.touch(mode=0o600)
    try:
        with closing(connect(path)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > len(migrations):
                raise DatabaseError(newer_message(path, version, len(migrations)))
            _refuse_damaged(connection, path)
            if version == len(migrations):
                return
            if existed and version:
                with closing(sqlite3.connect(path.with_name(f"{path.name}.v{version}.backup"))) as backup:
                    connection.backup(backup)
            # A new database is there as a whole: nobody takes one that is being made for an old one.
            steps = migrations[version:] if version else ["\n".join(migrations)]
            for number, script in enumerate(steps, start=len(migrations) - len(steps) + 1):
                # One transaction a step, the version inside it: a crash leaves the step done or not begun.
                connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
    except sqlite3.DatabaseError as error:
        if is_full(error):
            raise DatabaseError(f"{full(path.parent)}: {path.name} can't be opened; make room") from None
        raise DatabaseError(f"{path} can't be read: {error}; {REMEDY}") from None


def _refuse_damaged(connection: sqlite3.Connection, path: Path) -> None:
    """Look through the pages: better no engine than one that decides by half of what was recorded.

    Raises DatabaseError. A large database is not looked through, its damage shows where it is met.
    """
    if path.stat().st_size <= CHECKED_BYTES:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        if found != "ok":
            raise DatabaseError(f"{path} is damaged ({' '.join(found.split())}); {REMEDY}")


class Writer:
    """The engine's only writing connection; transactions are closures that run on its own thread, one after another."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, path: Path) -> Writer:
        """Migrate and open the database. Raises DatabaseError."""
        import aiosqlite

        migrate(path)
        return cls(await aiosqlite.Connection(lambda: connect(path), iter_chunk_size=64))

    async def transact(
        self, name: str, work: Callable[[sqlite3.Connection], T], undone: Callable[[], None] | None = None
    ) -> T:
        """Run `work` in one durable transaction; everything or nothing of it is there afterwards.

        `name` labels the failpoints `commit.NAME.before` and `.after`. `work` may run once only and must not keep
        the connection. A closure costs one hop to the thread, however many statements it has. `undone` is called
        after a rollback, before the next transaction begins.
        """

        def run(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                _drop_old_changes(connection)
                failpoint(f"commit.{name}.before")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if undone is not None:
                    undone()
                raise
            failpoint(f"commit.{name}.after")
            return result

        return await self._on_thread(run)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a reading closure on the writer's thread, so that it sees every commit before it."""
        return await self._on_thread(work)

    async def _on_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # aiosqlite runs single statements only in public; `_execute` is its own way to its thread, and one hop for
        # a whole transaction is what keeps a crash from seeing half of it.
        result: T = await self._connection._execute(work, self._connection._conn)
        return result

    async def close(self) -> None:
        """Close the connection and end its thread."""
        await self._connection.close()


def note_change(connection: sqlite3.Connection, kind: str, identity: object) -> None:
    """Tell readers what a transaction changed; `kind` is a table's noun, `identity` its key as text."""
    connection.execute("INSERT INTO changes (kind, id) VALUES (?, ?)", (kind, str(identity)))


def last_change(connection: sqlite3.Connection) -> int:
    """The number of the newest change, 0 where there is none."""
    return int(connection.execute("SELECT MAX(seq) FROM changes").fetchone()[0] or 0)


def changed_kinds(connection: sqlite3.Connection, since: int) -> set[str]:
    """The kinds of what has changed after change number `since`."""
    return {row["kind"] for row in connection.execute("SELECT DISTINCT kind FROM changes WHERE seq > ?", (since,))}


def _drop_old_changes(connection: sqlite3.Connection) -> None:
    """Only at the end of a transaction: until then it may look at all that it has changed itself."""
    last = last_change(connection)
    first = connection.execute("SELECT MIN(seq) FROM changes").fetchone()[0] or 0
    if last - first >= CHANGES_KEPT + CHANGES_SLACK:
        connection.execute("DELETE FROM changes WHERE seq <= ?", (last - CHANGES_KEPT,))


def get_meta(connection: sqlite3.Connection, key: str) -> str | None:
    """A single value of the engine's own, None where it was never set."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row["value"])


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Keep a single value of the engine's own."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
