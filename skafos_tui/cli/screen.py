"""`skafos` alone, on a terminal: the screen on the project of this directory."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import NoReturn

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
    """The screen on a project; ends the process once it is left. Raises CommandError where it can't be opened."""
    from skafos_tui.config.settings import SettingsError, load_settings, settings_path
    from skafos_tui.tui.background import ask

    try:
        settings = load_settings()
    except SettingsError as error:
        raise CommandError(clean(str(error))) from None
    os.environ.setdefault("ESCDELAY", ESCAPE_MS)
    asks = settings.theme is None or {"dark", "light"}.isdisjoint(settings.theme.lower().split())
    # The terminal answers while the screen is being imported.
    asked = ask(os.environ, sys.stdin.fileno(), sys.stdout.fileno()) if asks else None
    try:
        from skafos_tui.tui.keymap import KeymapError
        from skafos_tui.tui.opened import Opened
        from skafos_tui.tui.opening import screen_of

        if asked is not None:
            asked.read()
        config = project.config if project.config.is_file() else None
        opened = Opened(home, project.token or "", project.name, project.directory, config)
        try:
            app = screen_of(opened, project.project, read_only=read_only, settings=settings, asked=asked)
        except KeymapError as error:
            raise CommandError(clean(f"{settings_path()}: {error}")) from None
        import asyncio

        # A loop of our own: asyncio's would wait at its end for workers that are blocked.
        app.run(loop=asyncio.new_event_loop())
    finally:
        if asked is not None:
            asked.restore()
    _end(app.return_code or 0)


def _end(code: int) -> NoReturn:
    """End the process now: Python itself would wait for threads, and one may wait for a slow disk or an engine."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
