"""pip in an environment: its lines told as they come, ended when nobody waits any more."""

from __future__ import annotations

import importlib.util
import os
import select
import subprocess
import sys
import sysconfig
import threading
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from skafos_tui.runners import requirements
from skafos_tui.runners.base import BuildFailed, Progress
from skafos_tui.runners.pip_settings import redact
from skafos_tui.runners.process.processes import kill_group
from skafos_tui.runners.sharing import Cancelled

CANCEL_POLL_S = 0.1
END_POLL_S = 0.01
LEASH = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Ends pip with the engine: nobody would use what it makes. (1 is PR_SET_PDEATHSIG.)"""
PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'
NOT_TAKEN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
"""What would lead pip out of the environment."""


def add_pip(environment: Path) -> None:
    """Put Python's own pip into an environment. Raises BuildFailed.

    What `ensurepip` does, without compiling all of pip at once: 0.1 s instead of 6 s.
    """
    wheel = _bundled_wheel()
    if wheel is None:
        raise BuildFailed("this Python has no pip for new environments; on Debian and Ubuntu: apt install python3-venv")
    base = str(environment)
    packages = sysconfig.get_path("purelib", scheme="venv", vars={"base": base, "platbase": base})
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
    except (OSError, zipfile.BadZipFile) as error:
        raise BuildFailed(f"pip can't be installed from {wheel}: {error}") from error


def has_pip() -> bool:
    """Whether environments can have pip here."""
    return _bundled_wheel() is not None


def _bundled_wheel() -> Path | None:
    found = importlib.util.find_spec("ensurepip")
    if found is None or found.origin is None:
        return None
    shared = sysconfig.get_config_var("WHEEL_PKG_DIR")
    places = [Path(found.origin).parent / "_bundled", *([Path(shared)] if shared else [])]
    return next((wheel for place in places for wheel in sorted(place.glob("pip-*.whl"))), None)


def add_commands(environment: Path) -> None:
    """A `pip` that is the environment's, also where it has none and says so: the next one on PATH is this machine's."""
    for name in ("pip", "pip3"):
        path = environment / "bin" / name
        path.write_text(PIP)
        path.chmod(0o755)


def install(environment: Path, wanted: str, project: Path, tell: Progress, cancelled: threading.Event) -> str:
    """Install requirements, and return what is installed then. Raises BuildFailed, Cancelled.

    `project` are the project's files where the requirements name some of them, else it isn't there.
    """
    log: list[str] = []

    def take(line: str) -> None:
        log.append(redact(line))
        tell(log[-1])

    # pip looks for the files that a line names beside the file it stands in.
    directory = project if project.is_dir() else environment
    file = directory / ".skafos-requirements.txt"
    file.write_text(wanted)
    pip = [_python(environment), "-m", "pip"]
    if run([*pip, "install", "--requirement", str(file)], directory, take, cancelled) != 0:
        raise BuildFailed(f"pip install failed: {requirements.decisive_line(log)}")
    file.unlink()
    packages: list[str] = []
    if run([*pip, "freeze"], directory, packages.append, cancelled) != 0:
        raise BuildFailed("pip can't tell what it installed")
    return "\n".join(redact(line) for line in packages if not line.startswith("WARNING"))


def _python(environment: Path) -> str:
    return str(environment / "bin" / "python")


def run(command: Sequence[str], directory: Path, tell: Progress, cancelled: threading.Event) -> int:
    """The exit code of a program whose lines are told as they come. Raises Cancelled, BuildFailed."""
    leash = [sys.executable, "-I", "-S", "-c", LEASH] if sys.platform == "linux" else []
    settings = {
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_PROGRESS_BAR": "off",
        "PIP_USER": "0",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PYTHONUNBUFFERED": "1",
    }
    try:
        process = subprocess.Popen(
            [*leash, *command],
            cwd=directory,
            env={**{key: value for key, value in os.environ.items() if key not in NOT_TAKEN}, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise BuildFailed(f"{command[0]} can't be started: {error.strerror}") from error
    with process:
        try:
            _tell_lines(process, tell, cancelled)
        finally:
            if process.poll() is None:
                kill_group(process.pid)
    return process.returncode


def _tell_lines(process: subprocess.Popen[bytes], tell: Progress, cancelled: threading.Event) -> None:
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    rest = b""
    while True:
        if cancelled.is_set():
            raise Cancelled
        if not select.select([descriptor], [], [], CANCEL_POLL_S)[0]:
            continue
        data = os.read(descriptor, 1 << 16)
        *lines, rest = (rest + data).split(b"\n")
        for line in lines if data else [*lines, rest]:
            if line:
                tell(line.decode(errors="replace").rstrip("\r"))
        if not data:
            break
    while process.poll() is None:
        # It closed its output; its end is near.
        if cancelled.is_set():
            raise Cancelled
        time.sleep(END_POLL_S)
