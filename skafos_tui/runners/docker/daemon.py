"""Which life of the daemon we talk to: was it restarted since an attempt began? (DESIGN 4.7)

Docker's API has no start time. For a daemon on this machine it is the start of its process; else the creation time of
its default bridge, which every start without running containers makes anew.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.runners.base import RunnerUnreachable
from skafos_tui.runners.docker.client import Address, DockerClient, why_unreachable
from skafos_tui.runners.docker.times import parse_time
from skafos_tui.runners.identity import start_of

RETURN_S = 10.0
"""How long a daemon that comes back may take until it ends the containers it finds."""
EXIT_UNKNOWN = 255
"""What a daemon writes down for a container whose process it finds gone when it starts."""


@dataclass(frozen=True, slots=True)
class DaemonLife:
    """One life of a daemon: `identity` differs between any two, `began_at` is in Unix seconds (None: not known)."""

    identity: str
    began_at: float | None


def daemon_life(client: DockerClient) -> DaemonLife:
    """The present life of the daemon; an empty identity where it can't be told."""
    pid = daemon_pid(client.address)
    if pid is not None:
        ticks = start_of(pid)
        if ticks.isdigit():
            return DaemonLife(f"{pid}:{ticks}", _wall_time(int(ticks)))
    return _life_of_bridge(client)


def daemon_pid(address: Address) -> int | None:
    """The process of the daemon at a Unix socket; None where it isn't visible from here.

    The socket's peer is the daemon itself, or systemd where that opened the socket; then the pid file tells.
    """
    if address.scheme != "unix":
        return None
    pid = _peer_pid(address)
    if pid is None or not _is_daemon(pid):
        pid = _pid_in_file(Path(address.path).with_name("docker.pid"))
    return pid if pid is not None and _is_daemon(pid) else None


def _peer_pid(address: Address) -> int | None:
    try:
        connection = address.connect(5.0)
    except OSError as error:
        raise RunnerUnreachable(why_unreachable(address, error)) from error
    with connection:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", raw)[0]
    return pid or None


def _pid_in_file(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _is_daemon(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "dockerd"
    except OSError:
        return False


def _wall_time(ticks: int) -> float:
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age


def _life_of_bridge(client: DockerClient) -> DaemonLife:
    networks = client.call("networks", lambda docker: docker.networks(names=["bridge"]))
    created = next((network["Created"] for network in networks if network["Name"] == "bridge"), "")
    return DaemonLife(created, parse_time(created))


def ended_by_restart(
    life: DaemonLife,
    seen_in: str | None,
    *,
    started_at: float | None,
    exit_code: int | None,
    live_restore: bool,
) -> bool:
    """Whether the daemon went away while the attempt ran, in a way that may have ended it.

    `seen_in` is the identity of the life in which we saw it running, None where we didn't (the engine was down):
    then the clock decides. That calls an attempt killed by hand before a restart we didn't see "restarted", as its
    end can't be known. With live-restore a restart ends nothing, but a reboot does, and leaves EXIT_UNKNOWN.
    """
    if live_restore and exit_code != EXIT_UNKNOWN:
        return False
    return began_before(life, seen_in, started_at)


def began_before(life: DaemonLife, seen_in: str | None, started_at: float | None) -> bool:
    """Whether an attempt began in an earlier life of the daemon than this one."""
    if seen_in and life.identity:
        return seen_in != life.identity
    return started_at is not None and life.began_at is not None and started_at < life.began_at


def ended_unseen(life: DaemonLife, seen_in: str | None, *, started_at: float | None, ended_at: float | None) -> bool:
    """Whether an attempt ended while the daemon was away, or as it came back: what it printed last is then lost.

    Measured on 20.10 with live-restore: of a container that ends without its daemon, the lines since then are gone.
    An attempt that ended just before the daemon went away, unseen by us as well, can't be told from it.
    """
    if ended_at is None or life.began_at is None or not began_before(life, seen_in, started_at):
        return False
    return ended_at < life.began_at + RETURN_S
