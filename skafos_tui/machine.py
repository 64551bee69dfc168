"""What a machine has and lacks for running jobs, and how to get what is missing; looked at, nothing is changed."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.store.home import Home, HomeError, file_system_of

OLDEST_PYTHON = (3, 11)
PACKAGES = (
    "aiohttp",
    "aiosqlite",
    "croniter",
    "docker",
    "pathspec",
    "platformdirs",
    "textual",
    "tzdata",
    "watchfiles",
    "yaml",
)
FREE_BYTES = 1 << 30
"""Below this the disk is said to be short: logs, images and models need room."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `remedy` says how to get what is missing, `needed` whether jobs can't run without it."""

    name: str
    good: bool
    detail: str
    remedy: str = ""
    needed: bool = True

    @property
    def mark(self) -> str:
        """What it comes to, in one word."""
        return "ok" if self.good else "missing" if self.needed else "remark"


def look_at_machine(home: Home, *, may_start: bool = True) -> list[Check]:
    """Look at everything; blocking: the engine is asked for what it knows, and started where there is none.

    Without `may_start` it isn't, and nothing is made.
    """
    checks = [check_python(), check_packages(), check_home(home, may_make=may_start), check_disk(home)]
    checks += [check_settings(), *check_engine(home, may_start=may_start)]
    return [*checks, check_docker_group(), check_search()]


def check_python() -> Check:
    """Whether this Python is new enough."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check(
        "python",
        sys.version_info >= OLDEST_PYTHON,
        f"{version} at {sys.executable}",
        "install Python 3.11 or newer and make the environment anew with it",
    )


def check_packages() -> Check:
    """Whether all packages that come with the program can be imported."""
    import importlib

    broken = []
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            broken.append(f"{name} ({error})")
    detail = "; ".join(broken) or "all there"
    return Check("packages", not broken, detail, f"{sys.executable} -m pip install --force-reinstall skafos-tui")


def check_home(home: Home, *, may_make: bool = True) -> Check:
    """Whether SKAFOS_HOME can be used."""
    try:
        if may_make:
            home.create()
    except HomeError as error:
        return Check("home", False, str(error), "set SKAFOS_HOME to a short path on a local disk of yours")
    if not os.access(home.path, os.W_OK | os.X_OK):
        return Check("home", False, f"{home.path} is not writable", "set SKAFOS_HOME to a directory of yours")
    return Check("home", True, f"{home.path} ({file_system_of(home.path)})")


def check_disk(home: Home) -> Check:
    """Whether the disk under SKAFOS_HOME has room."""
    from skafos_tui.model.verdict import format_bytes

    place = next((path for path in (home.path, *home.path.parents) if path.is_dir()), Path("/"))
    free = shutil.disk_usage(place).free
    return Check(
        "disk",
        free >= FREE_BYTES,
        f"{format_bytes(free)} free at {place}",
        "make room, or set SKAFOS_HOME to a larger disk",
    )


def check_settings() -> Check:
    """Whether the user's settings can be read."""
    from skafos_tui.config.settings import SettingsError, load_settings, settings_path

    try:
        load_settings()
    except SettingsError as error:
        return Check("settings", False, str(error), "correct that line, or remove the file")
    path = settings_path()
    return Check("settings", True, str(path) if path.exists() else f"defaults ({path} does not exist)")


def check_engine(home: Home, *, may_start: bool = True) -> list[Check]:
    """Whether the engine answers, and what it says of Docker and the base image."""
    from skafos_tui.api.client import ApiError, EngineClient, EngineUnreachable, ensure_engine

    try:
        engine = ensure_engine(home) if may_start else EngineClient(home)
        status, found = engine.status(), engine.doctor()
    except (EngineUnreachable, ApiError) as error:
        return [Check("engine", False, str(error), f"what it said last: tail {home.engine_log}")]
    return [
        Check("engine", True, f"pid {status.get('pid')}, version {status.get('version')}"),
        *(
            Check(
                str(item["name"]),
                bool(item["good"]),
                str(item.get("detail", "")),
                str(item.get("remedy") or ""),
                bool(item.get("needed", True)),
            )
            for item in found
        ),
    ]


def check_docker_group() -> Check:
    """Whether this user may talk to Docker's usual socket."""
    import grp

    if os.geteuid() == 0:
        return Check("docker group", True, "not needed: root")
    try:
        group = grp.getgrnam("docker")
    except KeyError:
        return Check("docker group", True, "there is no group docker on this machine")
    if group.gr_gid in os.getgroups():
        return Check("docker group", True, "this user is in it")
    remedy = "sudo usermod -aG docker $USER, then log in anew (not needed with rootless Docker)"
    return Check("docker group", False, "this user is not in it", remedy, needed=False)


def check_search() -> Check:
    """Whether something quick searches logs."""
    for name in ("rg", "grep"):
        path = shutil.which(name)
        if path:
            return Check("search", True, f"{name} at {path}", needed=False)
    return Check(
        "search", False, "neither rg nor grep", "apt-get install ripgrep: searching is slower now", needed=False
    )
