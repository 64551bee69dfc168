"""`run`, `retry`, `kill`: one trigger, one run; followed to its end; Ctrl-C leaves it going."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_support import BEGAN, INGEST, REPORT, TOKEN, TRAIN, FakeEngine, Store, refusal

from skafos_tui.cli.common import PROCESS_BANNER
from skafos_tui.cli.main import main
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store import projects

GOOD = Verdict(VerdictKind.EXITED, 0)
BAD = Verdict(VerdictKind.EXITED, 3, "ended with exit 3")


def end_well(store: Store, run: int) -> None:
    """Let every job succeed."""
    for job, lines in ((INGEST, ("rows: 178",)), (TRAIN, ("fold 0",)), (REPORT, ("best: svm",))):
        store.change_task(run, job, state=TaskState.SUCCEEDED, started_at=BEGAN + 1, ended_at=BEGAN + 42, verdict=GOOD)
        store.add_attempt(run, job, lines=lines, verdict=GOOD)
    store.change_run(run, state=RunState.SUCCEEDED, started_at=BEGAN + 1, ended_at=BEGAN + 42)


def end_badly(store: Store, run: int) -> None:
    """Let Train fail."""
    store.change_task(run, INGEST, state=TaskState.SUCCEEDED, started_at=BEGAN, ended_at=BEGAN + 1, verdict=GOOD)
    store.change_task(run, TRAIN, state=TaskState.FAILED, started_at=BEGAN + 1, ended_at=BEGAN + 42, verdict=BAD)
    store.add_attempt(run, TRAIN, lines=("ValueError: nan",), verdict=BAD)
    store.change_task(run, REPORT, state=TaskState.UPSTREAM_FAILED, reason="Train failed", ended_at=BEGAN + 42)
    store.change_run(run, state=RunState.FAILED, started_at=BEGAN, ended_at=BEGAN + 42)


def starting(store: Store, *steps: Callable[[Store, int], None]) -> Callable[[Any], tuple[int, Any]]:
    """An answer to a trigger that makes a run and lets it go through its steps at once."""

    def answer(body: Any) -> tuple[int, Any]:
        run = store.add_run()
        for step in steps:
            step(store, run)
        return 200, {"run": run, "deployment": store.deployment, "project": TOKEN, "warnings": []}

    return answer


@pytest.fixture
def play() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Runs something beside the command and waits for its end."""
    threads: list[threading.Thread] = []

    def begin(what: Callable[[], None]) -> None:
        threads.append(threading.Thread(target=what))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join()


def test_a_run_is_followed_and_ends_with_its_tasks(store: Store, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[("POST", "/v1/runs")] = starting(store, end_well)
    assert main(["run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run 1 (deployment 1): 3 jobs"
    assert "Ingest  | rows: 178" in lines
    assert "Train#0 | fold 0" in lines
    assert lines.index("Ingest  | rows: 178") < lines.index("Ingest finished: exit 0, 0:41")
    at = lines.index("job     state      took  why")
    assert [line.split() for line in lines[at + 1 : at + 4]] == [
        ["Ingest", "succeeded", "0:41", "exit", "0"],
        ["Train", "succeeded", "0:41", "exit", "0"],
        ["Report", "succeeded", "0:41", "exit", "0"],
    ]
    assert lines[-1] == "run 1 succeeded in 0:41"


def test_a_failed_run_ends_with_verdict_evidence_and_the_end_of_the_log(
    store: Store, engine: FakeEngine, capsys: Any
) -> None:
    engine.answers[("POST", "/v1/runs")] = starting(store, end_badly)
    assert main(["run"]) == 1
    out = capsys.readouterr().out
    assert "Report upstream_failed: Train failed\n" in out
    assert "\nTrain failed: exit 3\n  instance 0: exit 3\n  ValueError: nan\n" in out
    assert out.splitlines()[-1] == "run 1 failed in 0:42"


def test_what_was_asked_for_reaches_the_engine(store: Store, engine: FakeEngine, directory: Path) -> None:
    engine.answers[("POST", "/v1/runs")] = starting(store, end_well)
    words = [
        "run",
        "Train",
        REPORT,
        "--only",
        "--with-upstream",
        "--param",
        "A=b=c",
        "--param",
        "E=",
        "--runner",
        "docker",
    ]
    assert main(words) == 0
    (body,) = engine.asked("POST", "/v1/runs")
    assert len(body.pop("request_id")) == 32
    assert body == {
        "directory": str(directory),
        "jobs": ["Train", REPORT],
        "only": True,
        "with_upstream": True,
        "parameters": {"A": "b=c", "E": ""},
        "runner": "docker",
    }


def test_jobs_without_docker_are_told_of_before_anything_runs(
    store: Store, engine: FakeEngine, directory: Path, capsys: Any
) -> None:
    projects.save_project(store.connection, projects.ProjectRow(TOKEN, "wines", str(directory), "process", BEGAN))
    engine.answers[("POST", "/v1/runs")] = starting(store, end_well)
    assert main(["run", "--runner", "process"]) == 0
    assert engine.asked("POST", "/v1/runs")[0]["runner"] == "process"
    assert capsys.readouterr().err == f"skafos: {PROCESS_BANNER}\n"


def test_a_lost_answer_is_asked_for_again_with_the_same_id(store: Store, engine: FakeEngine) -> None:
    ready = starting(store, end_well)
    engine.answers[("POST", "/v1/runs")] = lambda body: (
        (0, None) if len(engine.asked("POST", "/v1/runs")) == 1 else ready(body)
    )
    assert main(["run", "--detach"]) == 0
    first, second = engine.asked("POST", "/v1/runs")
    assert first == second


def test_detached_it_says_how_to_look(store: Store, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[("POST", "/v1/runs")] = starting(store)
    assert main(["run", "--detach"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "run 1 (deployment 1): 3 jobs",
        "skafos logs -f --run 1 follows it, skafos show 1 shows how it stands",
    ]


def test_a_config_with_errors_is_refused_with_its_findings(directory: Path, capsys: Any) -> None:
    config = directory / "metis.config.yml"
    config.write_text(config.read_text().replace("parallelism: 2", "parallelism: 0"))
    assert main(["run"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("metis.config.yml:12:18: error[bad-parallelism]")
    assert captured.err == "skafos: 1 error in metis.config.yml: correct them first\n"


def test_a_refusal_of_the_engine_shows_findings_and_ends_with_its_code(
    directory: Path, engine: FakeEngine, capsys: Any
) -> None:
    finding = {"severity": "error", "code": "bad-cron", "message": "six fields", "line": 3, "column": 5}
    engine.answers[("POST", "/v1/runs")] = (400, refusal("invalid-config", "1 error", 1, diagnostics=[finding]))
    assert main(["run"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "metis.config.yml:3:5: error[bad-cron] six fields\n"
    assert captured.err == "skafos: 1 error\n"


def test_docker_out_of_reach_ends_with_code_3(directory: Path, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[("POST", "/v1/runs")] = (503, refusal("unreachable", "Docker does not answer", 3))
    assert main(["run"]) == 3
    assert capsys.readouterr().err == "skafos: Docker does not answer\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--param", "A"], "NAME=VALUE"),
        (["--param", "=b"], "NAME=VALUE"),
    ],
)
def test_wrong_usage_is_one_line(directory: Path, capsys: Any, arguments: list[str], words: str) -> None:
    assert main(["run", *arguments]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


def test_an_engine_that_dies_is_started_again_and_that_is_said_once(
    store: Store,
    engine: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    play: Callable[[Callable[[], None]], None],
) -> None:
    monkeypatch.setattr("skafos_tui.cli.follow.LIVENESS_S", 0.1)
    monkeypatch.setattr("skafos_tui.cli.follow.RESTART_S", 0.2)
    spawned = []

    def spawn(home: Any) -> subprocess.Popen[bytes]:
        spawned.append(home)
        return subprocess.Popen(["false"])

    monkeypatch.setattr("skafos_tui.api.client.spawn_engine", spawn)
    engine.answers[("POST", "/v1/runs")] = starting(store)

    def go() -> None:
        while not engine.asked("POST", "/v1/runs"):
            time.sleep(0.01)
        time.sleep(0.3)
        engine.answers[("GET", "/v1/status")] = (0, None)
        while len(spawned) < 2:
            time.sleep(0.01)
        end_well(store, 1)

    play(go)
    assert main(["run"]) == 0
    captured = capsys.readouterr()
    assert captured.err.count("the engine was gone and is started again") == 1
    assert captured.err.count("the engine did not start") == 1
    assert captured.out.splitlines()[-1] == "run 1 succeeded in 0:41"


def command_in_a_process(store: Store, *arguments: str) -> subprocess.Popen[str]:
    """A command as a process of its own, as from a shell."""
    return subprocess.Popen(
        [sys.executable, "-m", "skafos_tui", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SKAFOS_HOME": str(store.home.path), "PYTHONUNBUFFERED": ""},
    )


def test_ctrl_c_leaves_the_run_going_and_says_how_to_get_back(store: Store, engine: FakeEngine) -> None:
    engine.answers[("POST", "/v1/runs")] = starting(store)
    with command_in_a_process(store, "run") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "run 1 (deployment 1): 3 jobs\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == "skafos: run 1 goes on; skafos logs -f --run 1 shows it, skafos kill 1 ends it\n"
    assert out == ""
    assert not [path for verb, path, _ in engine.requests if "cancel" in path]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_losing_the_terminal_ends_the_command_quietly_and_the_run_goes_on(
    store: Store, engine: FakeEngine, number: signal.Signals
) -> None:
    engine.answers[("POST", "/v1/runs")] = starting(store)
    with command_in_a_process(store, "run") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert err == ""
    assert not [path for verb, path, _ in engine.requests if "cancel" in path]


def test_retry_is_a_run_that_is_followed(store: Store, engine: FakeEngine, capsys: Any) -> None:
    failed = store.add_run()
    end_badly(store, failed)
    engine.answers[("POST", f"/v1/runs/{failed}/retry")] = starting(store, end_well)
    assert main(["retry", str(failed), "--from", "Train", "--working-tree"]) == 0
    (body,) = engine.asked("POST", f"/v1/runs/{failed}/retry")
    assert (body["from_job"], body["working_tree"]) == ("Train", True)
    assert capsys.readouterr().out.splitlines()[0] == "run 2 (deployment 1): 3 jobs"


def test_retry_of_an_unknown_run_says_which_there_are(store: Store, capsys: Any) -> None:
    assert main(["retry", "7"]) == 2
    assert "there is no run 7; there are none yet" in capsys.readouterr().err


def going(store: Store, **changes: Any) -> int:
    """An unfinished run whose Ingest has succeeded."""
    run = store.add_run(state=RunState.RUNNING, started_at=BEGAN, **changes)
    store.change_task(run, INGEST, state=TaskState.SUCCEEDED, ended_at=BEGAN)
    return run


def test_kill_ends_the_newest_unfinished_run_and_says_what(store: Store, engine: FakeEngine, capsys: Any) -> None:
    older, newer = going(store), going(store)
    done = store.add_run()
    end_well(store, done)
    engine.answers[("POST", f"/v1/runs/{newer}/cancel")] = (200, {"cancelled": [TRAIN, REPORT]})
    assert main(["kill"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"run {newer}: cancelled Train, Report\n"
    assert f"1 older run unfinished, too: {older}" in captured.err
    (body,) = engine.asked("POST", f"/v1/runs/{newer}/cancel")
    assert body["jobs"] == []
    assert "@" in body["by"]


@pytest.mark.parametrize("words", [["Train,Report"], ["Train", "Report"], [TRAIN, "Report"], ["Train, Report,"]])
def test_kill_ends_only_the_jobs_named(store: Store, engine: FakeEngine, words: list[str]) -> None:
    run = going(store)
    engine.answers[("POST", f"/v1/runs/{run}/cancel")] = (200, {"cancelled": [TRAIN, REPORT]})
    assert main(["kill", str(run), "--jobs", *words]) == 0
    assert engine.asked("POST", f"/v1/runs/{run}/cancel")[0]["jobs"] == [TRAIN, REPORT]


def test_kill_takes_a_job_whose_name_has_a_comma(store: Store, engine: FakeEngine) -> None:
    run = going(store)
    store.connection.execute("UPDATE tasks SET name = 'fit, score' WHERE job_id = ?", (TRAIN,))
    engine.answers[("POST", f"/v1/runs/{run}/cancel")] = (200, {"cancelled": [TRAIN]})
    assert main(["kill", "--jobs", "fit, score"]) == 0
    assert engine.asked("POST", f"/v1/runs/{run}/cancel")[0]["jobs"] == [TRAIN]


def test_kill_of_deployments_ends_all_their_runs(store: Store, engine: FakeEngine, capsys: Any) -> None:
    first, second = going(store), going(store)
    for run in (first, second):
        engine.answers[("POST", f"/v1/runs/{run}/cancel")] = (200, {"cancelled": [TRAIN]})
    assert main(["kill", "--deployments", "1"]) == 0
    assert capsys.readouterr().out.count("cancelled Train") == 2
    assert main(["kill", "--deployments", "2"]) == 2
    assert "there is no deployment `2`; there are 1" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--deployments", "1"], ["1"], ["1", "--jobs", "Train"]])
def test_kill_says_where_there_is_nothing_to_cancel(store: Store, capsys: Any, arguments: list[str]) -> None:
    end_well(store, store.add_run())
    assert main(["kill", *arguments]) == 1
    message = capsys.readouterr().err
    assert "nothing to cancel" in message
    assert message.count("\n") == 1


def test_kill_of_a_job_that_has_ended_says_so(store: Store, engine: FakeEngine, capsys: Any) -> None:
    run = going(store)
    assert main(["kill", str(run), "--jobs", "Ingest"]) == 1
    assert "Ingest has succeeded" in capsys.readouterr().err
    assert main(["kill", str(run), "--jobs", "Ingets"]) == 2
    assert "has no job `Ingets`; it has Ingest, Train, Report" in capsys.readouterr().err


def test_kill_before_anything_ran_is_one_line(directory: Path, capsys: Any) -> None:
    assert main(["kill"]) == 1
    assert "nothing to cancel" in capsys.readouterr().err
    assert main(["kill", "3"]) == 2


def test_a_name_that_several_jobs_have_asks_for_an_id(store: Store, capsys: Any) -> None:
    run = going(store)
    store.connection.execute("UPDATE tasks SET name = 'Train' WHERE job_id = ?", (REPORT,))
    assert main(["kill", str(run), "--jobs", "Train"]) == 2
    message = capsys.readouterr().err
    assert TRAIN in message
    assert REPORT in message
