"""The one table of commands: what keys do, what the footer, the palette and the help say (SCREENS 5)."""

from __future__ import annotations

from skafos_tui.tui.command import Command
from skafos_tui.tui.commands.alerts import ALERTS
from skafos_tui.tui.commands.config import CONFIG
from skafos_tui.tui.commands.config_jobs import CONFIG_JOBS
from skafos_tui.tui.commands.dashboard import DASHBOARD
from skafos_tui.tui.commands.deployments import DEPLOYMENTS
from skafos_tui.tui.commands.details import DETAILS
from skafos_tui.tui.commands.finding import FINDING
from skafos_tui.tui.commands.general import GENERAL
from skafos_tui.tui.commands.history import HISTORY
from skafos_tui.tui.commands.jobs import JOBS
from skafos_tui.tui.commands.lists import LISTS
from skafos_tui.tui.commands.log import LOG
from skafos_tui.tui.commands.projects import PROJECTS
from skafos_tui.tui.commands.runs import RUNS

COMMANDS: tuple[Command, ...] = (
    *GENERAL,
    *DASHBOARD,
    *CONFIG,
    *CONFIG_JOBS,
    *LISTS,
    *FINDING,
    *LOG,
    *JOBS,
    *ALERTS,
    *RUNS,
    *DETAILS,
    *HISTORY,
    *DEPLOYMENTS,
    *PROJECTS,
)
