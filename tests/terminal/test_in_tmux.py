"""A person at a terminal: starts, runs, watches, reads what failed, leaves and comes back; with the real engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from system import Person
from terminals import Tmux

BOOM = "print('about to break', flush=True)\nraise SystemExit(3)\n"


@pytest.fixture
def tmux(person: Person) -> Iterator[Tmux]:
    """A shell in the project's directory."""
    found = Tmux(person.project, person.environment)
    yield found
    found.close()


def test_run_watch_fail_read_leave_and_come_back(person: Person, tmux: Tmux) -> None:
    person.job("Fetch", "print('fetched')\n")
    person.job("Break", BOOM, after=["Fetch"])
    person.job("Report", "print('never')\n", after=["Break"])
    tmux.skafos()
    tmux.wait("no runs yet")
    tmux.type("r")
    tmux.type("a")
    screen = tmux.wait("✗ failed")
    assert "▌" in screen and "exit 3" in screen
    assert next(line for line in screen.splitlines() if line.startswith("▌") and "Break" in line)
    assert "about to break" in tmux.wait("about to break")
    tmux.type("Enter")
    tmux.type("z")
    assert "about to break" in tmux.wait_gone("1 JOBS")
    tmux.type("q")
    tmux.wait("1 JOBS")
    tmux.type("q", "q")
    tmux.shell()
    tmux.skafos()
    screen = tmux.wait("✗ failed")
    assert "run 1" in screen and "about to break" in tmux.wait("about to break")
    tmux.type("C-q")
    tmux.shell()


def test_who_leaves_while_it_runs_is_told_how_to_come_back(person: Person, tmux: Tmux) -> None:
    person.job("Long", entrypoint="sleep 60")
    person.start()
    tmux.run("cd /")
    tmux.skafos("--project", str(person.project))
    tmux.wait("►")
    tmux.type("q")
    screen = tmux.shell()
    assert "run 1: jobs go on; skafos --project" in screen
    assert person.newest()["state"] == "running"


def test_ctrl_z_gives_the_shell_and_fg_the_screen(person: Person, tmux: Tmux) -> None:
    person.job("Fetch", "print('fetched')\n")
    tmux.skafos()
    tmux.wait("no runs yet")
    tmux.type("C-z")
    assert "Stopped" in tmux.shell()
    tmux.run("echo still", "here")
    tmux.wait("still here")
    tmux.run("fg")
    screen = tmux.wait("no runs yet")
    assert "still here" not in screen
    tmux.type("?")
    tmux.wait("To the first row.")
    tmux.type("q", "q")
    tmux.shell()


def test_after_kill_9_the_next_one_shows_the_truth_and_the_terminal_is_good(person: Person, tmux: Tmux) -> None:
    person.job("Long", "import time\nprint('began', flush=True)\ntime.sleep(3)\nprint('ended')\n")
    tmux.skafos()
    tmux.wait("no runs yet")
    tmux.type("r")
    tmux.type("a")
    tmux.wait("►")
    os.kill(tmux.pids()[-1], signal.SIGKILL)
    tmux.wait("Killed")
    tmux.type("Enter")
    tmux.skafos()
    tmux.wait("✓ done")
    tmux.wait("ended")
    tmux.type("q")
    tmux.shell()
    tmux.run("stty -a; echo '<'$(tput cols)'>'")
    screen = tmux.wait("<100>")
    assert " echo " in screen and " icanon " in screen


@pytest.mark.docker
def test_in_docker_the_image_is_seen_the_job_runs_and_can_be_cancelled(
    person: Person, tmux: Tmux, base_image: str
) -> None:
    person.config["image"] = base_image
    person.job("Long", "import time\nprint('began', flush=True)\ntime.sleep(120)\n")
    (person.home.parent / "settings.yml").write_text("runner: docker\n")
    tmux.skafos()
    tmux.wait("no runs yet")
    tmux.type("r")
    tmux.type("a")
    tmux.wait("began", 60)
    tmux.type("x")
    tmux.wait("Cancel Long?")
    # The question takes no key at first: one that was meant for what was there before.
    tmux.type("y")
    tmux.wait("Cancel Long?")
    while "Cancel Long?" in tmux.screen():
        tmux.type("y")
    tmux.wait("■ cancelled")
    tmux.type("q")
    tmux.shell()
