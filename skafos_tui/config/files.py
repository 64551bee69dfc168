"""What a check may ask of the project's directory and of the machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class FileLookup(Protocol):
    """Answers about the files of a project; paths are relative, with forward slashes."""

    def has_file(self, path: str) -> bool:
        """Whether a file stands there, in exactly this spelling."""

    def other_spelling(self, path: str) -> str | None:
        """The one file whose path differs from `path` only in upper and lower case."""

    def read_text(self, path: str) -> str | None:
        """The text of a small file; None where it can't be read."""


class DirectoryFiles:
    """The files below a directory; each directory is listed once, so a thousand questions stay cheap."""

    def __init__(self, root: Path | str) -> None:
        self._root = str(root)
        self._names: dict[str, frozenset[str]] = {}

    def _list(self, directory: str) -> frozenset[str]:
        names = self._names.get(directory)
        if names is None:
            try:
                names = frozenset(os.listdir(f"{self._root}/{directory}"))  # noqa: PTH208 - names only, quick
            except (OSError, ValueError):
                names = frozenset()
            self._names[directory] = names
        return names

    def has_file(self, path: str) -> bool:
        """Whether a file stands there; on file systems that ignore case, too, the spelling counts."""
        parts = path.split("/")
        for index, part in enumerate(parts):
            if part not in self._list("/".join(parts[:index])):
                return False
        return os.path.isfile(f"{self._root}/{path}")  # noqa: PTH113 - a validation does without pathlib

    def other_spelling(self, path: str) -> str | None:
        """The one file whose path differs from `path` only in upper and lower case."""
        found = ""
        for part in path.split("/"):
            names = self._list(found)
            same = [part] if part in names else [name for name in names if name.lower() == part.lower()]
            if len(same) != 1:
                return None
            found = f"{found}/{same[0]}" if found else same[0]
        return found if found != path and self.has_file(found) else None

    def read_text(self, path: str) -> str | None:
        """The text of a small file; None where it can't be read."""
        try:
            with open(f"{self._root}/{path}", "rb") as file:  # noqa: PTH123
                return file.read(256 * 1024).decode("utf-8", "replace")
        except OSError:
            return None


class Machine(NamedTuple):
    """What the machine has: cores and bytes of memory."""

    cpu: float
    memory: int


def this_machine() -> Machine | None:
    """The machine we are on; None where the system doesn't say."""
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
    return Machine(float(os.cpu_count() or 1), pages * size)
