"""`metis.config.yml` read into a project: all findings at once, and the project where it can run."""

from __future__ import annotations

import gc
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skafos_tui.config.files import DirectoryFiles, FileLookup, Machine
from skafos_tui.config.nodes import MAP, Document, Node, NodeError, compose
from skafos_tui.config.places import BYTE_ORDER_MARK, Places
from skafos_tui.config.project import ProjectReader
from skafos_tui.config.quantities import MAX_CPU, MAX_MEMORY
from skafos_tui.config.reading import Options, Reading, random_id, random_token
from skafos_tui.config.sections import kind_name
from skafos_tui.config.source import MAX_BYTES, decode, lossy_text, mask_placeholders
from skafos_tui.model.diagnostic import Diagnostic, Fix, Severity
from skafos_tui.model.project import Project

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_NAME = "metis.config.yml"
RUNS_ANYWAY = frozenset(["entrypoint-missing-file"])
"""Errors with which a config runs all the same: only that task fails (SPEC 2)."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a config says: the project (None where errors keep it from running), its findings by place, its text.

    `data` are the bytes that were read: what a save expects to find unchanged.
    """

    project: Project | None
    diagnostics: tuple[Diagnostic, ...]
    text: str
    data: bytes = b""


class ConfigUnreadable(Exception):
    """There is no config to read; `message` is one line that says what is there instead."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def config_in(directory: str) -> str | None:
    """The path of a directory's config, None where it has none."""
    path = os.path.join(directory, CONFIG_NAME)  # noqa: PTH118 - a validation does without pathlib, which costs 4 ms
    return path if os.path.lexists(path) else None


def config_above(directory: str) -> str | None:
    """The path of the nearest config from a directory (absolute) upwards; None where there is none."""
    while (path := config_in(directory)) is None:
        above = os.path.dirname(directory)  # noqa: PTH120
        if above == directory:
            return None
        directory = above
    return path


def find_config(directory: Path | str) -> Path | None:
    """The config of a directory, None where it has none."""
    from pathlib import Path

    found = config_in(str(directory))
    return None if found is None else Path(found)


def find_project(start: Path | str) -> Path | None:
    """The nearest directory with a config, from `start` upwards; None where there is none."""
    from pathlib import Path

    found = config_above(str(Path(start).absolute()))
    return None if found is None else Path(found).parent


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a config, at most one more than are allowed. Raises ConfigUnreadable.

    Only a regular file is read: a FIFO would wait for ever, a device never end.
    """
    name = str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError as error:
        if os.path.islink(path):  # noqa: PTH114
            raise ConfigUnreadable(f"{name}: is a link to a file that isn't there; correct the link") from error
        raise ConfigUnreadable(f"{name}: there is no such file") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigUnreadable(f"{name}: can't be read: {reason}") from error
    try:
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigUnreadable(f"{name}: is not a regular file; a config is a text file")
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigUnreadable(f"{name}: can't be read: {error.strerror or error}") from error


def directory_of(path: Path | str) -> str:
    """The directory a config stands in, absolute; symbolic links are not followed."""
    return os.path.dirname(os.path.join(os.getcwd(), path))  # noqa: PTH109, PTH118, PTH120


def read_config(
    path: Path | str,
    *,
    machine: Machine | None = None,
    max_cpu: float = MAX_CPU,
    max_memory: int = MAX_MEMORY,
) -> ReadResult:
    """Read a config file, its entrypoints looked up beside it. Raises ConfigUnreadable."""
    files = DirectoryFiles(directory_of(path))
    return parse_config(read_bytes(path), files=files, machine=machine, max_cpu=max_cpu, max_memory=max_memory)


def parse_config(
    data: bytes | str,
    *,
    files: FileLookup | None = None,
    machine: Machine | None = None,
    max_cpu: float = MAX_CPU,
    max_memory: int = MAX_MEMORY,
    new_id: Callable[[], str] = random_id,
    new_token: Callable[[], str] = random_token,
) -> ReadResult:
    """Read a config; never raises for what stands in it.

    `files` answers whether an entrypoint's file is there, `machine` what it can give; None: not checked.
    `max_cpu` (cores) and `max_memory` (bytes) are the ceilings, which the user's settings may raise. `new_id` and
    `new_token` make the ids that fixes offer.
    """
    options = Options(files, machine, max_cpu, max_memory, new_id, new_token)
    raw = data if isinstance(data, bytes) else b""
    try:
        text = decode(data)
    except NodeError as error:
        text = lossy_text(data)
        return ReadResult(None, (_early(error, text, 0, None),), text, raw)
    with _COLLECTION_PAUSE:
        reading, project = read_text(text.removeprefix(BYTE_ORDER_MARK), options)
    diagnostics = reading.diagnostics(text)
    if any(item.severity is Severity.ERROR and item.code not in RUNS_ANYWAY for item in diagnostics):
        project = None
    return ReadResult(project, diagnostics, text, raw)


class CollectionPause:
    """No garbage collection while nodes are built: they only grow, and it takes a quarter of the time.

    Several threads may read at once; the last one that ends lets the collection go on, if the first one found it on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0 and self._was_on:
                gc.enable()


_COLLECTION_PAUSE = CollectionPause()


def read_text(text: str, options: Options) -> tuple[Reading, Project | None]:
    """Read a text without byte-order mark: the reading with its findings, and the project if it is whole."""
    masked, placeholders = mask_placeholders(text)
    reading = Reading(masked, options, placeholders)
    try:
        document = compose(masked)
    except NodeError as error:
        from skafos_tui.config.syntax import explain

        _report_placeholders(reading, text, None, placeholders)
        better, fix = explain(masked, error)
        reading.add(Severity.ERROR, better.code, better.message, better.start, better.end, fix)
        return reading, None
    return reading, _read_document(reading, text, document, placeholders)


def _read_document(
    reading: Reading, text: str, document: Document, placeholders: tuple[tuple[int, int], ...]
) -> Project | None:
    root = document.root
    if root is None or root.is_null:
        message = "the file is empty; a config needs project_token, name and jobs"
        reading.add(Severity.ERROR, "missing-key", message, 0, 0)
        return None
    _report_placeholders(reading, text, root, placeholders)
    if document.repeated_keys:
        from skafos_tui.config.repeated_keys import report_repeated_keys

        report_repeated_keys(reading, document)
    if root.kind != MAP:
        message = f"a config is a mapping with project_token, name and jobs, not {kind_name(root)}"
        reading.error("wrong-type", message, root)
        return None
    return ProjectReader(reading, root).read()


def _report_placeholders(
    reading: Reading, text: str, root: Node | None, placeholders: tuple[tuple[int, int], ...]
) -> None:
    if placeholders:
        from skafos_tui.config.placeholders import placeholder_findings

        placeholder_findings(reading, text, root, placeholders)


def _early(error: NodeError, text: str, shift: int, fix: Fix | None) -> Diagnostic:
    """The finding of a file that never became nodes."""
    places = Places(text)
    line, column = places.line_column(min(error.start + shift, len(text)))
    width = max(1, error.end - error.start)
    return Diagnostic(Severity.ERROR, error.code, error.message, line, column, column + width, None, fix)
