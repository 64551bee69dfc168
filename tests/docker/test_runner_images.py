"""Images of projects: what is in them, what isn't, and how builds are shared, cancelled and cleaned."""

from __future__ import annotations

import asyncio
import hashlib
import http.server
import json
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from private_daemon import PrivateDaemon
from runner_attempts import TOKEN, Attempts
from runner_wheels import make_wheel

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.runners.base import BaseImageMissing, BuildFailed, BuiltImage, ImageRequest
from skafos_tui.runners.docker import labels
from skafos_tui.runners.docker.client import DockerClient, Refused
from skafos_tui.runners.docker.runner import DockerRunner
from skafos_tui.runners.identity import builder_identity
from skafos_tui.store.failpoints import on_failpoint

pytestmark = pytest.mark.docker


class Workshop:
    """Builds images of a project whose packages are unique to the test, and removes them."""

    def __init__(self, runner: DockerRunner, base: str, directory: Path) -> None:
        self.runner = runner
        self.base = base
        self.directory = directory
        self.client = DockerClient()
        self.package = f"pk{uuid.uuid4().hex[:12]}"
        self.wheels = directory / "wheels"
        self.said: list[str] = []
        self._built: set[str] = set()
        make_wheel(self.wheels, self.package)

    def request(
        self, code: dict[str, str] | None = None, requirements: str | None = "", base: str | None = None
    ) -> ImageRequest:
        """A request for these files; `requirements` "" means the test's package."""
        files = code or {"main.py": f"import {self.package}; print({self.package}.VERSION)\n"}
        content = json.dumps(files, sort_keys=True).encode()
        digest = hashlib.sha256(content + self.package.encode()).hexdigest()
        archive = self.directory / f"{digest}.tar.gz"
        with tarfile.open(archive, "w:gz") as out:
            for path, text in files.items():
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode, entry.uid = len(text), 0o644, 12345
                out.addfile(entry, BytesIO(text.encode()))
        wanted = f"{self.package}\n" if requirements == "" else requirements
        return ImageRequest(TOKEN, base or self.base, None if wanted is None else wanted.encode(), archive, digest)

    async def build(self, request: ImageRequest) -> BuiltImage:
        built = await self.runner.build(request, self.said.append)
        self._built.add(built.reference)
        return built

    def images(self) -> list[dict[str, Any]]:
        """All that Docker tells of this test's images and their layers."""
        found = self.client.call("images", lambda docker: docker.images(filters={"label": [labels.LABEL_IMAGE]}))
        return [
            {
                "image": self.client.call("inspect_image", lambda docker, i=entry["Id"]: docker.inspect_image(i)),  # type: ignore[misc]
                "history": self.client.call("history", lambda docker, i=entry["Id"]: docker.history(i)),  # type: ignore[misc]
            }
            for entry in found
        ]

    def building(self) -> list[str]:
        """The names of build containers of this process."""
        found = self.client.call(
            "list", lambda docker: docker.containers(all=True, filters={"label": [labels.LABEL_BUILDER]})
        )
        own = builder_identity()
        return [entry["Names"][0] for entry in found if entry["Labels"][labels.LABEL_BUILDER] == own]

    def remove_all(self) -> None:
        # Children first: Docker keeps an image that another is made of.
        for entry in sorted(self.images(), key=lambda found: found["image"]["Created"], reverse=True):
            image = entry["image"]
            ours = self.package in (image["Config"]["Labels"] or {}).get(labels.LABEL_PACKAGES, "")
            if ours or self._built.intersection(image["RepoTags"]):
                try:
                    self.client.call("remove_image", lambda docker, i=image["Id"]: docker.remove_image(i, force=True))  # type: ignore[misc]
                except Refused as error:
                    # Gone with its child.
                    assert error.status == 404
        self.client.close()


@pytest.fixture
def workshop(
    runner: DockerRunner, base_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workshop]:
    made = Workshop(runner, base_image, tmp_path)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    yield made
    made.remove_all()


async def test_a_project_gets_its_requirements_its_code_and_writable_places(
    workshop: Workshop, attempts: Attempts
) -> None:
    code = f"""import os, {workshop.package}
open("result.txt", "w").write("x"); open(os.path.expanduser("~/cache"), "w").write("x")
open("data/kept.csv", "a").write("x")
print({workshop.package}.VERSION, os.getcwd(), os.stat("data/kept.csv").st_uid == os.getuid())
"""
    built = await workshop.build(workshop.request({"main.py": code, "data/kept.csv": "a\n"}))
    assert built.packages.splitlines() == [f"{workshop.package}==1.0"]
    assert any("Successfully installed" in line for line in workshop.said)
    segment = Segment(SegmentKind.SCRIPT, "main.py", "main.py")
    ended = await attempts.run(attempts.spec(segment, image=built.reference, mounts=()))
    assert await attempts.texts(ended.name) == ["1.0 /project True"]
    assert ended.exit_code == 0


async def test_what_has_not_changed_is_not_built_again(workshop: Workshop) -> None:
    first = await workshop.build(workshop.request())
    workshop.said.clear()
    begun = time.monotonic()
    assert await workshop.build(workshop.request()) == first
    assert time.monotonic() - begun < 0.3
    changed = await workshop.build(workshop.request({"main.py": "print('other')\n"}))
    assert changed.reference != first.reference and changed.packages == first.packages
    commented = workshop.request(requirements=f"# why\n\n  {workshop.package}   # because\r\n")
    assert (await workshop.build(commented)).reference == first.reference
    assert workshop.said == []


async def test_a_code_layer_is_there_in_a_moment(workshop: Workshop) -> None:
    await workshop.build(workshop.request(requirements=None))
    begun = time.monotonic()
    await workshop.build(workshop.request({"main.py": "print('next')\n"}, requirements=None))
    assert time.monotonic() - begun < 1.0  # 0.22 s on an idle machine


async def test_passwords_of_an_index_get_into_no_image_and_no_log(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://user:open-sesame@example.invalid/simple")
    monkeypatch.setenv("https_proxy", "http://someone:open-sesame@proxy.invalid:3128")
    await workshop.build(workshop.request())
    assert "open-sesame" not in json.dumps(workshop.images())
    assert "open-sesame" not in "\n".join(workshop.said)
    environment = [entry for image in workshop.images() for entry in image["image"]["Config"]["Env"]]
    assert not [entry for entry in environment if "PIP_" in entry or "proxy" in entry.lower()]


async def test_the_hosts_settings_for_pip_are_not_left_in_the_image(workshop: Workshop, attempts: Attempts) -> None:
    code = "import os\nprint([n for _, _, names in os.walk('/tmp') for n in names], os.environ.get('PIP_CERT'))\n"
    built = await workshop.build(workshop.request({"main.py": code}))
    segment = Segment(SegmentKind.SCRIPT, "main.py", "main.py")
    ended = await attempts.run(attempts.spec(segment, image=built.reference, mounts=()))
    assert await attempts.texts(ended.name) == ["[] None"]


async def test_a_failing_install_says_which_line_decided(workshop: Workshop) -> None:
    with pytest.raises(BuildFailed, match="No matching distribution found for no-such-package-here") as raised:
        await workshop.build(workshop.request(requirements="no-such-package-here==9\n"))
    assert "\n" not in str(raised.value)
    assert workshop.building() == []


async def test_requirements_that_name_files_of_the_project_find_them(workshop: Workshop) -> None:
    built = await workshop.build(
        workshop.request({"main.py": "pass\n", "more.txt": f"{workshop.package}\n"}, requirements="-r more.txt\n")
    )
    assert built.packages == f"{workshop.package}==1.0"


class SlowIndex:
    """An index on this machine's loopback that answers after `delay_s`."""

    def __init__(self, workshop: Workshop, delay_s: float) -> None:
        wheel = next(workshop.wheels.glob("*.whl"))
        self.asked = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler) -> None:
                self.asked.set()
                time.sleep(delay_s)
                page = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
                body = wheel.read_bytes() if handler.path.endswith(".whl") else page
                handler.send_response(200)
                kind = "application/octet-stream" if handler.path.endswith(".whl") else "text/html"
                handler.send_header("Content-Type", kind)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


async def test_two_builds_of_one_layer_are_one_and_cancelling_one_leaves_the_other(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = SlowIndex(workshop, 0.4)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    reached: list[str] = []
    on_failpoint(reached.append)
    try:
        first = asyncio.create_task(workshop.build(workshop.request()))
        await asyncio.to_thread(index.asked.wait, 20)
        second = asyncio.create_task(workshop.build(workshop.request()))
        third = asyncio.create_task(workshop.build(workshop.request({"main.py": "print('other')\n"})))
        await asyncio.sleep(0.2)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        built = await asyncio.gather(second, third)
    finally:
        on_failpoint(None)
        index.close()
    assert {image.packages for image in built} == {f"{workshop.package}==1.0"}
    # One of the requirements, two of code.
    assert reached.count("docker.commit.before") == 3
    # Who comes late hears what was told before; who left hears no more.
    assert workshop.said.count(f"Successfully installed {workshop.package}-1.0") == 2
    assert workshop.building() == []


async def test_a_build_that_nobody_waits_for_ends_and_leaves_nothing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = SlowIndex(workshop, 30)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    try:
        waiting = asyncio.create_task(workshop.build(workshop.request()))
        await asyncio.to_thread(index.asked.wait, 20)
        assert len(workshop.building()) == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(20):
            await workshop.runner.close()
        assert workshop.building() == []
    finally:
        index.close()


async def test_the_next_build_removes_what_a_killed_engine_left_and_nothing_else(
    workshop: Workshop, base_image: str
) -> None:
    uid, boot, pid, ticks = builder_identity().split(":")
    identities = {
        "dead": f"{uid}:{boot}:{pid}:{int(ticks) + 1}",
        "alive": f"{uid}:{boot}:{pid}:{ticks}",
        "other user's": f"{int(uid) + 1}:{boot}:{pid}:1",
        "an attempt": "",
    }
    made: dict[str, str] = {}
    for kind, identity in identities.items():
        config = {"Image": base_image, "Cmd": ["true"], "Labels": {labels.LABEL_BUILDER: identity}}
        name = f"{labels.BUILD_PREFIX}test-{uuid.uuid4().hex[:8]}"
        made[kind] = name
        workshop.client.call(
            "create",
            lambda docker, c=config, n=name: docker.create_container_from_config(c, name=n),  # type: ignore[misc]
        )
    try:
        await workshop.build(workshop.request(requirements=None))
        left = workshop.client.call("list", lambda docker: docker.containers(all=True))
        names = {entry["Names"][0].lstrip("/") for entry in left}
        assert {kind for kind, name in made.items() if name in names} == {"alive", "other user's", "an attempt"}
    finally:
        for kind, name in made.items():
            if kind != "dead":
                workshop.client.call("remove", lambda docker, n=name: docker.remove_container(n))  # type: ignore[misc]


async def test_without_any_base_image_the_error_names_the_command_that_makes_one(tmp_path: Path) -> None:
    # A proxy that isn't there: no registry, wherever this test runs.
    nowhere = "http://127.0.0.1:9"
    daemon = PrivateDaemon(environment={"HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere})
    daemon.start()
    runner = DockerRunner(daemon.address)
    request = ImageRequest(TOKEN, None, None, tmp_path / "none.tar.gz", "0")
    try:
        with pytest.raises(BaseImageMissing, match="skafos image bootstrap") as raised:
            await runner.build(request, lambda line: None)
        assert "\n" not in str(raised.value) and "python:3.12-slim" in str(raised.value)
    finally:
        await runner.close()
        daemon.close()
