"""Shells in containers: in one that runs, in an ended one made again; the terminal is as before, nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from runner_attempts import Attempts
from terminals import Pty

from skafos_tui.runners.base import (
    DEBUG_PREFIX,
    LABEL_DEBUG,
    AttemptSpec,
    CouldNotStart,
    Door,
    Mount,
    RunnerError,
)
from skafos_tui.runners.docker import doors
from skafos_tui.runners.docker.client import DockerClient
from skafos_tui.runners.docker.runner import DockerRunner
from skafos_tui.runners.shells import prompt_of

pytestmark = pytest.mark.docker
WAITS = "import time; print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def runner_of(attempts: Attempts) -> DockerRunner:
    assert isinstance(attempts.runner, DockerRunner)
    return attempts.runner


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[Pty]]:
    """The terminals of a test, closed at its end."""
    found: list[Pty] = []
    yield found
    for terminal in found:
        terminal.close()


@pytest.fixture
async def again(attempts: Attempts, runner_of: DockerRunner) -> AsyncIterator[AttemptSpec]:
    """What an ended attempt ran in, for a debug shell."""
    ended = attempts.python("print('over')", environment={"COLOUR": "red"})
    await attempts.run(ended)
    mounts = (*ended.mounts, Mount(attempts.project, "/data"))
    spec = AttemptSpec(
        name=f"{DEBUG_PREFIX}{ended.name}",
        labels=ended.labels,
        image=ended.image,
        segments=ended.segments,
        environment=ended.environment,
        mounts=mounts,
        cpu=0.5,
        memory=200 << 20,
        network="none",
    )
    yield spec
    await runner_of.end_debug(spec.name)


def on_pty(door: Door, directory: Path, opened: list[Pty]) -> Pty:
    """The door's program on a terminal of its own."""
    environment = {**os.environ, **door.environment, "TERM": "xterm"}
    terminal = Pty(door.argv, environment, directory=directory, size=(91, 23))
    opened.append(terminal)
    return terminal


async def wait(terminal: Pty, text: str) -> None:
    await asyncio.to_thread(terminal.wait, text)


async def until_gone(client: DockerClient, name: str) -> None:
    """Docker removes the container by itself."""
    for _ in range(200):
        if not client.call("list", lambda docker: docker.containers(all=True, filters={"name": name})):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{name} is still there")


async def test_a_shell_is_where_the_job_runs_with_its_environment_and_the_terminals_size(
    attempts: Attempts, runner_of: DockerRunner, opened: list[Pty], tmp_path: Path
) -> None:
    name = await attempts.started(attempts.python(WAITS, environment={"COLOUR": "red"}))
    await attempts.printed(name, "ready")
    terminal = on_pty(await runner_of.shell(name, prompt_of("Train #1 run 7 attempt 1")), tmp_path, opened)
    await wait(terminal, "[Train #1 run 7 attempt 1] /project$ ")
    terminal.type("echo $COLOUR-$(stty size)-$(id -u)\n")
    await wait(terminal, f"red-23 91-{os.geteuid()}")
    terminal.type("exit 7\n")
    assert await asyncio.to_thread(terminal.end) == 7
    assert terminal.attributes() == terminal.attributes_before


async def test_a_shell_ends_with_its_container_and_the_terminal_is_as_before(
    attempts: Attempts, runner_of: DockerRunner, opened: list[Pty], tmp_path: Path
) -> None:
    name = await attempts.started(attempts.python(WAITS))
    terminal = on_pty(await runner_of.shell(name, "here$ "), tmp_path, opened)
    await wait(terminal, "here$ ")
    await runner_of.signal(name, "SIGKILL")
    assert await asyncio.to_thread(terminal.end) == 0
    await wait(terminal, "the container has ended, and the shell with it")
    assert terminal.attributes() == terminal.attributes_before


async def test_a_terminal_that_goes_leaves_no_shell_in_the_container(
    attempts: Attempts, runner_of: DockerRunner, opened: list[Pty], tmp_path: Path
) -> None:
    name = await attempts.started(attempts.python(WAITS))
    terminal = on_pty(await runner_of.shell(name, "here$ "), tmp_path, opened)
    await wait(terminal, "here$ ")
    before = await runner_of.look(name)
    assert before is not None and any("bash --norc" in row[-1] for row in before.processes)
    terminal.process.send_signal(signal.SIGHUP)
    await asyncio.to_thread(terminal.end)
    for _ in range(100):
        after = await runner_of.look(name)
        assert after is not None
        if not any("bash --norc" in row[-1] for row in after.processes):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the shell is still there")


async def test_a_daemon_behind_tcp_has_shells_too(
    attempts: Attempts, runner_of: DockerRunner, opened: list[Pty], tmp_path: Path
) -> None:
    name = await attempts.started(attempts.python(WAITS))
    door = await runner_of.shell(name, "here$ ")
    path = DockerClient().address.path

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        daemon_reader, daemon_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(carry(reader, daemon_writer), carry(daemon_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        far = Door(door.argv, {**door.environment, "DOCKER_HOST": f"tcp://127.0.0.1:{port}"})
        terminal = on_pty(far, tmp_path, opened)
        await wait(terminal, "here$ ")
        terminal.type("echo $((6 * 7)); exit 5\n")
        await wait(terminal, "42")
        assert await asyncio.to_thread(terminal.end) == 5
    finally:
        server.close()


async def test_what_does_not_run_has_no_shell(attempts: Attempts, runner_of: DockerRunner) -> None:
    spec = attempts.python("pass")
    await attempts.run(spec)
    with pytest.raises(RunnerError, match="does not run"):
        await runner_of.shell(spec.name, "x")


async def test_a_debug_shell_has_the_image_environment_mounts_and_limits_of_the_ended_attempt(
    attempts: Attempts, runner_of: DockerRunner, again: AttemptSpec, opened: list[Pty], tmp_path: Path
) -> None:
    client = DockerClient()
    door = await runner_of.debug_shell(again, "debug$ ")
    terminal = on_pty(door, tmp_path, opened)
    await wait(terminal, "debug$ ")
    found = client.call("inspect", lambda docker: docker.inspect_container(again.name))
    assert found["HostConfig"]["Memory"] == 200 << 20 and found["HostConfig"]["CapDrop"] == ["ALL"]
    assert found["Config"]["Labels"][LABEL_DEBUG] == attempts.engine
    assert again.name not in await runner_of.list_attempts(attempts.engine), "it is no attempt"
    terminal.type("echo $COLOUR-$PWD; ls /data; python -c 'print(6*7)'\n")
    await wait(terminal, "red-/project")
    await wait(terminal, "42")
    with pytest.raises(CouldNotStart, match="open there already"):
        await runner_of.debug_shell(again, "other$ ")
    terminal.type("exit\n")
    assert await asyncio.to_thread(terminal.end) == 0
    await until_gone(client, again.name)
    assert terminal.attributes() == terminal.attributes_before
    client.close()


async def test_a_debug_shells_container_is_gone_even_where_its_program_is_killed(
    runner_of: DockerRunner, again: AttemptSpec, opened: list[Pty], tmp_path: Path
) -> None:
    client = DockerClient()
    terminal = on_pty(await runner_of.debug_shell(again, "debug$ "), tmp_path, opened)
    await wait(terminal, "debug$ ")
    terminal.process.send_signal(signal.SIGKILL)
    await until_gone(client, again.name)
    client.close()


async def test_what_was_never_opened_makes_way_and_can_be_removed(runner_of: DockerRunner, again: AttemptSpec) -> None:
    await runner_of.debug_shell(again, "debug$ ")
    await runner_of.debug_shell(again, "debug$ ")
    await runner_of.end_debug(again.name)
    await runner_of.end_debug(again.name)
    assert await runner_of.look(again.name) is None


async def test_what_nobody_opened_goes_with_the_next_shell(
    runner_of: DockerRunner, again: AttemptSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(again, name=f"{again.name}-other")
    await runner_of.debug_shell(other, "debug$ ")
    await runner_of.debug_shell(again, "debug$ ")
    assert await runner_of.look(other.name) is not None, "it is new: somebody is about to open it"
    monkeypatch.setattr(doors, "OPENING_S", -2.0)
    await runner_of.debug_shell(again, "debug$ ")
    assert await runner_of.look(other.name) is None


async def test_a_daemon_that_does_not_answer_is_one_line(opened: list[Pty], tmp_path: Path) -> None:
    words = (sys.executable, "-m", "skafos_tui.runners.docker.shell", "nothing")
    terminal = on_pty(Door(words, {"DOCKER_HOST": f"unix://{tmp_path}/no.sock"}), tmp_path, opened)
    assert await asyncio.to_thread(terminal.end) == 3
    await wait(terminal, "skafos: Docker does not answer at")
