"""Nothing is lost: terminals, engines and daemons that go away in the middle (SPEC 12)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from system import Person

pytestmark = pytest.mark.docker
COUNTER = "import time\nfor number in range({lines}):\n    print('line', number, flush=True)\n    time.sleep({pause})\n"


def start_following(person: Person, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        person.command("run", *words),
        cwd=person.project,
        env=person.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, None)])
def test_leaving_skafos_run_leaves_the_run_going(person: Person, number: signal.Signals, code: int | None) -> None:
    person.job("Count", COUNTER.format(lines=40, pause=0.1))
    following = start_following(person)
    deadline = time.monotonic() + 60
    while not (person.home / "state.db").exists() or not person.skafos("runs", "--json").stdout.strip("[]\n "):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    person.running(1, 1)
    following.send_signal(number)
    output = following.communicate(timeout=20)[0]
    if code is not None:
        assert following.returncode == code
        assert "run 1" in output
        assert "skafos logs" in output
    assert person.finished(1)["state"] == "succeeded"
    person.collected(1)
    assert person.log(1, "Count") == [f"line {number}" for number in range(40)]


def test_an_engine_killed_with_ten_running_containers_is_taken_up_by_any_command(person: Person) -> None:
    for number in range(10):
        keys = {"resources": {"requests": {"cpu": 0.1, "memory": "32Mi"}}}
        person.job(f"Job {number}", COUNTER.format(lines=60, pause=0.1) + f"raise SystemExit({number % 2})", **keys)
    person.job("Last", "print('never')", after=["Job 1"])
    run = person.start()
    person.running(run, 10)
    before = person.engine_pid()
    person.kill_engine()
    time.sleep(1)
    person.skafos("ps")
    assert person.engine_pid() != before
    shown = person.finished(run)
    person.collected(run)
    for number in range(10):
        task = next(task for task in shown["tasks"] if task["name"] == f"Job {number}")
        assert task["exit_code"] == number % 2
        assert [a["attempt"] for a in task["attempts"]] == [1]
        assert person.log(run, f"Job {number}") == [f"line {line}" for line in range(60)]
    assert next(task for task in shown["tasks"] if task["name"] == "Last")["state"] == "upstream_failed"


def test_a_container_removed_while_nobody_looks_is_lost_and_not_started_again(person: Person) -> None:
    person.job("Gone", COUNTER.format(lines=600, pause=0.1))
    run = person.start()
    name = person.running(run, 1)["tasks"][0]["attempts"][0]["container"]
    person.kill_engine()
    subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)
    task = person.finished(run, 30)["tasks"][0]
    assert (task["state"], task["verdict"]) == ("lost", "lost")
    assert "removed" in task["evidence"]
    assert len(task["attempts"]) == 1
    person.collected(run)
    assert "[skafos gap]" in person.log(run, "Gone")[-1]


def test_a_container_killed_behind_our_back_says_so(person: Person) -> None:
    person.job("Hit", COUNTER.format(lines=600, pause=0.1))
    run = person.start()
    name = person.running(run, 1)["tasks"][0]["attempts"][0]["container"]
    subprocess.run(["docker", "kill", name], check=True, capture_output=True)
    task = person.finished(run, 30)["tasks"][0]
    assert (task["state"], task["verdict"]) == ("failed", "killed from outside")
    assert "SIGKILL" in task["evidence"]


def test_a_secret_set_while_a_job_runs_changes_nothing_of_its_log(person: Person) -> None:
    person.job("Count", COUNTER.format(lines=40, pause=0.1))
    run = person.start()
    person.running(run, 1)
    assert person.skafos("env", "LATE", "--set", "line", "--secret").returncode == 0
    person.kill_engine()
    person.skafos("ps")
    person.finished(run)
    person.collected(run)
    assert person.log(run, "Count") == [f"line {number}" for number in range(40)]


def test_the_engine_log_and_socket_are_the_users_alone(person: Person) -> None:
    person.job("One", "print(1)")
    person.finished(person.start())
    assert person.home.stat().st_mode & 0o777 == 0o700
    assert (person.home / "engine.sock").stat().st_mode & 0o777 == 0o600
    assert (person.home / "state.db").stat().st_mode & 0o777 == 0o600


def test_two_engines_of_one_home_are_one(person: Person) -> None:
    person.job("One", "print(1)")
    person.finished(person.start())
    second = subprocess.run(
        [*person.command()[:1], "-m", "skafos_tui.daemon"],
        env=person.environment,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 0
    assert b"another engine" in second.stderr
    assert Path(f"/proc/{person.engine_pid()}").exists()
    assert os.getpid() != person.engine_pid()
