"""Attempts as tests of runners make them: named, run, read, removed again."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import tarfile
import threading
import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.runners.base import LABEL_ENGINE, AttemptSpec, Mount, Observation, Phase, Runner

TOKEN = "06a16549a3e19a93faff2cc3"
LIMIT_S = 30.0
_numbers = itertools.count()


def archive_of(files: dict[str, str], directory: Path) -> tuple[Path, str]:
    """The code archive of these files, and its digest."""
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
    path = directory / f"{digest}.tar.gz"
    with tarfile.open(path, "w:gz") as out:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o644
            out.addfile(entry, BytesIO(text.encode()))
    return path, digest


class Attempts:
    """Makes attempts of one engine on a runner, and waits for what becomes of them."""

    def __init__(self, runner: Runner, image: str, directory: Path) -> None:
        self.runner = runner
        self.image = image
        self.engine = f"test-{os.getpid()}-{next(_numbers)}"
        self.project = directory / "project"
        self.project.mkdir(parents=True)
        self.place = "/project" if runner.kind == "docker" else str(self.project)
        """Where an attempt finds the project."""
        self._names: list[str] = []

    def spec(self, *segments: Segment, memory: int = 256 << 20, **changes: object) -> AttemptSpec:
        """An attempt of the given segments, with the test's project mounted at /project."""
        name = f"skafos-{self.engine}-{next(_numbers)}"
        self._names.append(name)
        given: Mapping[str, object] = {
            "labels": {LABEL_ENGINE: self.engine},
            "image": self.image,
            "environment": {"PYTHONUNBUFFERED": "1"},
            "mounts": (Mount(self.project, "/project"),),
            "cpu": 1.0,
            "network": "none",
            **changes,
        }
        return AttemptSpec(name=name, segments=segments, memory=memory, **given)  # type: ignore[arg-type]

    def script(self, path: str, code: str, arguments: Sequence[str] = ()) -> Segment:
        """A segment that runs a new script of the project."""
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
        return Segment(SegmentKind.SCRIPT, path, path, tuple(arguments))

    def python(self, code: str, **changes: object) -> AttemptSpec:
        """An attempt that runs this Python code."""
        return self.spec(self.script(f"script{next(_numbers)}.py", code), **changes)  # type: ignore[arg-type]

    async def started(self, spec: AttemptSpec) -> str:
        """Create and start; the name."""
        await self.runner.create(spec)
        await self.runner.start(spec.name)
        return spec.name

    async def ended(self, name: str) -> Observation:
        """The attempt once it has ended."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            found = await self.runner.inspect(name)
            assert found is not None
            if found.phase is Phase.ENDED:
                return found
            await asyncio.sleep(0.03)
        raise AssertionError(f"{name} has not ended in {LIMIT_S} s")

    async def run(self, spec: AttemptSpec) -> Observation:
        """Create, start, wait for the end."""
        return await self.ended(await self.started(spec))

    async def read(self, name: str, *, since: str | None = None, follow: bool = False) -> list[bytes]:
        """The lines of the log, as `read_logs` hands them on."""
        batches: list[bytes] = []
        await asyncio.to_thread(
            self.runner.read_logs, name, since=since, follow=follow, sink=batches.append, stop=threading.Event()
        )
        return b"".join(batches).split(b"\n")[:-1]

    async def texts(self, name: str) -> list[str]:
        """The texts of the log's lines, without times and streams."""
        return [line.split(b" ", 3)[3].decode() for line in await self.read(name)]

    async def printed(self, name: str, text: str) -> None:
        """Wait until the log has this line."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            if text in await self.texts(name):
                return
            await asyncio.sleep(0.03)
        raise AssertionError(f"{name} has not printed {text!r} in {LIMIT_S} s")

    async def remove_all(self) -> None:
        """Remove every attempt that was made."""
        for name in self._names:
            await self.runner.remove(name)
