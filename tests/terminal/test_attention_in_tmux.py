"""What needs a person, on a real terminal with the real engine: told, noticed with one key, taken back with another."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from system import Person
from terminals import Tmux


@pytest.fixture
def tmux(person: Person) -> Iterator[Tmux]:
    """A shell in the project's directory."""
    found = Tmux(person.project, person.environment, (80, 24))
    yield found
    found.close()


def state_of_alert(person: Person) -> str:
    """As the command tells it."""
    (alert,) = json.loads(person.skafos("alerts", "--json").stdout)
    return str(alert["state"])


def test_a_failure_is_told_with_its_use_of_the_machine_noticed_and_taken_back(person: Person, tmux: Tmux) -> None:
    person.job("Break", "import time\nkeep = bytearray(64 << 20)\ntime.sleep(3)\nraise SystemExit(3)\n")
    person.job("Report", "print('never')\n", after=["Break"])
    person.finished(person.start())
    tmux.skafos()
    screen = tmux.wait("✗ Break  EXIT 3")
    assert "stops Report   retries 0 of 0   no next run" in screen
    assert "mem max" in tmux.wait("4 cpu max")
    tmux.type("a")
    assert "EXIT 3" not in tmux.wait("no alerts, 1 acknowledged")
    assert state_of_alert(person) == "acknowledged"
    tmux.type("5")
    tmux.wait("▌5 no alerts")
    tmux.type("a")
    tmux.wait("✗ Break  EXIT 3")
    assert state_of_alert(person) == "firing"
    tmux.type("C-q")
    tmux.shell()
