"""What a person sees of runs: success, failures with their evidence, limits, retries (SPEC 3)."""

from __future__ import annotations

import re

import pytest
from system import Person

pytestmark = pytest.mark.docker


def test_a_failing_job_stops_what_depends_on_it_and_nothing_else(person: Person) -> None:
    person.job("Good", "print('good')")
    person.job("Bad", "import sys\nprint('before the end')\nprint('the reason', file=sys.stderr)\nsys.exit(3)")
    person.job("After bad", "print('never')", after=["Bad"])
    person.job("After good", "print('fine')", after=["Good"])
    done = person.skafos("run")
    assert done.returncode == 1
    assert "the reason" in done.stdout
    assert "exit 3" in done.stdout
    tasks = person.tasks(person.newest()["id"])
    assert {name: task["state"] for name, task in tasks.items()} == {
        "Good": "succeeded",
        "Bad": "failed",
        "After bad": "upstream_failed",
        "After good": "succeeded",
    }
    assert tasks["Bad"]["verdict"] == "exit 3"
    assert tasks["Bad"]["exit_code"] == 3


def test_out_of_memory_is_said_with_limit_and_peak(person: Person) -> None:
    code = "blocks = []\nwhile True:\n    blocks.append(b'x' * (8 << 20))\n"
    person.job("Greedy", code, resources={"limits": {"cpu": 1, "memory": "64Mi"}})
    run = person.start()
    task = person.finished(run)["tasks"][0]
    assert (task["state"], task["verdict"]) == ("failed", "out of memory")
    assert "limit 64Mi" in task["evidence"]
    assert "peak" in task["evidence"]


def test_a_child_killed_for_memory_in_a_job_that_succeeds_is_a_warning(person: Person) -> None:
    child = "'b = []\\nwhile True: b.append(bytearray(8 << 20))'"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child}])\nprint('went on')"
    person.job("Parent", code, resources={"limits": {"cpu": 1, "memory": "64Mi"}})
    task = person.finished(person.start())["tasks"][0]
    assert (task["state"], task["verdict"]) == ("succeeded", "exit 0")
    assert "memory" in task["warning"]


def test_timeout_gives_the_job_its_grace_and_says_the_limit(person: Person) -> None:
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n    print('asked to end', flush=True)\n    sys.exit(7)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    person.job("Slow", code, timeout="2s")
    run = person.start()
    task = person.finished(run)["tasks"][0]
    assert (task["state"], task["verdict"]) == ("timed_out", "timeout")
    assert "limit 2s" in task["evidence"]
    person.collected(run)
    assert person.log(run, "Slow") == ["ready", "asked to end"]


def test_an_image_that_cant_be_built_says_what_pip_said(person: Person) -> None:
    (person.project / "requirements.txt").write_text("this-package-does-not-exist-anywhere==9.9\n")
    person.job("First", "print('never')")
    person.job("Second", "print('never')", after=["First"])
    done = person.skafos("run")
    assert done.returncode == 1
    assert "this-package-does-not-exist-anywhere" in done.stdout
    tasks = person.tasks(person.newest()["id"])
    assert (tasks["First"]["state"], tasks["First"]["verdict"]) == ("failed", "could not start")
    assert tasks["Second"]["state"] == "upstream_failed"


def test_a_missing_entrypoint_fails_that_task_alone(person: Person) -> None:
    person.job("Here", "print('here')")
    person.job("Gone", None, entrypoint="gone.py")
    shown = person.finished(person.start())
    tasks = {task["name"]: task for task in shown["tasks"]}
    assert tasks["Here"]["state"] == "succeeded"
    assert (tasks["Gone"]["state"], tasks["Gone"]["verdict"]) == ("failed", "could not start")
    assert "gone.py" in tasks["Gone"]["evidence"]


def test_more_cpu_than_the_machine_has_runs_clamped_with_a_warning(person: Person) -> None:
    person.job("Wide", "print('ran')", resources={"limits": {"cpu": 7, "memory": "128Mi"}})
    task = person.finished(person.start())["tasks"][0]
    assert task["state"] == "succeeded"
    assert re.search(r"asks for 7 cpu, runs with \d+", task["warning"])


def test_ten_jobs_of_one_cpu_run_as_many_at_a_time_as_there_are_cpus(person: Person) -> None:
    for number in range(10):
        keys = {"resources": {"requests": {"cpu": 1, "memory": "64Mi"}}}
        person.job(f"Job {number}", "import time; time.sleep(1)", **keys)
    run = person.start()
    shown = person.running(run, 1)
    waiting = [task for task in shown["tasks"] if task["state"] == "queued"]
    assert waiting
    assert all("needs 1 cpu" in task["reason"] and "Job" in task["reason"] for task in waiting)
    shown = person.finished(run)
    assert shown["state"] == "succeeded"
    spans = [(a["started_at"], a["ended_at"]) for task in shown["tasks"] for a in task["attempts"]]
    most = max(sum(start < other_end and other < end for other, other_end in spans) for start, end in spans)
    import os

    assert most <= (os.cpu_count() or 1) + 1  # an attempt's recorded times are Docker's, a few ms off each other
    assert sum(task["state"] == "succeeded" for task in shown["tasks"]) == 10


def test_three_instances_one_failing_twice_succeed_under_two_retries(person: Person) -> None:
    code = (
        "import os, sys\n"
        "print('instance', os.environ['SKAFOS_INSTANCE'], 'attempt', os.environ['SKAFOS_ATTEMPT'])\n"
        "sys.exit(1 if os.environ['SKAFOS_INSTANCE'] == '1' and int(os.environ['SKAFOS_ATTEMPT']) < 3 else 0)\n"
    )
    person.job("Shaky", code, parallelism=3, retries={"limit": 2, "delay": "1s"})
    run = person.start()
    shown = person.finished(run)
    assert shown["state"] == "succeeded"
    attempts = [(a["instance"], a["attempt"], a["exit_code"]) for a in shown["tasks"][0]["attempts"]]
    assert attempts == [(0, 1, 0), (1, 1, 1), (1, 2, 1), (1, 3, 0), (2, 1, 0)]


def test_kill_ends_the_job_and_says_by_whom(person: Person) -> None:
    person.job("Long", "import time\nprint('up', flush=True)\ntime.sleep(60)")
    person.job("Next", "print('never')", after=["Long"])
    run = person.start()
    person.running(run, 1)
    assert person.skafos("kill").returncode == 0
    shown = person.finished(run)
    assert shown["state"] == "cancelled"
    tasks = {task["name"]: task for task in shown["tasks"]}
    assert (tasks["Long"]["state"], tasks["Long"]["verdict"]) == ("cancelled", "cancelled")
    assert tasks["Next"]["state"] == "cancelled"
    assert "by " in tasks["Long"]["evidence"]


def test_retry_runs_the_failed_part_again_on_the_same_code(person: Person) -> None:
    person.job("First", "print('once')")
    person.job("Second", "import os, sys\nsys.exit(0 if os.path.exists('/data/fixed') else 1)", after=["First"])
    person.job("Third", "print('at last')", after=["Second"])
    run = person.start()
    assert person.finished(run)["state"] == "failed"
    (person.home / "projects" / person.token / "data" / "fixed").touch()
    done = person.skafos("retry", str(run))
    assert done.returncode == 0, done.stdout + done.stderr
    retried = person.newest()
    assert (retried["retry_of"], retried["state"], retried["deployment"]) == (run, "succeeded", 1)
    assert set(person.tasks(retried["id"])) == {"Second", "Third"}


def test_an_unmet_dependency_is_refused_before_a_run_exists(person: Person) -> None:
    person.job("First", "print('first')")
    person.job("Second", "print('second')", after=["First"])
    done = person.skafos("run", "Second")
    assert done.returncode == 1
    assert "--with-upstream" in done.stderr
    assert person.skafos("runs", "--json").stdout.strip() == "[]"
    assert person.skafos("run", "Second", "--with-upstream").returncode == 0
    assert person.skafos("run", "Second").returncode == 0


def test_secrets_reach_the_job_and_nobody_else(person: Person) -> None:
    code = "import os\nprint('env', os.environ['KEY'])\nprint('file', open('/run/secrets/KEY').read())"
    person.job("Teller", code)
    assert person.skafos("env", "KEY", "--set", "hunter2hunter2", "--secret").returncode == 0
    done = person.skafos("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hunter2" not in done.stdout
    person.collected(1)
    assert person.log(1, "Teller") == ["env ***", "file ***"]
