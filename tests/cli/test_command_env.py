"""`env`: variables are listed, set and dropped; the value of a secret is never shown."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from cli_support import TOKEN, FakeEngine, Store, refusal

from skafos_tui.cli.main import main
from skafos_tui.store.projects import Variable, set_variable

VARIABLES = f"/v1/projects/{TOKEN}/variables"


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with a variable and a secret."""
    set_variable(store.connection, TOKEN, Variable("RATE", "0.1 of all", False))
    set_variable(store.connection, TOKEN, Variable("API_KEY", "hunter2hunter2", True))
    return store


def answering(engine: FakeEngine, key: str) -> None:
    """Let the engine take a project and a variable."""
    engine.answers[("POST", "/v1/projects")] = (200, {"project": TOKEN, "name": "wines"})
    engine.answers[("PUT", f"{VARIABLES}/{key}")] = (200, {})
    engine.answers[("DELETE", f"{VARIABLES}/{key}")] = (200, {})


def test_the_list_hides_secrets(filled: Store, capsys: Any) -> None:
    assert main(["env"]) == 0
    assert capsys.readouterr().out == "API_KEY=***\nRATE=0.1 of all\n"
    assert main(["env", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"key": "API_KEY", "value": None, "secret": True},
        {"key": "RATE", "value": "0.1 of all", "secret": False},
    ]


def test_one_value_is_printed_as_it_is_and_a_secret_never(filled: Store, capsys: Any) -> None:
    assert main(["env", "RATE"]) == 0
    assert capsys.readouterr().out == "0.1 of all\n"
    assert main(["env", "API_KEY"]) == 1
    captured = capsys.readouterr()
    assert "hunter2" not in captured.out + captured.err
    assert "is a secret" in captured.err
    assert main(["env", "API_KEY", "--json"]) == 0
    assert "hunter2" not in capsys.readouterr().out


def test_an_unknown_variable_says_which_there_are(filled: Store, capsys: Any) -> None:
    assert main(["env", "RATES"]) == 1
    assert "there is no variable RATES; there are API_KEY, RATE" in capsys.readouterr().err


def test_a_project_that_never_ran_has_none_and_can_get_one(directory: Path, engine: FakeEngine, capsys: Any) -> None:
    assert main(["env", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    answering(engine, "RATE")
    assert main(["env", "RATE", "--set", "a=b c"]) == 0
    assert engine.asked("POST", "/v1/projects") == [{"directory": str(directory), "runner": None}]
    assert engine.asked("PUT", f"{VARIABLES}/RATE") == [{"value": "a=b c", "secret": False}]


@pytest.mark.parametrize("arguments", [["env", "KEY", "--secret"], ["env", "--set", "KEY", "--secret"]])
def test_a_secret_is_read_from_a_pipe(
    directory: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, capsys: Any, arguments: list[str]
) -> None:
    answering(engine, "KEY")
    monkeypatch.setattr("sys.stdin", io.StringIO("two words\nand a line\n"))
    assert main(arguments) == 0
    assert engine.asked("PUT", f"{VARIABLES}/KEY") == [{"value": "two words\nand a line", "secret": True}]
    captured = capsys.readouterr()
    assert "two words" not in captured.out + captured.err


def test_a_secret_is_typed_unseen_on_a_terminal(
    directory: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    answering(engine, "KEY")
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: "typed")
    assert main(["env", "KEY", "--secret"]) == 0
    assert engine.asked("PUT", f"{VARIABLES}/KEY") == [{"value": "typed", "secret": True}]


def test_an_empty_pipe_is_no_secret(directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["env", "KEY", "--secret"]) == 2
    assert "no value was given" in capsys.readouterr().err


def test_a_variable_is_dropped_once(filled: Store, engine: FakeEngine, capsys: Any) -> None:
    answering(engine, "RATE")
    assert main(["env", "RATE", "--delete"]) == 0
    assert len(engine.asked("DELETE", f"{VARIABLES}/RATE")) == 1
    assert main(["env", "OTHER", "--delete"]) == 1
    assert "nothing to delete" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["1A", "--set", "x"], "no name of a variable"),
        (["A-B", "--set", "x"], "no name of a variable"),
        (["Ä", "--set", "x"], "no name of a variable"),
        (["A\n", "--set", "x"], "no name of a variable"),
        (["PROJECT_TOKEN", "--set", "x"], "set by Skafos itself"),
        (["SKAFOS_API", "--set", "x"], "set by Skafos itself"),
        (["TASK_ID", "--delete"], "set by Skafos itself"),
        (["A", "--set", "x\0y"], "NUL"),
        (["--set", "A"], "--set takes a value"),
        (["--delete"], "which variable?"),
        (["--secret"], "which variable?"),
    ],
)
def test_what_can_be_no_variable_is_refused_in_one_line(
    directory: Path, capsys: Any, arguments: list[str], words: str
) -> None:
    assert main(["env", *arguments]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


def test_what_the_engine_refuses_ends_with_its_words_and_code(directory: Path, engine: FakeEngine, capsys: Any) -> None:
    engine.answers[("POST", "/v1/projects")] = (503, refusal("unreachable", "Docker does not answer", 3))
    assert main(["env", "A", "--set", "x"]) == 3
    assert capsys.readouterr().err == "skafos: Docker does not answer\n"


def test_without_an_engine_setting_ends_with_code_3(directory: Path, capsys: Any) -> None:
    assert main(["env", "A", "--set", "x"]) == 3
    assert "the engine did not start" in capsys.readouterr().err
