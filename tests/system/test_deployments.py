"""What a person sees of deployments and time: deploy, hot reload, rollback, undeploy, pause, and a slot that fires."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from system import Person

pytestmark = pytest.mark.docker

SOON_S = 20.0
"""A reload takes a second; the machine may be busy."""
NIGHTLY = "0 3 * * *"


def asked(person: Person, *words: str) -> Any:
    """The JSON that a command prints."""
    done = person.skafos(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def active(person: Person) -> int | None:
    """The number of the active deployment."""
    return next((each["deployment"] for each in asked(person, "deployments") if each["active"]), None)


def last_change(person: Person, state: str, before: int) -> dict[str, Any]:
    """Wait until a change after activation `before` is in this state; all that is known of it."""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        found: dict[str, Any] = asked(person, "deployments", "--plan")
        if found["activation"] > before and found["state"] == state:
            return found
        time.sleep(0.1)
    raise AssertionError(f"no {state} change within {SOON_S} s: {found}")


def deploy(person: Person, *words: str) -> dict[str, Any]:
    """Deploy; what came of it."""
    found: dict[str, Any] = asked(person, "deploy", *words)
    assert found["state"] == "active"
    return found


def test_a_deploy_activates_and_starts_what_has_neither_schedule_nor_dependencies(person: Person) -> None:
    person.job("First", "print('first')")
    person.job("Second", "print('second')", after=["First"])
    person.job("Nightly", "print('never now')", schedule=NIGHTLY)
    person.job("After nightly", "print('never now')", after=["Nightly"])
    done = person.skafos("deploy")
    assert done.returncode == 0, done.stderr
    assert "deployment 1 is active" in done.stdout
    assert "run 1 started: skafos logs -f --run 1" in done.stdout
    assert "03:00 +00:00  Nightly  in " in done.stdout
    shown = person.finished(1)
    assert (shown["state"], shown["trigger"], shown["deployment"]) == ("succeeded", "deploy", 1)
    assert {task["name"]: task["state"] for task in shown["tasks"]} == {"First": "succeeded", "Second": "succeeded"}
    assert [fire["name"] for fire in asked(person, "next", "-n", "2")] == ["Nightly", "Nightly"]


def test_a_run_activates_nothing(person: Person) -> None:
    person.job("Nightly", "print('by hand')", schedule=NIGHTLY)
    done = person.skafos("run")
    assert done.returncode == 0, done.stderr
    assert "by hand" in done.stdout
    (found,) = asked(person, "deployments")
    assert (found["state"], found["active"], found["made_by"]) == ("ready", False, "run")
    assert "nothing fires by itself" in person.skafos("next").stderr


def test_a_saved_config_is_activated_with_its_plan_and_an_invalid_one_changes_nothing(person: Person) -> None:
    person.job("Nightly", "print('x')", schedule=NIGHTLY)
    first = deploy(person)
    assert first["run"] is None
    person.job("Score", "print('y')", after=["Nightly"])
    reloaded = last_change(person, "active", first["activation"])
    assert (reloaded["kind"], reloaded["deployment"], reloaded["previous"]) == ("reload", 2, 1)
    assert active(person) == 2
    assert "  + Score  after Nightly\n" in person.skafos("deployments", "--plan").stdout
    good = person.config["jobs"][0]["schedule"]
    person.config["jobs"][0]["schedule"] = "@daily"
    person.save()
    invalid = last_change(person, "invalid", reloaded["activation"])
    assert "error[bad-cron]" in invalid["findings"][0]
    assert active(person) == 2
    assert "is invalid; deployment 2 stays active" in person.skafos("deployments").stdout
    assert asked(person, "next", "-n", "1")[0]["schedule"] == NIGHTLY
    person.config["jobs"][0]["schedule"] = good.replace("3", "4")
    person.save()
    assert last_change(person, "active", invalid["activation"])["deployment"] == 3
    assert asked(person, "next", "-n", "1")[0]["schedule"] == "0 4 * * *"
    assert asked(person, "runs") == [], "a reload starts nothing"


def test_an_image_that_cant_be_built_leaves_the_old_one_active(person: Person) -> None:
    person.job("Nightly", "print('x')", schedule=NIGHTLY)
    deploy(person)
    (person.project / "requirements.txt").write_text("this-package-does-not-exist-anywhere==9.9\n")
    done = person.skafos("deploy")
    assert done.returncode == 1
    assert "this-package-does-not-exist-anywhere" in done.stdout
    assert "deployment 2 could not be built" in done.stderr
    assert "deployment 1 stays active" in done.stderr
    assert active(person) == 1


def test_a_rollback_outlives_the_engine_and_is_not_undone_by_the_file_as_it_is(person: Person) -> None:
    person.job("Nightly", "print('x')", schedule=NIGHTLY)
    deploy(person)
    person.config["jobs"][0]["schedule"] = "30 4 * * *"
    person.save()
    last_change(person, "active", 1)
    assert active(person) == 2
    done = person.skafos("rollback", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("deployment 1 is active; it was 2\n  ~ Nightly  schedule 30 4 * * * -> 0 3 * * *\n")
    rolled = asked(person, "deployments", "--plan")["activation"]
    assert person.skafos("engine", "stop").returncode == 0
    assert person.skafos("engine", "start").returncode == 0
    time.sleep(2)  # an engine that took the file for a new one would have seen it by now
    assert asked(person, "deployments", "--plan")["activation"] == rolled
    assert active(person) == 1
    assert asked(person, "next", "-n", "1")[0]["schedule"] == NIGHTLY
    (person.project / "metis.config.yml").write_text((person.project / "metis.config.yml").read_text() + "# saved\n")
    assert last_change(person, "active", rolled)["kind"] == "reload"
    assert asked(person, "next", "-n", "1")[0]["schedule"] == "30 4 * * *"


def test_undeploy_turns_schedules_off_and_leaves_runs_alone(person: Person) -> None:
    person.job("Nightly", "print('x')", schedule=NIGHTLY)
    person.job("Long", "import time\nprint('up', flush=True)\ntime.sleep(4)\nprint('done')")
    run = deploy(person)["run"]
    person.running(run, 1)
    done = person.skafos("undeploy")
    assert done.returncode == 0, done.stderr
    assert "deployment 1 is no longer active: 1 schedule stopped" in done.stdout
    assert active(person) is None
    assert person.finished(run)["state"] == "succeeded"
    assert person.skafos("undeploy").returncode == 1


def test_a_slot_fires_in_its_minute_unless_it_is_paused(person: Person) -> None:
    person.job("Tick", "import os\nprint('slot', os.environ['SKAFOS_SCHEDULED_AT'])", schedule="* * * * *")
    person.job("Paused", "print('never')", schedule="* * * * *")
    person.job("After", "import os\nprint('follows', os.environ['SKAFOS_SCHEDULED_AT'])", after=["Tick"])
    while time.time() % 60 > 50:
        time.sleep(0.1)  # no slot between the deploy and the pause
    begun = time.time()
    deploy(person)
    assert person.skafos("pause", "Paused").returncode == 0
    marks = {fire["name"]: fire["paused"] for fire in asked(person, "next", "-n", "1")}
    assert marks == {"Tick": False, "Paused": True}
    deadline = time.monotonic() + 75
    while not (found := asked(person, "runs")):
        assert time.monotonic() < deadline, "no slot of a job of every minute has fired"
        time.sleep(0.2)
    slot = found[-1]["scheduled_at"]
    instant = datetime.fromisoformat(slot)
    assert instant.astimezone(UTC).second == 0
    assert begun < instant.timestamp() < time.time()
    shown = person.finished(found[-1]["id"])
    person.collected(shown["id"])
    assert (shown["trigger"], shown["state"]) == ("schedule", "succeeded")
    assert [task["name"] for task in shown["tasks"]] == ["Tick", "After"]
    (line,) = person.log(shown["id"], "Tick")
    assert datetime.fromisoformat(line.removeprefix("slot ")) == instant
    (line,) = person.log(shown["id"], "After")
    assert datetime.fromisoformat(line.removeprefix("follows ")) == instant
    assert person.skafos("pause").returncode == 0
    count = len(asked(person, "runs"))
    assert person.skafos("resume", "Paused").returncode == 0
    assert person.skafos("deployments").stdout.startswith("all schedules are paused since ")
    assert len(asked(person, "runs", "Tick")) == count
