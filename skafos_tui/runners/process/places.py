"""Where the process runner keeps what: one directory, with a place for each kind of thing."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skafos_tui.runners.identity import builder_identity, is_left_behind

PREFIX = "process/"
"""Begins every image reference of this runner; `process/<environment>-<code>`."""


@dataclass(frozen=True, slots=True)
class Places:
    """The runner's directory."""

    directory: Path

    @property
    def attempts(self) -> Path:
        """A directory for each attempt, by name."""
        return self.directory / "attempts"

    @property
    def environments(self) -> Path:
        """Virtual environments under short names, and a link to each by its digest."""
        return self.directory / "environments"

    @property
    def code(self) -> Path:
        """Unpacked code by its digest; never run in, only copied."""
        return self.directory / "code"

    @property
    def images(self) -> Path:
        """An empty file for each image: that its environment and its code are to be kept."""
        return self.directory / "images"

    @property
    def making(self) -> Path:
        """What is being made or removed."""
        return self.directory / "making"

    def attempt(self, name: str) -> Path:
        """The directory of an attempt."""
        if "/" in name or name.startswith("."):
            raise ValueError(f"no name of an attempt: {name!r}")
        return self.attempts / name

    def make(self) -> None:
        """Make all that is missing, for this user only."""
        for place in (self.attempts, self.environments, self.code, self.images, self.making):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)

    def aside(self) -> Path:
        """A name for something unfinished; if this process dies, a later one removes it."""
        return self.making / f"{builder_identity()}:{secrets.token_hex(6)}"

    def clean(self) -> None:
        """Remove what dead processes of this user left unfinished."""
        for path in self.making.iterdir():
            identity, _, _ = path.name.rpartition(":")
            if is_left_behind(identity):
                remove_tree(path)


def parts_of(reference: str) -> tuple[str, str] | None:
    """The digests of the environment and the code of an image; None for a reference of another runner."""
    environment, dash, code = reference.removeprefix(PREFIX).partition("-")
    if not reference.startswith(PREFIX) or not dash or not (environment.isalnum() and code.isalnum()):
        return None
    return environment, code


def remove_tree(path: Path) -> None:
    """Remove a directory with all in it, also what a job made read-only; nothing happens where there is none."""

    def insist(function: Callable[..., Any], name: str, _: object) -> None:
        parent = Path(name).parent
        try:
            for place in (parent, Path(name)):
                if place.is_dir() and not place.is_symlink():
                    place.chmod(place.stat().st_mode | stat.S_IRWXU)
            if function in (os.rmdir, os.unlink):
                function(name)
            else:
                shutil.rmtree(name, ignore_errors=True)
        except OSError:
            # It stays, and is tried again by the next `clean`.
            return

    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=insist)
    else:
        shutil.rmtree(path, onerror=insist)
