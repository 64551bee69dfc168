"""What the engine did, in the words of the log: how attempts ended, what waits for another try, what never ran."""

from __future__ import annotations

from contextlib import closing

import pytest
from wines import NOW, TOKEN, Store

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store.database import connect_reader
from skafos_tui.store.home import Home
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.reading_logs import ending
from skafos_tui.tui.widgets.log.shown import Shown


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict(VerdictKind.EXITED, 0), "finished, exit 0, 3:58"),
        (
            Verdict(VerdictKind.EXITED, 0, "", "a child process was killed for memory"),
            "finished, exit 0, 3:58, warning: a child process was killed for memory",
        ),
        (Verdict(VerdictKind.EXITED, 3, "ended with exit 3"), "failed, exit 3, 3:58"),
        (Verdict(VerdictKind.OUT_OF_MEMORY, 137, "limit 2Gi"), "failed, out of memory: limit 2Gi, 3:58"),
        (Verdict(VerdictKind.TIMEOUT, 143, "limit 2h"), "timed out: limit 2h, 3:58"),
        (Verdict(VerdictKind.CANCELLED, 143, "by ann"), "cancelled: by ann, 3:58"),
        (Verdict(VerdictKind.LOST), "lost, 3:58"),
    ],
)
def test_how_an_attempt_ended_is_said_with_its_evidence_and_time(verdict: Verdict, words: str) -> None:
    assert ending(verdict, 238.0) == words


def read(store: Store, reader: DashboardReader) -> Shown:
    with closing(connect_reader(store.path)) as connection:
        return reader.read(connection, NOW).logs


def test_a_retry_that_waits_says_when_and_is_gone_once_it_has_begun(store: Store) -> None:
    run_id = store.run()
    store.attempt(run_id, "Ingest", NOW - 9, NOW - 3, verdict=Verdict(VerdictKind.EXITED, 3))
    store.set_task(run_id, "Ingest", TaskState.QUEUED, NOW - 9, reason="retry 1 of 3 at 22:14:00")
    store.set_run(run_id, RunState.RUNNING, NOW - 9)
    reader = DashboardReader(TOKEN, home=Home(store.path.parent))
    shown = read(store, reader)
    assert [event.text for event in shown.events] == [
        "Ingest started",
        "Ingest failed, exit 3, 0:06",
        "Ingest: retry 1 of 3 at 22:14:00",
    ]
    assert [log.live for log in shown.attempts] == [False]
    store.attempt(run_id, "Ingest", NOW - 1, number=2)
    store.set_task(run_id, "Ingest", TaskState.RUNNING, NOW - 9)
    shown = read(store, reader)
    assert [event.text for event in shown.events][2:] == ["Ingest started, attempt 2"]
    assert [log.live for log in shown.attempts] == [False, True]


def test_what_has_not_changed_is_the_same_object(store: Store) -> None:
    store.running_run()
    reader = DashboardReader(TOKEN, home=Home(store.path.parent))
    first = read(store, reader)
    assert read(store, reader) is first
    assert len(first.attempts) == 8
