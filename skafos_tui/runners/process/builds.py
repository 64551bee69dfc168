"""Images without images: a virtual environment with the requirements, and the code unpacked, each made once."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

from skafos_tui.runners import requirements
from skafos_tui.runners.base import BuildFailed, BuiltImage, ImageRequest, Progress
from skafos_tui.runners.identity import builder_identity, is_left_behind
from skafos_tui.runners.pip_settings import PipSettings, read_settings
from skafos_tui.runners.process.pip import add_commands, add_pip, install
from skafos_tui.runners.process.places import PREFIX, Places, parts_of, remove_tree
from skafos_tui.runners.sharing import SharedBuilds
from skafos_tui.store.failpoints import failpoint

RECIPE = 1
"""Part of every environment's key; to be raised when the way of making one changes what comes out."""
BUILD_THREADS = 4
PACKAGES = "skafos-packages.txt"
"""In an environment: its `pip freeze`."""
MAKER = ".maker"
"""Beside an environment that is being made: who makes it."""
FICLONE = 0x40049409


class Builds:
    """Makes images for requests; `build` and `close` on one event loop, the rest on any thread."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._builds = SharedBuilds(BUILD_THREADS, "process-build")
        self._lock = threading.Lock()
        self._cleaned = False

    async def build(self, request: ImageRequest, progress: Progress) -> BuiltImage:
        """The image for a request, found or made. Raises BuildFailed."""
        failpoint("process.build.before")
        if request.base is not None:
            progress(f"the image {request.base} can't be had without Docker: jobs run with {_python()}")
        settings = await self._builds.do("settings", progress, lambda tell, stop: self._prepare())
        wanted = requirements.normalise(request.requirements)
        environment = environment_digest(wanted, settings, request.code_digest)
        reference = f"{PREFIX}{environment}-{request.code_digest}"
        while not self._keep(reference):
            await self._builds.do(
                request.code_digest,
                progress,
                lambda tell, stop: unpack(self._places, request.code, request.code_digest),
            )
            await self._builds.do(
                environment,
                progress,
                lambda tell, stop: self._make(environment, wanted, request.code_digest, tell, stop),
            )
        packages = (self._places.environments / environment / PACKAGES).read_text()
        failpoint("process.build.after")
        return BuiltImage(reference, packages)

    def has(self, reference: str) -> bool:
        """Whether the image is there."""
        parts = parts_of(reference)
        return parts is not None and (self._places.images / "-".join(parts)).exists() and self._parts_there(*parts)

    def drop(self, reference: str, in_use: Callable[[str], bool]) -> None:
        """Remove an image, and what of it no other image has; `in_use` says whether attempts run in an environment."""
        parts = parts_of(reference)
        if parts is None:
            return
        environment, code = parts
        with self._lock:
            (self._places.images / "-".join(parts)).unlink(missing_ok=True)
            left = [path.name.split("-") for path in self._places.images.iterdir()]
            if all(other != code for _, other in left):
                self._drop(self._places.code / code)
            if all(other != environment for other, _ in left) and not in_use(environment):
                link = self._places.environments / environment
                real = link.resolve()
                link.unlink(missing_ok=True)
                self._drop(real)

    def _drop(self, path: Path) -> None:
        if path.is_dir():
            aside = self._places.aside()
            path.rename(aside)
            remove_tree(aside)

    def _prepare(self) -> PipSettings:
        self._places.make()
        if not self._cleaned:
            self._cleaned = True
            self._places.clean()
            _clean_environments(self._places.environments)
        return read_settings()

    def _parts_there(self, environment: str, code: str) -> bool:
        return (self._places.environments / environment).exists() and (self._places.code / code).exists()

    def _keep(self, reference: str) -> bool:
        """Mark the image as one to be kept, if it is all there."""
        parts = parts_of(reference)
        assert parts is not None
        with self._lock:
            if not self._parts_there(*parts):
                return False
            (self._places.images / "-".join(parts)).touch(mode=0o600)
            return True

    def _make(self, digest: str, wanted: str, code: str, tell: Progress, cancelled: threading.Event) -> None:
        """Make the environment under a short name of its own, for it can't be moved; then link to it by its digest."""
        link = self._places.environments / digest
        if link.exists():
            return
        name = secrets.token_hex(4)
        directory = link.with_name(name)
        maker = link.with_name(f"{name}{MAKER}")
        maker.write_text(builder_identity())
        try:
            make_environment(directory, tell, with_pip=bool(wanted))
            packages = ""
            if wanted:
                project = directory / "project"
                if requirements.needs_code(wanted):
                    # Here to stay: what is installed as "editable" stays where it is.
                    shutil.copytree(self._places.code / code, project, symlinks=True, copy_function=copy_file)
                packages = install(directory, wanted, project, tell, cancelled)
            (directory / PACKAGES).write_text(packages)
            # It is only a cache, but one that a power cut left with empty files would be believed.
            os.sync()
            failpoint("process.publish.before")
            _link(link, name)
        except BaseException:
            remove_tree(directory)
            raise
        finally:
            maker.unlink(missing_ok=True)

    async def close(self) -> None:
        """End all builds."""
        await self._builds.close()


def _link(link: Path, name: str) -> None:
    if link.is_symlink() and not link.exists():
        link.unlink()
    try:
        link.symlink_to(name)
    except FileExistsError:
        # Another engine's, made meanwhile.
        remove_tree(link.with_name(name))


def _clean_environments(place: Path) -> None:
    """Remove environments whose makers died before they were complete."""
    used = {str(path.readlink()) for path in place.iterdir() if path.is_symlink()}
    for maker in place.glob(f"*{MAKER}"):
        if is_left_behind(maker.read_text()):
            name = maker.name.removesuffix(MAKER)
            if name not in used:
                remove_tree(maker.with_name(name))
            maker.unlink(missing_ok=True)


def environment_digest(wanted: str, settings: PipSettings, code_digest: str) -> str:
    """What an environment depends on: the Python, the requirements, where they come from, files that they name."""
    code = code_digest if requirements.needs_code(wanted) else ""
    decisive = list(settings.decisive) if wanted else []
    content = [RECIPE, _python(), platform.machine(), wanted, decisive, code]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]


def _python() -> str:
    """The Python that environments are made of, as people know it."""
    executable = getattr(sys, "_base_executable", None) or sys.executable
    return f"Python {platform.python_version()} ({executable})"


def environment_of(places: Places, reference: str) -> Path | None:
    """The environment of an image that is there, as its real directory; None where it is gone."""
    parts = parts_of(reference)
    if parts is None or not (places.code / parts[1]).exists():
        return None
    link = places.environments / parts[0]
    return link.resolve() if link.exists() else None


def make_environment(directory: Path, tell: Progress, *, with_pip: bool) -> None:
    """An empty virtual environment. Raises BuildFailed."""
    import venv

    tell(f"making an environment of {_python()}")
    try:
        venv.EnvBuilder(symlinks=True, with_pip=False).create(directory)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildFailed(f"a virtual environment can't be made: {error}") from error
    if with_pip:
        add_pip(directory)
    add_commands(directory)


def unpack(places: Places, archive: Path, digest: str) -> None:
    """Unpack the code of a project, once. Raises BuildFailed."""
    target = places.code / digest
    if target.exists():
        return
    aside = places.aside()
    try:
        aside.mkdir(mode=0o700)
        with tarfile.open(archive, "r:*") as source:
            for member in source:
                _unpack_member(source, member, aside)
        os.sync()
        aside.rename(target)
    except (OSError, KeyError, tarfile.TarError) as error:
        if not target.exists():
            raise BuildFailed(f"the code archive {archive} can't be unpacked: {error}") from error
    finally:
        if aside.exists():
            remove_tree(aside)


def _unpack_member(source: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    """One file, directory or link; nothing is written outside `root`, whatever the archive says.

    Links keep pointing where they point, also to other places of this machine: the project's files are all there.
    """
    name = os.path.normpath(member.name)
    if name == ".":
        return
    path = root / name
    parent = path.parent.resolve()
    if not parent.is_relative_to(root.resolve()) or name.startswith(("/", "..")):
        raise tarfile.TarError(f"{member.name} lies outside the project")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.isreg() or member.islnk():
        content = source.extractfile(member)
        if content is None:
            raise tarfile.TarError(f"{member.name} is a link to no file")
        with content, path.open("xb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
        # Read only: jobs work on copies.
        path.chmod(0o555 if member.mode & 0o100 else 0o444)


def copy_code(places: Places, reference: str, target: Path) -> None:
    """An attempt's own copy of the code, writable. Raises OSError."""
    parts = parts_of(reference)
    assert parts is not None
    shutil.copytree(places.code / parts[1], target, symlinks=True, copy_function=copy_file)
    target.chmod(0o755)


def copy_file(source: str, target: str) -> str:
    """Copy a file, writable; as a clone where the file system shares the blocks. Not as a hard link: jobs write."""
    if not _cloned(source, target):
        shutil.copyfile(source, target)
    mode = os.stat(source).st_mode  # noqa: PTH116
    os.chmod(target, 0o755 if mode & 0o100 else 0o644)  # noqa: PTH101
    return target


def _cloned(source: str, target: str) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    with open(source, "rb") as old, open(target, "wb") as new:  # noqa: PTH123
        try:
            fcntl.ioctl(new.fileno(), FICLONE, old.fileno())
        except OSError:
            # Most file systems can't.
            return False
    return True
