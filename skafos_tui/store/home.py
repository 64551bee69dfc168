"""Where things live: the layout of SKAFOS_HOME (SPEC 11)."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "SKAFOS_HOME"
SOCKET_PATH_LIMIT = 107
"""Bytes that fit into `sockaddr_un.sun_path` on Linux, its closing zero taken off."""
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "glusterfs"}
)
"""File systems on which SQLite's shared memory and Unix sockets do not work as promised."""


class HomeError(Exception):
    """SKAFOS_HOME can't be used; the message says why and what would be right."""


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of one user's engine; all paths of the store come from here."""

    path: Path

    @property
    def state_database(self) -> Path:
        """Projects, deployments, runs, tasks, attempts, variables."""
        return self.path / "state.db"

    @property
    def metrics_database(self) -> Path:
        """What attempts used of the machine, second by second."""
        return self.path / "metrics.db"

    @property
    def socket(self) -> Path:
        """The engine's control socket."""
        return self.path / "engine.sock"

    @property
    def lock(self) -> Path:
        """Held by the one engine of this home."""
        return self.path / "engine.lock"

    @property
    def engine_log(self) -> Path:
        """What the engine itself has to say."""
        return self.path / "engine.log"

    def project(self, token: str) -> Path:
        """Everything kept for one project."""
        return self.path / "projects" / token

    def data(self, token: str) -> Path:
        """The project's persistent directory, SKAFOS_DATA, the same for every runner."""
        return self.project(token) / "data"

    def run_logs(self, token: str, run_id: int) -> Path:
        """The log files of one run."""
        return self.project(token) / "logs" / f"run-{run_id}"

    def attempt_log(self, token: str, run_id: int, attempt_name: str) -> Path:
        """The log file of one attempt."""
        return self.run_logs(token, run_id) / f"{attempt_name}.log"

    def build_log(self, token: str, deployment_id: int) -> Path:
        """The log of the image step of a deployment, in the same format as an attempt's."""
        return self.project(token) / "builds" / f"{deployment_id}.log"

    def code(self, token: str, digest: str) -> Path:
        """The code archive with this content hash, a gzipped tar."""
        return self.project(token) / "code" / f"{digest}.tar.gz"

    @property
    def processes(self) -> Path:
        """What the process runner keeps: environments, code, attempts."""
        return self.path / "process"

    def attempt(self, attempt_name: str) -> Path:
        """The attempt's own directory while it runs: its secrets."""
        return self.path / "attempts" / attempt_name

    def create(self) -> None:
        """Make the directory (0700) or check it. Raises HomeError with one clear line."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise HomeError(
                f"{self.path} can't be used: {error.strerror}; set {VARIABLE} to a directory of yours"
            ) from None
        if len(os.fsencode(self.socket)) > SOCKET_PATH_LIMIT:
            raise HomeError(
                f"{self.path} is too long for a socket ({SOCKET_PATH_LIMIT} bytes with /engine.sock):"
                f" set {VARIABLE} to a shorter path"
            )
        kind = file_system_of(self.path)
        if kind in NETWORK_FILE_SYSTEMS:
            raise HomeError(
                f"{self.path} is on a network file system ({kind}): set {VARIABLE} to a directory on a local disk"
            )


def find_home() -> Home:
    """The home of this user: SKAFOS_HOME, else the platform's user state directory."""
    given = os.environ.get(VARIABLE)
    if given:
        return Home(Path(given).expanduser().absolute())
    import platformdirs

    return Home(Path(platformdirs.user_state_dir("skafos", appauthor=False)))


def file_system_of(path: Path) -> str:
    """The type of the file system `path` is on, as in /proc/self/mounts; `unknown` where that can't be told."""
    if sys.platform != "linux":
        return "unknown"
    resolved = path.resolve()
    best, kind = "", "unknown"
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="surrogateescape")
    except OSError:
        return kind
    for line in mounts.splitlines():
        fields = line.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[1])
        if len(point) >= len(best) and resolved.is_relative_to(point):
            best, kind = point, fields[2]
    return kind
