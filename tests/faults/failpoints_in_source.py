"""The failpoints that an engine over the daemon in memory can reach, as the source names them."""

from __future__ import annotations

import re
from pathlib import Path

import skafos_tui

ROOM = Path(skafos_tui.__file__).parent
OF_TIME = ("scheduler", "deploying", "reload", "giving_up")
"""The modules of the engine whose commits time, deploys and edits reach; the others' a run reaches."""


def commits_in(text: str) -> set[str]:
    """The names of the commits in a source text."""
    return set(re.findall(r'\b(?:commit|transact|record)\(\s*"(\w+)"', text))


def of_time() -> list[str]:
    """Before and after every commit of the modules of time and change."""
    commits = commits_in("\n".join((ROOM / "engine" / f"{name}.py").read_text() for name in OF_TIME))
    return sorted(f"commit.{name}.{side}" for name in commits for side in ("before", "after"))


def of_runs() -> list[str]:
    """Every other commit, and the calls of attempts."""
    paths = [path for path in sorted((ROOM / "engine").glob("*.py")) if path.stem not in OF_TIME]
    engine = "\n".join(path.read_text() for path in paths)
    commits = commits_in(engine) - {"forget"}
    plain = set(re.findall(r'\bfailpoint\("([\w.]+)"\)', engine))
    docker = ROOM / "runners" / "docker"
    calls = set(re.findall(r'\bcall\("(\w+)"', (docker / "containers.py").read_text())) | {"info", "build", "commit"}
    streams = (docker / "streams.py").read_text() + (docker / "events.py").read_text()
    plain |= set(re.findall(r'\bfailpoint\("([\w.]+)"\)', streams))
    both = {f"commit.{name}" for name in commits} | {f"docker.{name}" for name in calls}
    return sorted(plain | {f"{name}.{side}" for name in both for side in ("before", "after")})
