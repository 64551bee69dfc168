"""Environments and code of the process runner: made once, shared, cancelled, made anew, dropped."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from runner_attempts import TOKEN, Attempts, archive_of
from runner_wheels import make_wheel

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.runners.base import BuildFailed, BuiltImage, CouldNotStart, ImageRequest
from skafos_tui.runners.process.runner import ProcessRunner
from skafos_tui.store.failpoints import VARIABLE, on_failpoint

MAIN = Segment(SegmentKind.SCRIPT, "main.py", "main.py")


class Workshop:
    """Builds with a package of the test's own, in a directory of the test's own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.runner = ProcessRunner(directory / "process")
        self.package = f"pk{uuid.uuid4().hex[:12]}"
        self.wheels = directory / "wheels"
        self.said: list[str] = []
        make_wheel(self.wheels, self.package)

    def request(
        self, files: dict[str, str] | None = None, requirements: str | None = None, base: str | None = None
    ) -> ImageRequest:
        archive, digest = archive_of(files or {"main.py": f"import {self.package}; print('has it')"}, self.directory)
        return ImageRequest(TOKEN, base, None if requirements is None else requirements.encode(), archive, digest)

    async def build(self, request: ImageRequest) -> BuiltImage:
        return await self.runner.build(request, self.said.append)

    def left(self, place: str) -> list[str]:
        """What lies in a place of the runner."""
        return sorted(path.name for path in (self.directory / "process" / place).iterdir())


@pytest.fixture
def kind() -> str:
    """These tests are about one runner."""
    return "process"


@pytest.fixture
async def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Workshop]:
    (tmp_path / "workshop").mkdir()
    made = Workshop(tmp_path / "workshop")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    yield made
    await made.runner.close()


async def run(workshop: Workshop, image: str, *segments: Segment) -> list[str]:
    """What an attempt of an image prints."""
    attempts = Attempts(workshop.runner, image, workshop.directory / uuid.uuid4().hex)
    ended = await attempts.run(attempts.spec(*segments, mounts=()))
    texts = await attempts.texts(ended.name)
    await attempts.remove_all()
    return [*texts, f"exit {ended.exit_code}"]


async def test_requirements_are_installed_once_and_told_line_by_line(workshop: Workshop) -> None:
    wanted = f"# the one\n{workshop.package}==1.0\n"
    built, same = await asyncio.gather(*(workshop.build(workshop.request(requirements=wanted)) for _ in range(2)))
    assert built == same and await workshop.runner.has_image(built.reference)
    assert f"{workshop.package}==1.0" in built.packages.splitlines()
    assert sum("Successfully installed" in line for line in workshop.said) == 2, "told to both, done once"
    assert await run(workshop, built.reference, MAIN) == ["has it", "exit 0"]
    workshop.said.clear()
    other_code = workshop.request({"main.py": "print('other')"}, wanted)
    again = await workshop.build(other_code)
    assert workshop.said == [] and again.packages == built.packages
    assert len([name for name in workshop.left("environments") if len(name) == 8]) == 1
    assert await run(workshop, again.reference, MAIN) == ["other", "exit 0"]
    # Another runner, as after a restart of the engine, finds what is there.
    second = ProcessRunner(workshop.directory / "process")
    assert await second.has_image(built.reference)
    assert (await second.build(other_code, workshop.said.append)) == again and workshop.said == []
    await second.close()


async def test_without_requirements_python_is_a_private_one_and_pip_touches_nothing(workshop: Workshop) -> None:
    built = await workshop.build(workshop.request({"main.py": f"import {workshop.package}"}))
    assert built.packages == ""
    where = Segment(SegmentKind.COMMAND, "python -c 'import sys; print(sys.prefix)' && command -v pip")
    prefix, pip, code = await run(workshop, built.reference, where)
    assert prefix.startswith(str(workshop.directory / "process")) and pip == f"{prefix}/bin/pip" and code == "exit 0"
    said = await run(workshop, built.reference, Segment(SegmentKind.COMMAND, f"pip install {workshop.package}"))
    assert "No module named pip" in said[0] and said[-1] == "exit 1"
    assert (await run(workshop, built.reference, MAIN))[-1] == "exit 1"


async def test_requirements_that_name_files_of_the_project_find_them(workshop: Workshop) -> None:
    files = {"main.py": f"import {workshop.package}; print('has it')", "more.txt": f"{workshop.package}\n"}
    built = await workshop.build(workshop.request(files, "-r more.txt\n"))
    assert f"{workshop.package}==1.0" in built.packages.splitlines()
    assert await run(workshop, built.reference, MAIN) == ["has it", "exit 0"]


async def test_a_requirement_that_can_not_be_had_fails_with_the_line_of_pip_that_says_so(workshop: Workshop) -> None:
    with pytest.raises(BuildFailed, match="pip install failed: No matching distribution found for nothing-such"):
        await workshop.build(workshop.request(requirements="nothing-such==9\n"))
    assert workshop.left("environments") == [] and workshop.left("images") == []


async def test_an_image_of_docker_is_told_to_be_ignored_once(workshop: Workshop) -> None:
    await workshop.build(workshop.request(base="python:3.8-slim"))
    assert len([line for line in workshop.said if "python:3.8-slim" in line and "without Docker" in line]) == 1


def pip_processes() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if "pip" in child.cmdline()]


async def test_cancelling_the_last_who_waits_ends_pip_and_leaves_nothing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://user:hush@127.0.0.1:{deaf.getsockname()[1]}/simple")
        request = workshop.request(requirements="nothing-such\n")
        first, second = (asyncio.create_task(workshop.build(request)) for _ in range(2))
        async with asyncio.timeout(20):
            while not any("Looking in" in line for line in workshop.said):  # noqa: ASYNC110  # pip's own doing
                await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.sleep(0.3)
        assert pip_processes() and not second.done()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        _, alive = await asyncio.to_thread(psutil.wait_procs, pip_processes(), 5)
        assert not alive
    await workshop.runner.close()
    assert workshop.left("environments") == []
    assert "hush" not in "\n".join(workshop.said)


BUILDER = """
import asyncio, pathlib, sys
from skafos_tui.runners.base import ImageRequest
from skafos_tui.runners.process.runner import ProcessRunner
from skafos_tui.store.failpoints import arm_from_environment

async def main():
    arm_from_environment()
    runner = ProcessRunner(pathlib.Path(sys.argv[1]))
    await runner.build(ImageRequest(sys.argv[2], None, None, pathlib.Path(sys.argv[3]), sys.argv[4]), print)

asyncio.run(main())
"""


async def test_what_a_killed_engine_left_half_made_is_made_anew(workshop: Workshop) -> None:
    request = workshop.request({"main.py": "print('made')"})
    arguments = [str(workshop.directory / "process"), TOKEN, str(request.code), request.code_digest]
    engine = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BUILDER, *arguments),
        env={**os.environ, VARIABLE: "process.publish.before"},
        stdout=subprocess.DEVNULL,
    )
    assert await engine.wait() == -signal.SIGKILL
    assert len(workshop.left("environments")) == 2, "an environment without its link, and whose it is"
    built = await workshop.build(request)
    assert await run(workshop, built.reference, MAIN) == ["made", "exit 0"]
    assert sorted(map(len, workshop.left("environments"))) == [8, 24]


async def test_a_dropped_image_is_gone_with_what_no_other_has_and_is_made_again(workshop: Workshop) -> None:
    first, second = workshop.request({"main.py": "print(1)"}), workshop.request({"main.py": "print(2)"})
    one, two = await workshop.build(first), await workshop.build(second)
    attempts = Attempts(workshop.runner, one.reference, workshop.directory / "running")
    spec = attempts.spec(Segment(SegmentKind.COMMAND, "sleep 60"), mounts=())
    await attempts.started(spec)
    await workshop.runner.drop_image(one.reference)
    assert await workshop.runner.has_image(one.reference), "an attempt of it runs"
    await attempts.remove_all()
    await workshop.runner.drop_image(one.reference)
    assert not await workshop.runner.has_image(one.reference) and await workshop.runner.has_image(two.reference)
    assert workshop.left("code") == [second.code_digest]
    with pytest.raises(CouldNotStart, match="gone"):
        await workshop.runner.create(attempts.spec(MAIN, mounts=()))
    await workshop.runner.drop_image(two.reference)
    await workshop.runner.drop_image("python:3.12-slim")
    assert [workshop.left(place) for place in ("code", "environments", "images", "making")] == [[], [], [], []]
    assert await workshop.build(first) == one
    assert await run(workshop, one.reference, MAIN) == ["1", "exit 0"]


async def test_building_passes_its_failpoints(workshop: Workshop) -> None:
    reached: list[str] = []
    on_failpoint(reached.append)
    try:
        await workshop.build(workshop.request())
    finally:
        on_failpoint(None)
    assert [name for name in reached if "build" in name] == ["process.build.before", "process.build.after"]
