"""The variables of an attempt, from what is recorded about it (SPEC 4); pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from skafos_tui.model.project import Job, Project
from skafos_tui.model.run import Attempt, Deployment, Run, Task
from skafos_tui.store.projects import Variable

DATA_TARGET = "/data"
SECRETS_TARGET = "/run/secrets"


def attempt_environment(
    project: Project,
    job: Job,
    deployment: Deployment,
    run: Run,
    task: Task,
    attempt: Attempt,
    variables: Sequence[Variable],
) -> dict[str, str]:
    """Of the user's own variables the last wins: project, job, `skafos env`, parameters; those that say whose attempt
    it is are overridden by nobody.
    """
    environment = {"PYTHONUNBUFFERED": "1"}
    environment.update(project.environment)
    environment.update(job.environment)
    environment.update(job.parameters)
    environment.update({variable.key: variable.value for variable in variables})
    environment.update(run.parameters)
    environment.update(
        {
            "PROJECT_TOKEN": project.token,
            "SKAFOS_PROJECT": project.name,
            "SKAFOS_DEPLOYMENT_ID": str(deployment.number),
            "SKAFOS_RUN_ID": str(run.id),
            "SKAFOS_JOB_ID": job.id,
            "SKAFOS_JOB_NAME": job.name,
            "TASK_ID": f"{run.id}-{job.id}",
            "SKAFOS_INSTANCE": str(attempt.instance),
            "SKAFOS_INSTANCES": str(task.instances),
            "SKAFOS_ATTEMPT": str(attempt.number),
            "SKAFOS_DATA": DATA_TARGET,
        }
    )
    if run.scheduled_at is not None:
        moment = datetime.fromtimestamp(run.scheduled_at, UTC)
        environment["SKAFOS_SCHEDULED_AT"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return environment
