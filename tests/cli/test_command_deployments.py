"""`deployments`: what is active, what made each one, and what the last change did or why it did nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cli_support import BEGAN, CONFIG, INGEST, TOKEN, Store

from skafos_tui.cli.main import main
from skafos_tui.model.run import ActivationKind, ActivationState
from skafos_tui.store import projects, schedules

DAILY = CONFIG.replace("    entrypoint: ingest.py\n", '    entrypoint: ingest.py\n    schedule: "0 9 * * *"\n')
FINDING = "metis.config.yml:3:5: error[bad-cron] six fields"
RULE = "The newest 10, the active one and those of unfinished runs are kept; older ones give up files and image."


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times in the output are local ones."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def history(store: Store) -> Store:
    """Deployment 1 made by a run, 2 deployed, 3 reloaded and active, 4 with other code and not built."""
    store.add_activation(store.add_deployment(at=BEGAN + 60), at=BEGAN + 60)
    reloaded = store.add_deployment(DAILY, at=BEGAN + 120)
    store.add_activation(reloaded, kind=ActivationKind.RELOAD, at=BEGAN + 120)
    failed = store.add_deployment(DAILY, code="e", ready=False, at=BEGAN + 180)
    projects.deployment_failed(store.connection, failed, "pip install failed: no numpy")
    store.add_activation(
        failed, state=ActivationState.FAILED, error="pip install failed: no numpy", at=BEGAN + 180, run_id=None
    )
    return store


def lines_of(capsys: Any, *words: str) -> list[str]:
    """What `deployments` prints."""
    assert main(["deployments", *words]) == 0
    found: list[str] = capsys.readouterr().out.splitlines()
    return found


def test_they_are_listed_newest_first_with_what_made_and_changed_them(history: Store, capsys: Any) -> None:
    top, head, *rows, rule = lines_of(capsys)
    assert top == ("the deploy of 2026-09-21 14:16:20 failed; deployment 3 stays active: pip install failed: no numpy")
    assert head.split() == ["deployment", "state", "made", "by", "changed"]
    assert [" ".join(row.split()) for row in rows] == [
        "4 failed 2026-09-21 14:16:20 deploy code; pip install failed: no numpy",
        "3 ready active 2026-09-21 14:15:20 reload ~1 job",
        "2 ready 2026-09-21 14:14:20 deploy config",
        "1 ready 2026-09-21 14:13:20 run the first one",
    ]
    assert rule == RULE


def test_as_json_they_have_the_words_of_the_contract(history: Store, capsys: Any) -> None:
    newest, active, *_ = json.loads("\n".join(lines_of(capsys, "--json")))
    assert (newest["state"], newest["active"], newest["error"]) == ("failed", False, "pip install failed: no numpy")
    assert len(active.pop("config_digest")) == 64
    assert active == {
        "deployment": 3,
        "state": "ready",
        "active": True,
        "waiting": False,
        "made_by": "reload",
        "changed": "~1 job",
        "created_at": "2026-09-21T14:15:20.000Z",
        "ready_at": "2026-09-21T14:15:21.000Z",
        "collected_at": None,
        "error": "",
        "code_digest": "d",
        "packages": 0,
    }


def test_only_so_many_are_listed_as_asked_for(history: Store, capsys: Any) -> None:
    found = json.loads("\n".join(lines_of(capsys, "--json", "-n", "2")))
    assert [(each["deployment"], each["changed"]) for each in found] == [(4, "code"), (3, "~1 job")]


def test_one_whose_files_were_given_up_says_so(history: Store, capsys: Any) -> None:
    history.connection.execute("UPDATE deployments SET collected_at = ? WHERE number = 1", (BEGAN + 500,))
    assert any(line.split()[:3] == ["1", "given", "up"] for line in lines_of(capsys))


def test_one_that_waits_for_its_image_is_marked(store: Store, capsys: Any) -> None:
    store.add_activation(store.add_deployment(ready=False), state=ActivationState.WAITING)
    lines = lines_of(capsys)
    assert any(line.split()[:3] == ["2", "building", "waiting"] for line in lines)
    assert lines[0] == "nothing is active, no schedule fires: skafos deploy"


def test_what_keeps_schedules_from_firing_stands_on_top(store: Store, capsys: Any) -> None:
    store.add_activation(store.add_deployment(DAILY))
    schedules.pause(store.connection, TOKEN, INGEST, BEGAN)
    assert lines_of(capsys)[0] == "Ingest is paused since 2026-09-21 14:13:20: skafos resume"
    schedules.pause(store.connection, TOKEN, None, BEGAN + 60)
    projects.set_problem(store.connection, TOKEN, "/there is gone: its schedules pause until it is back")
    assert lines_of(capsys)[:2] == [
        "/there is gone: its schedules pause until it is back",
        "all schedules are paused since 2026-09-21 14:14:20: skafos resume",
    ]


def test_an_invalid_save_is_told_with_its_findings_and_what_stays(store: Store, capsys: Any) -> None:
    store.add_activation(store.add_deployment(DAILY))
    store.add_activation(
        None, kind=ActivationKind.RELOAD, state=ActivationState.INVALID, findings=(FINDING,), at=BEGAN + 60
    )
    assert lines_of(capsys)[0] == (
        "the config saved 2026-09-21 14:14:20 is invalid; deployment 2 stays active: skafos deployments --plan"
    )
    assert lines_of(capsys, "--plan") == [
        "reload invalid  2026-09-21 14:14:20",
        "  deployment 2 stayed active",
        f"  {FINDING}",
    ]
    found = json.loads("\n".join(lines_of(capsys, "--plan", "--json")))
    assert (found["state"], found["findings"], found["deployment"]) == ("invalid", [FINDING], None)


def test_the_plan_of_the_last_change_has_all_of_it(store: Store, capsys: Any) -> None:
    store.add_activation(store.add_deployment(CONFIG))
    made = store.add_deployment(DAILY)
    plan = {"keeps_running": ["run 3 (Train) stays on deployment 1"], "removed": [{"job_id": "x", "name": "Old"}]}
    store.add_activation(made, kind=ActivationKind.RELOAD, plan=json.dumps(plan))
    assert lines_of(capsys, "--plan") == [
        "reload active  2026-09-21 14:13:20",
        "  deployment 2 -> 3",
        "  - Old",
        "  run 3 (Train) stays on deployment 1",
    ]


def test_before_the_first_deploy_the_plan_is_empty(store: Store, capsys: Any) -> None:
    assert lines_of(capsys, "--plan") == ["nothing was deployed yet: skafos deploy"]
    assert lines_of(capsys, "--plan", "--json") == ["null"]


def test_what_configs_say_never_controls_the_terminal(store: Store, capsys: Any) -> None:
    evil = DAILY.replace("name: Ingest", 'name: "x\\x1b]0;owned\\a\\u202e\\x9b31m"')
    store.add_activation(store.add_deployment(CONFIG))
    store.add_activation(store.add_deployment(evil), kind=ActivationKind.RELOAD)
    schedules.pause(store.connection, TOKEN, INGEST, BEGAN)
    for words in (["deployments"], ["deployments", "--plan"], ["deployments", "--plan", "--json"], ["next"]):
        assert main(words) == 0
        captured = capsys.readouterr()
        assert not set(captured.out + captured.err) & set("\x1b\x07\x9b\u202e")
