"""Runs the user's own commands: beside the screen, or with the terminal; what becomes of them is told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from skafos_tui.config.own_commands import VARIABLES, OwnCommand
from skafos_tui.text.sgr import plain
from skafos_tui.tui.opened import Opened

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp

MOST_SAID = 65_536
"""Bytes of the end of what a command prints that are looked at for its last line."""


def do_own(app: SkafosApp, command: OwnCommand) -> None:
    """Do it for what is selected now; only what was started is waited for, in a thread."""
    if app.opened is None:
        return
    job = app.dashboard.jobs.selected if app.dashboard is not None else None
    run = app.view.run
    if ("job" in command.wants or "log" in command.wants) and job is None:
        app.tell(f"{command.title}: no job is selected")
        return
    run_id = None if run is None else run.id
    if command.terminal:
        with app.suspend():
            ended = _run(app.opened, command, job, run_id, keep_output=False)
        if ended:
            app.tell(ended)
        return
    app.tell(f"{command.title} …")
    opened = app.opened

    def work() -> None:
        ended = _run(opened, command, job, run_id, keep_output=True)
        app.call_from_thread(app.tell, ended)

    app.run_worker(work, thread=True, group="own", exit_on_error=False)


def _run(opened: Opened, command: OwnCommand, job: str | None, run_id: int | None, *, keep_output: bool) -> str:
    """Run it to its end; one line on what became of it, empty where it had the terminal and all is well."""
    log = newest_log(opened, run_id, job) if "log" in command.wants and run_id is not None and job else None
    if "log" in command.wants and log is None:
        return f"{command.title}: this job has no log in this run yet"
    variables = {**os.environ, **values(opened, job, run_id, log)}
    where = opened.directory if opened.directory.is_dir() else Path.home()
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        ran = subprocess.run(
            ["/bin/sh", "-c", command.line],
            env=variables,
            cwd=where,
            start_new_session=keep_output,
            **(streams if keep_output else {}),  # type: ignore[call-overload]
        )
    except OSError as error:
        return f"{command.title} did not start: {error.strerror}"
    said = plain(_last_line(ran.stdout or b""))
    if ran.returncode == 0:
        return "" if not keep_output else ": ".join(filter(None, (f"{command.title}: done", said)))
    return ": ".join(filter(None, (f"{command.title}: exit {ran.returncode}", said)))


def values(opened: Opened, job: str | None, run_id: int | None, log: Path | None) -> Mapping[str, str]:
    """The variables that stand for the placeholders."""
    found = {
        "job": job or "",
        "run": "" if run_id is None else str(run_id),
        "log": "" if log is None else str(log),
        "project": str(opened.directory),
    }
    return {VARIABLES[name]: value for name, value in found.items()}


def newest_log(opened: Opened, run_id: int, job_id: str) -> Path | None:
    """The log of the job's newest attempt in a run; None where it has none yet."""
    from skafos_tui.store.database import connect_reader
    from skafos_tui.store.runs import attempts_of

    with closing(connect_reader(opened.home.state_database)) as connection:
        tried = [attempt for attempt in attempts_of(connection, run_id) if attempt.job_id == job_id]
    for attempt in reversed(tried):
        path = opened.home.attempt_log(opened.token, run_id, attempt.name)
        if path.exists():
            return path
    return None


def _last_line(output: bytes) -> str:
    lines = output[-MOST_SAID:].decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
