"""Commands about runs and deployments of the shown project: run, again, cancel, what changed."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.DASHBOARD,)
_JOBS = (Fact.JOBS,)
_LISTS = (*_HERE, Where.DEPLOYMENTS)
_DIFF = "What changed since the last good run; in the deployments: since the one before."
RUNS: tuple[Command, ...] = (
    Command(
        "run.failed",
        ("r f",),
        "retry as it was",
        "Run again what failed, as it was: with the files of that run.",
        _HERE,
        (Fact.FAILED,),
        4,
        True,
        ((Where.DASHBOARD, "retry"),),
    ),
    Command(
        "run.mended",
        ("r n",),
        "retry, files as now",
        "Run again what failed, with the files as they are now; what succeeded counts.",
        _HERE,
        (Fact.FAILED,),
        0,
        True,
    ),
    Command(
        "run.from",
        ("r h",),
        "retry from here",
        "Run this job and what follows again, as this run was; what came before counts.",
        _HERE,
        (Fact.RUN, Fact.JOBS),
        0,
        True,
    ),
    Command("run", ("r r",), "run", "Run this job and what follows from it.", _HERE, _JOBS, 5, True),
    Command("run.only", ("r o",), "run only this", "Run this job alone.", _HERE, _JOBS, 0, True),
    Command(
        "run.all", ("r a",), "run all", "Run all enabled jobs, each after its dependencies.", _HERE, _JOBS, 0, True
    ),
    Command(
        "run.parameters", ("r p",), "with parameters", "Run this job with other parameters.", _HERE, _JOBS, 0, True
    ),
    Command("deploy", ("r d",), "deploy", "Deploy what stands in the directory now.", _LISTS, (), 0, True),
    Command(
        "pause",
        ("r z",),
        "pause or resume",
        "Pause the schedule of this job, or resume it; in the deployments: all schedules.",
        _LISTS,
        _JOBS,
        0,
        True,
    ),
    Command("cancel", ("x",), "cancel", "Cancel this job's task, after a question.", _HERE, (Fact.JOB_OPEN,), 10, True),
    Command("diff", ("D",), "diff", _DIFF, (*_LISTS, Where.HISTORY), (Fact.RUN,), 25),
)
