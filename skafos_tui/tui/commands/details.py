"""Commands about the attempts of the selected job: what they ran in, and a shell there."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.DASHBOARD,)
_BOTH = (*_HERE, Where.TEXT)
_JOBS = (Fact.JOBS,)
_DETAILS = "What this job's attempts ran in: image, limits, environment, processes."
_SHELL = "A shell where this job runs."
_DEBUG = "A shell in what an ended attempt ran in: its image, environment, mounts."
DETAILS: tuple[Command, ...] = (
    Command("details", ("d",), "details", _DETAILS, _HERE, _JOBS, 29),
    Command("shell", ("s",), "shell", _SHELL, _HERE, _JOBS, 27, True, (), (Fact.ATTEMPT_RUNS,)),
    Command(
        "shell.debug",
        ("S",),
        "debug shell",
        _DEBUG,
        _HERE,
        _JOBS,
        27,
        True,
        ((Where.DASHBOARD, "shell"),),
        (Fact.ATTEMPT_ENDED,),
    ),
    Command("yank.command", ("Y",), "copy as command", "Copy the `skafos` command that shows the same.", _BOTH),
)
