"""Log intake of one container at full speed: our reader and writer against a bare `timestamps=1` reader (DESIGN 8).

The floor reads the same log of the same container from Docker's socket and counts newlines. Besides: a container that
is followed while it prints, as the engine does it (nothing may be lost), the writer alone, and the memory of it all.
"""

from __future__ import annotations

import asyncio
import re
import resource
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
from common import LABEL_FLOOR, Bar, arguments, interleaved, machine, remove_container, report

from skafos_tui.engine.collector import Collector
from skafos_tui.runners.docker.client import DockerClient
from skafos_tui.runners.docker.streams import read_logs
from skafos_tui.store.logs.format import NANOSECONDS, stamp
from skafos_tui.store.logs.reader import LogFile
from skafos_tui.store.logs.writer import DEFAULT_CAP, LogWriter

LINES = 1_000_000
ROUNDS = 5
INTAKE_BAR = 0.9
WRITER_BAR = 1_000_000
MEMORY_BAR_MB = 250
PRINTER = "import sys\nfor n in range({lines}): sys.stdout.write('line %d of a job that prints all it can\\n' % n)"


@contextmanager
def printing_container(client: Any, image: str, lines: int) -> Iterator[str]:
    """A container, not started, that prints numbered lines as fast as it can."""
    name = f"skafos-benchmark-{secrets.token_hex(4)}"
    made = client.create_container(
        image,
        ["python3", "-c", PRINTER.format(lines=lines)],
        name=name,
        labels={LABEL_FLOOR: "intake"},
        host_config=client.create_host_config(
            network_mode="none", log_config={"Type": "json-file", "Config": {"max-size": "1g", "mode": "blocking"}}
        ),
    )
    try:
        yield name
    finally:
        remove_container(client, made["Id"])


def base_image(client: Any) -> str:
    """The base image that is here."""
    tags = [tag for image in client.images(name="skafos/base") for tag in image["RepoTags"] or []]
    if not tags:
        raise SystemExit("there is no base image: `skafos image bootstrap` makes it")
    return str(tags[0])


def bare_read(client: DockerClient, name: str) -> int:
    """The lines that a bare reader counts."""
    connection = client.address.connect(30)
    path = f"/v{client.api_version()}/containers/{name}/logs?stdout=1&stderr=1&timestamps=1"
    with connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        connection.settimeout(60)
        return count_newlines(connection)


def count_newlines(connection: socket.socket) -> int:
    """The newlines after the head of an HTTP answer."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1 << 16)
    count = head.partition(b"\r\n\r\n")[2].count(b"\n")
    while data := connection.recv(1 << 20):
        count += data.count(b"\n")
    return count


def lost_lines(path: Path, lines: int) -> int:
    """How many of the numbered lines are missing, doubled or out of place."""
    wanted = 0
    wrong = 0
    for line in LogFile(path).lines():
        number = int(re.search(rb"line (\d+) of", line.text)[1]) if not line.gap else -1  # type: ignore[index]
        wrong += number != wanted
        wanted = number + 1
    return wrong + abs(lines - wanted)


def intake(client: DockerClient, name: str, directory: Path, lines: int) -> float:
    """Lines per second from Docker into a synced log file."""
    path = directory / f"{secrets.token_hex(4)}.log"
    began = time.perf_counter()
    writer = LogWriter(path)
    read_logs(client, name, since=None, follow=False, sink=writer.append, stop=threading.Event())
    writer.close()
    speed = lines / (time.perf_counter() - began)
    wrong = lost_lines(path, lines)
    if wrong:
        raise SystemExit(f"{wrong} of {lines} lines are missing or out of place")
    path.unlink()
    return speed


async def collect(collector: Collector) -> None:
    """Read what following left, and sync."""
    await collector.read_to_end()
    await collector.complete(gone=False, cut=False)


def followed(client: DockerClient, daemon: Any, name: str, directory: Path, lines: int) -> tuple[float, int]:
    """Lines per second from the start of a container to its synced log, followed as the engine does; lines lost."""

    def read(container: str, **options: Any) -> None:
        read_logs(client, container, **options)

    runner: Any = SimpleNamespace(read_logs=read)
    path = directory / "followed.log"
    collector = Collector(runner, name, path, cap=DEFAULT_CAP, secrets=[b"a-secret-that-is-not-there"])
    began = time.perf_counter()
    daemon.start(name)
    collector.follow()
    daemon.wait(name)
    asyncio.run(collect(collector))
    return lines / (time.perf_counter() - began), lost_lines(path, lines)


def writer_alone(directory: Path, lines: int) -> float:
    """Lines per second that the writer takes in batches of 64 KiB, synced."""
    moment = 1_790_000_000 * NANOSECONDS
    text = b"line %d of a job that prints about a hundred bytes each time it has something to say\n"
    batches = []
    for first in range(0, 20_000, 500):
        raw = [b"%s stdout F " % stamp(moment + n) + text % n for n in range(first, first + 500)]
        batches.append(b"".join(raw))
    writer = LogWriter(directory / "alone.log", secrets=[b"one-secret", b"another-secret"])
    began = time.perf_counter()
    for _ in range(lines // 20_000):
        for batch in batches:
            writer.append(batch)
    taken = time.perf_counter() - began
    writer.close()
    return lines / taken


def main() -> int:
    """Measure and report; 1 where a bar does not hold."""
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--lines", type=int, default=LINES)
    args = parser.parse_args()
    client = DockerClient()
    daemon = docker.APIClient(base_url=client.address.url)
    try:
        with tempfile.TemporaryDirectory(prefix="skafos-intake-") as place:
            return measure(args, client, daemon, Path(place))
    finally:
        daemon.close()
        client.close()


def measure(args: Any, client: DockerClient, daemon: Any, directory: Path) -> int:
    """All figures, in one run."""
    image = base_image(daemon)
    with printing_container(daemon, image, args.lines) as name:
        live, lost = followed(client, daemon, name, directory, args.lines)

        def floor() -> tuple[float]:
            began = time.perf_counter()
            count = bare_read(client, name)
            if count < args.lines:
                raise SystemExit(f"the bare reader got {count} of {args.lines} lines")
            return (count / (time.perf_counter() - began),)

        pairs = interleaved(args.rounds, floor, lambda: (intake(client, name, directory, args.lines),))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    alone = writer_alone(directory, args.lines)
    bars = [
        pairs.bar(0, "intake", "lines/s", INTAKE_BAR, at_least=True),
        Bar("lines lost while followed", float(lost), "lines", 0.0),
        Bar("memory of this process", memory, "MB", MEMORY_BAR_MB),
        Bar("writer alone", alone, "lines/s", WRITER_BAR, at_least=True),
    ]
    remark = f"{args.lines:,} lines, followed at {live:,.0f} lines/s from start to synced log; {machine()}"
    return report(bars, remark)


if __name__ == "__main__":
    sys.exit(main())
