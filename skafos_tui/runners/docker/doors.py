"""Ways into containers: of attempts that run, and of ended ones made again for a debug shell."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping
from typing import Any

from skafos_tui.runners.base import (
    LABEL_DEBUG,
    LABEL_ENGINE,
    AttemptSpec,
    CouldNotStart,
    Door,
    Look,
    Phase,
    RunnerError,
)
from skafos_tui.runners.docker.client import CONFLICT, NOT_FOUND, Address, DockerClient, Refused
from skafos_tui.runners.docker.containers import PHASES, container_config, own_user
from skafos_tui.runners.docker.host import host_of

PROGRAM = "skafos_tui.runners.docker.shell"
WAIT_FOR_END = ("sh", "-c", "while read -r _; do :; done")
"""What a container of a debug shell runs: it ends with its input, which is the program that opened the shell. So it is
gone whatever becomes of that program, also where it is killed."""

OPENING_S = 60.0
"""So long a shell may take from what is made for it to its start."""


def shell(client: DockerClient, name: str, prompt: str) -> Door:
    """The way into a container that runs. Raises RunnerError."""
    found = _inspect(client, name)
    phase = None if found is None else PHASES[found["State"]["Status"]]
    if phase is Phase.PAUSED:
        raise RunnerError(f"its container is paused: docker unpause {name}")
    if phase is not Phase.RUNNING:
        raise RunnerError("its container does not run")
    return _door(client.address, name, prompt)


def debug_shell(client: DockerClient, spec: AttemptSpec, prompt: str) -> Door:
    """Make the container, not started: the shell's program starts it. Raises CouldNotStart."""
    config = debug_config(container_config(spec, host_of(client), own_user()))
    _clean(client, config["Labels"][LABEL_DEBUG])
    for _ in range(2):
        try:
            client.call("create", lambda docker: docker.create_container_from_config(config, name=spec.name))
            return _door(client.address, spec.name, prompt, "--debug")
        except Refused as error:
            if error.status != CONFLICT:
                raise CouldNotStart(str(error)) from error
            _make_way(client, spec.name)
    raise CouldNotStart(f"{spec.name} is there already; remove it: docker rm {spec.name}")


def _clean(client: DockerClient, engine: str) -> None:
    """Remove what was made for shells of this engine that nobody opened; what is new may be about to be."""
    wanted = {"label": [f"{LABEL_DEBUG}={engine}"], "status": ["created", "exited"]}
    for entry in client.call("list", lambda docker: docker.containers(all=True, filters=wanted)):
        if entry["Created"] < time.time() - OPENING_S:
            end_debug(client, entry["Names"][0].lstrip("/"))


def _make_way(client: DockerClient, name: str) -> None:
    """Remove what an earlier shell left; raises CouldNotStart where one is open, or the name is somebody else's."""
    found = _inspect(client, name)
    if found is None:
        return
    if LABEL_DEBUG not in (found["Config"].get("Labels") or {}):
        raise CouldNotStart(f"another container has the name {name}; remove it or rename it: docker rm {name}")
    if PHASES[found["State"]["Status"]] in (Phase.RUNNING, Phase.PAUSED):
        raise CouldNotStart(f"a debug shell is open there already: {typed(name)}")
    end_debug(client, name)


def debug_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the create call for a debug shell, from the attempt's; pure."""
    labels = dict(config["Labels"])
    return {
        **config,
        "Cmd": list(WAIT_FOR_END),
        "Labels": {key: value for key, value in labels.items() if key != LABEL_ENGINE}
        | {LABEL_DEBUG: labels.get(LABEL_ENGINE, "")},
        "AttachStdin": True,
        "OpenStdin": True,
        "StdinOnce": True,
        "HostConfig": {**config["HostConfig"], "AutoRemove": True},
    }


def end_debug(client: DockerClient, name: str) -> None:
    """Remove the container of a debug shell; nothing happens where there is none, or the name is another's."""
    found = _inspect(client, name)
    if found is None or LABEL_DEBUG not in (found["Config"].get("Labels") or {}):
        return
    try:
        client.call("remove", lambda docker: docker.remove_container(found["Id"], v=True, force=True))
    except Refused as error:
        # 409: its removal is under way already.
        if error.status not in (NOT_FOUND, CONFLICT):
            raise


def look(client: DockerClient, name: str) -> Look | None:
    """Docker's inspect, and the processes while it runs; None where there is no container."""
    found = _inspect(client, name)
    if found is None:
        return None
    if PHASES[found["State"]["Status"]] is not Phase.RUNNING:
        return Look(found)
    try:
        top = client.call("top", lambda docker: docker.top(found["Id"], ps_args="-o pid,user,etime,rss,args"))
    except Refused:
        return Look(found)  # it has ended meanwhile
    return Look(found, (tuple(top["Titles"]), *map(tuple, top["Processes"] or ())))


def typed(name: str) -> str:
    """What a person could type."""
    return shlex.join(["docker", "exec", "-it", name, "sh"])


def _door(address: Address, name: str, prompt: str, *more: str) -> Door:
    argv = (sys.executable, "-m", PROGRAM, *more, "--prompt", prompt, name)
    return Door(argv, _variables(address), typed(name))


def _variables(address: Address) -> dict[str, str]:
    """The daemon that the engine uses, whatever the shell's own variables say."""
    return {
        "DOCKER_HOST": address.url,
        "DOCKER_CERT_PATH": str(address.tls_directory or ""),
        "DOCKER_TLS_VERIFY": "1" if address.tls_verify else "",
    }


def _inspect(client: DockerClient, name: str) -> dict[str, Any] | None:
    try:
        found = dict(client.call("inspect", lambda docker: docker.inspect_container(name)))
    except Refused as error:
        if error.status == NOT_FOUND:
            return None
        raise
    # Docker also finds containers by the beginning of an id.
    return found if found["Name"].lstrip("/") == name else None
