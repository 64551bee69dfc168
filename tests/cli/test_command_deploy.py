"""`deploy`, `rollback`, `undeploy`: asked for once, waited for, told with what changes and when it fires."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli_support import BEGAN, CONFIG, INGEST, TOKEN, Answer, FakeEngine, Store, refusal

from skafos_tui.cli.common import PROCESS_BANNER
from skafos_tui.cli.main import main
from skafos_tui.model.run import ActivationKind, ActivationState, RunState
from skafos_tui.store import activations, projects, schedules
from skafos_tui.store.database import connect
from skafos_tui.store.logs.format import format_line

DEPLOY = ("POST", "/v1/deployments")
ROLLBACK = ("POST", f"/v1/projects/{TOKEN}/rollback")
UNDEPLOY = ("POST", f"/v1/projects/{TOKEN}/undeploy")
NO_REBOOT = "skafos: nothing brings the engine back after a reboot: skafos engine enable\n"
DAILY = CONFIG.replace("    entrypoint: ingest.py\n", '    entrypoint: ingest.py\n    schedule: "0 9 * * *"\n')


def accepting(
    store: Store,
    config: str = DAILY,
    *,
    state: ActivationState = ActivationState.ACTIVE,
    kind: ActivationKind = ActivationKind.DEPLOY,
    run: bool = False,
    warnings: tuple[str, ...] = (),
    **columns: Any,
) -> Callable[[Any], Answer]:
    """An answer to a deploy that makes a deployment and an activation in this state."""

    def answer(body: Any) -> Answer:
        made = store.add_deployment(config, ready=state is ActivationState.ACTIVE, code=f"code {time.monotonic()}")
        run_id = store.add_run() if run else None
        asked = store.add_activation(made, kind=kind, state=state, run_id=run_id, **columns)
        return 200, answer_of(store, asked, warnings)

    return answer


def answer_of(store: Store, activation: int, warnings: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the engine says of an activation it accepted."""
    found = activations.get_activation(store.connection, activation)
    assert found is not None
    deployment = projects.get_deployment(store.connection, found.deployment) if found.deployment else None
    return {
        "activation": activation,
        "project": TOKEN,
        "deployment": deployment.number if deployment else None,
        "state": found.state.value,
        "run": found.run_id,
        "warnings": list(warnings),
    }


def test_a_deploy_says_what_is_active_what_changed_and_what_fires_when(
    store: Store, engine: FakeEngine, capsys: Any
) -> None:
    store.add_activation(store.add_deployment())
    engine.answers[DEPLOY] = accepting(store, warnings=("Train: duplicate",))
    assert main(["deploy"]) == 0
    captured = capsys.readouterr()
    active, changed, count, fire, run = captured.out.splitlines()
    assert active == "deployment 3 is active; it was 2"
    assert changed == "  ~ Ingest  schedule none -> 0 9 * * *"
    assert count == "1 schedule, next:"
    assert " 09:00 +00:00  Ingest  in " in fire
    assert run == "nothing to start now: every job has a schedule or dependencies"
    assert captured.err == f"skafos: warning: Train: duplicate\n{NO_REBOOT}"


def test_the_run_that_a_deploy_starts_is_named_with_the_way_to_follow_it(
    store: Store, engine: FakeEngine, capsys: Any
) -> None:
    engine.answers[DEPLOY] = accepting(store, CONFIG, run=True)
    assert main(["deploy"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "deployment 2 is active",
        "  + Ingest  when deployed",
        "  + Train  after Ingest",
        "  + Report  after Train",
        "run 1 started: skafos logs -f --run 1",
    ]
    assert captured.err == "", "without a schedule nothing is to be brought back"


def test_what_was_asked_for_reaches_the_engine(store: Store, engine: FakeEngine, directory: Path) -> None:
    engine.answers[DEPLOY] = accepting(store)
    assert main(["deploy", "--no-run", "--runner", "process"]) == 0
    assert main(["deploy"]) == 0
    first, second = engine.asked(*DEPLOY)
    assert len(first.pop("request_id")) == 32
    assert first == {"directory": str(directory), "run": False, "runner": "process"}
    assert second["run"] is True
    assert second["runner"] is None


def test_without_run_nothing_is_said_of_runs(store: Store, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[DEPLOY] = accepting(store)
    assert main(["deploy", "--no-run"]) == 0
    assert "start" not in capsys.readouterr().out


def test_a_lost_answer_is_asked_for_again_with_the_same_id(store: Store, engine: FakeEngine) -> None:
    ready = accepting(store)
    engine.answers[DEPLOY] = lambda body: (0, None) if len(engine.asked(*DEPLOY)) == 1 else ready(body)
    assert main(["deploy"]) == 0
    first, second = engine.asked(*DEPLOY)
    assert first == second


def test_as_json_it_is_one_object_in_the_words_of_the_contract(store: Store, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[DEPLOY] = accepting(store, run=True)
    assert main(["deploy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (fire,) = found.pop("schedules")
    assert (fire["job_id"], fire["name"], fire["paused"], fire["deployment"]) == (INGEST, "Ingest", False, 2)
    assert [job["name"] for job in found.pop("plan")["added"]] == ["Ingest", "Train", "Report"]
    assert found == {
        "activation": 1,
        "project": TOKEN,
        "kind": "deploy",
        "state": "active",
        "deployment": 2,
        "previous": None,
        "requested_at": "2026-09-21T14:13:20.000Z",
        "decided_at": "2026-09-21T14:13:20.000Z",
        "findings": [],
        "error": "",
        "run": 1,
        "runner": "docker",
        "warnings": [],
    }


def test_it_waits_for_the_image_and_shows_its_making(store: Store, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[DEPLOY] = accepting(store, state=ActivationState.WAITING)

    def build() -> None:
        with closing(connect(store.home.state_database)) as books:
            while not (waiting := activations.waiting_activations(books)):
                time.sleep(0.01)
            (found,) = waiting
            assert found.deployment is not None
            path = store.home.build_log(TOKEN, found.deployment)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(format_line(int(BEGAN * 1e9), b"installing numpy"))
            time.sleep(0.3)
            projects.deployment_ready(books, found.deployment, {}, "", BEGAN)
            projects.set_active(books, TOKEN, found.deployment)
            activations.decide_activation(books, found.id, ActivationState.ACTIVE, BEGAN + 9)

    builder = threading.Thread(target=build)
    builder.start()
    assert main(["deploy"]) == 0
    builder.join()
    lines = capsys.readouterr().out.splitlines()
    assert lines.index("image | installing numpy") < lines.index("deployment 2 is active")


def test_a_failed_build_ends_with_1_and_the_old_one_stays(store: Store, engine: FakeEngine, capsys: Any) -> None:
    store.add_activation(store.add_deployment())
    failed = accepting(store, state=ActivationState.FAILED, run=True, error="pip install failed: no numpy")

    def answer(body: Any) -> Answer:
        status, found = failed(body)
        projects.deployment_failed(store.connection, 3, "pip install failed: no numpy")
        return status, found

    engine.answers[DEPLOY] = answer
    assert main(["deploy"]) == 1
    assert capsys.readouterr().err == (
        "skafos: run 1, which was to start with it: skafos show 1\n"
        "skafos: deployment 3 could not be built: pip install failed: no numpy; deployment 2 stays active\n"
    )
    assert main(["deploy", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["state"] == "failed"


def test_what_came_first_is_said(store: Store, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[DEPLOY] = accepting(store, state=ActivationState.SUPERSEDED, error="activation 9 came first")
    assert main(["deploy"]) == 1
    assert "deployment 2 did not become active: activation 9 came first" in capsys.readouterr().err


def test_detached_it_says_that_it_becomes_active_later(store: Store, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[DEPLOY] = accepting(store, state=ActivationState.WAITING, run=True)
    assert main(["deploy", "--detach"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "deployment 2 becomes active once its image is there: skafos deployments shows it",
        "run 1 starts with it: skafos logs -f --run 1",
    ]


def test_ctrl_c_leaves_it_going_and_says_so(store: Store, engine: FakeEngine, directory: Path) -> None:
    asked = threading.Event()
    waiting = store.add_activation(store.add_deployment(ready=False), state=ActivationState.WAITING)

    def answer(body: Any) -> Answer:
        asked.set()
        return 200, answer_of_stored

    answer_of_stored = answer_of(store, waiting)
    engine.answers[DEPLOY] = answer
    command = [sys.executable, "-m", "skafos_tui", "deploy"]
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert asked.wait(20)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == (
        "skafos: deployment 2 goes on in the background and becomes active once its image is there:"
        " skafos deployments shows how it stands\n"
    )


def test_errors_in_the_config_are_shown_before_anybody_is_asked(
    directory: Path, engine: FakeEngine, capsys: Any
) -> None:
    (directory / "metis.config.yml").write_text(CONFIG.replace("parallelism: 2", "parallelism: 0"))
    assert main(["deploy"]) == 1
    assert "error[bad-parallelism]" in capsys.readouterr().out
    assert engine.asked(*DEPLOY) == []


def test_jobs_without_docker_are_told_of_once(store: Store, engine: FakeEngine, directory: Path, capsys: Any) -> None:
    row = projects.ProjectRow(TOKEN, "wines", str(directory), "process", BEGAN)
    projects.save_project(store.connection, row)
    engine.answers[DEPLOY] = accepting(store, CONFIG)
    assert main(["deploy"]) == 0
    assert capsys.readouterr().err == f"skafos: {PROCESS_BANNER}\n"


def test_the_same_again_says_that_nothing_changed(store: Store, engine: FakeEngine, capsys: Any) -> None:
    first = store.add_deployment(DAILY)
    store.add_activation(first)
    again = store.add_activation(first)
    engine.answers[DEPLOY] = (200, answer_of(store, again))
    assert main(["deploy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["deployment 2 is active, as it was before", "1 schedule, next:"]


def test_paused_schedules_are_marked_where_they_are_deployed(store: Store, engine: FakeEngine, capsys: Any) -> None:
    schedules.pause(store.connection, TOKEN, None, BEGAN)
    engine.answers[DEPLOY] = accepting(store)
    assert main(["deploy"]) == 0
    captured = capsys.readouterr()
    assert "Ingest  paused since " in captured.out
    assert "all schedules are paused: skafos resume" in captured.err


def test_a_rollback_says_what_is_active_and_what_the_file_does(store: Store, engine: FakeEngine, capsys: Any) -> None:
    old = store.add_deployment(DAILY)
    store.add_activation(old)
    store.add_activation(store.add_deployment(CONFIG))

    def answer(body: Any) -> Answer:
        return 200, answer_of(store, store.add_activation(old, kind=ActivationKind.ROLLBACK))

    engine.answers[ROLLBACK] = answer
    assert main(["rollback", "2"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[:2] == ["deployment 2 is active; it was 3", "  ~ Ingest  schedule none -> 0 9 * * *"]
    assert lines[-1] == "your files are as they were: the next save of the config acts like a deploy"
    assert engine.asked(*ROLLBACK)[0]["deployment"] == 2
    assert main(["rollback", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "rollback"


def test_a_rollback_that_is_refused_is_one_line(store: Store, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[ROLLBACK] = (409, refusal("unknown-deployment", "there is no deployment 7; there are 1", 2))
    assert main(["rollback", "7"]) == 2
    assert capsys.readouterr().err == "skafos: there is no deployment 7; there are 1\n"
    with pytest.raises(SystemExit) as ended:
        main(["rollback", "newest"])
    assert ended.value.code == 2


def test_an_undeploy_says_what_stops_and_what_goes_on(store: Store, engine: FakeEngine, capsys: Any) -> None:
    store.add_activation(store.add_deployment(DAILY))
    run = store.add_run(state=RunState.RUNNING)

    def answer(body: Any) -> Answer:
        return 200, answer_of(store, store.add_activation(None, kind=ActivationKind.UNDEPLOY))

    engine.answers[UNDEPLOY] = answer
    assert main(["undeploy"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "deployment 2 is no longer active: 1 schedule stopped",
        f"1 unfinished run goes on: skafos ps shows it, skafos kill {run} ends it",
        "skafos deploy, or skafos rollback 2, turns schedules on again",
    ]
    assert main(["undeploy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["deployment"], found["schedules"]) == ("undeploy", None, [])


@pytest.mark.parametrize("words", [["rollback", "1"], ["undeploy"], ["pause"], ["resume"], ["deployments"]])
def test_a_project_that_was_never_deployed_says_how(directory: Path, words: list[str], capsys: Any) -> None:
    assert main(words) == 1
    assert capsys.readouterr().err == "skafos: wines was never deployed: skafos deploy does it\n"
