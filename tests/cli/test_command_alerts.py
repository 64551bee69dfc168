"""`alerts`: what needs a person, newest first, with what to type next; notice is taken through the engine."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cli_support import INGEST, TOKEN, TRAIN, FakeEngine, Store, refusal

from skafos_tui.cli.main import main
from skafos_tui.model.alert import IMAGE, AlertKey, AlertKind, Cause, acknowledged, occurred, resolved
from skafos_tui.store.alerts import get_alert, put_alert
from skafos_tui.store.projects import ProjectRow, save_project

ACK = ("POST", "/v1/alerts/ack")
STOPS = ("Score", "Report", "Publish", "Mail", "Clean", "Archive")


def add(store: Store, key: AlertKey, cause: Cause, *, ago: float = 120.0, count: int = 1) -> int:
    """An alert that fired some seconds ago; its id."""
    return put_alert(store.connection, occurred(None, key, cause, time.time() - ago, count))


def failure(store: Store, **more: Any) -> int:
    cause = Cause("failed: exit 3", "ended with exit 3", "Train", 12, STOPS)
    return add(store, AlertKey(TOKEN, AlertKind.FAILURE, TRAIN), cause, **more)


def said(capsys: Any, *words: str) -> str:
    """What a command that ends well prints."""
    assert main(list(words)) == 0
    out: str = capsys.readouterr().out
    return out


def found(capsys: Any, *words: str) -> list[dict[str, Any]]:
    """The alerts as JSON."""
    value: list[dict[str, Any]] = json.loads(said(capsys, "alerts", *words, "--json"))
    return value


def test_nothing_to_tell_is_one_line_and_an_empty_list(directory: Path, capsys: Any) -> None:
    assert said(capsys, "alerts") == "no alerts\n"
    assert found(capsys) == []


def test_an_alert_says_what_since_when_how_often_and_what_to_type_next(store: Store, capsys: Any) -> None:
    failure(store, count=4)
    assert said(capsys, "alerts") == (
        "id  state   severity  when       count  job    what\n"
        " 1  firing  warning   2 min ago      4  Train  failed: exit 3\n"
        "    stops Score, Report, Publish, Mail and 2 more\n"
        "    skafos logs Train --run 12\n"
    )


def test_evidence_is_told_where_it_says_more_than_the_verdict(store: Store, capsys: Any) -> None:
    cause = Cause("failed: out of memory", "limit 2.0Gi, peak 2.0Gi, ended with exit 137 (SIGKILL)", "Train", 12)
    add(store, AlertKey(TOKEN, AlertKind.FAILURE, TRAIN), cause)
    assert "\n    limit 2.0Gi, peak 2.0Gi, ended with exit 137 (SIGKILL)\n" in said(capsys, "alerts")


def test_the_newest_comes_first_and_resolved_ones_only_on_demand(store: Store, capsys: Any) -> None:
    old = failure(store, ago=300.0)
    new = add(store, AlertKey("", AlertKind.DISK), Cause("nothing new starts: the disk is full", "3Mi free"), ago=5.0)
    over = add(store, AlertKey(TOKEN, AlertKind.CONFIG), Cause("the saved config is invalid"), ago=60.0)
    known = get_alert(store.connection, over)
    assert known is not None
    put_alert(store.connection, resolved(known, time.time()))
    assert [each["id"] for each in found(capsys)] == [new, old]
    assert [each["id"] for each in found(capsys, "--all")] == [new, over, old]


def test_of_other_projects_alerts_are_listed_only_everywhere(store: Store, capsys: Any, tmp_path: Path) -> None:
    other = "f" * 24
    save_project(store.connection, ProjectRow(other, "beers", str(tmp_path / "my beers"), "docker", 1.0))
    add(store, AlertKey(other, AlertKind.FAILURE, "j"), Cause("lost", "", "Brew it", 7))
    assert found(capsys) == []
    out = said(capsys, "alerts", "--everywhere")
    assert "beers" in out
    assert f"skafos --project '{tmp_path}/my beers' logs 'Brew it' --run 7" in out


@pytest.mark.parametrize(
    ("kind", "subject", "what", "command"),
    [
        (AlertKind.FAILURE, INGEST, "failed: exit 1", "skafos logs 'In gest' --run 12"),
        (AlertKind.FAILURE, INGEST, "failed: could not start", "skafos show 12"),
        (AlertKind.LOST, INGEST, "lost", "skafos logs 'In gest' --run 12"),
        (AlertKind.MISSED, INGEST, "3 slots missed", "skafos runs 'In gest'"),
        (AlertKind.CONFIG, "", "the saved config is invalid", "skafos validate"),
        (AlertKind.CONFIG, IMAGE, "no image", "skafos deployments --plan"),
        (AlertKind.DIRECTORY, "", "gone", "skafos projects list"),
        (AlertKind.DISK, "", "full", "skafos doctor"),
        (AlertKind.RUNNER, "docker", "away", "skafos doctor"),
    ],
)
def test_every_kind_has_a_command_to_go_on_with(
    store: Store, capsys: Any, kind: AlertKind, subject: str, what: str, command: str
) -> None:
    project = "" if kind in (AlertKind.DISK, AlertKind.RUNNER) else TOKEN
    add(store, AlertKey(project, kind, subject), Cause(what, "", "In gest", 12))
    (alert,) = found(capsys)
    assert (alert["kind"], alert["next"]) == (kind.value, command)


def test_as_json_an_alert_has_the_words_of_the_contract(store: Store, capsys: Any) -> None:
    number = failure(store)
    known = get_alert(store.connection, number)
    assert known is not None
    put_alert(store.connection, acknowledged(known, "ann@host", 1_790_000_000.0))
    (alert,) = found(capsys)
    assert alert.pop("first_at") == alert.pop("last_at")
    assert alert == {
        "id": number,
        "project": TOKEN,
        "kind": "failure",
        "state": "acknowledged",
        "severity": "warning",
        "job_id": TRAIN,
        "name": "Train",
        "count": 1,
        "what": "failed: exit 3",
        "evidence": "ended with exit 3",
        "run": 12,
        "stops": list(STOPS),
        "acknowledged_at": "2026-09-21T14:13:20.000Z",
        "acknowledged_by": "ann@host",
        "resolved_at": None,
        "next": "skafos logs Train --run 12",
    }


def test_words_of_a_job_cannot_control_the_terminal(store: Store, capsys: Any) -> None:
    cause = Cause("failed: exit 1", "bad \x1b]52;c;aGk=\x07 news", "Tr\x1b[2Jain", 12, ("Sc\x1b[2Jore",))
    add(store, AlertKey(TOKEN, AlertKind.FAILURE, TRAIN), cause)
    assert "\x1b" not in said(capsys, "alerts")


def test_notice_is_taken_by_id_and_said_again_where_it_was(store: Store, engine: FakeEngine, capsys: Any) -> None:
    number = failure(store)
    engine.answers[ACK] = (200, {"acknowledged": [number]})
    assert said(capsys, "alerts", "ack", str(number)) == f"alert {number} is acknowledged\n"
    (asked,) = engine.asked(*ACK)
    assert (asked["project"], asked["alerts"]) == (None, [number])
    assert "@" in asked["by"]
    known = get_alert(store.connection, number)
    assert known is not None
    put_alert(store.connection, acknowledged(known, "ann", time.time()))
    engine.answers[ACK] = (200, {"acknowledged": []})
    assert said(capsys, "alerts", "ack", str(number)) == f"alert {number} is acknowledged already\n"


def test_notice_of_everything_is_of_this_project_or_everywhere(store: Store, engine: FakeEngine, capsys: Any) -> None:
    number = failure(store)
    engine.answers[ACK] = (200, {"acknowledged": [number]})
    assert said(capsys, "alerts", "ack", "all") == f"alert {number} is acknowledged\n1 alert acknowledged\n"
    assert json.loads(said(capsys, "alerts", "ack", "all", "--everywhere", "--json")) == {"acknowledged": [number]}
    assert [(body["project"], body["alerts"]) for body in engine.asked(*ACK)] == [(TOKEN, None), (None, None)]
    engine.answers[ACK] = (200, {"acknowledged": []})
    assert said(capsys, "alerts", "ack", "all") == "nothing is firing\n"


def test_wrong_ids_are_one_line_and_wrong_usage(store: Store, engine: FakeEngine, capsys: Any) -> None:
    assert main(["alerts", "ack", "7", "8"]) == 2
    assert capsys.readouterr().err == "skafos: there is no alert 7, 8: skafos alerts lists them\n"
    assert engine.asked(*ACK) == []
    with pytest.raises(SystemExit) as end:
        main(["alerts", "ack", "seven"])
    assert end.value.code == 2
    assert "`seven` is no alert" in capsys.readouterr().err


def test_a_refusal_of_the_engine_is_one_line(store: Store, engine: FakeEngine, capsys: Any) -> None:
    number = failure(store)
    engine.answers[ACK] = (409, refusal("unknown-alert", "there is no alert 1: skafos alerts lists them", 2))
    assert main(["alerts", "ack", str(number)]) == 2
    assert capsys.readouterr().err == "skafos: there is no alert 1: skafos alerts lists them\n"


def test_listing_needs_no_engine_and_notice_does(store: Store, capsys: Any) -> None:
    number = failure(store)
    assert "failed: exit 3" in said(capsys, "alerts")
    assert main(["alerts", "ack", str(number)]) == 3
