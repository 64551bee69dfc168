"""`skafos` alone, on a terminal: the screen on the project of this directory."""

from __future__ import annotations

import gc
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn, TypeVar

from skafos_tui.cli.common import NoProject, OpenProject, open_project
from skafos_tui.cli.errors import CommandError
from skafos_tui.cli.output import clean
from skafos_tui.store.home import Home, find_home

if TYPE_CHECKING:
    from skafos_tui.config.settings import Settings
    from skafos_tui.tui.app import SkafosApp
    from skafos_tui.tui.background import Asked
    from skafos_tui.tui.start import StartApp

A = TypeVar("A", bound="SkafosApp")
ESCAPE_MS = "25"
"""Textual waits so long for what may follow an Esc; it reads this when it is imported."""


def on_terminal() -> bool:
    """Whether keys can be read and a screen can be drawn here."""
    streams = (sys.stdin, sys.stdout)
    return os.environ.get("TERM") != "dumb" and all(stream is not None and stream.isatty() for stream in streams)


def screen(args: Namespace) -> int:
    """Open the screen on the project of this directory and stay in it until it is left."""
    home = find_home()
    try:
        project = open_project(args, home)
    except NoProject:
        return begin(args, home)
    return show(home, project, read_only=bool(args.read_only))


def begin(args: Namespace, home: Home) -> int:
    """Where there is no project: the screen that offers a sample, a new one, and those that are known."""
    from skafos_tui.cli.common import project_directory
    from skafos_tui.samples import DEFAULT_SAMPLE

    directory, read_only = project_directory(args), bool(args.read_only)

    def made(settings: Settings, asked: Asked | None) -> StartApp:
        from skafos_tui.tui.start import Beginning, StartApp, known_projects

        beginning = Beginning(directory, DEFAULT_SAMPLE, known_projects(home))
        return StartApp(home, beginning, read_only=read_only, settings=settings, asked=asked)

    choice = _run(made).choice
    if choice is None:
        return 0
    given = vars(args)
    if choice.kind == "demo":
        from skafos_tui.cli.demo import demo

        place = str(directory / DEFAULT_SAMPLE)
        return demo(Namespace(**given | {"name": place, "headless": False, "sample": None, "runner": None}))
    if choice.kind == "init":
        from skafos_tui.cli.create import run_init
        from skafos_tui.cli.new_project import DEFAULT_TEMPLATE

        run_init(Namespace(**given | {"name": None, "template": DEFAULT_TEMPLATE}))
    elif choice.project is not None:
        given = given | {"project": choice.project.directory}
    return show(home, open_project(Namespace(**given), home), read_only=read_only)


def show(home: Home, project: OpenProject, *, read_only: bool = False) -> int:
    """The screen on a project; ends the process once it is left. Raises CommandError where it can't be opened."""

    def made(settings: Settings, asked: Asked | None) -> SkafosApp:
        from skafos_tui.tui.opened import Opened
        from skafos_tui.tui.opening import screen_of
        from skafos_tui.tui.written import Written, written_of

        config = project.config if project.config.is_file() else None
        opened = Opened(home, project.token or "", project.name, project.directory, config)
        note = Written(None, clean(project.problem))
        written = note if project.problem else written_of(project.project, project.diagnostics, project.config)
        return screen_of(opened, written, read_only=read_only, settings=settings, asked=asked)

    _end(_run(made).return_code or 0)


def _run(made: Callable[[Settings, Asked | None], A]) -> A:
    """Make an app for the user's settings and this terminal, and stay in it until it is left."""
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
    # What is made until the first frame stays: there is no garbage to look for. The app turns it on again.
    gc.disable()
    try:
        import_module("skafos_tui.tui.opening")
        from skafos_tui.tui.keymap import KeymapError

        if asked is not None:
            asked.read()
        try:
            app = made(settings, asked)
        except KeymapError as error:
            raise CommandError(clean(f"{settings_path()}: {error}")) from None
        import asyncio

        # A loop of our own: asyncio's would wait at its end for workers that are blocked.
        app.run(loop=asyncio.new_event_loop())
    finally:
        if asked is not None:
            asked.restore()
    return app


def _end(code: int) -> NoReturn:
    """End the process now: Python itself would wait for threads, and one may wait for a slow disk or an engine."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
