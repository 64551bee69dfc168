"""A project's files as they stand now: which belong to it, and their content hash."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from skafos_tui.config.reader import ConfigUnreadable, find_config, read_bytes

ALWAYS_LEFT_OUT = frozenset({".git", "__pycache__", ".ipynb_checkpoints"})
"""Directories that are never code, whatever the ignore files say."""
VIRTUAL_ENVIRONMENT_MARK = "pyvenv.cfg"
"""A directory that holds this file belongs to the host's interpreter and is of no use in a container."""


class SnapshotError(Exception):
    """The project's files can't be read; the message is one line."""


class ConfigChanged(SnapshotError):
    """Another config lies among the files than the one they were to be copied with."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a project at one moment, `paths` relative with forward slashes, sorted.

    `digest` is a SHA-256 over names, modes and contents. `requirements` are the bytes of requirements.txt.
    `config` is the SHA-256 of the config among the files; empty where it is none of them, or a link.
    """

    directory: Path
    paths: tuple[str, ...]
    digest: str
    requirements: bytes | None
    config: str = ""


@dataclass(frozen=True, slots=True)
class _Ignore:
    """The patterns of one ignore file, and the directory they are relative to ("" is the project)."""

    base: str
    spec: GitIgnoreSpec

    def verdict(self, path: str) -> bool | None:
        """Whether `path` (directories end with a slash) is ignored; None where nothing here matches."""
        if self.base and not path.startswith(f"{self.base}/"):
            return None
        relative = path[len(self.base) + 1 :] if self.base else path
        return self.spec.check_file(relative).include


def config_digest(directory: Path) -> str:
    """The SHA-256 of a directory's config as it stands now; empty where it can't be read. Blocking."""
    path = find_config(directory)
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest() if path is not None else ""
    except ConfigUnreadable:
        return ""


def take_snapshot(directory: Path) -> Snapshot:
    """Walk and hash the project's files. Raises SnapshotError. Blocking."""
    try:
        paths = tuple(sorted(project_files(directory)))
        digest, config = hashlib.sha256(), ""
        standing = find_config(directory)
        for path in paths:
            fingerprint = fingerprint_of(directory, path)
            digest.update(fingerprint)
            if standing is not None and path == standing.name and not fingerprint.startswith(b"l"):
                config = fingerprint[-33:-1].hex()
        requirements = directory / "requirements.txt"
        content = requirements.read_bytes() if "requirements.txt" in paths and requirements.is_file() else None
    except OSError as error:
        raise SnapshotError(f"the project's files can't be read: {error.strerror}: {error.filename}") from None
    return Snapshot(directory, paths, digest.hexdigest(), content, config)


def project_files(directory: Path) -> Iterator[str]:
    """The files and symbolic links of a project less `.gitignore` and `.dockerignore`, as relative paths."""
    docker = _read_dockerignore(directory / ".dockerignore")
    todo: list[tuple[str, tuple[_Ignore, ...]]] = [("", ())]
    while todo:
        base, ignores = todo.pop()
        here = directory / base if base else directory
        own = _read_gitignore(here / ".gitignore", base)
        ignores = (*ignores, own) if own else ignores
        with os.scandir(here) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                path = f"{base}/{entry.name}" if base else entry.name
                if entry.is_dir(follow_symlinks=False):
                    # A directory that Docker's patterns leave out may hold files that a later `!pattern` takes back.
                    if not _left_out(entry, path, ignores):
                        todo.append((path, ignores))
                elif (entry.is_file(follow_symlinks=False) or entry.is_symlink()) and not (
                    _ignored(path, ignores) or (docker is not None and docker.match_file(path))
                ):
                    yield path


def _left_out(entry: os.DirEntry[str], path: str, ignores: tuple[_Ignore, ...]) -> bool:
    if entry.name in ALWAYS_LEFT_OUT or _ignored(f"{path}/", ignores):
        return True
    return Path(entry.path, VIRTUAL_ENVIRONMENT_MARK).exists()


def _ignored(path: str, ignores: tuple[_Ignore, ...]) -> bool:
    """Git's rule: the last pattern of the innermost file that matches decides."""
    for ignore in reversed(ignores):
        verdict = ignore.verdict(path)
        if verdict is not None:
            return verdict
    return False


def _read_gitignore(path: Path, base: str) -> _Ignore | None:
    if not path.is_file():
        return None
    return _Ignore(base, GitIgnoreSpec.from_lines(path.read_text(errors="replace").splitlines()))


def _read_dockerignore(path: Path) -> GitIgnoreSpec | None:
    """Docker's patterns are relative to the root unless they start with `**`; Git's are not, so they get a slash."""
    if not path.is_file():
        return None
    lines = []
    for raw in path.read_text(errors="replace").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        mark = "!" if line.startswith("!") else ""
        pattern = line[len(mark) :].strip().removeprefix("./").strip("/")
        if pattern and pattern != ".":
            lines.append(f"{mark}/{pattern}")
    return GitIgnoreSpec.from_lines(lines)


def fingerprint_of(directory: Path, path: str) -> bytes:
    """Kind, name and content of one file; of a regular one the content's SHA-256 stands before the last byte.

    Raises OSError.
    """
    full = directory / path
    if full.is_symlink():
        kind, content = b"l", os.fsencode(full.readlink())
        return b"\0".join((kind, os.fsencode(path), content)) + b"\0"
    with full.open("rb") as file:
        executable = b"x" if os.fstat(file.fileno()).st_mode & stat.S_IXUSR else b"f"
        content = hashlib.file_digest(file, "sha256").digest()
    return b"\0".join((executable, os.fsencode(path), content)) + b"\0"
