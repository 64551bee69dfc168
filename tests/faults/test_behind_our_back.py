"""Other people's Docker commands on our containers, images and names: the right verdict, and nothing left over."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from private_daemon import PrivateDaemon
from system import Person
from test_daemon_restart import somebody_on

pytestmark = pytest.mark.docker
COUNTER = "import time\nfor number in range({lines}):\n    print('line', number, flush=True)\n    time.sleep(0.1)\n"


@pytest.fixture
def person(base_image: str) -> Iterator[Person]:
    """Somebody with an empty project."""
    with tempfile.TemporaryDirectory(prefix="sk-", dir="/tmp") as directory:
        someone = Person(Path(directory))
        yield someone
        someone.leave()


def docker(*words: str, host: str = "") -> str:
    """What a docker command prints."""
    command = ["docker", *(["--host", host] if host else []), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def running(person: Person, run: int) -> str:
    """The container of the first task, once it runs."""
    name: str = person.running(run, 1)["tasks"][0]["attempts"][0]["container"]
    return name


def first_task(
    person: Person, run: int, is_so: Callable[[dict[str, Any]], bool], limit_s: float = 20
) -> dict[str, Any]:
    """The first task, once something is so."""
    task: dict[str, Any] = person.until(run, lambda shown: is_so(shown["tasks"][0]), limit_s)["tasks"][0]
    return task


def nothing_left(person: Person) -> None:
    """No container of the project's is there any more."""
    deadline = time.monotonic() + 15
    while left := docker("ps", "--all", "--quiet", "--filter", f"label=skafos.project={person.token}"):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_a_running_container_that_somebody_removes_is_lost(person: Person) -> None:
    person.job("Gone", COUNTER.format(lines=600))
    run = person.start()
    docker("rm", "--force", running(person, run))
    task = person.finished(run, 20)["tasks"][0]
    # Docker kills what it removes: whichever of the two is seen first is told.
    assert (task["state"], task["verdict"]) in (("lost", "lost"), ("failed", "killed from outside")), task
    person.collected(run)
    assert "[skafos gap] the container was removed" in person.log(run, "Gone")[-1]
    nothing_left(person)


def test_a_paused_container_is_told_and_goes_on_where_it_stood(person: Person) -> None:
    person.job("Slow", COUNTER.format(lines=40))
    run = person.start()
    name = running(person, run)
    docker("pause", name)
    told = first_task(person, run, lambda task: "paused" in task["reason"])
    assert told["state"] == "running"
    assert name in told["reason"]
    # A new engine says the same.
    person.kill_engine()
    person.skafos("ps")
    time.sleep(1)
    docker("unpause", name)
    first_task(person, run, lambda task: "paused" not in task["reason"])
    assert person.finished(run)["state"] == "succeeded"
    person.collected(run)
    assert person.log(run, "Slow") == [f"line {number}" for number in range(40)]


def test_the_timeout_of_a_paused_container_applies(person: Person) -> None:
    person.job("Held", COUNTER.format(lines=600), timeout="4s")
    run = person.start()
    docker("pause", running(person, run))
    task = person.finished(run, 30)["tasks"][0]
    assert (task["state"], task["verdict"]) == ("timed_out", "timeout")
    nothing_left(person)


def test_a_renamed_container_is_still_ours(person: Person) -> None:
    person.job("Renamed", COUNTER.format(lines=30) + "raise SystemExit(3)")
    run = person.start()
    name = running(person, run)
    docker("rename", name, f"{name}-by-somebody")
    person.kill_engine()
    task = person.finished(run, 30)["tasks"][0]
    assert (task["state"], task["exit_code"]) == ("failed", 3), task
    assert len(task["attempts"]) == 1
    person.collected(run)
    assert person.log(run, "Renamed") == [f"line {number}" for number in range(30)]
    nothing_left(person)


def test_a_renamed_container_can_be_cancelled(person: Person) -> None:
    person.job("Renamed", COUNTER.format(lines=600))
    run = person.start()
    name = running(person, run)
    docker("rename", name, f"{name}-by-somebody")
    assert person.skafos("kill", str(run)).returncode == 0
    assert person.finished(run, 30)["tasks"][0]["state"] == "cancelled"
    nothing_left(person)


def test_a_container_taken_off_its_network_goes_on(person: Person) -> None:
    person.job("Alone", COUNTER.format(lines=20))
    run = person.start()
    docker("network", "disconnect", "--force", "bridge", running(person, run))
    assert person.finished(run)["state"] == "succeeded"
    nothing_left(person)


def test_a_foreign_container_with_our_name_is_left_alone_and_told(person: Person, base_image: str) -> None:
    person.job("First", "print('first')")
    run = person.start()
    person.finished(run)
    name = person.tasks(run)["First"]["attempts"][0]["container"]
    # The name that the next run's container is going to have.
    taken = name.replace(f"-{run}-", f"-{run + 1}-", 1)
    docker("create", "--name", taken, base_image, "true")
    try:
        task = person.finished(person.start())["tasks"][0]
        assert (task["state"], task["verdict"]) == ("failed", "could not start")
        assert f"docker rm {taken}" in task["evidence"]
        time.sleep(6)
        state = json.loads(docker("inspect", taken))[0]["State"]["Status"]
        assert state == "created", "it is as it was"
    finally:
        docker("rm", "--force", taken)


def test_an_image_pruned_between_two_runs_is_made_again(person: Person) -> None:
    person.job("Again", "print('again')")
    assert person.finished(person.start())["state"] == "succeeded"
    nothing_left(person)
    docker("image", "rm", "--force", *docker("images", "--quiet", f"skafos/code:{person.token}-*").split())
    run = person.start()
    assert person.finished(run)["state"] == "succeeded"
    assert person.show(run)["deployment"] == 1


def test_docker_system_prune_in_the_middle_of_a_run_stops_nothing(base_image: str) -> None:
    daemon = PrivateDaemon()
    with somebody_on(daemon, base_image) as person:
        person.job("Long", COUNTER.format(lines=80))
        person.job("Next", "print('next')", after=["Long"])
        run = person.start()
        person.running(run, 1)
        for _ in range(3):
            docker("system", "prune", "--all", "--force", "--volumes", host=daemon.address.url)
            time.sleep(1)
        shown = person.finished(run)
        assert shown["state"] == "succeeded", shown
        person.collected(run)
        assert person.log(run, "Long") == [f"line {number}" for number in range(80)]
        assert docker("ps", "--all", "--quiet", host=daemon.address.url) == ""
