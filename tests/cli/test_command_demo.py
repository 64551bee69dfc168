"""`demo`: a sample copied once with a token of its own, run to the end, its report printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_support import BEGAN, FakeEngine, refusal

from skafos_tui.cli.common import PROCESS_BANNER
from skafos_tui.cli.main import main
from skafos_tui.config.reader import read_config
from skafos_tui.model.graph import children_of, graph_of
from skafos_tui.model.run import RunState, TaskState, TriggerKind
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.samples import sample_directory
from skafos_tui.store import projects, runs
from skafos_tui.store.database import connect, migrate
from skafos_tui.store.home import Home
from skafos_tui.store.logs.format import format_line

GOOD = Verdict(VerdictKind.EXITED, 0)
IMAGE_THERE = (200, {"checks": [{"name": "base image", "good": True, "detail": "skafos/base:1"}]})
DOCKER_DOWN = "Docker does not answer at /var/run/docker.sock"
IMAGE_MISSING = (200, {"checks": [{"name": "base image", "good": False, "detail": "neither present nor pullable"}]})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that we are in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path.resolve()


@pytest.fixture
def ready(engine: FakeEngine, home: Home) -> FakeEngine:
    """An engine whose runs end at once, every job with the line `NAME says hello`."""

    def start(body: Any) -> tuple[int, Any]:
        migrate(home.state_database)
        connection = connect(home.state_database)
        project = read_config(Path(body["directory"]) / "metis.config.yml").project
        assert project is not None
        row = projects.ProjectRow(project.token, project.name, body["directory"], body["runner"] or "docker", BEGAN)
        projects.save_project(connection, row)
        deployment = projects.insert_deployment(
            connection, project=row.token, config="", config_digest="", code_digest="", missing={}, now=BEGAN
        )
        projects.deployment_ready(connection, deployment, {}, "", BEGAN)
        run = runs.insert_run(
            connection,
            project=row.token,
            deployment=deployment,
            trigger=TriggerKind.MANUAL,
            request_id=body["request_id"],
            now=BEGAN,
            tasks=[(job.id, job.name, job.parallelism) for job in project.jobs],
            parameters={},
        )
        end(home, connection, row.token, run)
        connection.close()
        return 200, {"run": run, "deployment": 1, "project": row.token, "warnings": []}

    engine.answers[("POST", "/v1/runs")] = start
    engine.answers[("GET", "/v1/doctor")] = IMAGE_THERE
    return engine


def end(home: Home, connection: Any, token: str, run_id: int) -> None:
    """Let every task of a run succeed."""
    from dataclasses import replace

    for task in runs.tasks_of(connection, run_id):
        name = f"skafos-{run_id}-{task.position}"
        runs.insert_attempt(
            connection, run_id=run_id, job_id=task.job_id, instance=0, number=1, name=name, cpu=1, memory=1, now=BEGAN
        )
        log = home.attempt_log(token, run_id, name)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(format_line(int(BEGAN * 1e9), f"{task.name} says hello".encode()))
        runs.attempt_ended(connection, name, GOOD, started_at=BEGAN, ended_at=BEGAN + 9)
        runs.attempt_collected(connection, name)
        done = replace(task, state=TaskState.SUCCEEDED, started_at=BEGAN, ended_at=BEGAN + 9, verdict=GOOD)
        runs.update_task(connection, done)
    run = runs.get_run(connection, run_id)
    assert run is not None
    runs.update_run(connection, replace(run, state=RunState.SUCCEEDED, started_at=BEGAN, ended_at=BEGAN + 60))


def token_in(directory: Path) -> str:
    project = read_config(directory / "metis.config.yml").project
    assert project is not None
    return project.token


def test_the_sample_is_copied_with_its_own_token_and_run(place: Path, ready: FakeEngine, capsys: Any) -> None:
    assert main(["demo", "--headless"]) == 0
    copy = place / "wine"
    assert token_in(copy) != token_in(sample_directory("wine"))
    assert {path.name for path in copy.iterdir()} == {path.name for path in sample_directory("wine").iterdir()}
    assert ready.asked("POST", "/v1/runs")[0]["directory"] == str(copy)
    assert [path.name for path in place.iterdir()] == ["wine"], "nothing is left of the making"
    out = capsys.readouterr().out
    project = read_config(copy / "metis.config.yml").project
    assert project is not None
    last = [job.name for job in project.jobs if not children_of(graph_of(project))[job.id]]
    for job in project.jobs:
        assert f"{job.name} finished: exit 0, 0:09\n" in out
        assert out.endswith(f"{last[-1]} says hello\n")
        assert (f"{job.name} says hello" in out) == (job.name in last), "only what came out is printed"


def test_run_again_it_goes_on_where_it_is(place: Path, ready: FakeEngine, capsys: Any) -> None:
    main(["demo", "mine", "--headless"])
    token = token_in(place / "mine")
    (place / "mine" / "notes.txt").write_text("keep")
    assert main(["demo", "mine", "--headless"]) == 0
    assert "going on in mine" in capsys.readouterr().out
    assert token_in(place / "mine") == token
    assert (place / "mine" / "notes.txt").read_text() == "keep"


def test_the_name_of_a_sample_takes_that_sample(place: Path, ready: FakeEngine) -> None:
    assert main(["demo", "digits"]) == 0
    assert (place / "digits" / "README.md").read_bytes() == (sample_directory("digits") / "README.md").read_bytes()
    assert main(["demo", "sub/other", "--sample", "digits"]) == 0
    assert token_in(place / "sub" / "other") != token_in(place / "digits")


def test_a_directory_of_something_else_is_left_alone(place: Path, capsys: Any) -> None:
    (place / "wine").mkdir()
    (place / "wine" / "thesis.txt").write_text("x")
    (place / "file").write_text("x")
    for name in ("wine", "file"):
        assert main(["demo", name]) == 2
        message = capsys.readouterr().err
        assert "skafos demo OTHER-NAME" in message
    assert [path.name for path in (place / "wine").iterdir()] == ["thesis.txt"]


def test_an_unknown_sample_says_which_there_are(place: Path, capsys: Any) -> None:
    assert main(["demo", "--sample", "vine"]) == 2
    assert "digits, wine" in capsys.readouterr().err


def test_a_missing_base_image_is_made_as_root(
    place: Path, ready: FakeEngine, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ready.answers[("GET", "/v1/doctor")] = IMAGE_MISSING
    steps = [{"line": "unpacking"}, {"image": "skafos/base:1"}]
    ready.answers[("POST", "/v1/image/bootstrap")] = (200, b"".join(json.dumps(s).encode() + b"\n" for s in steps))
    assert main(["demo"]) == 0
    assert "base image | unpacking\nbase image: skafos/base:1\n" in capsys.readouterr().out


def test_a_missing_base_image_names_the_command_to_others(
    place: Path, ready: FakeEngine, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    ready.answers[("GET", "/v1/doctor")] = IMAGE_MISSING
    assert main(["demo"]) == 3
    assert "sudo skafos image bootstrap" in capsys.readouterr().err
    assert ready.asked("POST", "/v1/runs") == []


def test_docker_out_of_reach_ends_with_code_3(place: Path, ready: FakeEngine, capsys: Any) -> None:
    ready.answers[("POST", "/v1/runs")] = (503, refusal("runner-unreachable", "Docker does not answer", 3))
    assert main(["demo"]) == 3
    assert capsys.readouterr().err == "skafos: Docker does not answer\n"


def runners(problem: str, *others: str) -> tuple[int, Any]:
    """The status of an engine whose Docker has this problem, and that has these runners besides."""
    found = [{"kind": "docker", "problem": problem}, *({"kind": kind, "problem": ""} for kind in others)]
    return 200, {"running": True, "pid": 4711, "version": "1.2.3", "active_runs": [], "runners": found}


def test_without_docker_it_runs_on_processes_and_asks_for_no_image(place: Path, ready: FakeEngine, capsys: Any) -> None:
    ready.answers[("GET", "/v1/status")] = runners(DOCKER_DOWN, "process")
    ready.answers[("GET", "/v1/doctor")] = IMAGE_MISSING
    assert main(["demo"]) == 0
    assert ready.asked("POST", "/v1/runs")[0]["runner"] == "process"
    assert ready.asked("GET", "/v1/doctor") == []
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [f"skafos: {DOCKER_DOWN}: going on without it", f"skafos: {PROCESS_BANNER}"]
    ready.answers[("GET", "/v1/status")] = runners("", "process")
    assert main(["demo"]) == 0, "what ran on processes goes on there, whatever Docker does"
    assert ready.asked("POST", "/v1/runs")[1]["runner"] == "process"


def test_docker_asked_for_is_not_replaced(place: Path, ready: FakeEngine, capsys: Any) -> None:
    ready.answers[("GET", "/v1/status")] = runners(DOCKER_DOWN, "process")
    ready.answers[("POST", "/v1/runs")] = (503, refusal("runner-unreachable", DOCKER_DOWN, 3))
    assert main(["demo", "--runner", "docker"]) == 3
    assert ready.asked("POST", "/v1/runs")[0]["runner"] == "docker"


def test_with_docker_nothing_is_said_of_processes(place: Path, ready: FakeEngine, capsys: Any) -> None:
    ready.answers[("GET", "/v1/status")] = runners("", "process")
    assert main(["demo"]) == 0
    assert ready.asked("POST", "/v1/runs")[0]["runner"] is None
    assert PROCESS_BANNER not in capsys.readouterr().err


def test_it_says_how_its_schedule_comes_to_fire(place: Path, ready: FakeEngine, capsys: Any) -> None:
    assert main(["demo"]) == 0
    hint = f"skafos: scheduled jobs (Ingest) fire once it is deployed: cd {place}/wine; skafos deploy\n"
    assert capsys.readouterr().err == hint


def test_on_a_terminal_the_copy_is_opened_running_and_a_second_time_gone_on_with(
    place: Path, ready: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def show(_home: Home, project: Any) -> int:
        opened.append(project.directory)
        return 0

    monkeypatch.setattr("skafos_tui.cli.demo.on_terminal", lambda: True)
    monkeypatch.setattr("skafos_tui.cli.demo.show", show)
    assert main(["demo", "mine"]) == 0
    assert main(["demo", "mine"]) == 0
    assert opened == [place / "mine"] * 2
    # Each time what had run was over: it runs again.
    assert len([path for verb, path, _ in ready.requests if (verb, path) == ("POST", "/v1/runs")]) == 2


def test_headless_opens_nothing_on_a_terminal(
    place: Path, ready: FakeEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("skafos_tui.cli.demo.on_terminal", lambda: True)
    assert main(["demo", "mine", "--headless"]) == 0
    assert "says hello" in capsys.readouterr().out
