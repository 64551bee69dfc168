"""The control door: HTTP with JSON over the engine's Unix socket; verbs in, one-line refusals out."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from skafos_tui import __version__
from skafos_tui.api.client import PROTOCOL
from skafos_tui.engine.deploying import Deploying
from skafos_tui.engine.engine import Engine
from skafos_tui.engine.requests import Requests
from skafos_tui.engine.shells import Entrance, Shells
from skafos_tui.engine.triggers import ManualTrigger, Refusal
from skafos_tui.runners.base import RunnerError, RunnerUnreachable
from skafos_tui.store import runs
from skafos_tui.store.disk import is_full
from skafos_tui.store.projects import Variable

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Bootstrap = Callable[[Callable[[str], None]], Coroutine[Any, Any, str]]
Doctor = Callable[[], Awaitable[list[dict[str, Any]]]]


class Control:
    """The handlers; `bootstrap` makes a base image and `doctor` looks at the runner, both wired by the daemon."""

    def __init__(self, engine: Engine, *, stop: Callable[[], None], bootstrap: Bootstrap, doctor: Doctor) -> None:
        self._engine = engine
        self._requests = Requests(engine)
        self._deploying = Deploying(self._requests, engine.scheduler)
        self._shells = Shells(engine)
        self._stop = stop
        self._bootstrap = bootstrap
        self._doctor = doctor

    def application(self) -> web.Application:
        """The routes, with refusals turned into answers."""
        app = web.Application(middlewares=[_answer_refusals], client_max_size=8 << 20)
        app.add_routes(
            [
                web.get("/v1/status", self.status),
                web.post("/v1/stop", self.stop),
                web.post("/v1/runs", self.start_run),
                web.post("/v1/runs/{run}/retry", self.retry),
                web.post("/v1/runs/{run}/cancel", self.cancel),
                web.post("/v1/projects", self.register),
                web.post("/v1/projects/adopt", self.adopt),
                web.delete("/v1/projects/{project}", self.forget),
                web.put("/v1/projects/{project}/variables/{key}", self.set_variable),
                web.delete("/v1/projects/{project}/variables/{key}", self.delete_variable),
                web.post("/v1/deployments", self.deploy),
                web.post("/v1/projects/{project}/rollback", self.rollback),
                web.post("/v1/projects/{project}/undeploy", self.undeploy),
                web.post("/v1/projects/{project}/pause", self.pause),
                web.post("/v1/projects/{project}/resume", self.resume),
                web.post("/v1/alerts/ack", self.acknowledge),
                web.post("/v1/alerts/take-back", self.take_back),
                web.get("/v1/attempts/{attempt}", self.look),
                web.post("/v1/attempts/{attempt}/shell", self.shell),
                web.post("/v1/attempts/{attempt}/debug", self.debug_shell),
                web.delete("/v1/attempts/{attempt}/debug", self.end_debug),
                web.get("/v1/doctor", self.doctor),
                web.post("/v1/image/bootstrap", self.image_bootstrap),
            ]
        )
        return app

    async def status(self, _: web.Request) -> web.Response:
        """What the engine is and does."""
        active = await self._engine.read(runs.unfinished_runs)
        runners = [
            {
                "kind": link.kind,
                "problem": link.problem,
                "cpu": link.capacity.cpu,
                "memory": link.capacity.memory,
            }
            for link in self._engine.links.values()
        ]
        return web.json_response(
            {
                "running": True,
                "pid": os.getpid(),
                "version": __version__,
                "protocol": PROTOCOL,
                "engine": self._engine.id,
                "started_at": self._engine.started_at,
                "runner": runners[0],
                "runners": runners,
                "disk": self._engine.room.problem,
                "active_runs": [run.id for run in active],
            }
        )

    async def stop(self, _: web.Request) -> web.Response:
        """End the engine after this answer."""
        asyncio.get_running_loop().call_later(0.05, self._stop)
        return web.json_response({"pid": os.getpid()})

    async def start_run(self, request: web.Request) -> web.Response:
        """A manual trigger."""
        body = await request.json()
        trigger = ManualTrigger(
            request_id=str(body["request_id"]),
            jobs=tuple(str(job) for job in body.get("jobs") or ()),
            only=bool(body.get("only")),
            with_upstream=bool(body.get("with_upstream")),
            parameters={str(key): str(value) for key, value in (body.get("parameters") or {}).items()},
        )
        started = await self._requests.start_run(Path(str(body["directory"])), trigger, body.get("runner"))
        return web.json_response(asdict(started))

    async def retry(self, request: web.Request) -> web.Response:
        """Failed tasks again."""
        body = await request.json()
        started = await self._requests.retry(
            _run_id(request), str(body["request_id"]), body.get("from_job"), bool(body.get("working_tree"))
        )
        return web.json_response(asdict(started))

    async def cancel(self, request: web.Request) -> web.Response:
        """End a run or some of its jobs."""
        body = await request.json()
        words = [str(job) for job in body.get("jobs") or ()]
        cancelled = await self._requests.cancel(_run_id(request), words, str(body["by"]))
        return web.json_response({"cancelled": cancelled})

    async def register(self, request: web.Request) -> web.Response:
        """Make a project known."""
        body = await request.json()
        row = await self._requests.register(Path(str(body["directory"])), body.get("runner"))
        return web.json_response({"project": row.token, "name": row.name})

    async def adopt(self, request: web.Request) -> web.Response:
        """A project has moved."""
        body = await request.json()
        row, was = await self._requests.adopt(Path(str(body["directory"])))
        return web.json_response({"project": row.token, "name": row.name, "was": was})

    async def forget(self, request: web.Request) -> web.Response:
        """Drop a project."""
        await self._requests.forget(request.match_info["project"])
        return web.json_response({})

    async def set_variable(self, request: web.Request) -> web.Response:
        """Keep a variable."""
        body = await request.json()
        variable = Variable(request.match_info["key"], str(body["value"]), bool(body.get("secret")))
        await self._requests.set_variable(request.match_info["project"], variable)
        return web.json_response({})

    async def delete_variable(self, request: web.Request) -> web.Response:
        """Drop a variable."""
        await self._requests.delete_variable(request.match_info["project"], request.match_info["key"])
        return web.json_response({})

    async def deploy(self, request: web.Request) -> web.Response:
        """Snapshot and activate the working tree."""
        body = await request.json()
        deployed = await self._deploying.deploy(
            Path(str(body["directory"])), str(body["request_id"]), run=bool(body["run"]), runner=body.get("runner")
        )
        return web.json_response(asdict(deployed))

    async def rollback(self, request: web.Request) -> web.Response:
        """Activate an earlier deployment."""
        body = await request.json()
        token, number = request.match_info["project"], int(body["deployment"])
        return web.json_response(asdict(await self._deploying.rollback(token, number, str(body["request_id"]))))

    async def undeploy(self, request: web.Request) -> web.Response:
        """Turn all schedules off."""
        body = await request.json()
        undeployed = await self._deploying.undeploy(request.match_info["project"], str(body["request_id"]))
        return web.json_response(asdict(undeployed))

    async def pause(self, request: web.Request) -> web.Response:
        """Turn schedules off for a while."""
        body = await request.json()
        return web.json_response(await self._deploying.pause(request.match_info["project"], body.get("job")))

    async def resume(self, request: web.Request) -> web.Response:
        """Turn paused schedules on."""
        body = await request.json()
        return web.json_response(await self._deploying.resume(request.match_info["project"], body.get("job")))

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Take notice of alerts."""
        body = await request.json()
        alerts = None if body["alerts"] is None else [int(alert) for alert in body["alerts"]]
        found = await self._requests.acknowledge(body["project"], alerts, str(body["by"]))
        return web.json_response({"acknowledged": found})

    async def take_back(self, request: web.Request) -> web.Response:
        """Let acknowledged alerts fire again."""
        body = await request.json()
        found = await self._requests.take_back([int(alert) for alert in body["alerts"]])
        return web.json_response({"firing": found})

    async def look(self, request: web.Request) -> web.Response:
        """All that the runner knows of an attempt."""
        return web.json_response(await self._shells.look(request.match_info["attempt"]))

    async def shell(self, request: web.Request) -> web.Response:
        """The way into an attempt that runs."""
        return web.json_response(_entrance(await self._shells.shell(request.match_info["attempt"])))

    async def debug_shell(self, request: web.Request) -> web.Response:
        """Make again what an ended attempt ran in."""
        return web.json_response(_entrance(await self._shells.debug(request.match_info["attempt"])))

    async def end_debug(self, request: web.Request) -> web.Response:
        """Remove what was made for a debug shell."""
        await self._shells.end(request.match_info["attempt"])
        return web.json_response({})

    async def doctor(self, _: web.Request) -> web.Response:
        """The runner's part of `skafos doctor`."""
        return web.json_response({"checks": await self._doctor()})

    async def image_bootstrap(self, request: web.Request) -> web.StreamResponse:
        """Make the base image; lines as they come, one JSON object each."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        def tell(line: str) -> None:
            loop.call_soon_threadsafe(lines.put_nowait, {"line": line})

        work = asyncio.create_task(self._bootstrap(tell))
        work.add_done_callback(lambda _: lines.put_nowait(None))
        while (item := await lines.get()) is not None:
            await _send(response, item)
        try:
            await _send(response, {"image": await work})
        except RunnerUnreachable as error:
            await _send(response, _error("runner-unreachable", str(error), 3))
        except RunnerError as error:
            await _send(response, _error("bootstrap", str(error), 1))
        await response.write_eof()
        return response


async def _send(response: web.StreamResponse, item: dict[str, Any]) -> None:
    await response.write(json.dumps(item).encode() + b"\n")


def _entrance(found: Entrance) -> dict[str, Any]:
    return {**asdict(found.door), "made": found.made}


def _run_id(request: web.Request) -> int:
    text = request.match_info["run"]
    if not text.isdecimal():
        raise Refusal("unknown-run", f"{text!r} is no run: a run is a number", 2)
    return int(text)


def _error(code: str, message: str, exit_code: int, **details: object) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "exit_code": exit_code, **details}}


@web.middleware
async def _answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        body = _error(refusal.code, refusal.message, refusal.exit_code, **refusal.details)
        return web.json_response(body, status=409)
    except RunnerUnreachable as error:
        return web.json_response(_error("runner-unreachable", str(error), 3), status=503)
    except (KeyError, ValueError, TypeError) as error:
        log.warning("bad request %s %s", request.method, request.path, exc_info=error)
        return web.json_response(_error("bad-request", f"bad request: {error!r}", 2), status=400)
    except web.HTTPException as error:
        return web.json_response(_error("bad-request", f"{request.path}: {error.reason}", 2), status=error.status)
    except (sqlite3.Error, OSError) as error:
        if is_full(error):
            return web.json_response(_error("disk-full", f"the disk is full ({error}): make room", 1), status=507)
        return _failed(request, error)
    except Exception as error:
        return _failed(request, error)


def _failed(request: web.Request, error: Exception) -> web.Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return web.json_response(_error("internal", f"the engine failed: {error!r} (see its log)", 1), status=500)
