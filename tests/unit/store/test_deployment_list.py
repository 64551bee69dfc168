"""The list of deployments: as much of it as is asked for, each with what made it and what it changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from skafos_tui.model.run import ActivationKind, ActivationState
from skafos_tui.store import activations, projects
from skafos_tui.store.database import connect, migrate
from skafos_tui.store.deployment_list import deployment_rows, what_changed

TOKEN = "06a16549a3e19a93faff2cc3"
JOB = "  - {{job_id: 20d19311-146b-4cd8-ac39-270515e6b77{0}, language: python, name: {0}, entrypoint: sleep 1}}\n"
CONFIG = f"project_token: {TOKEN}\nname: wine\njobs:\n{JOB.format(1)}"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A store with a project and nothing deployed."""
    migrate(tmp_path / "state.db")
    with closing(connect(tmp_path / "state.db")) as found:
        projects.save_project(found, projects.ProjectRow(TOKEN, "wine", str(tmp_path), "docker", 1.0))
        yield found


def deploy(connection: sqlite3.Connection, config: str = CONFIG, code: str = "c") -> int:
    """A deployment of this config; its own text is its digest."""
    return projects.insert_deployment(
        connection, project=TOKEN, config=config, config_digest=config, code_digest=code, missing={}, now=1.0
    )


def activate(connection: sqlite3.Connection, deployment: int, kind: ActivationKind, state: ActivationState) -> None:
    """Something asks for a deployment."""
    activations.insert_activation(
        connection,
        project=TOKEN,
        kind=kind,
        state=state,
        deployment=deployment,
        previous=None,
        request_id=f"{deployment}-{kind}",
        now=1.0,
    )


def test_only_what_is_asked_for_is_read_and_each_has_the_one_before(connection: sqlite3.Connection) -> None:
    for _ in range(5):
        deploy(connection)
    row = projects.get_project(connection, TOKEN)
    assert row is not None

    def numbers(limit: int, older_than: int | None = None) -> list[tuple[int, int | None]]:
        found = deployment_rows(connection, row, limit, older_than=older_than)
        return [(each.deployment.number, each.before.number if each.before else None) for each in found]

    assert numbers(2) == [(5, 4), (4, 3)]
    assert numbers(9, older_than=3) == [(2, 1), (1, None)]
    assert numbers(9, older_than=1) == []


def test_what_asked_first_has_made_it(connection: sqlite3.Connection) -> None:
    first, second, third = (deploy(connection) for _ in range(3))
    activate(connection, first, ActivationKind.DEPLOY, ActivationState.ACTIVE)
    activate(connection, second, ActivationKind.RELOAD, ActivationState.WAITING)
    activate(connection, first, ActivationKind.ROLLBACK, ActivationState.ACTIVE)
    projects.set_active(connection, TOKEN, first)
    row = projects.get_project(connection, TOKEN)
    assert row is not None
    found = {
        each.deployment.id: (each.made_by, each.active, each.waiting) for each in deployment_rows(connection, row, 9)
    }
    assert found == {
        first: ("deploy", True, False),
        second: ("reload", False, True),
        third: ("run", False, False),
    }


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        (CONFIG, "c", "nothing"),
        (CONFIG, "other", "code"),
        (CONFIG + "# more\n", "c", "comments"),
        (CONFIG + JOB.format(2), "c", "+1 job"),
        (CONFIG.replace("sleep 1", "sleep 2") + JOB.format(2) + JOB.format(3), "c", "+2 jobs, ~1 job"),
        ("jobs: [", "c", "config"),
    ],
)
def test_what_changed_is_a_word_or_two(connection: sqlite3.Connection, config: str, code: str, words: str) -> None:
    before, after = (
        projects.get_deployment(connection, deploy(connection, *each)) for each in ((CONFIG, "c"), (config, code))
    )
    assert before is not None and after is not None
    assert what_changed(before, after, 1000.0) == words
    assert what_changed(None, after, 1000.0) == "the first one"
