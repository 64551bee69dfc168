"""Entrypoints as people wrote them (SPEC 2), in real containers."""

from __future__ import annotations

import pytest
from system import Person

pytestmark = pytest.mark.docker


def test_every_form_of_entrypoint_runs_as_it_was_meant(person: Person) -> None:
    (person.project / "backend").mkdir()
    (person.project / "backend" / "helper.py").write_text("NAME = 'helper beside the script'")
    (person.project / "backend" / "main.py").write_text("import os, helper\nprint(os.getcwd(), helper.NAME)")
    (person.project / "echo.py").write_text("import sys\nprint(sys.argv[1:])")
    (person.project / "two.py").write_text("print('two')")
    (person.project / "five.py").write_text("import sys\nprint('five')\nsys.exit(5)")
    (person.project / "never.py").write_text("print('never')")
    person.job("Folder", entrypoint="backend/main.py")
    person.job("Quotes", entrypoint="python echo.py --text 'Inside the park?  He throws a mean heater.' \"a | b\"")
    person.job("Sequence", entrypoint="echo.py one | sleep 1 | two.py")
    person.job("Broken", entrypoint="two.py | five.py | never.py")
    person.job("Sleep", entrypoint="sleep 1")
    run = person.start()
    shown = person.finished(run)
    person.collected(run)
    assert person.log(run, "Folder") == ["/project helper beside the script"]
    assert person.log(run, "Quotes") == ["['--text', 'Inside the park?  He throws a mean heater.', 'a | b']"]
    assert person.log(run, "Sequence") == ["['one']", "two"]
    assert person.log(run, "Broken") == ["two", "five"]
    tasks = {task["name"]: task for task in shown["tasks"]}
    assert tasks["Broken"]["verdict"] == "exit 5"
    assert {name for name, task in tasks.items() if task["state"] != "succeeded"} == {"Broken"}


@pytest.mark.parametrize("entrypoint", ["wait.py", "python wait.py", "first.py | wait.py", "true && python wait.py"])
def test_sigterm_reaches_the_python_process(person: Person, entrypoint: str) -> None:
    (person.project / "first.py").write_text("print('first')")
    (person.project / "wait.py").write_text(
        "import signal, sys, time\n"
        "def end(*_):\n    print('got SIGTERM', flush=True)\n    time.sleep(0.5)\n"
        "    print('tidy', flush=True)\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    person.job("Waits", entrypoint=entrypoint)
    run = person.start()
    person.until(run, lambda s: s["tasks"][0]["attempts"] and "ready" in person.log(run, "Waits"))
    assert person.skafos("kill").returncode == 0
    person.finished(run)
    person.collected(run)
    assert person.log(run, "Waits")[-3:] == ["ready", "got SIGTERM", "tidy"]


def test_the_environment_of_a_job_says_whose_it_is(person: Person) -> None:
    code = (
        "import os\n"
        "for key in sorted(os.environ):\n"
        "    if key.startswith(('SKAFOS', 'PROJECT', 'TASK', 'MY_', 'HOME', 'PYTHONUNB')):\n"
        "        print(key, os.environ[key])\n"
        "open(os.path.expanduser('~/x'), 'w').close()\n"
        "open(os.environ['SKAFOS_DATA'] + '/out', 'w').write('kept')\n"
        "open('beside', 'w').close()\n"
        "print('uid', os.getuid())\n"
    )
    job_id = person.job("Tell", code, environment={"MY_JOB": "job", "MY_BOTH": "job"}, parameters={"MY_RATE": "0.1"})
    person.config["environment"] = {"MY_PROJECT": "project", "MY_BOTH": "project"}
    person.save()
    run = person.start("--param", "MY_RATE=0.5")
    assert person.finished(run)["state"] == "succeeded"
    person.collected(run)
    lines = dict(line.split(" ", 1) for line in person.log(run, "Tell"))
    assert lines["PROJECT_TOKEN"] == person.token
    assert lines["SKAFOS_JOB_ID"] == job_id
    assert (lines["SKAFOS_PROJECT"], lines["SKAFOS_JOB_NAME"]) == ("test", "Tell")
    assert (lines["SKAFOS_RUN_ID"], lines["SKAFOS_DEPLOYMENT_ID"]) == (str(run), "1")
    assert (lines["SKAFOS_INSTANCE"], lines["SKAFOS_INSTANCES"], lines["SKAFOS_ATTEMPT"]) == ("0", "1", "1")
    assert (lines["MY_PROJECT"], lines["MY_JOB"], lines["MY_BOTH"], lines["MY_RATE"]) == (
        "project",
        "job",
        "job",
        "0.5",
    )
    assert lines["PYTHONUNBUFFERED"] == "1"
    import os

    assert lines["uid"] == str(os.getuid())
    kept = person.home / "projects" / person.token / "data" / "out"
    assert kept.read_text() == "kept"
    assert kept.stat().st_uid == os.getuid()
