"""Commands of the log."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.LOG,)
_BOTH = (Where.LOG, Where.METRICS)
_ROWS = (Fact.ROWS,)
LOG: tuple[Command, ...] = (
    Command("log.follow", ("f",), "follow", "Follow the newest line, or stay where you are.", _HERE, _ROWS, 11),
    Command("log.all_jobs", ("A",), "all jobs", "The lines of all jobs by time, or of one.", _HERE, (Fact.RUN,), 12),
    Command("log.instance", ("i",), "instance", "All instances, or the next one alone.", _BOTH, (Fact.INSTANCES,), 13),
    Command("log.older_attempt", ("p",), "attempt before", "The attempt before.", _BOTH, (Fact.ATTEMPTS,), 14),
    Command("log.newer_attempt", ("P",), "attempt after", "The attempt after.", _BOTH, (Fact.ATTEMPTS,), 15),
    Command("log.level", ("L",), "level", "All lines, warnings and errors, errors only.", _HERE, _ROWS, 16),
    Command("log.wrap", ("w",), "wrap", "Wrap long lines, or cut them.", _HERE, _ROWS, 17),
    Command("log.times", ("t",), "times", "Times by the clock, since the start, or none.", _HERE, _ROWS, 18),
    Command("log.time", ("@",), "go to time", "To a time: 03:17, +1m30s since the start, -5m.", _HERE, _ROWS, 19),
    Command("log.mark", ("m",), "mark line", "Mark this line; `y` copies the marked ones.", _HERE, _ROWS),
    Command("log.left", ("<",), "left", "What stands further left, where lines are cut.", _HERE, _ROWS),
    Command("log.right", (">",), "right", "What stands further right, where lines are cut.", _HERE, _ROWS),
    Command("log.bare", ("b",), "bare", "Only the text, for marking with the terminal's mouse.", _HERE, _ROWS),
)
