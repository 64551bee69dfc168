"""Opening the screen: the parts of the app put together for one project of one home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from skafos_tui.config.settings import Settings
from skafos_tui.model.project import Project
from skafos_tui.store.home import Home
from skafos_tui.tui.app import ShownProject, SkafosApp
from skafos_tui.tui.background import Asked
from skafos_tui.tui.bridge import Bridge
from skafos_tui.tui.control import EngineControl
from skafos_tui.tui.engine_watch import EngineWatch
from skafos_tui.tui.memory import Remembered, newest_run, recall
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.preferences import preferences_of
from skafos_tui.tui.project_watch import ProjectWatch
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.views import Dashboard, EngineFacts
from skafos_tui.tui.written import Written, read_written


def screen_of(
    opened: Opened,
    written: Written | None,
    *,
    read_only: bool = False,
    settings: Settings | None = None,
    asked: Asked | None = None,
) -> SkafosApp:
    """The app on a project; `written` is what its config says now, `asked` the question for the background.

    Raises KeymapError.
    """
    settings = settings or Settings()
    app: SkafosApp
    # The app may show another project by then.
    watch = EngineWatch(opened.home, read_only=read_only, told=lambda: app.bridge.look())
    left = recall(opened.home, opened.token)
    bridge = bridge_of(lambda: app, watch, opened, written or Written(), left)
    control = None if read_only else EngineControl(opened.home, opened.directory, opened.token)
    app = SkafosApp(
        bridge,
        watch=watch,
        control=control,
        read_only=read_only,
        setting=settings.theme,
        opened=opened,
        preferences=preferences_of(settings),
        asked=asked,
        remembered=left,
    )
    return app


def bridge_of(
    app: Callable[[], SkafosApp], watch: EngineWatch | None, opened: Opened, written: Written, left: Remembered
) -> Bridge:
    """The bridge from the store and the project's files to the app for one project."""

    def post(view: Dashboard) -> None:
        app().post_message(SkafosApp.ViewChanged(view))

    def rewritten(now: Written) -> None:
        if not opened.token and now.project is not None:
            app().call_from_thread(_take_up, app(), now.project, opened.directory)

    reader = DashboardReader(opened.token, opened.name, home=opened.home)
    # A run that was looked at is shown again while nothing newer has come: then that is what matters.
    chosen = left.run if left.chosen and newest_run(opened.home, opened.token) == left.newest else None
    engine = (lambda: watch.facts) if watch is not None else EngineFacts
    files = ProjectWatch(opened.directory, opened.config, written, rewritten)
    return Bridge(opened.home.state_database, reader, post, engine=engine, chosen=chosen, files=files)


def _take_up(app: SkafosApp, project: Project, directory: Path) -> None:
    """The config that had errors has none now: show its project, as soon as nothing stands above the dashboard."""

    def go() -> None:
        open_other(app, project.token, project.name, str(directory))

    if app.dashboard is None or app.screen is app.dashboard:
        go()
    else:
        app.dashboard.when_back = go


def open_other(app: SkafosApp, token: str, name: str, directory: str) -> None:
    """Have the app show another project of the same home; what takes time is done in a thread."""
    if app.opened is None:
        return
    home = app.opened.home

    def work() -> None:
        other, written = read_other(home, token, name, Path(directory))
        left = recall(home, other.token)
        bridge = bridge_of(lambda: app, app.engine_watch, other, written, left)
        control = None if app.control is None else EngineControl(home, other.directory, other.token)
        shown = ShownProject(other, bridge, bridge.first(), left, control)
        app.call_from_thread(app.show_project, shown)

    app.run_worker(work, thread=True, group="opening", exclusive=True, exit_on_error=False)


def read_other(home: Home, token: str, name: str, directory: Path) -> tuple[Opened, Written]:
    """A project as its directory has it now; what the store knows of it where there is no valid config."""
    from skafos_tui.config.reader import find_config

    config = find_config(directory) if directory.is_dir() else None
    written = read_written(config)
    if written.project is not None and written.project.token != token:
        written = Written()
    return Opened(home, token, name, directory, config), written
