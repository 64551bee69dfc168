"""The Docker runner: `base.Runner` over containers, images, logs and events of one daemon."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Mapping

from skafos_tui.runners.base import (
    AttemptSpec,
    BuiltImage,
    Door,
    ImageRequest,
    LogSink,
    Look,
    Observation,
    Phase,
    Progress,
    RunnerEvent,
    RunnerInfo,
    StatsSink,
)
from skafos_tui.runners.checks import Check
from skafos_tui.runners.docker import bootstrap, doctor, doors, events, images, stats, streams
from skafos_tui.runners.docker.builds import Builds
from skafos_tui.runners.docker.client import Address, DockerClient
from skafos_tui.runners.docker.containers import Containers
from skafos_tui.runners.docker.host import host_of, runner_info


class DockerRunner:
    """Attempts as containers. Connects at the first call, so that it can be made while Docker is away."""

    kind = "docker"

    def __init__(self, address: Address | None = None) -> None:
        """Use the daemon at `address`, else the one of `client.find_address`."""
        self._client = DockerClient(address)
        self._containers = Containers(self._client)
        self._builds = Builds(self._client)

    async def info(self) -> RunnerInfo:
        """What this runner is and how much it may hand out."""
        host = await self._client.run(lambda: host_of(self._client, fresh=True))
        return runner_info(host, self._client.address.url)

    async def build(self, request: ImageRequest, progress: Progress) -> BuiltImage:
        """Make the image, or find it; see `Builds.build`."""
        return await self._builds.build(request, progress)

    async def has_image(self, reference: str) -> bool:
        """Whether the image is there."""
        return await self._client.run(lambda: images.inspect_image(self._client, reference)) is not None

    async def drop_image(self, reference: str) -> None:
        """Remove an image that nothing will be created from; nothing happens where it is in use or gone."""
        await self._client.run(lambda: images.drop_image(self._client, reference))

    async def create(self, spec: AttemptSpec) -> None:
        """Create or adopt the container; see `Containers.create`."""
        await self._client.run(lambda: self._containers.create(spec))

    async def start(self, name: str) -> None:
        """Start the container if it never was; see `Containers.start`."""
        await self._client.run(lambda: self._containers.start(name))

    async def inspect(self, name: str) -> Observation | None:
        """The attempt as it is; None where there is none."""
        return await self._client.run(lambda: self._containers.inspect(name))

    async def list_attempts(self, engine: str) -> Mapping[str, Phase]:
        """All attempts with this engine's label, by name."""
        return await self._client.run(lambda: self._containers.list_attempts(engine))

    async def signal(self, name: str, signal: str) -> None:
        """Send a signal to the user's own process; nothing happens where it has ended."""
        await self._client.run(lambda: self._containers.signal(name, signal))

    async def remove(self, name: str) -> None:
        """Remove the container; nothing happens where there is none."""
        await self._client.run(lambda: self._containers.remove(name))

    def events(self, engine: str) -> AsyncIterator[RunnerEvent]:
        """Hints as they come, a `connected` first; see `events.watch`."""
        return events.watch(self._client, engine)

    def read_logs(self, name: str, *, since: str | None, follow: bool, sink: LogSink, stop: threading.Event) -> None:
        """Hand the attempt's log to `sink`, on this thread; see `streams.read_logs`."""
        streams.read_logs(self._client, name, since=since, follow=follow, sink=sink, stop=stop)

    def read_stats(self, name: str, sink: StatsSink, stop: threading.Event) -> None:
        """Hand a sample every second to `sink`, on this thread; see `stats.read_stats`."""
        stats.read_stats(self._client, name, sink, stop)

    async def shell(self, name: str, prompt: str) -> Door:
        """The way into a container that runs; see `doors.shell`."""
        return await self._client.run(lambda: doors.shell(self._client, name, prompt))

    async def debug_shell(self, spec: AttemptSpec, prompt: str) -> Door:
        """An ended attempt's container again, without its job; see `doors.debug_shell`."""
        return await self._client.run(lambda: doors.debug_shell(self._client, spec, prompt))

    async def end_debug(self, name: str) -> None:
        """Remove the container of a debug shell; nothing happens where there is none."""
        await self._client.run(lambda: doors.end_debug(self._client, name))

    async def look(self, name: str) -> Look | None:
        """Docker's inspect and the processes; None where there is no container."""
        return await self._client.run(lambda: doors.look(self._client, name))

    async def bootstrap(self, progress: Progress) -> str:
        """Make the base image from this machine's packages; see `bootstrap.bootstrap`."""
        return await self._client.run(lambda: bootstrap.bootstrap(progress, self._client))

    async def doctor(self) -> list[Check]:
        """What is missing of Docker; see `doctor.checks`."""
        return await self._client.run(lambda: doctor.checks(self._client))

    async def close(self) -> None:
        """End all connections, builds and threads."""
        await self._builds.close()
        self._client.close()
