"""Docker itself goes away under running jobs (SPEC 12.4): on a daemon of the test's own."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from private_daemon import PrivateDaemon
from system import Person

pytestmark = pytest.mark.docker
STEPS = "import time\nfor number in range({seconds} * 5):\n    print('line', number, flush=True)\n    time.sleep(0.2)\n"


@contextmanager
def somebody_on(daemon: PrivateDaemon, image: str) -> Iterator[Person]:
    daemon.start()
    load = f"docker save {image} | docker --host {daemon.address.url} load"
    subprocess.run(load, shell=True, check=True, capture_output=True)
    with tempfile.TemporaryDirectory(prefix="sk-", dir="/tmp") as directory:
        (Path(directory) / "settings.yml").write_text("network: none\n")
        person = Person(Path(directory), {"DOCKER_HOST": daemon.address.url})
        try:
            yield person
            person.leave()
        finally:
            person.skafos("engine", "stop")
            daemon.close()


def restart(daemon: PrivateDaemon) -> None:
    daemon.stop(signal.SIGKILL)
    time.sleep(2)
    daemon.start()


def test_with_live_restore_nothing_is_lost(base_image: str) -> None:
    daemon = PrivateDaemon("--live-restore")
    with somebody_on(daemon, base_image) as person:
        person.job("Steady", STEPS.format(seconds=12))
        person.job("After", "print('after')", after=["Steady"])
        run = person.start()
        person.running(run, 1)
        restart(daemon)
        shown = person.finished(run)
        assert shown["state"] == "succeeded", shown
        person.collected(run)
        assert person.log(run, "Steady") == [f"line {number}" for number in range(60)]


def test_without_live_restore_running_attempts_are_lost_and_ended_ones_keep_their_codes(base_image: str) -> None:
    daemon = PrivateDaemon()
    with somebody_on(daemon, base_image) as person:
        person.job("Short", "import sys, time\ntime.sleep(1)\nsys.exit(4)")
        person.job("Steady", STEPS.format(seconds=60))
        run = person.start()
        person.running(run, 1)
        name = person.tasks(run)["Short"]["attempts"][0]["container"]
        person.until(run, lambda s: person.tasks(run)["Steady"]["state"] == "running")
        person.kill_engine()
        docker = ["docker", "--host", daemon.address.url]
        subprocess.run([*docker, "wait", name], capture_output=True, check=False)
        restart(daemon)
        shown = person.finished(run)
        tasks = {task["name"]: task for task in shown["tasks"]}
        assert (tasks["Short"]["state"], tasks["Short"]["exit_code"]) == ("failed", 4)
        assert (tasks["Steady"]["state"], tasks["Steady"]["verdict"]) == ("lost", "lost"), tasks["Steady"]


def test_docker_gone_in_the_middle_is_said_and_the_run_goes_on_when_it_is_back(base_image: str) -> None:
    daemon = PrivateDaemon("--live-restore")
    with somebody_on(daemon, base_image) as person:
        person.job("First", STEPS.format(seconds=12))
        person.job("Brief", STEPS.format(seconds=4))
        person.job("Second", "print('second')", after=["First"])
        run = person.start()
        person.running(run, 2)
        daemon.stop(signal.SIGKILL)
        shown = person.until(run, lambda s: "Docker" in s["tasks"][0]["reason"], 20)
        assert shown["state"] == "running"
        refused = person.skafos("run")
        assert refused.returncode == 3
        assert refused.stderr.count("\n") == 1
        assert "Docker" in refused.stderr
        time.sleep(4)
        daemon.start()
        assert person.finished(run)["state"] == "succeeded"
        person.collected(run)
        assert person.log(run, "First") == [f"line {number}" for number in range(60)]
        # Nobody took up what Brief printed while Docker was away: the gap is said, and its end is right.
        *lines, gap = person.log(run, "Brief")
        assert lines == [f"line {number}" for number in range(len(lines))]
        assert gap.startswith("[skafos gap] the last lines may be missing")


def test_a_slot_that_is_due_while_docker_is_away_waits_with_that_reason_and_runs_in_docker_when_it_is_back(
    base_image: str,
) -> None:
    daemon = PrivateDaemon()
    with somebody_on(daemon, base_image) as person:
        person.job(
            "Minutely", "import os; print('in a container', os.path.exists('/.dockerenv'))", schedule="* * * * *"
        )
        assert person.skafos("deploy").returncode == 0
        daemon.stop(signal.SIGKILL)
        deadline = time.monotonic() + 75
        while not (waiting := json.loads(person.skafos("runs", "--json").stdout)):
            assert time.monotonic() < deadline, "no slot was due"
            time.sleep(0.5)
        run = waiting[-1]["id"]
        shown = person.until(run, lambda s: "Docker" in s["tasks"][0]["reason"], 20)
        assert shown["tasks"][0]["state"] in ("queued", "waiting", "starting"), shown
        assert not shown["tasks"][0].get("attempts") or shown["tasks"][0]["started_at"] is None
        # Another one would do without Docker: this project's jobs wait for it all the same.
        assert person.skafos("undeploy").returncode == 0
        daemon.start()
        assert person.finished(run)["state"] == "succeeded"
        assert person.log(run, "Minutely") == ["in a container True"]
