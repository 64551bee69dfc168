"""An app with a log pane alone, and logs to show in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from skafos_tui.store.logs.format import NANOSECONDS, format_line
from skafos_tui.store.logs.merge import Source
from skafos_tui.store.logs.writer import LogWriter
from skafos_tui.tui.theme import Depth, role_styles
from skafos_tui.tui.widgets.log.pane import LogPane
from skafos_tui.tui.widgets.log.shown import LogAttempt, Shown
from skafos_tui.tui.widgets.log.when import clock

START = 1_790_000_000 * NANOSECONDS


class LogApp(App[None]):
    """As much of our app as a pane needs."""

    CSS = "LogPane { height: 1fr; width: 1fr; }"
    ascii = False
    roles = role_styles(Depth.TRUE, light=False)

    def __init__(self) -> None:
        super().__init__()
        self.pane = LogPane(3, "LOG", id="log")
        self.said: list[str] = []
        self.followed: list[bool] = []

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.focus()

    def on_log_pane_status(self, message: LogPane.Status) -> None:
        self.said.append(message.text)

    def on_log_pane_follow_changed(self, message: LogPane.FollowChanged) -> None:
        self.followed.append(message.following)

    def screen_text(self) -> list[str]:
        """What the pane shows, without blanks at the ends."""
        return [self.pane.render_line(y).text.rstrip() for y in range(self.pane.size.height)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what comes from another process."""
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it never came: " + "\n".join(self.screen_text()))


def universal_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's zone is UTC for a while; for fixtures."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        clock.cache_clear()
        yield
    time.tzset()
    clock.cache_clear()


def append(path: Path, lines: list[tuple[float, str]], *, stream: str = "stdout") -> None:
    """Add lines at seconds after the start."""
    writer = LogWriter(path)
    writer.append(b"".join(format_line(START + round(at * NANOSECONDS), text.encode(), stream) for at, text in lines))
    writer.close(sync=False)


def append_gap(path: Path, reason: str) -> None:
    """Add a gap, at the time of the last line."""
    writer = LogWriter(path)
    writer.append_gap(reason)
    writer.close(sync=False)


def attempt(path: Path, job: str = "Train", instance: int = 0, number: int = 1, *, live: bool = False) -> LogAttempt:
    """An attempt whose log is there."""
    return LogAttempt(Source(142, job.lower(), job, instance, number), path, live, None if live else START)


def numbered(path: Path, count: int, *, live: bool = False) -> Shown:
    """One job with one log: `line 0` and so on, one a second."""
    append(path, [(n, f"line {n}") for n in range(count)])
    return Shown((attempt(path, live=live),), started_ns=START, job_id="train")
