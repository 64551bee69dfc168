"""Commands on the jobs of a config under the fingers."""

from __future__ import annotations

from skafos_tui.tui.command import Command, Fact, Where

_HERE = (Where.CONFIG,)
_JOB = (Fact.JOB_HERE,)
CONFIG_JOBS: tuple[Command, ...] = (
    Command("form", ("ctrl+o",), "form", "The job at the cursor as a form.", _HERE, _JOB, 14),
    Command(
        "complete",
        ("ctrl+space",),
        "complete",
        "What can be written here; again: the next of the list. Tab takes it.",
        _HERE,
        (),
        15,
        True,
    ),
    Command("job.menu", ("ctrl+n",), "jobs", "A new job; or rename, copy, delete the one here.", _HERE, (), 16, True),
    Command("job.new", (), "new job", "A new job, after the one at the cursor.", _HERE, (), 0, True),
    Command("job.rename", (), "rename job", "Give the job at the cursor another name.", _HERE, _JOB, 0, True),
    Command("job.duplicate", (), "duplicate job", "A copy of the job at the cursor.", _HERE, _JOB, 0, True),
    Command("job.delete", (), "delete job", "Take the job at the cursor out of the config.", _HERE, _JOB, 0, True),
)
