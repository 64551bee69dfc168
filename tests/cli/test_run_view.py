"""A run as `skafos run` shows it: what happened, in the order it happened, and nothing twice."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cli_support import BEGAN, INGEST, TOKEN, TRAIN, Store

from skafos_tui.cli.follow import COLLECT_S, IDLE_S, EngineWatch, RunView, StateTeller, read_snapshot
from skafos_tui.cli.output import Output
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store import projects, runs
from skafos_tui.store.database import connect_reader
from skafos_tui.store.logs.format import format_line

GOOD = Verdict(VerdictKind.EXITED, 0)
BAD = Verdict(VerdictKind.EXITED, 3, "ended with exit 3")


class Screen(io.StringIO):
    """A terminal, as far as it is asked."""

    def isatty(self) -> bool:
        return True


class Watched:
    """A run and its view; `lines(now)` is what one look prints."""

    def __init__(self, store: Store, stream: io.StringIO, *, quiet: bool = False) -> None:
        self.run = store.add_run()
        self.stream = stream
        self.reader = connect_reader(store.home.state_database)
        self.view = RunView(store.home, self.reader, self.run, Output(stream), quiet=quiet)

    def lines(self, now: float = 0.0) -> list[str]:
        """What is printed by one look."""
        self.stream.seek(0)
        self.stream.truncate()
        self.view.show(now)
        return self.stream.getvalue().splitlines()


@pytest.fixture
def watch(store: Store) -> Iterator[Callable[..., Watched]]:
    """Makes a run and its view on a pipe, or on another stream."""
    made: list[Watched] = []

    def make(stream: io.StringIO | None = None, **options: Any) -> Watched:
        made.append(Watched(store, stream or io.StringIO(), **options))
        return made[-1]

    yield make
    for watched in made:
        watched.reader.close()


def test_states_and_lines_come_in_the_order_they_happened(store: Store, watch: Callable[..., Watched]) -> None:
    watched = watch()
    run = watched.run
    assert watched.lines() == []
    store.change_task(run, INGEST, state=TaskState.QUEUED, queued_at=BEGAN, reason="needs 1 cpu, 0.5 are free")
    assert watched.lines() == ["Ingest queued: needs 1 cpu, 0.5 are free"]
    assert watched.lines() == []
    store.change_task(run, INGEST, state=TaskState.RUNNING, started_at=BEGAN, reason="")
    name = store.add_attempt(run, INGEST, lines=("row 1",))
    assert watched.lines() == ["Ingest started", "Ingest  | row 1"]
    store.write_log(run, name, ("row 2", "row 3"))
    runs.attempt_ended(store.connection, name, GOOD, started_at=BEGAN, ended_at=BEGAN + 5)
    runs.attempt_collected(store.connection, name)
    store.change_task(run, INGEST, state=TaskState.SUCCEEDED, ended_at=BEGAN + 5, verdict=GOOD)
    assert watched.lines() == ["Ingest  | row 2", "Ingest  | row 3", "Ingest finished: exit 0, 0:05"]
    assert watched.lines() == []


def test_the_end_of_a_task_is_told_after_its_last_line(store: Store, watch: Callable[..., Watched]) -> None:
    watched = watch()
    name = store.add_attempt(watched.run, TRAIN, verdict=BAD, collected=False)
    store.change_task(watched.run, TRAIN, state=TaskState.FAILED, started_at=BEGAN, ended_at=BEGAN + 5, verdict=BAD)
    assert watched.lines(0.0) == []
    store.write_log(watched.run, name, ("the last words",))
    assert watched.lines(0.1) == ["Train#0 | the last words"]
    runs.attempt_collected(store.connection, name)
    assert watched.lines(0.2) == ["Train failed: exit 3, 0:05"]


def test_a_log_that_is_never_complete_holds_the_end_back_only_for_a_while(
    store: Store, watch: Callable[..., Watched]
) -> None:
    watched = watch()
    store.add_attempt(watched.run, TRAIN, verdict=BAD, collected=False)
    store.change_task(watched.run, TRAIN, state=TaskState.FAILED, ended_at=BEGAN + 5, verdict=BAD)
    assert watched.lines(1.0) == []
    assert watched.lines(1.0 + COLLECT_S) == ["Train failed: exit 3"]


def test_a_retry_is_told_with_its_reason_and_its_new_start(store: Store, watch: Callable[..., Watched]) -> None:
    watched = watch()
    store.change_task(watched.run, TRAIN, state=TaskState.RUNNING, started_at=BEGAN)
    watched.lines()
    store.change_task(watched.run, TRAIN, state=TaskState.QUEUED, reason="retry 2 of 3 at 09:14")
    assert watched.lines() == ["Train queued: retry 2 of 3 at 09:14"]
    store.change_task(watched.run, TRAIN, state=TaskState.RUNNING, reason="")
    assert watched.lines() == ["Train started"]


def test_when_nothing_runs_it_is_said_once_what_the_tasks_wait_for(store: Store, watch: Callable[..., Watched]) -> None:
    watched = watch()
    store.change_task(watched.run, INGEST, reason="Docker does not answer")
    assert watched.lines(1.0) == []
    assert watched.lines(1.0 + IDLE_S) == ["Ingest waiting: Docker does not answer"]
    assert watched.lines(2.0 + IDLE_S) == []


def test_the_image_step_is_shown_with_its_own_log(store: Store, watch: Callable[..., Watched]) -> None:
    projects.deployment_rebuilding(store.connection, store.deployment)
    log = store.home.build_log(TOKEN, store.deployment)
    log.parent.mkdir(parents=True)
    watched = watch()
    assert watched.lines() == []
    log.write_bytes(format_line(int(BEGAN * 1e9), b"Collecting scikit-learn") + b"2026-09-21T14:13:20")
    assert watched.lines() == ["image | Collecting scikit-learn"]
    with log.open("ab") as file:
        file.write(b".000000000Z stdout F evil \x1b[2Jline\n")
    projects.deployment_ready(store.connection, store.deployment, {}, "", BEGAN)
    assert watched.lines(41.5) == ["image | evil line", "image ready after 0:41"]
    assert watched.lines(42.0) == []


def test_on_a_terminal_the_image_step_is_one_line_that_redraws_itself(
    store: Store, watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "30")
    projects.deployment_rebuilding(store.connection, store.deployment)
    log = store.home.build_log(TOKEN, store.deployment)
    log.parent.mkdir(parents=True)
    log.write_bytes(format_line(int(BEGAN * 1e9), b"Collecting a package with a long name"))
    watched = watch(Screen())
    watched.lines()
    assert watched.stream.getvalue() == "\rimage: Collecting a package …\x1b[K"
    projects.deployment_failed(store.connection, store.deployment, "no such package")
    watched.lines()
    assert watched.stream.getvalue() == "\r\x1b[Kimage | Collecting a package with a long name\n"


def test_quietly_lines_replace_each_other_on_a_terminal_and_are_left_out_on_a_pipe(
    store: Store, watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    piped, shown = watch(quiet=True), watch(Screen(), quiet=True)
    for watched in (piped, shown):
        store.add_attempt(watched.run, INGEST, lines=("row 1", "row 2"))
    assert piped.lines() == []
    shown.lines()
    assert shown.stream.getvalue() == "\rIngest  | row 2\x1b[K"


def test_lines_of_jobs_are_safe_and_coloured_only_where_colours_are_wanted(
    store: Store, watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    piped, shown = watch(), watch(Screen())
    for watched in (piped, shown):
        store.add_attempt(watched.run, INGEST, lines=("\x1b[31mred\x1b]52;c;aGk=\x07 10%\r\x1b[2K20%",))
    assert piped.lines() == ["Ingest  | 20%"]
    (line,) = shown.lines()
    assert "\x1b]" not in line
    assert "\x07" not in line
    assert "\x1b[2K" not in line
    assert "20%" in line


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (GOOD, "exit 0"),
        (BAD, "exit 3"),
        (Verdict(VerdictKind.EXITED, 3, "#1: ended with exit 3"), "exit 3: #1"),
        (Verdict(VerdictKind.OUT_OF_MEMORY, 137, "limit 1Gi, peak 1Gi"), "out of memory: limit 1Gi, peak 1Gi"),
        (Verdict(VerdictKind.LOST, None, ""), "lost"),
    ],
)
def test_a_verdict_is_one_line_with_its_evidence_and_nothing_twice(verdict: Verdict, line: str) -> None:
    assert verdict.line == line


def test_a_task_seen_only_at_its_end_is_told_once(store: Store) -> None:
    run = store.add_run()
    store.change_task(run, INGEST, state=TaskState.SKIPPED, reason="Train is unfinished in run 7", ended_at=BEGAN)
    stream = io.StringIO()
    teller = StateTeller(Output(stream))
    snapshot = read_snapshot(store.connection, run)
    for now in (0.0, 1.0):
        teller.tell_starts(snapshot, now)
        teller.tell_ends(snapshot, now)
    assert stream.getvalue() == "Ingest skipped: Train is unfinished in run 7\n"


def test_a_long_log_is_shown_whole_before_the_run_is_said_to_have_ended(
    store: Store, watch: Callable[..., Watched]
) -> None:
    watched = watch()
    count = 60_000
    store.add_attempt(watched.run, INGEST, lines=tuple(f"{n:0100}" for n in range(count)), verdict=GOOD)
    store.change_task(watched.run, INGEST, state=TaskState.SUCCEEDED, ended_at=BEGAN, verdict=GOOD)
    store.change_run(watched.run, state=RunState.SUCCEEDED, ended_at=BEGAN)
    watched.view.follow(EngineWatch(store.home))
    lines = watched.stream.getvalue().splitlines()
    assert [int(line.rpartition(" ")[2]) for line in lines if "|" in line] == list(range(count))
    assert lines[-1] == "Ingest finished: exit 0"


def test_colours_need_a_terminal_and_no_word_against_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert Output(Screen()).state("failed") == "\x1b[31mfailed\x1b[0m"
    assert Output(io.StringIO()).state("failed") == "failed"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Output(Screen()).state("failed") == "failed"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Output(Screen()).state("failed") == "failed"


def test_the_states_that_have_a_colour_are_all_there_are() -> None:
    from skafos_tui.cli.output import STATE_STYLES

    assert {state.value for state in (*TaskState, *RunState)} <= set(STATE_STYLES)
