"""`python -m skafos_tui.daemon` is the engine: wires store, runner and control door together, and runs them."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import logging
import os
import signal
import sqlite3
import sys
import time
from typing import IO

from aiohttp import web

from skafos_tui import __version__
from skafos_tui.api.control import Control
from skafos_tui.config.settings import Settings, SettingsError, load_settings
from skafos_tui.engine.engine import Engine
from skafos_tui.runners.checks import Check
from skafos_tui.runners.docker.runner import DockerRunner
from skafos_tui.runners.process.runner import ProcessRunner
from skafos_tui.store.database import REMEDY, DatabaseError, Writer
from skafos_tui.store.disk import full, is_full
from skafos_tui.store.engine_log import bound_log
from skafos_tui.store.failpoints import arm_from_environment
from skafos_tui.store.home import Home, HomeError, find_home

log = logging.getLogger("skafos")


def main() -> int:
    """Run the engine until it is told to stop; 0 also where another one is in charge, 1 with one line otherwise."""
    os.umask(0o077)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr, force=True
    )
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    home = find_home()
    try:
        home.create()
        lock = take_lock(home)
        if lock is None:
            log.info("another engine is in charge of %s", home.path)
            return 0
        bound_log(home)
        settings = load_settings()
        arm_from_environment()
        asyncio.run(serve(home, settings, lock))
    except (HomeError, SettingsError, DatabaseError) as error:
        print(error, file=sys.stderr)
        return 1
    except sqlite3.DatabaseError as error:
        print(f"{home.state_database} can't be used: {error}; {REMEDY}", file=sys.stderr)
        return 1
    except OSError as error:
        if not is_full(error):
            raise
        print(f"{full(home.path)}: make room, then start the engine again", file=sys.stderr)
        return 1
    return 0


def take_lock(home: Home) -> IO[str] | None:
    """The lock of this home, held until the process ends; None where another process has it."""
    lock = home.lock.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()} {__version__} {time.time():.0f}\n")
    lock.flush()
    return lock


async def serve(home: Home, settings: Settings, lock: IO[str]) -> None:
    """The engine's life. The socket is there only once every attempt has a supervisor."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    docker, process = DockerRunner(), ProcessRunner(home.processes)
    writer = await Writer.open(home.state_database)
    engine = Engine(home, settings, writer, [docker, process])
    server: web.AppRunner | None = None
    try:
        await engine.start()
        server = await open_door(home, engine, docker, process, stopped)
        log.info("skafos engine %s, pid %d, at %s", __version__, os.getpid(), home.path)
        gc.freeze()
        await stopped.wait()
        log.info("stopping; jobs go on")
    finally:
        home.socket.unlink(missing_ok=True)
        if server is not None:
            await server.cleanup()
        await engine.close()
        lock.close()


async def open_door(
    home: Home, engine: Engine, docker: DockerRunner, process: ProcessRunner, stopped: asyncio.Event
) -> web.AppRunner:
    """The control socket, for this user only."""

    async def doctor() -> list[Check]:
        return [*await docker.doctor(), *await process.doctor()]

    control = Control(engine, stop=stopped.set, bootstrap=docker.bootstrap, doctor=doctor)
    server = web.AppRunner(control.application(), access_log=None)
    await server.setup()
    home.socket.unlink(missing_ok=True)
    await web.UnixSite(server, str(home.socket)).start()
    home.socket.chmod(0o600)
    return server


if __name__ == "__main__":
    sys.exit(main())
