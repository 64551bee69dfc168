"""`skafos` alone, on a terminal: the screen on the project of this directory."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from skafos_tui.cli.common import OpenProject, open_project
from skafos_tui.cli.errors import CommandError
from skafos_tui.cli.output import clean
from skafos_tui.store.home import Home, find_home

ESCAPE_MS = "25"
"""Textual waits so long for what may follow an Esc; it reads this when it is imported."""


def on_terminal() -> bool:
    """Whether keys can be read and a screen can be drawn here."""
    streams = (sys.stdin, sys.stdout)
    return os.environ.get("TERM") != "dumb" and all(stream is not None and stream.isatty() for stream in streams)


def screen(args: Namespace) -> int:
    """Open the screen on the project of this directory and stay in it until it is left."""
    home = find_home()
    return show(home, open_project(args, home), read_only=bool(args.read_only))


def show(home: Home, project: OpenProject, *, read_only: bool = False) -> int:
    """The screen on a project; what it says on being left is printed. Raises CommandError."""
    from skafos_tui.config.settings import SettingsError, load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        raise CommandError(clean(str(error))) from None
    os.environ.setdefault("ESCDELAY", ESCAPE_MS)
    from skafos_tui.tui.opened import Opened
    from skafos_tui.tui.opening import screen_of

    config = project.config if project.config.is_file() else None
    opened = Opened(home, project.token or "", project.name, project.directory, config)
    app = screen_of(opened, project.project, read_only=read_only, theme=settings.theme)
    app.run()
    return app.return_code or 0
