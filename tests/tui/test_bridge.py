"""The bridge: one view for a change that concerns the screen, none for any other, and it follows the chosen run."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from wines import NOW, TOKEN, Store, config_of

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.store import projects
from skafos_tui.store.database import connect_reader
from skafos_tui.tui.bridge import Bridge
from skafos_tui.tui.reading import FIRST_JOBS, DashboardReader
from skafos_tui.tui.views import Dashboard, EngineFacts, EngineState
from skafos_tui.tui.written import read_written

SOON_S = 5.0
QUIET_S = 0.4


class Watched:
    """A bridge and what it posts."""

    def __init__(self, path: Path) -> None:
        self.posted: queue.Queue[Dashboard] = queue.Queue()
        self.engine = EngineFacts()
        reader = DashboardReader(TOKEN, "wine")
        self.bridge = Bridge(path, reader, self.posted.put, engine=lambda: self.engine, now=lambda: NOW)

    def next(self) -> Dashboard:
        return self.posted.get(timeout=SOON_S)

    def is_quiet(self) -> bool:
        try:
            self.posted.get(timeout=QUIET_S)
        except queue.Empty:
            return True
        return False


@pytest.fixture
def watched(store: Store) -> Iterator[Watched]:
    found = Watched(store.path)
    yield found
    found.bridge.stop()
    found.bridge.join(SOON_S)


def test_a_commit_that_concerns_the_screen_posts_one_view(store: Store, watched: Watched) -> None:
    first = watched.bridge.first()
    watched.bridge.start()
    assert first.run is None
    assert watched.is_quiet()
    run_id = store.run()
    view = watched.next()
    assert view.run is not None and (view.run.id, view.run.state) == (run_id, RunState.QUEUED)
    assert watched.is_quiet()


def test_a_commit_that_does_not_concern_it_posts_nothing(store: Store, watched: Watched) -> None:
    watched.bridge.first()
    watched.bridge.start()
    assert watched.is_quiet()
    store.write(lambda c: projects.set_variable(c, TOKEN, projects.Variable("A", "b", False)))
    store.write(lambda c: projects.set_seen(c, TOKEN, "digest"))
    assert watched.is_quiet()


def test_older_newer_and_live(store: Store, watched: Watched) -> None:
    ids = [store.good_run(NOW - 9000 + 1000 * number) for number in range(3)]
    watched.bridge.first()
    watched.bridge.start()
    watched.bridge.step(-1)
    view = watched.next()
    assert view.run is not None and (view.run.id, view.live) == (ids[1], False)
    watched.bridge.step(-1)
    watched.bridge.step(-1)
    view = watched.next()
    while view.run is not None and view.run.id != ids[0]:
        view = watched.next()
    watched.bridge.step(1)
    view = watched.next()
    assert view.run is not None and view.run.id == ids[1]
    watched.bridge.step(0)
    view = watched.next()
    assert view.run is not None and (view.run.id, view.live) == (ids[2], True)


def test_what_becomes_known_of_the_engine_is_posted(watched: Watched) -> None:
    watched.bridge.first()
    watched.bridge.start()
    watched.engine = EngineFacts(EngineState.LOST, NOW)
    watched.bridge.look()
    assert watched.next().engine.state is EngineState.LOST
    watched.engine = replace(watched.engine)
    watched.bridge.look()
    assert watched.is_quiet()


def test_a_store_that_appears_later_is_found(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "state.db")
    assert watched.bridge.first().rows == ()
    watched.bridge.start()
    try:
        Store(tmp_path / "state.db").make(tmp_path)
        view = watched.next()
        while not view.rows or view.active is None:
            view = watched.next()
        assert len(view.rows) == 9
    finally:
        watched.bridge.stop()
        watched.bridge.join(SOON_S)


def test_it_ends_when_told(watched: Watched) -> None:
    watched.bridge.first()
    watched.bridge.start()
    watched.bridge.stop()
    watched.bridge.join(SOON_S)
    assert not watched.bridge._thread.is_alive()


def test_of_many_jobs_the_first_view_has_all_states_and_the_next_one_the_rest(store: Store, watched: Watched) -> None:
    store.pipeline = {f"Job {number}": () for number in range(FIRST_JOBS + 20)}
    store.deployment = store.deploy()
    store.good_run(NOW - 900)
    first = watched.bridge.first()
    assert all(row.task is not None and row.task.state is TaskState.SUCCEEDED for row in first.rows)
    assert [row.usual_s is not None for row in first.rows] == [True] * FIRST_JOBS + [False] * 20
    watched.bridge.start()
    assert all(row.usual_s is not None and row.last for row in watched.next().rows)
    assert watched.is_quiet()


def test_a_deployed_config_that_was_read_already_is_not_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "metis.config.yml"
    config.write_text(config_of(store.pipeline), encoding="utf-8")
    written = read_written(config)
    store.write(lambda connection: connection.execute("UPDATE deployments SET config_digest = ?", (written.digest,)))
    reader = DashboardReader(TOKEN)
    reader.write(written)
    monkeypatch.setattr("skafos_tui.config.reader.parse_config", lambda *_, **__: pytest.fail("read again"))
    with closing(connect_reader(store.path)) as connection:
        assert len(reader.read(connection, NOW).rows) == len(store.pipeline)
