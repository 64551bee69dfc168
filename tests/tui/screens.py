"""The app under test: on a store, with a clock that stands, and the screen as plain text."""

from __future__ import annotations

from typing import Any

from textual.app import App
from wines import NOW, TOKEN, Store

from skafos_tui.store.home import Home
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.bridge import Bridge
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.views import Dashboard, EngineFacts, EngineState

GOOD_ENGINE = EngineFacts(EngineState.OK, None, 2.0, 8 << 30)


def app_on(store: Store, *, engine: EngineFacts = GOOD_ENGINE, **options: Any) -> SkafosApp:
    """The app on a store; views arrive as they do in the real one."""
    posted: list[SkafosApp] = []

    def post(view: Dashboard) -> None:
        posted[0].post_message(SkafosApp.ViewChanged(view))

    bridge = Bridge(
        store.path,
        DashboardReader(TOKEN, "wine", home=Home(store.path.parent)),
        post,
        engine=lambda: engine,
        now=lambda: NOW,
    )
    opened = Opened(Home(store.path.parent), TOKEN, "wine", store.path.parent, None)
    app = SkafosApp(bridge, **{"now": lambda: NOW, "opened": opened, **options})
    posted.append(app)
    return app


def settled(app: SkafosApp) -> bool:
    """Whether everything that comes behind the first frame is there."""
    metrics = app.dashboard.metrics if app.dashboard is not None else None
    return metrics is not None and metrics.settled and not app.pacer.pending


def text_of(app: App[Any]) -> str:
    """The screen as plain text, without blanks at the ends of lines."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"
