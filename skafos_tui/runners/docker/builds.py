"""Builds that several may wait for: one of a kind at a time, ended only when nobody waits any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from skafos_tui.runners.base import BaseImageMissing, BuiltImage, ImageRequest, Progress
from skafos_tui.runners.docker import images, requirements
from skafos_tui.runners.docker.building import clean_builds
from skafos_tui.runners.docker.client import DockerClient
from skafos_tui.runners.docker.containers import own_user
from skafos_tui.runners.docker.host import host_of
from skafos_tui.runners.docker.pip_settings import read_settings

T = TypeVar("T")

BUILD_THREADS = 4
"""More builds than these wait; they share one network and one disk."""
Work = Callable[[Progress, threading.Event], T]


@dataclass(slots=True)
class _Build:
    """One build under way: who listens, what was told so far, and how to end it."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    listeners: list[Progress] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    task: asyncio.Task[Any] | None = None

    def tell(self, line: str) -> None:
        with self.lock:
            self.told.append(line)
            for listener in self.listeners:
                listener(line)

    def join(self, listener: Progress) -> None:
        with self.lock:
            for line in self.told:
                listener(line)
            self.listeners.append(listener)

    def leave(self, listener: Progress) -> bool:
        """Whether that was the last one."""
        with self.lock:
            self.listeners.remove(listener)
            return not self.listeners


class Builds:
    """Makes images for requests; all methods on one event loop."""

    def __init__(self, client: DockerClient) -> None:
        self._client = client
        self._pool = ThreadPoolExecutor(BUILD_THREADS, thread_name_prefix="docker-build")
        self._builds: dict[str, _Build] = {}
        self._cleaned = False

    async def build(self, request: ImageRequest, progress: Progress) -> BuiltImage:
        """The image for a request, found or made. Raises BuildFailed, BaseImageMissing, RunnerUnreachable."""
        client = self._client
        if not self._cleaned:
            await client.run(lambda: clean_builds(client))
            self._cleaned = True
        base = await self._base(request.base, progress)
        parent, packages = await self._dependencies(request, base, progress)
        host = await client.run(lambda: host_of(client))
        user = (0, 0) if host.rootless else own_user()
        layer = images.code_layer(request.project, parent, request.code_digest, user)
        if await client.run(lambda: images.inspect_image(client, layer.tag)) is None:
            await self._shared(
                layer.tag, progress, lambda tell, stop: images.add_code(client, layer, request.code, user)
            )
        return BuiltImage(layer.tag, packages)

    async def _base(self, wanted: str | None, progress: Progress) -> images.Base:
        client = self._client
        found = await client.run(lambda: images.present_base(client, wanted))
        if found is not None:
            return found
        return await self._shared(
            f"pull {wanted}", progress, lambda tell, stop: images.pull_base(client, wanted, tell, stop)
        )

    async def _dependencies(self, request: ImageRequest, base: images.Base, progress: Progress) -> tuple[str, str]:
        """The image to put the code on, and its list of packages."""
        client = self._client
        wanted = requirements.normalise(request.requirements)
        if not wanted:
            return base.id, ""
        settings = await client.run(read_settings)
        layer = images.dependencies_layer(base, wanted, settings, request.code_digest)
        found = await client.run(lambda: images.inspect_image(client, layer.tag))
        if found is None:
            code = request.code if requirements.needs_code(wanted) else None
            progress(f"installing requirements.txt on {base.reference}")
            await self._shared(
                layer.tag,
                progress,
                lambda tell, stop: images.install(client, layer, wanted, code, settings, tell, stop),
            )
            found = await client.run(lambda: images.inspect_image(client, layer.tag))
        if found is None:
            raise BaseImageMissing(f"the image {layer.tag} was removed while it was used; run again")
        return str(found["Id"]), images.packages_of(found)

    async def _shared(self, key: str, progress: Progress, work: Work[T]) -> T:
        """The result of `work`, done once for all who ask for `key` meanwhile; cancelled with the last of them."""
        build = self._builds.get(key)
        if build is None or build.cancelled.is_set():
            build = self._builds[key] = _Build()
            build.task = asyncio.create_task(self._work(key, build, work))
        build.join(progress)
        assert build.task is not None
        try:
            result: T = await asyncio.shield(build.task)
            return result
        finally:
            if build.leave(progress) and not build.task.done():
                build.cancelled.set()
                # Its end is of no interest to anyone, but it must be looked at.
                build.task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _work(self, key: str, build: _Build, work: Work[T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, lambda: work(build.tell, build.cancelled))
        finally:
            if self._builds.get(key) is build:
                del self._builds[key]

    async def close(self) -> None:
        """End all builds."""
        builds = list(self._builds.values())
        for build in builds:
            build.cancelled.set()
        await asyncio.gather(*(build.task for build in builds if build.task is not None), return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)
