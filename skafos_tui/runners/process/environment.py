"""The environment of a job: a small base of this machine's, the attempt's own variables, places as they are here; pure.

In a container a mount has its target's path. Here only its source exists, so values that name the target name the
source instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skafos_tui.runners.base import AttemptSpec
from skafos_tui.runners.process.files import COOKIE

INHERITED = frozenset(
    """LANG LANGUAGE TZ USER LOGNAME TMPDIR http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    NO_PROXY SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE PIP_CERT LD_LIBRARY_PATH
    CUDA_VISIBLE_DEVICES""".split()  # noqa: SIM905  # a list would take a line a word
)
"""What a program may need to know of the machine; the rest of the engine's environment is nobody's business."""
USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"
PROJECT_TARGET = "/project"
SECRETS_TARGET = "/run/secrets"


def job_environment(
    spec: AttemptSpec, attempt: Path, environment: Path, project: Path, machine: Mapping[str, str]
) -> dict[str, str]:
    """All variables of a job. `environment` is its virtual environment, `machine` what this process was given."""
    base = {key: value for key, value in machine.items() if key in INHERITED or key.startswith("LC_")}
    places = {mount.target: str(mount.source) for mount in spec.mounts} | {PROJECT_TARGET: str(project)}
    own = {key: _in_place(value, places) for key, value in spec.environment.items()}
    if SECRETS_TARGET in places:
        own["SKAFOS_SECRETS"] = places[SECRETS_TARGET]
    variables = {**base, "HOME": str(attempt / "home"), **own}
    path = variables.get("PATH") or machine.get("PATH") or USUAL_PATH
    return {
        **variables,
        "PATH": f"{environment / 'bin'}:{path}",
        "VIRTUAL_ENV": str(environment),
        COOKIE: str(attempt),
    }


def _in_place(value: str, places: Mapping[str, str]) -> str:
    """The value, or where it is a target of a mount or lies below one, its place on this machine."""
    for target, source in places.items():
        if value == target or value.startswith(f"{target}/"):
            return source + value[len(target) :]
    return value
