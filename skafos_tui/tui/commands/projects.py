"""Commands about the machine and the projects on it."""

from __future__ import annotations

from skafos_tui.tui.command import Command

PROJECTS: tuple[Command, ...] = (
    Command("doctor", ("!",), "doctor", "What is missing on this machine, and how to get it."),
    Command("go.projects", ("g j",), "projects", "To all projects of yours."),
)
