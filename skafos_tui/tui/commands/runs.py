"""Commands about runs and deployments of the shown project: run, again, cancel, what changed."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.DASHBOARD,)
_JOBS = (Fact.JOBS,)
RUNS: tuple[Command, ...] = (
    Command(
        "run.failed", ("r f",), "retry failed", "Run again what failed in this run.", _HERE, (Fact.FAILED,), 4, True
    ),
    Command("run", ("r r",), "run", "Run this job and what follows from it.", _HERE, _JOBS, 5, True),
    Command("run.only", ("r o",), "run only this", "Run this job alone.", _HERE, _JOBS, 0, True),
    Command(
        "run.all", ("r a",), "run all", "Run all enabled jobs, each after its dependencies.", _HERE, _JOBS, 0, True
    ),
    Command(
        "run.parameters", ("r p",), "with parameters", "Run this job with other parameters.", _HERE, _JOBS, 0, True
    ),
    Command("deploy", ("r d",), "deploy", "Deploy what stands in the directory now.", _HERE, (), 0, True),
    Command(
        "pause", ("r z",), "pause or resume", "Pause the schedule of this job, or resume it.", _HERE, _JOBS, 0, True
    ),
    Command("cancel", ("x",), "cancel", "Cancel this job's task, after a question.", _HERE, (Fact.JOB_OPEN,), 10, True),
    Command("diff", ("D",), "diff", "What changed since the last good run.", (*_HERE, Where.HISTORY), (Fact.RUN,), 25),
)
