"""Jobs as local processes, on a machine where Docker does not answer (SPEC 4, Without Docker)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from system import Person

STEPS = "import time\nfor number in range({count}):\n    print('line', number, flush=True)\n    time.sleep(0.1)\n"
HUNGRY = "data = []\nwhile True:\n    data.append(bytearray(1 << 22))\n"
MARKED = "import os\nprint('marked', os.environ['SKAFOS_INSTANCE'], os.environ['SKAFOS_ATTEMPT'])\n"
SPAWNS = """
import os, subprocess, time
print('key', os.environ.get('KEY'), flush=True)
subprocess.Popen(['sleep', '600'])
time.sleep(600)
"""


@pytest.fixture
def alone() -> Iterator[Person]:
    """Somebody whose Docker is not there."""
    with tempfile.TemporaryDirectory(prefix="sk-", dir="/tmp") as directory:
        someone = Person(Path(directory), {"DOCKER_HOST": f"unix://{directory}/nobody.sock"})
        yield someone
        someone.leave()
        assert not processes_of(someone), "a process outlived its attempt"


def processes_of(person: Person) -> list[str]:
    """The command lines of what runs in the person's home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(person.home) in command:
                found.append(command)
    return found


def test_a_project_that_never_ran_runs_as_processes_and_the_banner_says_what_is_missing(alone: Person) -> None:
    alone.job("First", "import os, pathlib; (pathlib.Path(os.environ['SKAFOS_DATA']) / 'x').write_text('handed on')")
    code = "import os, pathlib; print((pathlib.Path(os.environ['SKAFOS_DATA']) / 'x').read_text())"
    alone.job("Second", code, after=["First"])
    done = alone.skafos("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "without Docker's isolation of files and network" in done.stderr
    assert "Second | handed on" in done.stdout


def test_kill_9_of_the_engine_stops_no_process_and_loses_no_line(alone: Person) -> None:
    for number in range(3):
        alone.job(f"Steady {number}", STEPS.format(count=60), resources={"requests": {"cpu": 0.5}})
    alone.job("After", "print('after')", after=["Steady 0", "Steady 1", "Steady 2"])
    run = alone.start()
    alone.running(run, 3)
    alone.kill_engine()
    time.sleep(1)
    alone.skafos("ps")
    shown = alone.finished(run)
    assert shown["state"] == "succeeded", shown
    alone.collected(run)
    for number in range(3):
        assert alone.log(run, f"Steady {number}") == [f"line {line}" for line in range(60)]
    assert {len(task["attempts"]) for task in shown["tasks"]} == {1}


def test_an_end_while_no_engine_was_there_keeps_its_exit_code(alone: Person) -> None:
    alone.job("Short", "import sys, time\ntime.sleep(2)\nprint('last words')\nsys.exit(4)")
    run = alone.start()
    alone.running(run, 1)
    alone.kill_engine()
    time.sleep(3)
    alone.skafos("ps")
    alone.finished(run)
    alone.collected(run)
    assert alone.tasks(run)["Short"]["exit_code"] == 4
    assert alone.log(run, "Short") == ["last words"]


def test_retries_timeouts_memory_and_instances_are_as_in_docker(alone: Person) -> None:
    flaky = "import os, sys\nsys.exit(0 if os.environ['SKAFOS_ATTEMPT'] == '3' else 7)"
    alone.job("Flaky", flaky, retries={"limit": 2, "delay": "0s"})
    alone.job("Endless", "import time\ntime.sleep(600)", timeout="2s")
    alone.job("Hungry", HUNGRY, resources={"limits": {"memory": "256Mi"}})
    alone.job("Three", MARKED, parallelism=3)
    shown = alone.finished(alone.start())
    tasks = {task["name"]: task for task in shown["tasks"]}
    assert tasks["Flaky"]["state"] == "succeeded"
    assert len(tasks["Flaky"]["attempts"]) == 3
    assert tasks["Endless"]["state"] == "timed_out"
    assert (tasks["Hungry"]["state"], tasks["Hungry"]["verdict"]) == ("failed", "out of memory"), tasks["Hungry"]
    alone.collected(shown["id"])
    assert [alone.log(shown["id"], "Three", instance) for instance in range(3)] == [
        [f"marked {instance} 1"] for instance in range(3)
    ]


def test_cancel_ends_the_whole_family_and_a_secret_is_masked(alone: Person) -> None:
    alone.job("Parent", SPAWNS)
    run = alone.start()
    alone.running(run, 1)
    alone.skafos("kill", str(run))
    assert alone.finished(run)["state"] == "cancelled"
    assert alone.skafos("env", "KEY", "--set", "hunter2-hunter2", "--secret").returncode == 0
    run = alone.start()
    alone.running(run, 1)
    alone.until(run, lambda _: bool(alone.log(run, "Parent")))
    alone.skafos("kill", str(run))
    alone.finished(run)
    alone.collected(run)
    assert alone.log(run, "Parent")[0] == "key ***"


def test_an_engine_that_is_told_to_stop_leaves_the_job_and_the_next_one_finds_it(alone: Person) -> None:
    alone.job("Steady", STEPS.format(count=50))
    run = alone.start()
    alone.running(run, 1)
    assert alone.skafos("engine", "stop").returncode == 0
    time.sleep(1)
    alone.skafos("ps")
    assert alone.finished(run)["state"] == "succeeded"
    alone.collected(run)
    assert alone.log(run, "Steady") == [f"line {line}" for line in range(50)]
