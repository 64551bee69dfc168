"""Attempts as processes of this user, for machines without Docker (SPEC 4)."""

MISSING = (
    "no isolation of files: a job can read and write all that you can",
    "no isolation of the network: a job is in this machine's own, also where the settings say `none`",
    "`image` is ignored: jobs run with this machine's Python and programs",
    "limits by cgroups only where you may make some; else memory is watched, cpu is a number of cores",
    "no /data and no /run/secrets: use the variables SKAFOS_DATA and SKAFOS_SECRETS",
)
"""What jobs don't have here and would have in Docker, a line each."""
