"""`projects`: listed, adopted after a move, told apart as copies, forgotten only on purpose."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from cli_support import BEGAN, CONFIG, TOKEN, FakeEngine, Store

from skafos_tui.cli.main import main
from skafos_tui.model.run import RunState
from skafos_tui.store import projects, schedules


def test_no_projects_is_an_empty_list(capsys: Any) -> None:
    assert main(["projects", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["projects"]) == 0
    assert "no projects yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["projects", "--json"], ["projects", "list", "--json"], ["projects", "--json", "list"]]
)
def test_projects_are_listed_with_their_newest_run(
    store: Store, directory: Path, capsys: Any, arguments: list[str]
) -> None:
    run = store.add_run(state=RunState.SUCCEEDED)
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "token": TOKEN,
            "name": "wines",
            "directory": str(directory),
            "runner": "docker",
            "created_at": "2026-09-21T14:13:20.000Z",
            "deployment": None,
            "paused_at": None,
            "problem": "",
            "run": run,
            "state": "succeeded",
        }
    ]


def test_the_active_deployment_is_listed_and_whether_it_stands_still(store: Store, capsys: Any) -> None:
    store.add_activation(store.add_deployment())

    def row() -> str:
        assert main(["projects"]) == 0
        found: str = capsys.readouterr().out.splitlines()[1]
        return found

    assert row().split()[:4] == ["wines", TOKEN, "docker", "2"]
    schedules.pause(store.connection, TOKEN, None, BEGAN)
    assert " 2 (paused) " in row()
    projects.set_problem(store.connection, TOKEN, "the directory is gone")
    assert " 2 (stands still) " in row()
    assert main(["projects", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["deployment"] == 2
    assert found["paused_at"] == "2026-09-21T14:13:20.000Z"
    assert found["problem"] == "the directory is gone"


def test_the_table_says_which_directory_is_gone(store: Store, tmp_path: Path, capsys: Any) -> None:
    store.add_project("f" * 24, "old", tmp_path / "nowhere")
    main(["projects"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith(" (gone)") for line in lines if line.startswith("old")] == [True]
    assert [line.endswith(" (gone)") for line in lines if line.startswith("wines")] == [False]


def test_adopting_binds_the_token_to_this_directory(directory: Path, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[("POST", "/v1/projects/adopt")] = (200, {"project": TOKEN, "was": "/old/place"})
    assert main(["projects", "adopt"]) == 0
    assert engine.asked("POST", "/v1/projects/adopt") == [{"directory": str(directory)}]
    assert "it was /old/place" in capsys.readouterr().out


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_a_copy_gets_a_new_token_and_no_other_byte_changes(directory: Path, quote: str, capsys: Any) -> None:
    config = directory / "metis.config.yml"
    before = f"\ufeff# mine é {TOKEN}\r\n" + CONFIG.replace(TOKEN, f"{quote}{TOKEN}{quote}  # keep").replace(
        "\n", "\r\n"
    )
    config.write_bytes(before.encode())
    assert main(["projects", "adopt", "--new-token"]) == 0
    token = capsys.readouterr().out.split()[-1]
    assert len(token) == 24
    assert token != TOKEN
    head, _, rest = before.partition(f"project_token: {quote}{TOKEN}")
    assert config.read_bytes().decode() == f"{head}project_token: {quote}{token}{rest}"


def test_a_config_without_token_names_the_fix(directory: Path, capsys: Any) -> None:
    (directory / "metis.config.yml").write_text("name: x\njobs: []\n")
    assert main(["projects", "adopt", "--new-token"]) == 2
    assert "skafos validate --fix" in capsys.readouterr().err
    (directory / "metis.config.yml").write_text("name: [\n")
    assert main(["projects", "adopt", "--new-token"]) == 2
    assert "skafos validate" in capsys.readouterr().err


def test_forgetting_takes_a_yes(store: Store, engine: FakeEngine, monkeypatch: Any, capsys: Any) -> None:
    engine.answers[("DELETE", f"/v1/projects/{TOKEN}")] = (200, {})
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["projects", "forget"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert engine.asked("DELETE", f"/v1/projects/{TOKEN}") == []
    assert main(["projects", "forget", "--yes"]) == 0
    assert len(engine.asked("DELETE", f"/v1/projects/{TOKEN}")) == 1


@pytest.mark.parametrize(("typed", "code", "asked"), [("y\n", 0, 1), ("n\n", 1, 0), ("", 1, 0)])
def test_on_a_terminal_it_is_asked(
    store: Store, engine: FakeEngine, monkeypatch: Any, typed: str, code: int, asked: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    engine.answers[("DELETE", f"/v1/projects/{TOKEN}")] = (200, {})
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert main(["projects", "forget", "wines"]) == code
    assert len(engine.asked("DELETE", f"/v1/projects/{TOKEN}")) == asked


def test_a_project_with_an_unfinished_run_is_not_forgotten(store: Store, engine: FakeEngine, capsys: Any) -> None:
    run = store.add_run()
    assert main(["projects", "forget", TOKEN, "--yes"]) == 1
    assert f"skafos kill {run}" in capsys.readouterr().err


def test_forgetting_what_is_not_known_says_what_is(store: Store, capsys: Any) -> None:
    assert main(["projects", "forget", "wine", "--yes"]) == 2
    assert "there is no project `wine`; there are wines" in capsys.readouterr().err
