"""Opening the screen: the parts of the app put together for one project of one home."""

from __future__ import annotations

from skafos_tui.config.settings import Settings
from skafos_tui.model.project import Project
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.background import Asked
from skafos_tui.tui.bridge import Bridge
from skafos_tui.tui.control import EngineControl
from skafos_tui.tui.engine_watch import EngineWatch
from skafos_tui.tui.memory import newest_run, recall
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.preferences import preferences_of
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.views import Dashboard


def screen_of(
    opened: Opened,
    written: Project | None,
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

    def post(view: Dashboard) -> None:
        app.post_message(SkafosApp.ViewChanged(view))

    watch = EngineWatch(opened.home, read_only=read_only, told=lambda: bridge.look())
    reader = DashboardReader(opened.token, opened.name, written, home=opened.home)
    left = recall(opened.home, opened.token)
    # A run that was looked at is shown again while nothing newer has come: then that is what matters.
    chosen = left.run if left.chosen and newest_run(opened.home, opened.token) == left.newest else None
    bridge = Bridge(opened.home.state_database, reader, post, engine=lambda: watch.facts, chosen=chosen)
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
