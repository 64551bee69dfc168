"""What is known of the engine: found, lost with how old the stored states are, started where there is none."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skafos_tui.api.client import EngineUnreachable
from skafos_tui.store.home import Home
from skafos_tui.tui import engine_watch
from skafos_tui.tui.engine_watch import EngineWatch, stored_at
from skafos_tui.tui.views import EngineState

STATUS = {
    "runners": [{"kind": "docker", "problem": "no socket", "cpu": 2, "memory": 8 << 30}],
    "disk": "",
}


class Engine:
    """Stands for the engine's socket: `status` is what it answers, None where nobody does."""

    def __init__(self) -> None:
        self.status: dict[str, Any] | None = STATUS
        self.starts = 0
        self.comes_up = True

    def ask(self) -> dict[str, Any]:
        if self.status is None:
            raise EngineUnreachable("nobody answers")
        return self.status

    def start(self, _home: Home) -> None:
        self.starts += 1
        if not self.comes_up:
            raise EngineUnreachable("the engine did not start: no room")
        self.status = STATUS


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    found = Engine()
    monkeypatch.setattr("skafos_tui.api.client.EngineClient.status", lambda _client: found.ask())
    monkeypatch.setattr("skafos_tui.api.client.ensure_engine", found.start)
    monkeypatch.setattr(engine_watch, "LOOK_S", 0.02)
    monkeypatch.setattr(engine_watch, "AGAIN_S", 0.02)
    return found


Begin = Callable[[bool], tuple[EngineWatch, "queue.Queue[EngineState]"]]


@pytest.fixture
def begin(tmp_path: Path, engine: Engine) -> Iterator[Begin]:
    watches: list[EngineWatch] = []

    def start(read_only: bool) -> tuple[EngineWatch, queue.Queue[EngineState]]:
        states: queue.Queue[EngineState] = queue.Queue()
        watch = EngineWatch(Home(tmp_path), read_only=read_only, told=lambda: states.put(watch.facts.state))
        watches.append(watch)
        watch.start()
        return watch, states

    yield start
    for watch in watches:
        watch.stop()
        watch.join(5)


def test_an_engine_that_answers_is_ok_and_tells_what_it_may_hand_out(begin: Begin) -> None:
    watch, states = begin(False)
    assert states.get(timeout=5) is EngineState.OK
    assert (watch.facts.cpu, watch.facts.memory) == (2.0, 8 << 30)
    assert dict(watch.facts.runners) == {"docker": "no socket"}


def test_an_engine_that_is_away_is_started(begin: Begin, engine: Engine) -> None:
    engine.status = None
    _, states = begin(False)
    assert [states.get(timeout=5), states.get(timeout=5)] == [EngineState.STARTING, EngineState.OK]
    assert engine.starts == 1


def test_one_that_does_not_come_up_says_why_and_is_tried_again(begin: Begin, engine: Engine) -> None:
    engine.status, engine.comes_up = None, False
    watch, states = begin(False)
    assert [states.get(timeout=5), states.get(timeout=5)] == [EngineState.STARTING, EngineState.LOST]
    assert watch.facts.problem == "the engine did not start: no room"
    engine.comes_up = True
    while states.get(timeout=5) is not EngineState.OK:
        pass
    assert engine.starts > 1


def test_read_only_starts_nothing(begin: Begin, engine: Engine) -> None:
    engine.status = None
    _, states = begin(True)
    assert states.get(timeout=5) is EngineState.LOST
    assert engine.starts == 0


def test_the_moment_it_was_lost_stays(begin: Begin, engine: Engine) -> None:
    watch, states = begin(True)
    assert states.get(timeout=5) is EngineState.OK
    engine.status = None
    assert states.get(timeout=5) is EngineState.LOST
    assert watch.facts.as_of is not None


def test_the_age_of_the_store_is_that_of_its_last_write(tmp_path: Path) -> None:
    assert stored_at(Home(tmp_path)) is None
    (tmp_path / "state.db").write_bytes(b"x")
    (tmp_path / "state.db-wal").write_bytes(b"")
    assert stored_at(Home(tmp_path)) == (tmp_path / "state.db").stat().st_mtime
