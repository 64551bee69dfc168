"""Containers that build a layer: made, watched, committed, and never left behind."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from skafos_tui.runners.base import BuildFailed, Progress, RunnerUnreachable
from skafos_tui.runners.docker.client import CONFLICT, NOT_FOUND, DockerClient, Refused
from skafos_tui.runners.docker.labels import BUILD_PREFIX, LABEL_BUILDER, LABEL_IMAGE
from skafos_tui.runners.docker.streams import read_logs
from skafos_tui.runners.identity import builder_identity, is_left_behind
from skafos_tui.runners.sharing import Cancelled

WATCH_S = 0.5


def clean_builds(client: DockerClient) -> int:
    """Remove build containers that a dead process of this user left; returns how many.

    Images carry the label of their builder emptied, and so do the containers of attempts made from them: hence the
    name is looked at too.
    """
    found = client.call("list", lambda docker: docker.containers(all=True, filters={"label": [LABEL_BUILDER]}))
    removed = 0
    for entry in found:
        name = entry["Names"][0].lstrip("/") if entry["Names"] else ""
        if name.startswith(BUILD_PREFIX) and is_left_behind(entry["Labels"][LABEL_BUILDER]):
            _remove(client, entry["Id"])
            removed += 1
    return removed


def _remove(client: DockerClient, container: str) -> None:
    try:
        client.call("remove", lambda docker: docker.remove_container(container, v=True, force=True))
    except Refused as error:
        if error.status not in (NOT_FOUND, CONFLICT):
            raise


@contextmanager
def build_container(client: DockerClient, config: Mapping[str, Any]) -> Iterator[str]:
    """The id of a build container, removed at the end whatever happens. Raises BuildFailed with Docker's words."""
    body = {**config, "Labels": {LABEL_BUILDER: builder_identity()}, "Entrypoint": []}
    name = f"{BUILD_PREFIX}{secrets.token_hex(6)}"
    try:
        created = client.call("build", lambda docker: docker.create_container_from_config(body, name=name))
    except Refused as error:
        raise BuildFailed(f"the build container can't be made: {error}") from error
    container = str(created["Id"])
    try:
        yield container
    finally:
        try:
            _remove(client, container)
        except RunnerUnreachable:
            # Docker is away, and this must not hide why; the next build removes what is left.
            pass


def run_to_end(client: DockerClient, container: str, tell: Progress, cancelled: threading.Event) -> int:
    """Start the container, tell each line it prints, and return its exit code. Raises Cancelled, BuildFailed."""
    try:
        client.call("start", lambda docker: docker.start(container))
    except Refused as error:
        raise BuildFailed(f"the build can't be started: {error}") from error
    lines = _Lines(tell)
    while not cancelled.is_set():
        read_logs(client, container, since=None, follow=True, sink=lines.take, stop=cancelled)
        state = client.call("inspect", lambda docker: docker.inspect_container(container))["State"]
        if not state["Running"]:
            lines.again()
            read_logs(client, container, since=None, follow=False, sink=lines.take, stop=cancelled)
            if not cancelled.is_set():
                return int(state["ExitCode"])
        # The stream ended before the job: from the start once more, past what was told.
        lines.again()
        cancelled.wait(WATCH_S)
    raise Cancelled


class _Lines:
    """Tells each line of a log once, however often the log is read from its start."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told = 0
        self._seen = 0

    def again(self) -> None:
        """The log will be read from its start."""
        self._seen = 0

    def take(self, batch: bytes) -> None:
        """Lines in the format of DESIGN 5."""
        for line in batch.splitlines():
            self._seen += 1
            if self._seen > self._told:
                self._told = self._seen
                self._tell(line.split(b" ", 3)[3].decode(errors="replace").rstrip("\r"))


def commit(
    client: DockerClient, container: str, tag: str, kind: str, labels: Mapping[str, str], config: Mapping[str, Any]
) -> None:
    """Make an image of the container's files. Raises BuildFailed with Docker's words, such as a full disk's."""
    repository, _, version = tag.rpartition(":")
    body = {
        **config,
        # Docker merges the container's own labels in: this one must not mark the image's containers as builds.
        "Labels": {**labels, LABEL_IMAGE: kind, LABEL_BUILDER: ""},
    }
    try:
        client.long_call(
            "commit",
            lambda docker: docker.commit(container, repository=repository, tag=version, conf=body, pause=False),
        )
    except Refused as error:
        raise BuildFailed(f"the image can't be stored: {error}") from error
