"""A log that Docker rotated away while nobody read it (SPEC 8): what is missing shows as a gap."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from skafos_tui.runners.base import Runner
from skafos_tui.store.logs.format import GAP_PREFIX
from skafos_tui.store.logs.writer import LogWriter

pytestmark = pytest.mark.docker
PRINTER = (
    "import sys, time\n"
    "print('first line', flush=True)\n"
    "time.sleep(3)\n"
    "for n in range(200_000): print('line', n, 'x' * 40)\n"
)


@pytest.fixture
def container(base_image: str) -> Iterator[str]:
    """A container with a log so small that it rotates, which ours never are."""
    name = f"skafos-test-rotation-{uuid.uuid4().hex[:8]}"
    options = ["--log-driver", "json-file", "--log-opt", "max-size=1m", "--log-opt", "max-file=2", "--network", "none"]
    subprocess.run(["docker", "run", "-d", "--name", name, *options, base_image, "python", "-c", PRINTER], check=True)
    yield name
    subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)


async def read(runner: Runner, name: str, path: Path) -> list[bytes]:
    def take() -> list[bytes]:
        writer = LogWriter(path)
        since = writer.resume_point().since
        writer.begin_resume()
        runner.read_logs(name, since=since, follow=False, sink=writer.append, stop=threading.Event())
        writer.close()
        return [line.split(b" ", 3)[3] for line in path.read_bytes().splitlines()]

    return await asyncio.to_thread(take)


async def test_lines_rotated_away_leave_a_visible_gap(runner: Runner, container: str, tmp_path: Path) -> None:
    path = tmp_path / "attempt.log"
    await asyncio.sleep(1)
    assert await read(runner, container, path) == [b"first line"]
    await asyncio.to_thread(subprocess.run, ["docker", "wait", container], check=True, capture_output=True)
    lines = await read(runner, container, path)
    assert lines[0] == b"first line"
    assert lines[1].startswith(GAP_PREFIX)
    numbers = [int(line.split()[1]) for line in lines[2:]]
    assert numbers == list(range(numbers[0], 200_000))
    assert numbers[0] > 0
