"""Edits of the config's text: applied exactly, saved atomically, never over somebody else's change."""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from skafos_tui.model.diagnostic import Edit


class EditConflict(Exception):
    """The file is no longer what the edit was made for; `message` is one line that says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made; offsets are those of `text`.

    ValueError where they are not sorted, overlap, or reach outside the text. Two edits may touch; of two
    insertions at one place the first given comes first.
    """
    pieces: list[str] = []
    done = 0
    for edit in edits:
        if not done <= edit.start <= edit.end <= len(text):
            raise ValueError(f"edits must be sorted, apart and inside the text: {edit}")
        pieces += (text[done : edit.start], edit.replacement)
        done = edit.end
    return "".join((*pieces, text[done:]))


def encode_like(text: str, original: bytes) -> bytes:
    """The bytes of `text` in UTF-8, behind a byte order mark if `original` has one."""
    mark = codecs.BOM_UTF8 if original.startswith(codecs.BOM_UTF8) else b""
    return mark + text.removeprefix("\ufeff").encode("utf-8")


def save_text(path: Path | str, new_text: str, *, expected: bytes) -> None:
    """Replace the file's content by `new_text`, all or nothing.

    The file keeps its mode, owner and byte order mark; a symlink stays one and its target is replaced.
    Lines end as they do in `new_text`. EditConflict when the file no longer holds the bytes `expected` just
    before it would be replaced; OSError where it can't be written. Whatever fails, no other file is left behind.
    """
    target = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(encode_like(new_text, expected))
            file.flush()
            _take_owner_and_mode(file.fileno(), target)
            os.fsync(file.fileno())
        _check_unchanged(target, expected)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _take_owner_and_mode(descriptor: int, target: Path) -> None:
    """Give the open file the owner, group and mode of `target`, in this order: chown clears mode bits.

    Who may write a file through its group but does not own it can't give the new one to its owner; then the group
    alone is kept, so that everybody who could read and write it still can.
    """
    try:
        wanted = target.stat()
    except FileNotFoundError:
        return  # _check_unchanged says so
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (wanted.st_uid, wanted.st_gid):
        try:
            os.fchown(descriptor, wanted.st_uid, wanted.st_gid)
        except PermissionError:
            os.fchown(descriptor, -1, wanted.st_gid)
    os.fchmod(descriptor, wanted.st_mode & 0o7777)


def _check_unchanged(target: Path, expected: bytes) -> None:
    try:
        found = target.read_bytes()
    except FileNotFoundError:
        raise EditConflict(f"{target.name} was removed meanwhile; nothing was written") from None
    if found != expected:
        raise EditConflict(f"{target.name} was changed meanwhile by another program; look at it and try again")


def _sync_directory(directory: Path) -> None:
    """Make the new name survive a power loss."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
