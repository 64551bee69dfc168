"""Images of projects: a base, a layer with the requirements, a layer with the code (SPEC 4).

Installing in a container and committing it needs no builder (docker-py speaks only the classic one, which Docker
deprecates), shows its log live, and can be cancelled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO, Any

from skafos_tui.runners import requirements
from skafos_tui.runners.base import BaseImageMissing, BuildFailed, Progress
from skafos_tui.runners.docker import labels
from skafos_tui.runners.docker.building import build_container, commit, run_to_end
from skafos_tui.runners.docker.client import CONFLICT, NOT_FOUND, DockerClient, Refused
from skafos_tui.runners.docker.containers import HOME_DIRECTORY, PROJECT_DIRECTORY
from skafos_tui.runners.pip_settings import PipSettings, redact
from skafos_tui.runners.sharing import Cancelled

RECIPE = 1
"""Part of every layer's key; to be raised when the way of building changes what comes out."""
MOUNT = "/tmp/.skafos-build"
PACKAGES_MARKER = "=== skafos packages ==="
TAR_IN_MEMORY = 64 << 20


@dataclass(frozen=True, slots=True)
class Base:
    """A base image: what was asked for, and its content's id."""

    reference: str
    id: str


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer to build: `tag` is its name and key."""

    tag: str
    parent: str


def inspect_image(client: DockerClient, reference: str) -> dict[str, Any] | None:
    """Docker's facts on an image; None where it isn't present."""
    try:
        return dict(client.call("inspect_image", lambda docker: docker.inspect_image(reference)))
    except Refused as error:
        if error.status == NOT_FOUND:
            return None
        raise


def drop_image(client: DockerClient, reference: str) -> None:
    """Remove an image, and what of it no other image has; nothing happens where it is in use or gone."""
    try:
        client.call("remove_image", lambda docker: docker.remove_image(reference))
    except Refused as error:
        if error.status not in (NOT_FOUND, CONFLICT):
            raise


def present_base(client: DockerClient, wanted: str | None) -> Base | None:
    """The base image if it is here; for None the default: Python's own image, else one from `image bootstrap`.

    What is present comes first, so that a machine without a registry doesn't try a pull that fails on every run.
    """
    candidates = [wanted] if wanted else [labels.PUBLIC_BASE, labels.BASE_TAG]
    for reference in candidates:
        found = inspect_image(client, reference)
        if found is not None:
            return Base(reference, found["Id"])
    if wanted is None:
        bootstrapped = client.call("images", lambda docker: docker.images(name=labels.BASE_REPOSITORY))
        newest = max(bootstrapped, key=lambda image: image["Created"], default=None)
        if newest is not None and newest["RepoTags"]:
            return Base(newest["RepoTags"][0], newest["Id"])
    return None


def pull_base(client: DockerClient, wanted: str | None, tell: Progress, cancelled: threading.Event) -> Base:
    """Pull the base image. Raises BaseImageMissing, which names the command that helps."""
    reference = wanted or labels.PUBLIC_BASE
    tell(f"pulling {reference}")
    try:
        client.long_call("pull", lambda docker: _follow_pull(docker, reference, tell, cancelled))
    except Refused as error:
        raise BaseImageMissing(_missing(reference, wanted, str(error))) from error
    found = inspect_image(client, reference)
    if found is None:
        raise BaseImageMissing(_missing(reference, wanted, "the pull brought nothing"))
    return Base(reference, found["Id"])


def _follow_pull(docker: Any, reference: str, tell: Progress, cancelled: threading.Event) -> None:
    for step in docker.pull(reference, stream=True, decode=True):
        if cancelled.is_set():
            raise Cancelled
        if "error" in step:
            raise Refused(500, str(step["error"]))
        status = step.get("status", "")
        # A layer's download and unpacking report many times a second.
        if "id" not in step or status in ("Pull complete", "Already exists"):
            tell(f"{step['id']}: {status}" if "id" in step else status)


def _missing(reference: str, wanted: str | None, words: str) -> str:
    here = f"{reference} is neither here nor can it be pulled ({words})"
    if wanted is not None and not wanted.startswith(f"{labels.BASE_REPOSITORY}:"):
        return f"{here}; without `image:` in the config the default is used"
    command = "skafos image bootstrap" if os.geteuid() == 0 else "sudo skafos image bootstrap"
    return f"{here}; `{command}` makes a base image from this machine's packages"


def key_of(*parts: object) -> str:
    """A short hash over the parts, for tags."""
    return hashlib.sha256(json.dumps([RECIPE, *parts]).encode()).hexdigest()[:24]


def dependencies_layer(base: Base, wanted: str, settings: PipSettings, code_digest: str) -> Layer:
    """The layer with the requirements `wanted` (normalised); it depends on the code where they name files of it."""
    code = code_digest if requirements.needs_code(wanted) else ""
    return Layer(f"{labels.DEPENDENCIES_REPOSITORY}:{key_of(base.id, wanted, list(settings.decisive), code)}", base.id)


def code_layer(project: str, parent: str, code_digest: str, user: tuple[int, int]) -> Layer:
    """The layer with the code of a project, owned by `user` (uid, gid)."""
    return Layer(f"{labels.CODE_REPOSITORY}:{project.lower()}-{key_of(parent, code_digest, list(user))}", parent)


def install(
    client: DockerClient,
    layer: Layer,
    wanted: str,
    code: Path | None,
    settings: PipSettings,
    tell: Progress,
    cancelled: threading.Event,
) -> None:
    """Build the dependencies layer. `code` is the project's tar where the requirements name files of it."""
    for remark in settings.remarks:
        tell(redact(remark))
    log: list[str] = []
    packages: list[str] | None = None

    def take(line: str) -> None:
        nonlocal packages
        if packages is not None:
            packages.append(redact(line))
        elif line == PACKAGES_MARKER:
            packages = []
        else:
            log.append(redact(line))
            tell(log[-1])

    with tempfile.TemporaryDirectory(prefix="skafos-build-") as directory:
        _write_inputs(Path(directory), wanted, settings)
        with build_container(client, _install_config(layer, directory, settings)) as container:
            if code is not None:
                _put_code(client, container, code, (0, 0))
            exit_code = run_to_end(client, container, take, cancelled)
            if exit_code != 0 or packages is None:
                raise BuildFailed(f"pip install failed: {requirements.decisive_line(log)}")
            tell("storing the layer")
            frozen = {labels.LABEL_PACKAGES: "\n".join(packages)}
            commit(client, container, layer.tag, "deps", frozen, {"Cmd": ["python"], "WorkingDir": PROJECT_DIRECTORY})


def _write_inputs(directory: Path, wanted: str, settings: PipSettings) -> None:
    """What the build reads, in a mount: nothing of it, no address with a password above all, gets into the image."""
    variables = dict(settings.environment)
    if settings.certificates is not None:
        shutil.copyfile(settings.certificates, directory / "ca.pem")
        for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            variables[name] = f"{MOUNT}/ca.pem"
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    (directory / "settings").write_text("".join(lines))
    (directory / "requirements.txt").write_text(wanted)
    if requirements.needs_code(wanted):
        (directory / "names-files").touch()
    script = resources.files("skafos_tui.runners.docker").joinpath("install.sh").read_text()
    (directory / "install.sh").write_text(script)


def _install_config(layer: Layer, directory: str, settings: PipSettings) -> dict[str, Any]:
    places = [(directory, MOUNT), *((str(path), str(path)) for path in settings.directories)]
    return {
        "Image": layer.parent,
        "Cmd": ["sh", f"{MOUNT}/install.sh"],
        "User": "0:0",
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "Init": True,
            "NetworkMode": "host" if settings.on_this_host else "bridge",
            "SecurityOpt": ["no-new-privileges"],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "256m", "mode": "blocking"}},
            "Mounts": [
                {"Type": "bind", "Source": source, "Target": target, "ReadOnly": True} for source, target in places
            ],
        },
    }


def add_code(client: DockerClient, layer: Layer, code: Path, user: tuple[int, int]) -> None:
    """Build the code layer; its container is never started."""
    config = {
        "Image": layer.parent,
        "Cmd": ["true"],
        "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}},
    }
    with build_container(client, config) as container:
        _put_code(client, container, code, user)
        commit(
            client,
            container,
            layer.tag,
            "code",
            {labels.LABEL_PACKAGES: ""},
            {"Cmd": ["python"], "WorkingDir": PROJECT_DIRECTORY},
        )


def _put_code(client: DockerClient, container: str, code: Path, user: tuple[int, int]) -> None:
    with tempfile.SpooledTemporaryFile(max_size=TAR_IN_MEMORY) as archive:
        try:
            write_tree(code, archive, user)
        except (OSError, tarfile.TarError) as error:
            raise BuildFailed(f"the code archive {code} can't be read: {error}") from error
        archive.seek(0)
        try:
            client.long_call("put_archive", lambda docker: docker.put_archive(container, "/", archive))
        except Refused as error:
            raise BuildFailed(f"the code can't be copied into the image: {error}") from error


def write_tree(code: Path, archive: IO[bytes], user: tuple[int, int]) -> None:
    """Write a tar with the project's files and an empty home, all of them `user`'s and writable for it."""
    with tarfile.open(fileobj=archive, mode="w") as out, tarfile.open(code, "r:*") as source:
        for directory in (PROJECT_DIRECTORY, HOME_DIRECTORY):
            out.addfile(_owned(_directory(directory), user))
        for member in source:
            name = os.path.normpath(member.name)
            if name in (".", "") or name.startswith(("/", "..")):
                continue
            member.name = f"{PROJECT_DIRECTORY.lstrip('/')}/{name}"
            if member.islnk():
                member.linkname = f"{PROJECT_DIRECTORY.lstrip('/')}/{os.path.normpath(member.linkname)}"
            out.addfile(_owned(member, user), source.extractfile(member) if member.isreg() else None)


def _directory(path: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry


def _owned(member: tarfile.TarInfo, user: tuple[int, int]) -> tarfile.TarInfo:
    member.uid, member.gid = user
    member.uname = member.gname = ""
    member.mode |= 0o700 if member.isdir() else 0o600
    return member


def packages_of(image: Mapping[str, Any] | None) -> str:
    """The `pip freeze` recorded in an image; empty where nothing was installed."""
    found = ((image or {}).get("Config") or {}).get("Labels") or {}
    return str(found.get(labels.LABEL_PACKAGES, ""))
