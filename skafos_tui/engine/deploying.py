"""What people ask about deployments: deploy, roll back, undeploy, pause, resume; each answered after its commit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.engine.activation import ask, deactivate
from skafos_tui.engine.requests import USAGE, Requests, keep_project
from skafos_tui.engine.scheduler import Scheduler
from skafos_tui.engine.triggers import Refusal, create_deploy_run, find_jobs
from skafos_tui.model.project import Project
from skafos_tui.model.run import Activation, ActivationKind, Deployment, DeploymentState
from skafos_tui.store import activations, projects, schedules
from skafos_tui.store.working_tree import config_digest


@dataclass(frozen=True, slots=True)
class Deployed:
    """An activation that was accepted; `deployment` is its number, None for `undeploy`; `run` what a deploy started."""

    activation: int
    project: str
    deployment: int | None
    state: str
    run: int | None = None
    warnings: tuple[str, ...] = ()


class Deploying:
    """The verbs around deployments."""

    def __init__(self, requests: Requests, scheduler: Scheduler) -> None:
        self._requests = requests
        self._engine = requests.engine
        self._scheduler = scheduler

    async def deploy(self, directory: Path, request_id: str, *, run: bool, runner: str | None) -> Deployed:
        """Snapshot the working tree, make it active once its image is there, and start what starts with a deploy.

        Raises Refusal.
        """
        known = await self._engine.read(lambda c: activations.activation_of_request(c, request_id))
        if known is not None:
            return await self._deployed(known.id)
        asked = await self._requests.candidate(directory, runner)
        now = time.time()

        def apply(connection: sqlite3.Connection) -> int:
            keep_project(connection, asked.row)
            deployment = self._engine.deployments.record(connection, asked.candidate, now)
            project = asked.candidate.project
            run_id = create_deploy_run(connection, project, deployment, request_id, now) if run else None
            projects.set_seen(connection, project.token, asked.digest)
            return ask(
                connection,
                self._engine.config,
                project=project,
                deployment=deployment,
                kind=ActivationKind.DEPLOY,
                request_id=request_id,
                now=now,
                run_id=run_id,
            )

        activation = await self._engine.commit("deploy", apply)
        await self._act(activation)
        return await self._deployed(activation, asked.warnings)

    async def rollback(self, token: str, number: int, request_id: str) -> Deployed:
        """Make an earlier deployment the active one. Raises Refusal."""
        known = await self._engine.read(lambda c: activations.activation_of_request(c, request_id))
        if known is not None:
            return await self._deployed(known.id)
        row = await self._requests.known(token)
        # What stands in the file now was seen: the reload of an edit made before does not undo the rollback.
        digest = await self._engine.deployments.in_thread(lambda: config_digest(Path(row.directory)))
        now = time.time()

        def apply(connection: sqlite3.Connection) -> int:
            deployment = pick_deployment(connection, token, number)
            if digest:
                projects.set_seen(connection, token, digest)
            self._engine.deployments.try_again(connection, deployment.id)
            return ask(
                connection,
                self._engine.config,
                project=self._engine.config(connection, deployment.id),
                deployment=deployment.id,
                kind=ActivationKind.ROLLBACK,
                request_id=request_id,
                now=now,
            )

        activation = await self._engine.commit("rollback", apply)
        await self._act(activation)
        return await self._deployed(activation)

    async def undeploy(self, token: str, request_id: str) -> Deployed:
        """Turn all schedules of a project off. Raises Refusal."""
        known = await self._engine.read(lambda c: activations.activation_of_request(c, request_id))
        if known is not None:
            return await self._deployed(known.id)
        await self._requests.known(token)
        now = time.time()

        def apply(connection: sqlite3.Connection) -> int:
            row = projects.get_project(connection, token)
            waiting = activations.waiting_activations(connection, token)
            if row is None or (row.active is None and not waiting):
                raise Refusal("not-deployed", "nothing is deployed here: skafos deploy does it")
            return deactivate(connection, token, request_id, now)

        activation = await self._engine.commit("undeploy", apply)
        self._scheduler.refresh(token)
        return await self._deployed(activation)

    async def pause(self, token: str, word: str | None) -> Mapping[str, object]:
        """Turn the schedules of a project, or of one job, off for a while; `changed`: whether they were on."""
        job_id, name = await self._job(token, word)
        now = time.time()
        changed = await self._engine.commit("pause", lambda c: schedules.pause(c, token, job_id, now), ())
        self._scheduler.refresh(token)
        return {"changed": changed, "job_id": job_id, "name": name}

    async def resume(self, token: str, word: str | None) -> Mapping[str, object]:
        """Turn paused schedules on again, from now on; `changed`: whether they were off."""
        job_id, name = await self._job(token, word)
        now = time.time()
        changed = await self._engine.commit("resume", lambda c: schedules.resume(c, token, job_id, now), ())
        self._scheduler.refresh(token)
        return {"changed": changed, "job_id": job_id, "name": name}

    async def _job(self, token: str, word: str | None) -> tuple[str | None, str | None]:
        """The id and name of the job meant by a word, in the active deployment. Raises Refusal."""
        row = await self._requests.known(token)
        if word is None:
            return None, None
        if row.active is None:
            raise Refusal("not-deployed", "nothing is deployed here: skafos deploy does it")
        active = row.active
        project = await self._engine.read(lambda c: self._engine.config(c, active))
        job = find_jobs(project, [word])[0]
        if not job.schedule:
            raise Refusal("no-schedule", f"{job.name} has no schedule; only schedules can be paused", USAGE)
        return job.id, job.name

    async def _act(self, activation_id: int) -> None:
        """See to the image that an activation waits for, and to the schedules that it changed."""
        activation, project = await self._engine.read(lambda c: self._load(c, activation_id))
        assert activation.deployment is not None
        self._engine.build(activation.deployment, project)
        await self._requests.follow(activation.project)

    def _load(self, connection: sqlite3.Connection, activation_id: int) -> tuple[Activation, Project]:
        activation = activations.get_activation(connection, activation_id)
        assert activation is not None and activation.deployment is not None
        return activation, self._engine.config(connection, activation.deployment)

    async def _deployed(self, activation_id: int, warnings: tuple[str, ...] = ()) -> Deployed:
        def load(connection: sqlite3.Connection) -> Deployed:
            activation = activations.get_activation(connection, activation_id)
            assert activation is not None
            deployment = activation.deployment and projects.get_deployment(connection, activation.deployment)
            return Deployed(
                activation.id,
                activation.project,
                deployment.number if deployment else None,
                activation.state.value,
                activation.run_id,
                warnings,
            )

        return await self._engine.read(load)


def pick_deployment(connection: sqlite3.Connection, token: str, number: int) -> Deployment:
    """The deployment with this number of a project, if it can become active again. Raises Refusal."""
    found = projects.list_deployments(connection, token)
    deployment = next((each for each in found if each.number == number), None)
    if deployment is None:
        known = ", ".join(str(each.number) for each in found[:12]) or "none"
        raise Refusal("unknown-deployment", f"there is no deployment {number}; there are {known}", USAGE)
    if deployment.collected_at is not None:
        raise Refusal("collected", f"deployment {number} is old, its files and image were given up: skafos deployments")
    if deployment.state is DeploymentState.FAILED and not deployment.error:
        raise Refusal("failed", f"deployment {number} could not be built")
    return deployment
