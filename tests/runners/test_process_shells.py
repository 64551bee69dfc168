"""Shells in local attempts: the environment and the directory of the job, made again after its end, cleared away."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from runner_attempts import Attempts

from skafos_tui.runners.base import DEBUG_PREFIX, LABEL_ENGINE, AttemptSpec, CouldNotStart, Door, RunnerError
from skafos_tui.runners.process.runner import ProcessRunner
from skafos_tui.runners.process.shell import shell_environment
from skafos_tui.runners.shells import prompt_of

WAITS = "import time; print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def kind() -> str:
    """These tests are about one runner."""
    return "process"


def runner_of(attempts: Attempts) -> ProcessRunner:
    assert isinstance(attempts.runner, ProcessRunner)
    return attempts.runner


def debug_of(spec: AttemptSpec) -> AttemptSpec:
    return replace(spec, name=f"{DEBUG_PREFIX}{spec.name}", mounts=())


async def typed(door: Door, script: str) -> str:
    """What a shell prints that is given this instead of a person."""
    process = await asyncio.create_subprocess_exec(
        *door.argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **door.environment, "TERM": "vt100"},
    )
    printed, _ = await process.communicate(script.encode())
    return printed.decode()


async def test_a_shell_has_the_jobs_environment_and_directory(attempts: Attempts) -> None:
    name = await attempts.started(attempts.python(WAITS, environment={"COLOUR": "red"}))
    await attempts.printed(name, "ready")
    door = await runner_of(attempts).shell(name, prompt_of("x"))
    printed = await typed(door, 'echo "$COLOUR $TERM $PWD"; command -v python; env\n')
    assert f"red vt100 {attempts.project}" in printed
    assert "/environments/" in printed, "its virtual environment is first on the path"
    assert "SKAFOS_TELL_FD" not in printed and "SSH_" not in printed


async def test_what_does_not_run_has_no_shell(attempts: Attempts) -> None:
    spec = attempts.python("pass")
    await attempts.run(spec)
    with pytest.raises(RunnerError, match="does not run"):
        await runner_of(attempts).shell(spec.name, "x")


async def test_a_debug_shell_has_the_code_again_and_is_no_attempt(attempts: Attempts) -> None:
    spec = attempts.python("pass", environment={"COLOUR": "red"})
    await attempts.run(spec)
    runner, again = runner_of(attempts), debug_of(spec)
    door = await runner.debug_shell(again, "x")
    try:
        printed = await typed(door, 'echo "$COLOUR"; cat main.py\n')
        assert printed.splitlines() == ["red", "print('main')"]
        assert spec.labels[LABEL_ENGINE] == attempts.engine
        assert again.name not in await runner.list_attempts(attempts.engine)
    finally:
        await runner.end_debug(again.name)
    assert await runner.look(again.name) is None
    await runner.end_debug(again.name)


async def test_one_that_is_open_is_not_taken_away_and_one_that_was_left_is(attempts: Attempts, tmp_path: Path) -> None:
    spec = attempts.python("pass")
    await attempts.run(spec)
    runner, again = runner_of(attempts), debug_of(spec)
    door = await runner.debug_shell(again, "x")
    open_one = await asyncio.create_subprocess_exec(
        *door.argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert open_one.stdin is not None and open_one.stdout is not None
    open_one.stdin.write(b"echo here\n")
    assert await open_one.stdout.readline() == b"here\n"
    with pytest.raises(CouldNotStart, match="open there already"):
        await runner.debug_shell(again, "x")
    open_one.stdin.close()
    await open_one.wait()
    await runner.debug_shell(again, "x")
    await runner.end_debug(again.name)


async def test_a_look_has_the_attempts_words_and_its_processes(attempts: Attempts) -> None:
    name = await attempts.started(attempts.python(WAITS))
    await attempts.printed(name, "ready")
    found = await runner_of(attempts).look(name)
    assert found is not None and found.inspect["spec"]["name"] == name
    assert found.processes[0] == ("PID", "RSS", "COMMAND")
    assert any("script" in row[2] for row in found.processes[1:])
    assert await runner_of(attempts).look("skafos-nothing") is None


@pytest.mark.parametrize(
    ("words", "prompt"),
    [
        ("Train #1 run 7", "[Train #1 run 7] $PWD$ "),
        ("$(reboot) `id` \\u\x1b[2J", "[reboot id u2J] $PWD$ "),
        ("Größe", "[Größe] $PWD$ "),
    ],
)
def test_a_prompt_holds_nothing_that_a_shell_would_run(words: str, prompt: str) -> None:
    assert prompt_of(words) == prompt


def test_of_the_terminals_environment_only_what_it_can_do_is_taken() -> None:
    spec = {"environment": {"PATH": "/venv/bin", "TERM": "dumb"}}
    found = shell_environment(spec, "$ ", {"TERM": "xterm", "PATH": "/bin", "SECRET": "x"})
    assert found == {"PATH": "/venv/bin", "TERM": "xterm", "PS1": "$ "}
