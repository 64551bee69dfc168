"""The app: opens on the dashboard with what is stored, and takes in what the bridge brings."""

from __future__ import annotations

import gc
import locale
import os
import time
from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.app import App
from textual.binding import Binding
from textual.message import Message

from skafos_tui.tui.bridge import Bridge
from skafos_tui.tui.control import Control
from skafos_tui.tui.engine_watch import EngineWatch
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.pacing import ASK, Pacer
from skafos_tui.tui.screens.dashboard import DashboardScreen
from skafos_tui.tui.theme import (
    Choice,
    Role,
    depth_of,
    read_choice,
    role_styles,
    theme_name,
    themes,
    wants_ascii,
)
from skafos_tui.tui.views import Dashboard

RETURN = "jobs go on; skafos brings you back"


class SkafosApp(App[None], inherit_bindings=False):
    """One project on the screen; `read_only` looks and changes nothing."""

    class ViewChanged(Message):
        """The store, or what is known of the engine, makes another view."""

        def __init__(self, view: Dashboard) -> None:
            super().__init__()
            self.view = view

        def can_replace(self, message: Message) -> bool:
            """Only the newest view is of interest."""
            return isinstance(message, SkafosApp.ViewChanged)

    ENABLE_COMMAND_PALETTE = False
    # `ctrl+q` has priority: it quits from anywhere, whatever takes keys there.
    BINDINGS: ClassVar = [Binding("ctrl+q", "leave", show=False, priority=True)]

    def __init__(
        self,
        bridge: Bridge,
        *,
        watch: EngineWatch | None = None,
        control: Control | None = None,
        read_only: bool = False,
        setting: str | None = None,
        opened: Opened | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Without `control` nothing can be changed; `setting` is the user's `theme`; `now` gives Unix seconds."""
        plain = "NO_COLOR" in os.environ
        # Textual's filter for NO_COLOR sends 24-bit greys unless the colours are the terminal's own.
        super().__init__(ansi_color=True if plain else None)
        self.bridge = bridge
        self.opened = opened
        self.control = control
        self.read_only = read_only or control is None
        self.now = now
        self._watch = watch
        self._choice: Choice = read_choice(setting)
        self.ascii = wants_ascii(self._choice, os.environ, locale.getpreferredencoding(False))
        self.depth = depth_of(self.console.color_system, no_color=plain)
        self.roles: dict[Role, Style] = role_styles(self.depth, light=self._choice.light)
        self.reverse = Style(reverse=True)
        self.view = bridge.first()
        self.dashboard: DashboardScreen | None = None
        self._new_view: Dashboard | None = None
        self.pacer = Pacer(self._ask_terminal, self.set_timer, time.monotonic)
        for theme in themes():
            self.register_theme(theme)
        self.theme = theme_name(self.depth, light=self._choice.light)

    def on_mount(self) -> None:
        """The first frame shows what is stored; everything else comes behind it."""
        self.dashboard = DashboardScreen(self.view)
        self.push_screen(self.dashboard)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.bridge.start()
        if self._watch is not None:
            self._watch.start()
        gc.collect()
        gc.freeze()

    def on_unmount(self) -> None:
        self.bridge.stop()
        if self._watch is not None:
            self._watch.stop()

    def on_skafos_app_view_changed(self, message: ViewChanged) -> None:
        """Show it when the line is free."""
        self._new_view = message.view
        self.pacer.offer(self._draw_view, "view")

    def tick(self) -> None:
        """Draw times that grow when the line is free."""
        self.pacer.offer(self._draw_times, "times")

    def on_cursor_position(self, _event: events.CursorPosition) -> None:
        """The terminal has shown the last frame."""
        self.pacer.answered()

    def leave(self) -> None:
        """Quit at once; the engine and its jobs go on."""
        run = self.view.run
        going = run is not None and not run.state.finished
        self.exit(message=f"run {run.id}: {RETURN}" if run is not None and going else None)

    def tell(self, text: str) -> None:
        """Say something in the footer, until the next key."""
        if self.dashboard is not None:
            self.dashboard.tell(text)

    def action_leave(self) -> None:
        """What `ctrl+q` does."""
        self.leave()

    def _draw_view(self) -> None:
        view, self._new_view = self._new_view, None
        if self.dashboard is not None and view is not None:
            self.view = view
            self.dashboard.show(view)

    def _draw_times(self) -> None:
        if self.dashboard is not None:
            self.dashboard.draw_times()

    def _ask_terminal(self) -> None:
        driver = self._driver
        if driver is None or driver.is_headless:
            self.pacer.answered()  # there is nobody to ask
        else:
            self.call_after_refresh(driver.write, ASK)
