"""Shells out of the screen, on real terminals, where jobs are local processes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from system import Person
from terminals import SKAFOS, Pty, Tmux, wait_until


@pytest.fixture
def tmux(person: Person) -> Iterator[Tmux]:
    """A shell in the project's directory."""
    found = Tmux(person.project, person.environment)
    yield found
    found.close()


def test_s_is_a_shell_where_the_job_runs_and_leads_back(person: Person, tmux: Tmux) -> None:
    person.job("Long", "import time\nprint('begun', flush=True)\ntime.sleep(60)\n", environment={"COLOUR": "red"})
    person.running(person.start(), 1)
    tmux.skafos()
    tmux.wait("begun")
    tmux.type("s")
    tmux.wait("[Long run 1 attempt 1] ")
    tmux.run("ls; echo $COLOUR-$SKAFOS_INSTANCE")
    screen = tmux.wait("red-0")
    assert "shell in Long (run 1, attempt 1): exit or ctrl+d brings you back" in screen and "long.py" in screen
    assert "[Long run 1 attempt 1] project$" in screen
    tmux.type("C-c")
    wait_until(lambda: tmux.screen().count("attempt 1] project$") == 3, tmux.screen)
    tmux.type("C-d")
    tmux.wait("1 JOBS")
    tmux.type("s")
    tmux.wait("[Long run 1 attempt 1] ")
    # A shell that ends with its job, and could not tidy up the terminal.
    assert person.skafos("kill").returncode == 0
    tmux.wait("1 JOBS")
    tmux.wait("cancelled")
    tmux.type("q")
    tmux.type("q")
    tmux.shell()
    tmux.run("stty -a | grep -c ' icanon'; stty -a | grep -c ' echo '")
    assert "1\n1" in tmux.wait("1\n1")


def test_capital_s_is_a_shell_in_what_ended_and_leaves_nothing(person: Person, tmux: Tmux) -> None:
    person.job("Break", "open('made', 'w').close()\nraise SystemExit(3)\n")
    person.skafos("env", "KEY", "--set", "hidden-value", "--secret")
    run = person.start()
    person.collected(run)
    tmux.skafos()
    tmux.wait("exit 3")
    tmux.type("S")
    tmux.wait("[debug Break run 1 attempt 1] ")
    tmux.run("ls; python break.py; echo code-$?; cat $SKAFOS_SECRETS/KEY")
    screen = tmux.wait("hidden-value")
    assert "code-3" in screen and "break.py" in screen
    tmux.type("C-d")
    tmux.wait("1 JOBS")

    def left() -> list[str]:
        return [str(path) for path in (*person.home.glob("attempts/*"), *(person.home / "process").glob("attempts/*"))]

    wait_until(lambda: not left(), lambda: str(left()))
    tmux.type("s")
    tmux.wait("Break does not run: S opens a debug shell in what it ran in")


def test_where_the_terminal_goes_screen_and_shell_end(person: Person) -> None:
    person.job("Long", "import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    run = person.start()
    person.running(run, 1)
    environment = {**person.environment, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    terminal = Pty(SKAFOS, environment, directory=person.project)
    try:
        terminal.wait("begun")
        terminal.type("s")
        terminal.wait("[Long run 1 attempt 1] ")
        terminal.type("echo pid-$$-\n")
        terminal.wait("pid-")
        wait_until(lambda: terminal.text.count("pid-") > 1, lambda: terminal.text[-500:])
        shell = int(terminal.text.rsplit("pid-", 1)[1].split("-")[0])
        terminal.hang_up()
        assert terminal.end(5) == 129
        assert not os.path.exists(f"/proc/{shell}")  # noqa: PTH110
        assert person.newest()["state"] == "running"
    finally:
        terminal.close()
