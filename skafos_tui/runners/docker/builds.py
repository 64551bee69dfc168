"""Images for requests: each layer found, or made once for all who wait for it."""

from __future__ import annotations

from skafos_tui.runners import requirements
from skafos_tui.runners.base import BaseImageMissing, BuiltImage, ImageRequest, Progress
from skafos_tui.runners.docker import images
from skafos_tui.runners.docker.building import clean_builds
from skafos_tui.runners.docker.client import DockerClient
from skafos_tui.runners.docker.containers import own_user
from skafos_tui.runners.docker.host import host_of
from skafos_tui.runners.pip_settings import read_settings
from skafos_tui.runners.sharing import SharedBuilds

BUILD_THREADS = 4
"""More builds than these wait; they share one network and one disk."""


class Builds:
    """Makes images for requests; all methods on one event loop."""

    def __init__(self, client: DockerClient) -> None:
        self._client = client
        self._builds = SharedBuilds(BUILD_THREADS, "docker-build")
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
            await self._builds.do(
                layer.tag, progress, lambda tell, stop: images.add_code(client, layer, request.code, user)
            )
        return BuiltImage(layer.tag, packages)

    async def _base(self, wanted: str | None, progress: Progress) -> images.Base:
        client = self._client
        found = await client.run(lambda: images.present_base(client, wanted))
        if found is not None:
            return found
        return await self._builds.do(
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
            await self._builds.do(
                layer.tag,
                progress,
                lambda tell, stop: images.install(client, layer, wanted, code, settings, tell, stop),
            )
            found = await client.run(lambda: images.inspect_image(client, layer.tag))
        if found is None:
            raise BaseImageMissing(f"the image {layer.tag} was removed while it was used; run again")
        return str(found["Id"]), images.packages_of(found)

    async def close(self) -> None:
        """End all builds."""
        await self._builds.close()
