"""A person is told what needs them, through failures, kills of the engine and until it is mended (SPEC 8)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from system import Person

pytestmark = pytest.mark.docker


def alerts(person: Person, *words: str) -> list[dict[str, Any]]:
    """`alerts --json`."""
    done = person.skafos("alerts", *words, "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_a_failure_is_told_counted_noticed_and_over_when_the_job_succeeds(person: Person) -> None:
    person.job("Bad", "import sys\nprint('the reason')\nsys.exit(3)")
    person.job("After", "print('fine')", after=["Bad"])
    first = person.start()
    person.finished(first)
    person.kill_engine()
    (alert,) = alerts(person)
    assert (alert["kind"], alert["state"], alert["name"], alert["count"]) == ("failure", "firing", "Bad", 1)
    assert (alert["what"], alert["run"], alert["stops"]) == ("failed: exit 3", first, ["After"])
    command = alert["next"].split()
    assert command[0] == "skafos"
    assert "the reason" in person.skafos(*command[1:]).stdout

    done = person.skafos("alerts", "ack", str(alert["id"]))
    assert (done.returncode, done.stdout) == (0, f"alert {alert['id']} is acknowledged\n"), done.stderr
    person.skafos("engine", "stop")
    assert alerts(person)[0]["state"] == "acknowledged"
    person.finished(person.start())
    assert (alerts(person)[0]["state"], alerts(person)[0]["count"]) == ("firing", 2)

    (person.project / "bad.py").write_text("print('mended')")
    person.finished(person.start())
    assert alerts(person) == []
    assert [each["state"] for each in alerts(person, "--all")] == ["resolved"]
