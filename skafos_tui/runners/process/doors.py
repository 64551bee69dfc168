"""Ways into local attempts: of those that run, and of ended ones made again for a debug shell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

from skafos_tui.runners.base import (
    DEBUG_PREFIX,
    LABEL_DEBUG,
    LABEL_ENGINE,
    AttemptSpec,
    CouldNotStart,
    Door,
    Look,
    RunnerError,
)
from skafos_tui.runners.process import files, processes
from skafos_tui.runners.process.attempts import LocalAttempts
from skafos_tui.runners.process.places import Places

PROGRAM = "skafos_tui.runners.process.shell"


def shell(places: Places, attempts: LocalAttempts, name: str, prompt: str) -> Door:
    """The way into an attempt that runs. Raises RunnerError."""
    if not attempts.runs(name):
        raise RunnerError("it does not run")
    return _door(places, name, prompt)


def debug_shell(places: Places, attempts: LocalAttempts, spec: AttemptSpec, prompt: str) -> Door:
    """Make an attempt's directory again, with its code and environment; nothing is started. Raises CouldNotStart."""
    _clean(places, attempts)
    if places.attempt(spec.name).exists():
        raise CouldNotStart("a debug shell is open there already")
    labels = {key: value for key, value in spec.labels.items() if key != LABEL_ENGINE}
    attempts.create(replace(spec, labels={**labels, LABEL_DEBUG: spec.labels.get(LABEL_ENGINE, "")}))
    return _door(places, spec.name, prompt)


def _clean(places: Places, attempts: LocalAttempts) -> None:
    """Remove what shells left that nobody has ended; one that is open has processes."""
    if not places.attempts.is_dir():
        return
    for place in list(places.attempts.iterdir()):
        if place.name.startswith(DEBUG_PREFIX) and not processes.of_attempt(str(place)):
            attempts.remove(place.name)


def end_debug(places: Places, attempts: LocalAttempts, name: str) -> None:
    """Remove what was made for a debug shell, and what runs there; nothing happens where there is none."""
    place = places.attempt(name)
    if name.startswith(DEBUG_PREFIX) and place.exists():
        processes.kill_left_behind(str(place))
        attempts.remove(name)


def look(places: Places, name: str) -> Look | None:
    """What the attempt's files say, and its processes; None where there is no such directory."""
    place = places.attempt(name)
    spec = files.read_json(str(place / files.SPEC))
    if spec is None:
        return None
    started = files.read_json(str(place / files.STARTED))
    ended = files.read_json(str(place / files.EXIT))
    known = {"directory": str(place), "spec": spec, "started": started, "ended": ended}
    if started is None or ended is not None:
        return Look(known)
    return Look(known, tuple(_process_rows(int(started["pid"]))))


def _process_rows(pid: int) -> Iterator[tuple[str, ...]]:
    yield ("PID", "RSS", "COMMAND")
    below = processes.descendants(pid)
    sizes = processes.resident(below)
    for each in below:
        if each in sizes:
            yield (str(each), str(sizes[each] >> 10), processes.command_of(each))


def _door(places: Places, name: str, prompt: str) -> Door:
    return Door((sys.executable, "-m", PROGRAM, "--prompt", prompt, str(places.attempt(name))))
