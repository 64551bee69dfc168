"""`pause` and `resume`, and what `next` shows of what is active."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_support import BEGAN, CONFIG, INGEST, TOKEN, Answer, FakeEngine, Store, refusal

from skafos_tui.cli.main import main
from skafos_tui.store import projects, schedules

DAILY = CONFIG.replace("    entrypoint: ingest.py\n", '    entrypoint: ingest.py\n    schedule: "0 9 * * *"\n').replace(
    "    entrypoint: report.py\n", '    entrypoint: report.py\n    schedule: "0 10 * * *"\n'
)
PAUSE = ("POST", f"/v1/projects/{TOKEN}/pause")
RESUME = ("POST", f"/v1/projects/{TOKEN}/resume")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times in the output are local ones."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def deployed(store: Store, engine: FakeEngine, directory: Path) -> Store:
    """A store with an active deployment whose Ingest and Report have schedules, and an engine that pauses them."""
    (directory / "metis.config.yml").write_text(DAILY)
    store.add_activation(store.add_deployment(DAILY))

    def answer(verb: Any, body: Any) -> Answer:
        job_id = INGEST if body["job"] is not None else None
        changed = verb(store.connection, TOKEN, job_id, BEGAN)
        return 200, {"changed": changed, "job_id": job_id, "name": "Ingest" if job_id else None}

    engine.answers[PAUSE] = lambda body: answer(schedules.pause, body)
    engine.answers[RESUME] = lambda body: answer(schedules.resume, body)
    return store


def said(capsys: Any, *words: str) -> tuple[str, str]:
    """What a command that ends well prints, and what it says beside."""
    assert main(list(words)) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_paused_job_says_since_when_and_how_to_go_on(deployed: Store, engine: FakeEngine, capsys: Any) -> None:
    out, err = said(capsys, "pause", "Ingest")
    assert out == (
        "Ingest is paused since 2026-09-21 14:13:20: its schedule starts nothing until `skafos resume Ingest`\n"
    )
    assert err == ""
    assert engine.asked(*PAUSE) == [{"job": "Ingest"}]
    out, _ = said(capsys, "pause", "Ingest")
    assert out.startswith("Ingest is paused already, since 2026-09-21 14:13:20: ")


def test_all_schedules_are_paused_and_counted(deployed: Store, engine: FakeEngine, capsys: Any) -> None:
    out, _ = said(capsys, "pause")
    assert out == ("2 schedules paused since 2026-09-21 14:13:20: nothing starts by itself until `skafos resume`\n")
    assert engine.asked(*PAUSE) == [{"job": None}]
    assert said(capsys, "pause")[0].startswith("2 schedules paused already, since ")


def test_going_on_says_what_fires_next(deployed: Store, capsys: Any) -> None:
    said(capsys, "pause", "Ingest")
    out, _ = said(capsys, "resume", "Ingest")
    assert out.startswith("Ingest goes on; next 20")
    assert " 09:00 +00:00, in " in out
    out, _ = said(capsys, "resume", "Ingest")
    assert out.startswith("Ingest was not paused; next 20")
    said(capsys, "pause")
    assert said(capsys, "resume")[0].startswith("the project goes on; next ")


def test_a_job_that_goes_on_in_a_paused_project_says_so(deployed: Store, capsys: Any) -> None:
    said(capsys, "pause")
    said(capsys, "pause", "Ingest")
    out, err = said(capsys, "resume", "Ingest")
    assert out == "Ingest goes on\n"
    assert "all schedules of the project are paused, so this one is, too: skafos resume" in err


def test_without_a_deployment_pausing_says_that_nothing_fires(deployed: Store, capsys: Any) -> None:
    projects.set_active(deployed.connection, TOKEN, None)
    assert "nothing is deployed" in said(capsys, "pause")[1]
    assert "nothing is deployed" in said(capsys, "resume")[1]


def test_as_json_both_say_since_when_and_what_comes(deployed: Store, capsys: Any) -> None:
    found = json.loads(said(capsys, "pause", "Ingest", "--json")[0])
    (fire,) = found.pop("schedules")
    assert (fire["name"], fire["paused"]) == ("Ingest", True)
    assert found == {"changed": True, "job_id": INGEST, "name": "Ingest", "paused_at": "2026-09-21T14:13:20.000Z"}
    found = json.loads(said(capsys, "resume", "--json")[0])
    assert [fire["paused"] for fire in found["schedules"]] == [False, False]
    assert (found["changed"], found["job_id"], found["paused_at"]) == (True, None, None)


def test_a_job_without_schedule_is_refused_in_one_line(deployed: Store, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[PAUSE] = (409, refusal("no-schedule", "Train has no schedule; only schedules can be paused", 2))
    assert main(["pause", "Train"]) == 2
    assert capsys.readouterr().err == "skafos: Train has no schedule; only schedules can be paused\n"


def test_next_shows_the_active_deployment_and_says_where_the_config_differs(
    deployed: Store, directory: Path, capsys: Any
) -> None:
    start = ("--from", "2026-10-24T04:00:00+00:00")
    slots = "2026-10-24 09:00 +00:00  Ingest  in 5 h\n2026-10-24 10:00 +00:00  Report  in 6 h\n"
    assert said(capsys, "next", "-n", "2", *start) == (slots, "")
    config = directory / "metis.config.yml"
    config.write_text(DAILY.replace("0 9 * * *", "0 7 * * *"))
    out, err = said(capsys, "next", "-n", "2", *start)
    assert out == slots
    assert err == "skafos: of deployment 2, which is active; the config has other schedules: skafos deploy\n"
    config.write_text(DAILY.replace("0 9 * * *", "@daily"))
    out, err = said(capsys, "next", "-n", "2", *start)
    assert out == slots
    assert "the config has errors: skafos validate" in err


def test_next_marks_what_is_paused_and_does_not_count_it(deployed: Store, capsys: Any) -> None:
    start = ("--from", "2026-10-24T04:00:00+00:00")
    schedules.pause(deployed.connection, TOKEN, INGEST, BEGAN)
    assert said(capsys, "next", "-n", "1", *start)[0] == (
        "2026-10-24 10:00 +00:00  Report  in 6 h\n2026-10-24 09:00 +00:00  Ingest  paused since 2026-09-21 14:13:20\n"
    )
    found = json.loads(said(capsys, "next", "-n", "1", "--json", *start)[0])
    assert [(fire["name"], fire["paused"], fire["paused_at"], fire["deployment"]) for fire in found] == [
        ("Report", False, None, 2),
        ("Ingest", True, "2026-09-21T14:13:20.000Z", 2),
    ]
    schedules.pause(deployed.connection, TOKEN, None, BEGAN)
    out, err = said(capsys, "next", *start)
    assert out.count("paused since") == 2
    assert err == "skafos: all schedules are paused: skafos resume\n"


def test_next_of_a_project_that_stands_still_says_why(deployed: Store, capsys: Any) -> None:
    projects.set_problem(deployed.connection, TOKEN, "/there is gone")
    assert said(capsys, "next")[1] == "skafos: nothing fires: /there is gone\n"


def test_next_of_a_config_that_is_not_deployed_says_that_nothing_fires(directory: Path, capsys: Any) -> None:
    (directory / "metis.config.yml").write_text(DAILY)
    out, err = said(capsys, "next", "-n", "1")
    assert out.count("\n") == 1
    assert err == "skafos: nothing is deployed, so nothing fires by itself: skafos deploy\n"
