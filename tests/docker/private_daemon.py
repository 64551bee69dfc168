"""A Docker daemon of the test's own, that may be killed: own data, own socket, a network namespace of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from skafos_tui.runners.base import RunnerUnreachable
from skafos_tui.runners.docker.client import Address, DockerClient

START_LIMIT_S = 60.0
IMAGE = "skafos/test:tiny"


class PrivateDaemon:
    """One dockerd. Needs root: a daemon that may be killed can't be the machine's own."""

    def __init__(self, *options: str, environment: Mapping[str, str] | None = None) -> None:
        if os.geteuid() != 0:
            raise AssertionError("this test starts a Docker daemon of its own, and that needs root")
        # Sockets' paths are short.
        self.directory = Path(tempfile.mkdtemp(prefix="skd-", dir="/tmp"))
        self.address = Address("unix", path=str(self.directory / "docker.sock"))
        self._options = options
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._containerd: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self._containerd is None:
            self._start_containerd()
        # A killed daemon leaves its file, and the next one refuses to start while that pid exists.
        (self.directory / "docker.pid").unlink(missing_ok=True)
        # In a network namespace of its own: `--bridge none` removes a docker0 that it finds, the machine's own.
        self._process = self._spawn(
            *("unshare", "--net", "dockerd"),
            *("--data-root", str(self.directory / "data"), "--exec-root", str(self.directory / "exec")),
            *("--pidfile", str(self.directory / "docker.pid"), "--host", self.address.url),
            *("--containerd", str(self.directory / "containerd.sock")),
            *("--bridge", "none", "--iptables=false", "--ip6tables=false", *self._options),
        )
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            client = DockerClient(self.address)
            try:
                client.check_identity()
                return
            except RunnerUnreachable:
                time.sleep(0.1)
            finally:
                client.close()
        raise AssertionError(f"dockerd does not start:\n{(self.directory / 'log').read_text()[-3000:]}")

    def _start_containerd(self) -> None:
        """A containerd beside the daemon, as packages set it up: one of the daemon's own would die with it."""
        config = self.directory / "containerd.toml"
        config.write_text(
            f"""version = 2
root = "{self.directory}/containerd"
state = "{self.directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{self.directory}/containerd.sock"
"""
        )
        self._containerd = self._spawn("containerd", "--config", str(config))

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.directory / "log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment)

    def stop(self, how: signal.Signals) -> None:
        """End it, with SIGKILL or in good form, and wait until it is gone."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)
        self._process = None

    def make_image(self) -> str:
        """An image with a shell and `sleep` of this machine: a base image takes seconds to load."""
        client = DockerClient(self.address)
        archive = BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as out:
            for path in _with_libraries("/bin/sh", "/bin/sleep"):
                out.add(os.path.realpath(path), path.lstrip("/"))
        archive.seek(0)
        client.call(
            "import",
            lambda docker: docker.import_image_from_data(archive.getvalue(), "skafos/test", "tiny"),
        )
        client.close()
        return IMAGE

    def close(self) -> None:
        """Remove its containers, end it, and delete what it had."""
        if self._process is None:
            self.start()
        client = DockerClient(self.address)
        for entry in client.call("list", lambda docker: docker.containers(all=True)):
            client.call("remove", lambda docker, found=entry["Id"]: docker.remove_container(found, force=True))  # type: ignore[misc]
        client.close()
        self.stop(signal.SIGTERM)
        assert self._containerd is not None
        self._containerd.terminate()
        self._containerd.wait(60)
        for mount in _mounts_below(self.directory):
            with contextlib.suppress(subprocess.CalledProcessError):
                subprocess.run(["umount", "-l", mount], check=True, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def _with_libraries(*programs: str) -> list[str]:
    found = list(programs)
    for program in programs:
        listing = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
        found += [word for line in listing.splitlines() for word in line.split() if word.startswith("/")]
    return list(dict.fromkeys(found))


def _mounts_below(directory: Path) -> list[str]:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return sorted((mount for mount in mounts if mount.startswith(f"{directory}/")), reverse=True)
