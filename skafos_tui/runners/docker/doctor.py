"""What `skafos doctor` shows of Docker: whether it answers, what it can, whether a base image is there."""

from __future__ import annotations

from skafos_tui.runners.base import RunnerUnreachable
from skafos_tui.runners.checks import Check, check
from skafos_tui.runners.docker import images, labels
from skafos_tui.runners.docker.bootstrap import COMMAND
from skafos_tui.runners.docker.client import DockerClient
from skafos_tui.runners.docker.host import host_of


def checks(client: DockerClient) -> list[Check]:
    """The checks, each with `name`, `good`, `detail`, `remedy`, `needed`. Blocking."""
    try:
        host = host_of(client, fresh=True)
    except RunnerUnreachable as error:
        return [check("docker", False, str(error), "start Docker, or as root: scripts/docker-engine")]
    memory = f"{host.memory / (1 << 30):.1f}Gi"
    found = [check("docker", True, f"{host.version}, {host.cpus} cpu, {memory}, cgroup v{host.cgroup_version}")]
    found.append(_base_image(client))
    for text in host.warnings:
        found.append(check("docker warning", False, text, "see Docker's documentation", needed=False))
    if not host.live_restore:
        remedy = 'put {"live-restore": true} into /etc/docker/daemon.json to keep jobs running'
        found.append(check("live-restore", False, "a restart of Docker ends running jobs", remedy, needed=False))
    return found


def _base_image(client: DockerClient) -> Check:
    present = images.present_base(client, None)
    if present is not None:
        return check("base image", True, present.reference)
    missing = f"none is present; the first run pulls {labels.PUBLIC_BASE}"
    return check("base image", False, missing, f"where that can't be pulled: {COMMAND}", needed=False)
