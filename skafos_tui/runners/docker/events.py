"""Docker's events as hints that an attempt changed; the truth is in `inspect` (DESIGN 4.4)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlencode

from skafos_tui.runners.base import LABEL_ENGINE, LABEL_NAME, RunnerError, RunnerEvent, RunnerUnreachable
from skafos_tui.runners.docker.client import DockerClient
from skafos_tui.runners.docker.streams import Stream
from skafos_tui.store.failpoints import failpoint

ACTIONS = ("create", "start", "die", "oom", "kill", "pause", "unpause", "destroy")
CONNECTED = RunnerEvent("", "connected")
"""First of every connection: what happened before it is not known, so everything is looked at."""


async def watch(client: DockerClient, engine: str) -> AsyncIterator[RunnerEvent]:
    """The events of this engine's containers; raises RunnerUnreachable when the connection is lost."""
    await client.run(client.check_identity)
    stream = await client.run(lambda: _open(client, engine))
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[RunnerEvent | RunnerError] = asyncio.Queue()

    def deliver(item: RunnerEvent | RunnerError) -> None:
        try:
            loop.call_soon_threadsafe(queue.put_nowait, item)
        except RuntimeError:
            # The loop has ended; nobody waits for hints any more.
            stream.close()

    reader = threading.Thread(target=_read, args=(stream, deliver, client), name="docker-events", daemon=True)
    reader.start()
    try:
        yield CONNECTED
        while True:
            item = await queue.get()
            if isinstance(item, RunnerError):
                raise item
            yield item
    finally:
        stream.close()


def _open(client: DockerClient, engine: str) -> Stream:
    filters = {"type": ["container"], "label": [f"{LABEL_ENGINE}={engine}"], "event": list(ACTIONS)}
    failpoint("docker.events.before")
    return Stream(client.address, f"/v{client.api_version()}/events?{urlencode({'filters': json.dumps(filters)})}")


def _read(stream: Stream, deliver: Callable[[RunnerEvent | RunnerError], None], client: DockerClient) -> None:
    rest = b""
    try:
        while data := stream.receive(None):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                event = parse_event(line)
                if event is not None:
                    deliver(event)
    except RunnerError as error:
        deliver(error)
        return
    deliver(RunnerUnreachable(f"the event stream of Docker at {client.address.url} has ended"))


def parse_event(line: bytes) -> RunnerEvent | None:
    """The event on a line of the stream; None for the sizes and blanks of HTTP's chunks between them."""
    if not line.startswith(b"{"):
        return None
    event = json.loads(line)
    attributes = event["Actor"]["Attributes"]
    return RunnerEvent(attributes.get(LABEL_NAME) or attributes["name"], event["Action"])
