"""The app: opens on the dashboard with what is stored, and takes in what the bridge brings."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import locale
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.driver import Driver
from textual.message import Message

from skafos_tui.model.run import RunState
from skafos_tui.text.glyphs import ASCII
from skafos_tui.tui.bridge import Bridge
from skafos_tui.tui.control import Control
from skafos_tui.tui.engine_watch import EngineWatch
from skafos_tui.tui.key_order import OrderedKeys
from skafos_tui.tui.memory import Remembered, newest_run, remember
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.pacing import ASK, Pacer
from skafos_tui.tui.preferences import Preferences
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.screens.dashboard import DashboardScreen
from skafos_tui.tui.terminal import Terminal
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

if TYPE_CHECKING:
    from skafos_tui.tui.background import Asked

RETURN = "jobs go on; {} brings you back"
FAREWELL_S = 0.15
"""So long a terminal that has still to answer is waited for at the end."""
CLOSED = 129
"""The exit code where the terminal has gone, as of the signal that says so."""


@dataclass(frozen=True, slots=True)
class ShownProject:
    """What the app shows of one project; `view` is what its bridge began with."""

    opened: Opened
    bridge: Bridge
    view: Dashboard
    remembered: Remembered
    control: Control | None


class SkafosApp(OrderedKeys, inherit_bindings=False):
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
        preferences: Preferences | None = None,
        asked: Asked | None = None,
        remembered: Remembered | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Without `control` nothing can be changed; `setting` is the user's `theme`; `now` gives Unix seconds.

        `asked` is the question for the terminal's background that is out, with what has come in until now.
        """
        self.asked = asked
        self.remembered = remembered or Remembered()
        self.mouse_is_ours = True
        plain = "NO_COLOR" in os.environ
        # Textual's filter for NO_COLOR sends 24-bit greys unless the colours are the terminal's own.
        super().__init__(ansi_color=True if plain else None)
        self.bridge = bridge
        self.opened = opened
        self.preferences = preferences or Preferences()
        self.control = control
        self.read_only = read_only or control is None
        self.now = now
        self.engine_watch = watch
        self._choice: Choice = read_choice(setting, light=asked is not None and asked.light is True)
        self._opened_at = now()
        self._failure_told: int | None = None
        self._last_words = ""
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
        self.push_screen(self.first_screen())
        self.call_after_refresh(self.begin)
        if isinstance(self._driver, Terminal):
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, self.closed)
            loop.add_signal_handler(signal.SIGTERM, self.leave)
            threading.excepthook = self._thread_failed

    @property
    def may_start_engine(self) -> bool:
        """Whether what only an engine can tell is worth starting one."""
        return not self.read_only

    def first_screen(self) -> CommandScreen:
        """The screen to begin with."""
        self.dashboard = DashboardScreen(self.view)
        return self.dashboard

    def begin(self) -> None:
        """What comes behind the first frame."""
        self.bridge.start()
        if self.engine_watch is not None:
            self.engine_watch.start()
        gc.collect()
        gc.freeze()
        gc.enable()

    def on_unmount(self) -> None:
        self.bridge.stop()
        if self.engine_watch is not None:
            self.engine_watch.stop()

    def on_skafos_app_view_changed(self, message: ViewChanged) -> None:
        """Show it when the line is free; another project's comes too late."""
        if message.view.token != self.view.token:
            return
        self._new_view = message.view
        self.pacer.offer(self._draw_view, "view")

    def show_project(self, shown: ShownProject) -> None:
        """Show another project in place of this one, which is left as it would be at the end."""
        self.keep()
        self.bridge.stop()
        self.opened, self.bridge, self.control = shown.opened, shown.bridge, shown.control
        self.remembered, self.view, self._new_view = shown.remembered, shown.view, None
        self._failure_told = None
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.dashboard = DashboardScreen(self.view)
        self.push_screen(self.dashboard)
        self.bridge.start()

    def tick(self) -> None:
        """Draw times that grow when the line is free."""
        self.pacer.offer(self._draw_times, "times")

    def on_cursor_position(self, _event: events.CursorPosition) -> None:
        """The terminal has shown the last frame."""
        self.pacer.answered()

    @contextlib.contextmanager
    def suspend(self) -> Iterator[None]:
        """Leave the terminal to another program meanwhile; no views pile up."""
        with self.bridge.held(), super().suspend():
            yield

    def get_driver_class(self) -> type[Driver]:
        return Terminal

    def leave(self) -> None:
        """Quit at once; the engine and its jobs go on."""
        self.keep()
        # The terminal's answer to the last frame would be typed into the shell.
        self.pacer.when_quiet(lambda: self.exit(message=self._farewell()), FAREWELL_S)

    def closed(self) -> None:
        """The terminal has gone: nothing can be drawn any more, and nobody waits for anything."""
        try:
            self.keep()
        finally:
            os._exit(CLOSED)

    def keep(self) -> None:
        """Write down what would be lost if this were the end."""
        for screen in self.screen_stack:
            if isinstance(screen, CommandScreen):
                screen.keep()
        if self.opened is not None and self.opened.token and self.dashboard is not None and not self.read_only:
            home, token = self.opened.home, self.opened.token
            with contextlib.suppress(OSError):  # a full disk: it will begin as on the first day
                remember(home, token, replace(self.dashboard.left(), newest=newest_run(home, token)))

    def use_light(self, light: bool) -> None:
        """The background of the terminal is light, or dark; the user's setting goes before."""
        if not self._choice.auto or light == self._choice.light:
            return
        self._choice = replace(self._choice, light=light)
        self.roles = role_styles(self.depth, light=light)
        self.theme = theme_name(self.depth, light=light)
        for screen in self.screen_stack:
            if isinstance(screen, CommandScreen):
                screen.restyle()

    def _farewell(self) -> str | None:
        run = self.view.run
        if run is None or run.state.finished:
            return None
        return f"run {run.id}: {RETURN.format(self._way_back())}"

    def _way_back(self) -> str:
        """What to type where we are."""
        if self.opened is None:
            return "skafos"
        with contextlib.suppress(OSError):
            if Path.cwd().is_relative_to(self.opened.directory):
                return "skafos"
        return f"skafos --project {shlex.quote(str(self.opened.directory))}"

    def _fatal_error(self) -> None:
        """A line and a report in place of a screenful: whoever sees it did nothing wrong."""
        from skafos_tui.tui.crash import line_of, write_report

        error = self._exception or RuntimeError("no reason is known")
        report = write_report(error, self.opened.home.path if self.opened is not None else None)
        self._last_words = line_of(error, report)
        with contextlib.suppress(OSError):
            self.keep()
        self._close_messages_no_wait()

    def _thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        """What watches the store or the engine has broken: a screen that stands still would not be the truth."""
        if isinstance(failed.exc_value, Exception):
            self.call_later(self._handle_exception, failed.exc_value)

    def _print_error_renderables(self) -> None:
        """The line of a crash as it is: Rich would break it."""
        if self._last_words:
            self._exit_renderables.clear()
            print(self._last_words, file=sys.__stderr__)
            self._last_words = ""
        super()._print_error_renderables()

    def tell(self, text: str) -> None:
        """Say something in the footer, until the next key."""
        if isinstance(self.screen, CommandScreen):
            self.screen.tell(text)
        elif self.dashboard is not None:
            self.dashboard.tell(text)

    def go_to_job(self, job_id: str) -> None:
        """To the dashboard, with this job selected."""
        dashboard = self.dashboard
        if dashboard is None or dashboard not in self.screen_stack:
            return
        while self.screen is not dashboard:
            self.pop_screen()
        dashboard.go_to_job(job_id)

    def switch_mouse(self) -> bool:
        """Leave the mouse to the terminal, or take it back; whether it is ours now."""
        self.mouse_is_ours = not self.mouse_is_ours
        if isinstance(self._driver, Terminal):
            self._driver.use_mouse(self.mouse_is_ours)
        return self.mouse_is_ours

    def action_leave(self) -> None:
        """What `ctrl+q` does."""
        self.leave()

    def _draw_view(self) -> None:
        view, self._new_view = self._new_view, None
        if self.dashboard is not None and view is not None:
            self.view = view
            self.dashboard.show(view)
            if isinstance(self.screen, CommandScreen):
                self.screen.view_changed(view)
            self._tell_failure(view)

    def _tell_failure(self, view: Dashboard) -> None:
        """Ring, and name it in the window's title, when a run has failed since we are here; the next one clears it."""
        run = view.run
        if run is None or not view.live:
            return
        failed = run.state is RunState.FAILED and (run.ended_at or 0.0) >= self._opened_at
        if failed and run.id != self._failure_told:
            if self.preferences.bell:
                self.bell()
            if self.preferences.title and isinstance(self._driver, Terminal):
                title = f"✗ {view.name}: run {run.id} failed"
                self._driver.set_title(title.translate(ASCII) if self.ascii else title)
        elif not failed and self._failure_told is not None and isinstance(self._driver, Terminal):
            self._driver.give_title_back()
        self._failure_told = run.id if failed else None

    def _draw_times(self) -> None:
        if self.dashboard is not None:
            self.dashboard.draw_times()

    def _ask_terminal(self) -> None:
        driver = self._driver
        if driver is None or driver.is_headless:
            self.pacer.answered()  # there is nobody to ask
        else:
            self.call_after_refresh(driver.write, ASK)
