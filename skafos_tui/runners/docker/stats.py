"""What a running container uses, from one stream of Docker's statistics (DESIGN 6): a JSON object every second.

A socket of its own, like logs: docker-py's stream can't be told to stop. Docker 20.10 goes on with empty objects after
the container's end, until it is removed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from skafos_tui.model.metrics import Sample
from skafos_tui.runners.base import RunnerUnreachable, StatsSink
from skafos_tui.runners.docker.client import DockerClient
from skafos_tui.runners.docker.streams import open_stream
from skafos_tui.runners.docker.times import parse_time

WAIT_S = 2.0
"""Longer than Docker's second: a read wakes up for a sample, or to see that it shall stop."""
SILENCE_S = 30.0
"""A daemon that says nothing for so long does not sample any more."""


def read_stats(client: DockerClient, name: str, sink: StatsSink, stop: threading.Event) -> None:
    """The samples of a container as `Runner.read_stats` promises."""
    path = f"/v{client.api_version()}/containers/{quote(name, safe='')}/stats?stream=1"
    stream = open_stream(client, path)
    if stream is None:
        return
    frames = Frames(chunked=stream.chunked)
    silent_s = 0.0
    try:
        while not stop.is_set():
            data = stream.receive(WAIT_S)
            if data is None:
                silent_s += WAIT_S
                if silent_s < SILENCE_S:
                    continue
            if not data:
                raise RunnerUnreachable(f"Docker at {client.address.url} stopped telling what {name} uses")
            silent_s = 0.0
            for line in frames.feed(data):
                sample = parse_frame(line)
                if sample is None:
                    return
                sink(sample)
            if frames.complete:
                return
    except ValueError as error:
        raise RunnerUnreachable(f"{client.address.url} sent what is no statistics of Docker's: {error}") from error
    finally:
        stream.close()


class Frames:
    """The lines of a body, taken in pieces of any size. `complete`: the other side has said that there are no more."""

    def __init__(self, *, chunked: bool) -> None:
        self.complete = False
        self._chunked = chunked
        self._raw = b""
        self._body = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes; ValueError where the encoding is broken."""
        if self._chunked:
            self._raw += data
            self._dechunk()
        else:
            self._body += data
        *lines, self._body = self._body.split(b"\n")
        return [line for line in lines if line.strip()]

    def _dechunk(self) -> None:
        while not self.complete:
            head, found, rest = self._raw.partition(b"\r\n")
            if not found:
                return
            size = int(head.partition(b";")[0], 16)
            if len(rest) < size + 2:
                return
            self._body += rest[:size]
            self._raw = rest[size + 2 :]
            self.complete = size == 0


def parse_frame(line: bytes) -> Sample | None:
    """The sample in one JSON object of the stream; None for the empty ones of a container that has ended.

    Raises ValueError for anything else.
    """
    found = json.loads(line)
    try:
        at = parse_time(found["read"])
        memory = found.get("memory_stats") or {}
        if at is None or "usage" not in memory:
            return None
        received, sent = _network(found.get("networks"))
        read, written = _blocks(found["blkio_stats"].get("io_service_bytes_recursive"))
        return Sample(
            at=at,
            cpu_s=found["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
            memory=_in_use(memory),
            memory_limit=int(memory.get("limit") or 0),
            processes=int(found["pids_stats"].get("current") or 0),
            received=received,
            sent=sent,
            read=read,
            written=written,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no {error}") from None


def _in_use(memory: Mapping[str, Any]) -> int:
    """As `docker stats` counts: without the page cache that nobody has looked at lately.

    `total_inactive_file` is cgroup v1's, `inactive_file` v2's (docker/cli, `calculateMemUsageUnixNoCache`).
    """
    usage, details = int(memory["usage"]), memory.get("stats") or {}
    cache = int(details.get("total_inactive_file", details.get("inactive_file", 0)))
    return usage - cache if cache < usage else usage


def _network(networks: Mapping[str, Mapping[str, int]] | None) -> tuple[int | None, int | None]:
    """Bytes in and out over all networks; None without one."""
    if not networks:
        return None, None
    return sum(one["rx_bytes"] for one in networks.values()), sum(one["tx_bytes"] for one in networks.values())


def _blocks(entries: list[Mapping[str, Any]] | None) -> tuple[int, int]:
    """Bytes read and written; cgroup v1 calls them `Read` and `Write`, v2 `read` and `write`, next to sums."""
    totals = {"read": 0, "write": 0}
    for entry in entries or ():
        operation = entry["op"].lower()
        if operation in totals:
            totals[operation] += int(entry["value"])
    return totals["read"], totals["write"]
