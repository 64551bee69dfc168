"""What an attempt finds around it: environment, mounts, secrets, limits, all as one spec (SPEC 4)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.engine.admission import limits_of
from skafos_tui.model.project import Job, Project, Resources
from skafos_tui.model.run import Attempt, AttemptState, Deployment, Run, Task
from skafos_tui.runners.base import (
    LABEL_ATTEMPT,
    LABEL_DEPLOYMENT,
    LABEL_ENGINE,
    LABEL_INSTANCE,
    LABEL_JOB,
    LABEL_PROJECT,
    LABEL_RUN,
    AttemptSpec,
    Mount,
)
from skafos_tui.store.environment import DATA_TARGET, SECRETS_TARGET, attempt_environment
from skafos_tui.store.home import Home
from skafos_tui.store.projects import Variable


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that was recorded about an attempt when it is brought up."""

    engine: str
    runner: str
    run: Run
    task: Task
    attempt: Attempt
    deployment: Deployment
    project: Project
    job: Job
    variables: Sequence[Variable]

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The values to mask wherever they would show."""
        return tuple(v.value.encode() for v in self.variables if v.secret and v.value)


def environment_of(around: Surroundings) -> dict[str, str]:
    """The variables of the container."""
    return attempt_environment(
        around.project, around.job, around.deployment, around.run, around.task, around.attempt, around.variables
    )


def labels_of(around: Surroundings) -> dict[str, str]:
    """Whose container it is."""
    return {
        LABEL_ENGINE: around.engine,
        LABEL_PROJECT: around.project.token,
        LABEL_RUN: str(around.run.id),
        LABEL_JOB: around.job.id,
        LABEL_INSTANCE: str(around.attempt.instance),
        LABEL_ATTEMPT: str(around.attempt.number),
        LABEL_DEPLOYMENT: str(around.deployment.number),
    }


def spec_of(around: Surroundings, home: Home, capacity: Resources, network: str) -> AttemptSpec:
    """The attempt as the runner is asked for it; makes the directories it mounts. Blocking, short."""
    data = home.data(around.project.token)
    data.mkdir(parents=True, exist_ok=True)
    mounts = [Mount(data, DATA_TARGET)]
    if any(variable.secret for variable in around.variables):
        mounts.append(Mount(_write_secrets(around, home), SECRETS_TARGET, read_only=True))
    limits = limits_of(around.job, capacity)
    return AttemptSpec(
        name=around.attempt.name,
        labels=labels_of(around),
        image=around.deployment.images[around.job.id],
        segments=around.job.segments,
        environment=environment_of(around),
        mounts=tuple(mounts),
        cpu=limits.cpu,
        memory=limits.memory,
        network=network,
    )


def _write_secrets(around: Surroundings, home: Home) -> Path:
    directory = home.attempt(around.attempt.name) / "secrets"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for variable in around.variables:
        if variable.secret:
            path = directory / variable.key
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_text(variable.value)
            path.chmod(0o400)
    return directory


def secrets_to_mask(around: Surroundings, home: Home) -> tuple[bytes, ...]:
    """The secrets the attempt was given: one that is set or changed later is not in its log.

    Masking by any others would make lines that come again after a restart of the engine differ from the stored ones.
    """
    if around.attempt.state is AttemptState.PLANNED:
        return around.secrets
    given = sorted((home.attempt(around.attempt.name) / "secrets").glob("*"))
    return tuple(value for path in given if (value := path.read_bytes()))


def drop_directory(home: Home, attempt_name: str) -> None:
    """Remove the attempt's own directory with its secrets, once nothing of it runs."""
    shutil.rmtree(home.attempt(attempt_name), ignore_errors=True)
