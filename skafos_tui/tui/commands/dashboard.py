"""Commands of the dashboard as a whole: its panes, and which run it shows."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.DASHBOARD,)
DASHBOARD: tuple[Command, ...] = (
    Command("focus.jobs", ("1",), "jobs", "To the jobs; again: they take the whole screen.", _HERE),
    Command("focus.graph", ("2",), "graph", "To the graph, where there is room for it.", _HERE),
    Command("focus.log", ("3",), "log", "To the log; again: it takes the whole screen.", _HERE),
    Command("focus.metrics", ("4",), "metrics", "To the metrics; again: they take the whole screen.", _HERE),
    Command("focus.alerts", ("5",), "alerts", "To the alerts; again: they take the whole screen.", _HERE),
    Command("focus.next", ("tab",), "next pane", "To the next pane.", _HERE),
    Command("focus.previous", ("shift+tab",), "previous pane", "To the pane before.", _HERE),
    Command("zoom", ("z",), "zoom", "This pane takes the whole screen, and gives it back.", _HERE),
    Command(
        "face",
        ("v",),
        "graph",
        "The graph in the place of the jobs, and back.",
        _HERE,
        (Fact.JOBS,),
        45,
        called=((Where.GRAPH, "jobs"),),
    ),
    Command("older", ("[",), "older run", "The run before this one.", _HERE, (Fact.RUN,), 30),
    Command("newer", ("]",), "newer run", "The run after this one.", _HERE, (Fact.LOOKING_BACK,), 31),
    Command("live", (".",), "live", "Back to the run that matters now.", _HERE, (Fact.LOOKING_BACK,), 32),
)
