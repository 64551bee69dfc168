"""The archive of a snapshot: what a deployment keeps of a project's files."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from skafos_tui.store.working_tree import Snapshot, SnapshotError, fingerprint_of

ARCHIVE_TIME = 315_532_800
"""1980-01-01: the same files give the same archive, and the first time that zip files can hold."""


def missing_file(snapshot_paths: frozenset[str], path: str) -> bool:
    """Whether an entrypoint's file is not among a snapshot's paths."""
    return str(PurePosixPath(path)) not in snapshot_paths


def write_archive(snapshot: Snapshot, target: Path) -> None:
    """Write the files as a gzipped tar, atomically and durably; nothing to do where it is there. Blocking.

    Raises SnapshotError where a file changed or went since it was hashed.
    """
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".code-")
    try:
        digest = hashlib.sha256()
        with os.fdopen(descriptor, "wb") as raw:
            with (
                gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as zipped,
                tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
            ):
                for path in snapshot.paths:
                    archive.add(snapshot.directory / path, arcname=path, recursive=False, filter=_anonymous)
                    # Hashed after it was copied: what changed in between shows.
                    digest.update(fingerprint_of(snapshot.directory, path))
            raw.flush()
            os.fsync(raw.fileno())
        if digest.hexdigest() != snapshot.digest:
            raise SnapshotError("the project's files changed while they were copied: run it again")
        Path(temporary).replace(target)
    except OSError as error:
        raise SnapshotError(f"the project's files can't be copied: {error.strerror}: {error.filename}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without owner and time: the same files give the same archive; the runner sets the owner."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = ARCHIVE_TIME
    return member
