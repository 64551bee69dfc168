"""`skafos logs`: one run by time, each line led by job and instance; history searched; followed to its end."""

from __future__ import annotations

import json
import re
import threading
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cli_support import BEGAN, INGEST, REPORT, TOKEN, TRAIN, Store

from skafos_tui.cli.log_output import TextLines
from skafos_tui.cli.logs import instant_before
from skafos_tui.cli.main import main
from skafos_tui.cli.output import Output
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store import projects, runs
from skafos_tui.store.logs.format import LogLine, gap_line, stamp
from skafos_tui.store.logs.merge import Source, SourcedLine

GOOD = Verdict(VerdictKind.EXITED, 0)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times in the output are local ones."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(second: float, text: str, stream: str = "stdout") -> bytes:
    return b"%s %s F %s\n" % (stamp(int((BEGAN + second) * 1e9)), stream.encode(), text.encode())


def log(store: Store, run: int, job: str, lines: list[bytes], *, instance: int = 0, number: int = 1) -> Path:
    name = store.add_attempt(run, job, instance=instance, number=number, verdict=GOOD)
    path = store.home.attempt_log(TOKEN, run, name)
    path.write_bytes(b"".join(lines))
    return path


def finished_run(store: Store, began: float = BEGAN) -> int:
    """A run with three jobs, two instances, and an attempt that was tried again."""
    run = store.add_run(began=began)
    store.change_run(run, state=RunState.SUCCEEDED, started_at=began, ended_at=began + 60)
    for job in (INGEST, TRAIN, REPORT):
        store.change_task(run, job, state=TaskState.SUCCEEDED, started_at=began, ended_at=began + 60, verdict=GOOD)
    offset = began - BEGAN
    log(store, run, INGEST, [at(offset + 1, "read 178 rows"), at(offset + 2, "done")])
    log(store, run, TRAIN, [at(offset + 3, "fold 0"), at(offset + 6, "score 0.93")])
    log(store, run, TRAIN, [at(offset + 4, "fold 1 broke", "stderr")], instance=1)
    log(store, run, TRAIN, [at(offset + 5, "fold 1")], instance=1, number=2)
    return run


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [re.sub(" +", " ", text) for text in capsys.readouterr().out.splitlines()]


ALL = [
    "Ingest#0 14:13:21 | read 178 rows",
    "Ingest#0 14:13:22 | done",
    "Train#0 14:13:23 | fold 0",
    "Train#1 14:13:24 | fold 1 broke",
    "Train#1 attempt 2 14:13:25 | fold 1",
    "Train#0 14:13:26 | score 0.93",
]


def test_the_newest_run_is_shown_by_time_each_line_led_by_job_and_instance(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    finished_run(store, BEGAN - 1000)
    finished_run(store)
    assert main(["logs"]) == 0
    assert printed(capsys) == ALL


def test_a_run_that_never_started_hides_no_log(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    finished_run(store)
    store.change_run(store.add_run(began=BEGAN + 500), state=RunState.MISSED)
    assert main(["logs"]) == 0
    assert printed(capsys) == ALL


def test_n_counts_over_the_whole_output(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    finished_run(store)
    for limit in (0, 1, 2, 5, 100):
        assert main(["logs", "-n", str(limit)]) == 0
        assert printed(capsys) == ALL[len(ALL) - min(limit, len(ALL)) :]


def test_a_job_an_instance_an_attempt_can_be_asked_for(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished_run(store)
    for arguments, wanted in (
        (["Train"], ALL[2:]),
        ([TRAIN, "--run", str(run)], ALL[2:]),
        (["Train", "--instance", "1"], ALL[3:5]),
        (["--attempt", "2"], ALL[4:5]),
        (["Report"], []),
    ):
        assert main(["logs", *arguments]) == 0
        assert printed(capsys) == wanted


def test_an_older_run_and_since(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    old = finished_run(store, BEGAN - 3600)
    finished_run(store)
    assert main(["logs", "--run", str(old), "-n", "1"]) == 0
    assert printed(capsys) == ["Train#0 13:13:26 | score 0.93"]
    assert main(["logs", "--since", "2026-09-21T14:13:25Z"]) == 0
    assert printed(capsys) == ALL[4:]
    assert main(["logs", "--since", "2026-09-21T14:13:25Z", "-n", "1"]) == 0
    assert printed(capsys) == ALL[5:]


def test_json_is_an_array_newest_first(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished_run(store)
    assert main(["logs", "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [line["text"] for line in found] == [text.partition(" | ")[2] for text in ALL[::-1]]
    assert found[2] == {
        "time": "2026-09-21T14:13:24.000000000Z",
        "run": run,
        "job_id": TRAIN,
        "job": "Train",
        "instance": 1,
        "attempt": 1,
        "stream": "stderr",
        "gap": False,
        "text": "fold 1 broke",
    }
    assert main(["logs", "--json", "-n", "2"]) == 0
    assert [line["text"] for line in json.loads(capsys.readouterr().out)] == ["score 0.93", "fold 1"]


@pytest.mark.parametrize("arguments", [[], ["Train"], ["--grep", "x"], ["-f"]])
def test_without_a_run_nothing_is_shown(
    directory: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["logs", *arguments]) == 0
    assert "no runs yet" in capsys.readouterr().err
    if "-f" not in arguments:
        assert main(["logs", *arguments, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == []


def test_grep_searches_the_whole_history_newest_first(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = finished_run(store, BEGAN - 3600), finished_run(store)
    assert main(["logs", "--grep", r"fold \d$"]) == 0
    assert printed(capsys) == [
        f"run {new} Train#1 attempt 2 2026-09-21 14:13:25 | fold 1",
        f"run {new} Train#0 2026-09-21 14:13:23 | fold 0",
        f"run {old} Train#1 attempt 2 2026-09-21 13:13:25 | fold 1",
        f"run {old} Train#0 2026-09-21 13:13:23 | fold 0",
    ]
    assert main(["logs", "Ingest", "--grep", "DONE", "-i", "-n", "1"]) == 0
    assert printed(capsys) == [f"run {new} Ingest#0 2026-09-21 14:13:22 | done"]
    assert main(["logs", "--grep", "score", "--json"]) == 0
    assert [line["run"] for line in json.loads(capsys.readouterr().out)] == [new, old]


def test_grep_within_a_run_keeps_the_order_of_time(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished_run(store)
    assert main(["logs", "--run", str(run), "--grep", "fold"]) == 0
    assert printed(capsys) == ALL[2:5]
    assert main(["logs", "--run", str(run), "--grep", "fold", "-n", "1"]) == 0
    assert printed(capsys) == ALL[4:5]
    assert main(["logs", "--run", str(run), "--grep", "2026|stdout"]) == 0
    assert printed(capsys) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--grep", "a(b"], "not a regular expression"),
        (["--run", "99"], "there is no run 99"),
        (["Nope"], "there is no job `Nope`"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(
    store: Store, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    finished_run(store)
    assert main(["logs", *arguments]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert len(captured.err.splitlines()) == 1
    assert captured.out == ""


def test_a_bad_count_or_time_is_told(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["-n", "-1"], ["-n", "x"], ["--since", "yesterday"], ["--since", "25:00"], ["--run", "x"]):
        with pytest.raises(SystemExit) as ended:
            main(["logs", *arguments])
        assert ended.value.code == 2


def test_text_of_jobs_cannot_control_the_terminal(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = store.add_run()
    store.change_run(run, state=RunState.SUCCEEDED, started_at=BEGAN, ended_at=BEGAN + 9)
    log(store, run, INGEST, [at(1, "\x1b]52;c;eA==\x07\x1b[31mred\x1b[2J\u202e"), at(2, "10%\r20%\r100%\r")])
    assert main(["logs"]) == 0
    assert printed(capsys) == ["Ingest#0 14:13:21 | red", "Ingest#0 14:13:22 | 100%"]
    assert main(["logs", "--json"]) == 0
    assert [line["text"] for line in json.loads(capsys.readouterr().out)] == ["100%", "red"]


def test_colours_are_kept_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    out.terminal = out.colour = True
    source = Source(1, INGEST, "Ingest", 0, 1)
    printer = TextLines(out, [source])
    printer.print([SourcedLine(source, LogLine(int(BEGAN * 1e9), "stdout", False, b"\x1b[1;31mred\x1b[5n"))])
    assert capsys.readouterr().out == "\x1b[36mIngest#0\x1b[0m \x1b[2m14:13:20\x1b[0m | \x1b[0;1;31mred\x1b[0m\n"


def test_missing_lines_are_shown_as_a_gap(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = store.add_run()
    store.change_run(run, state=RunState.SUCCEEDED, started_at=BEGAN, ended_at=BEGAN + 9)
    log(store, run, INGEST, [at(1, "a"), gap_line(stamp(int((BEGAN + 2) * 1e9)), "lines may be missing here")])
    assert main(["logs"]) == 0
    assert printed(capsys)[1] == "Ingest#0 14:13:22 | --- lines may be missing here ---"
    assert main(["logs", "--json"]) == 0
    assert [(line["gap"], line["text"]) for line in json.loads(capsys.readouterr().out)] == [
        (True, "lines may be missing here"),
        (False, "a"),
    ]


def test_the_image_step_of_a_run_is_shown_with_it(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished_run(store)
    path = store.home.build_log(TOKEN, store.deployment)
    path.parent.mkdir(parents=True)
    path.write_bytes(at(0, "Collecting pandas"))
    assert main(["logs"]) == 0
    assert printed(capsys) == ["image 14:13:20 | Collecting pandas", *ALL]
    assert main(["logs", "Ingest"]) == 0
    assert printed(capsys) == ALL[:2]
    later = finished_run(store, BEGAN + 1000)
    assert main(["logs", "--json"]) == 0
    assert {line["job"] for line in json.loads(capsys.readouterr().out)} == {"Ingest", "Train"}
    assert later > run


def test_following_shows_what_is_there_then_what_comes_to_the_end_of_the_run(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skafos_tui.cli.follow.EngineWatch.look", lambda self, now: None)
    monkeypatch.setattr("skafos_tui.cli.logs.wake_engine", lambda home, store: None)
    run = store.add_run()
    store.change_run(run, state=RunState.RUNNING, started_at=BEGAN)
    name = store.add_attempt(run, INGEST)
    path = store.home.attempt_log(TOKEN, run, name)
    path.write_bytes(at(1, "one") + at(2, "two"))
    database = store.home.state_database

    def go_on() -> None:
        from skafos_tui.store.database import connect

        connection = connect(database)
        time.sleep(0.3)
        with path.open("ab") as file:
            file.write(at(3, "three") + at(4, "skip"))
        runs.insert_attempt(
            connection, run_id=run, job_id=TRAIN, instance=1, number=1, name="later", cpu=1, memory=1, now=BEGAN
        )
        store.home.attempt_log(TOKEN, run, "later").write_bytes(at(5, "four"))
        time.sleep(0.2)
        for attempt in (name, "later"):
            runs.attempt_ended(connection, attempt, GOOD, started_at=BEGAN, ended_at=BEGAN + 5)
            runs.attempt_collected(connection, attempt)
        row = runs.get_run(connection, run)
        assert row is not None
        connection.execute("UPDATE runs SET state = 'succeeded', ended_at = ? WHERE id = ?", (BEGAN + 6, run))
        connection.close()

    helper = threading.Thread(target=go_on)
    helper.start()
    assert main(["logs", "-f", "-n", "1", "--grep", "^t|our$"]) == 0
    helper.join()
    assert printed(capsys) == [
        "Ingest#0 14:13:22 | two",
        "Ingest#0 14:13:23 | three",
        "Train#1 14:13:25 | four",
    ]


def test_following_as_json_is_one_object_a_line_oldest_first(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    finished_run(store)
    assert main(["logs", "-f", "--json"]) == 0
    texts = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
    assert texts == [text.partition(" | ")[2] for text in ALL]


def test_ctrl_c_leaves_the_run_going_and_says_how_to_come_back(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.add_run()
    store.change_run(run, state=RunState.RUNNING, started_at=BEGAN)
    monkeypatch.setattr("skafos_tui.cli.logs.wake_engine", lambda home, store: None)

    def interrupt(self: object, now: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("skafos_tui.cli.follow.EngineWatch.look", interrupt)
    assert main(["logs", "-f"]) == 130
    assert f"run {run} goes on; skafos logs -f --run {run}" in capsys.readouterr().err


def test_another_projects_logs_stay_out(store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    finished_run(store)
    store.add_project("a" * 24, "other", tmp_path)
    assert [row.token for row in projects.list_projects(store.connection)].count("a" * 24) == 1
    store.connection.execute("UPDATE runs SET project = ?", ("a" * 24,))
    store.connection.execute("UPDATE tasks SET project = ?", ("a" * 24,))
    for arguments in (["logs"], ["logs", "--grep", "."]):
        assert main(arguments) == 0
        assert capsys.readouterr().out == ""


NOW = datetime(2026, 11, 24, 9, 0, 0, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10m", datetime(2026, 11, 24, 7, 50, tzinfo=UTC)),
        ("1h30m", datetime(2026, 11, 24, 6, 30, tzinfo=UTC)),
        ("08:30", datetime(2026, 11, 24, 7, 30, tzinfo=UTC)),
        ("8:30:15", datetime(2026, 11, 24, 7, 30, 15, tzinfo=UTC)),
        ("14:30", datetime(2026, 11, 23, 13, 30, tzinfo=UTC)),
        ("2026-11-24T09:00:00Z", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("2026-11-24T09:00:00.5+02:00", datetime(2026, 11, 24, 7, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
    ],
)
def test_since_takes_what_people_write(text: str, moment: datetime) -> None:
    assert instant_before(text, NOW) == int(moment.timestamp() * 1e9)


@pytest.mark.parametrize("text", ["", "yesterday", "24:61", "10", "-5m", "2026-13-01"])
def test_since_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        instant_before(text, NOW)
