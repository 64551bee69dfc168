"""Code archives of deployments: which files are in one, and how those of two differ."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MOST_TEXT = 1 << 20
"""Bytes of a file beyond which it isn't shown as text."""
_CHUNK = 1 << 20


class CodeUnreadable(Exception):
    """An archive is gone or damaged; one line."""


@dataclass(frozen=True, slots=True)
class CodeChange:
    """The files that differ between two archives, by path, each list sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """All of them: those that changed first."""
        return (*self.changed, *self.added, *self.removed)


def code_files(archive: Path) -> dict[str, str]:
    """Each path in an archive with a digest of its kind, mode and content. Blocking. Raises CodeUnreadable."""
    found = {}
    with _opened(archive) as tar:
        for member in tar:
            digest = hashlib.sha256(f"{member.type!r} {member.mode:o} {member.linkname}\0".encode(errors="replace"))
            file = tar.extractfile(member) if member.isreg() else None
            while file is not None and (chunk := file.read(_CHUNK)):
                digest.update(chunk)
            found[member.name] = digest.hexdigest()
    return found


def code_texts(archive: Path, paths: frozenset[str]) -> dict[str, str | None]:
    """The texts of some files of an archive; None for one that is no text, or too long. Blocking.

    Raises CodeUnreadable.
    """
    found: dict[str, str | None] = {}
    with _opened(archive) as tar:
        for member in tar:
            if member.name in paths:
                found[member.name] = _text(tar, member)
    return found


def compare_code(old: Mapping[str, str], new: Mapping[str, str]) -> CodeChange:
    """What differs between the files of two archives, as `code_files` gives them."""
    return CodeChange(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(path for path in new.keys() & old.keys() if new[path] != old[path])),
        removed=tuple(sorted(old.keys() - new.keys())),
    )


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str | None:
    if member.issym():
        return f"a link to {member.linkname}\n"
    file = tar.extractfile(member) if member.isreg() and member.size <= MOST_TEXT else None
    content = b"\0" if file is None else file.read()
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with gzip.open(archive) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
            yield tar
    except FileNotFoundError:
        raise CodeUnreadable("its files were given up") from None
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise CodeUnreadable(f"its files can't be read: {error}") from None
