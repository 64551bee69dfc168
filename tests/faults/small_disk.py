"""A small disk of the test's own, to be filled and emptied."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


class SmallDisk:
    """A file system with little room, mounted at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "somebody-else"

    def fill(self, leave: int = 0) -> None:
        """Take all room but `leave` bytes."""
        with self._filler.open("ab") as file:
            while (room := self._free() - leave) > 0:
                # Somebody else writes at the same time and may be quicker.
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, room)

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def _free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize


@contextmanager
def a_small_disk(size: str) -> Iterator[SmallDisk]:
    """Mount one of `size` (as `mount` writes it), and unmount it at the end."""
    # Sockets' paths are short.
    path = Path(tempfile.mkdtemp(prefix="sk-", dir="/tmp"))
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    options = f"size={size},mode=0700,uid={os.geteuid()},gid={os.getegid()}"
    try:
        mount = [*sudo, "mount", "-t", "tmpfs", "-o", options, "skafos-test", str(path)]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.fail(
                f"this test mounts a small disk, for root or with sudo: {mounted.stderr.strip()}", pytrace=False
            )
        try:
            yield SmallDisk(path)
        finally:
            subprocess.run([*sudo, "umount", "--lazy", str(path)], check=True, capture_output=True)
    finally:
        shutil.rmtree(path, ignore_errors=True)
