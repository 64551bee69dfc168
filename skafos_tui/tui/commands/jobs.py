"""Commands of the list of jobs and of the graph, about the selected job."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.JOBS, Where.GRAPH)
_LIST = (Where.JOBS,)
JOBS: tuple[Command, ...] = (
    Command(
        "deeper",
        ("enter", "l", "right"),
        "log",
        "Deeper: into the log of this job, or into what is selected.",
        (*_HERE, Where.LOG, Where.HISTORY, Where.DEPLOYMENTS, Where.PROJECTS, Where.ALERTS),
        (Fact.ROWS,),
        20,
        called=(
            (Where.LOG, "whole line"),
            (Where.HISTORY, "show"),
            (Where.DEPLOYMENTS, "its run"),
            (Where.PROJECTS, "open"),
            (Where.ALERTS, "go to it"),
        ),
    ),
    Command("mark", ("space",), "mark", "Mark this job; what comes next is for all marked ones.", _HERE, (Fact.JOBS,)),
    Command("order", ("o",), "order", "By dependencies, or by time: what took longest first.", _LIST, (Fact.JOBS,), 40),
)
