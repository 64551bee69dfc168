"""The log pane itself: the logs of the selected job, or of all; what its keys do are its `do_` methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import events
from textual.message import Message
from textual.timer import Timer

from skafos_tui.store.logs.view import Cut
from skafos_tui.tui.command import Fact
from skafos_tui.tui.widgets.log.asking import Asking
from skafos_tui.tui.widgets.log.levels import Level
from skafos_tui.tui.widgets.log.shown import Choice, LogAttempt, Shown
from skafos_tui.tui.widgets.log.title import Facts, heading
from skafos_tui.tui.widgets.log.when import Times
from skafos_tui.tui.widgets.pane import Piece

if TYPE_CHECKING:
    from skafos_tui.tui.screens.base import CommandScreen

TICK_S = 1 / 30
QUIET_TICKS = 3
"""Of a log that is quiet only every third tick looks."""

Offer = Callable[[Callable[[], None]], None]


class LogPane(Asking):
    """Shows the logs it is told to; asks nothing of the engine."""

    class Chosen(Message):
        """A person has chosen one instance or all (None), one attempt or the newest (None)."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.instance = choice.instance
            self.attempt = choice.attempt

    def __init__(self, number: int, name: str, *, id: str, offer: Offer | None = None) -> None:
        """`offer`: takes a call that draws new lines and makes it when the terminal is ready for it."""
        super().__init__(number, name, id=id)
        self._offer = offer or (lambda draw_now: draw_now())
        self._ticker: Timer | None = None
        self._tick_number = 0
        self._grew_at = 0

    def facts(self) -> dict[Fact, bool]:
        """What is so of the logs that are shown."""
        reading = self.reading
        of_job = [attempt.source for attempt in reading.shown.of_job()]
        return {
            Fact.ROWS: reading.view.count() > 0,
            Fact.SEARCHED: reading.find is not None,
            Fact.INSTANCES: len({source.instance for source in of_job}) > 1,
            Fact.ATTEMPTS: any(source.attempt > 1 for source in of_job),
        }

    def chosen_attempt(self) -> LogAttempt | None:
        """The attempt one looks at: the current line's, else the only one or the newest that is shown."""
        attempts = self.reading.attempts
        place = self.current()
        if place is not None and place.source < len(attempts):
            return attempts[place.source]
        return attempts[-1] if attempts else None

    def set_shown(self, shown: Shown) -> None:
        """Show these logs. Another run or job begins anew at the end; else the place is kept."""
        reading = self.reading
        known = reading.shown
        anew = shown.run != known.run or (shown.job_id != known.job_id and not reading.choice.all_jobs)
        if anew:
            self._read(shown, Choice(reading.choice.all_jobs).for_job(shown), anew=True)
        elif shown != known:
            choice = reading.choice if reading.choice.chosen else reading.choice.for_job(shown)
            self._read(shown, choice, anew=False)

    def on_mount(self) -> None:
        """Begin to look at the logs."""
        self._ticker = self.set_interval(TICK_S, self._tick, pause=True)
        self._run_ticker()

    def on_unmount(self) -> None:
        """End the searches."""
        self.reading.close()

    def on_show(self) -> None:
        """Catch up with what came while the pane was hidden."""
        self._run_ticker()
        self.poll()

    def on_hide(self) -> None:
        """Nothing is read for a pane that can't be seen."""
        if self._ticker is not None:
            self._ticker.pause()

    def poll(self) -> bool:
        """Look at the logs that may grow; whether one has."""
        grown = self.reading.refresh()
        if grown:
            self._grew_at = self._tick_number
            self._offer(self._show_new)
        return grown

    def heading(self) -> list[Piece]:
        """What stands behind the title."""
        reading, viewport = self.reading, self.viewport
        count = reading.view.count()
        rows = self._window()
        line = self.cursor or (rows[-1][0] if rows else None)
        facts = Facts(
            reading=reading,
            following=viewport.following,
            arrived=max(0, reading.total() - self._paused_at),
            count=count,
            ordinal=0 if line is None else min(count, reading.view.ordinal(line.cut) + 1),
            stream="" if self.cursor is None else reading.view.line(self.cursor).stream,
            marked=len(self.marks),
        )
        room = self.size.width - 1 - len(f"{self.number} {self.label}")
        return heading(facts, room, self.skafos.roles)

    def on_log_pane_found(self, event: LogPane.Found) -> None:
        """Take what a search has found; go where it was to lead."""
        event.stop()
        if not self.reading.take(event.finder, event.batch):
            return
        if self.reading.filters_by(event.finder):
            self._offer(self._redraw)
        if self._pending is not None:
            self._jump(forward=self._pending)

    def do_log_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self._draw_as(wrap=not self._how.wrap, shift=0)

    def do_log_times(self) -> None:
        """Times by the clock, since the start, or none."""
        order = list(Times)
        self._draw_as(times=order[(order.index(self._how.times) + 1) % len(order)])

    def do_log_bare(self) -> None:
        """Only the text, so that the terminal's own selection gets nothing else; or the gutter again."""
        self._draw_as(bare=not self._how.bare)

    def do_log_instance(self) -> None:
        """All instances, or one after the other alone."""
        self._choose(self.reading.choice.next_instance(self.reading.shown))

    def do_log_all_jobs(self) -> None:
        """The lines of all jobs by time, or those of one."""
        choice = replace(self.reading.choice, all_jobs=not self.reading.choice.all_jobs)
        self._choose(choice if choice.chosen else choice.for_job(self.reading.shown))

    def do_log_older_attempt(self) -> None:
        """The attempt before."""
        self._other_attempt(-1, "no older attempt")

    def do_log_newer_attempt(self) -> None:
        """The attempt after."""
        self._other_attempt(1, "this is the newest attempt")

    def do_log_mark(self) -> None:
        """Mark this line, or no longer, and go on to the next one."""
        place = self.current()
        if place is not None:
            self.marks ^= {self.reading.key_of(place)}
            if not self.following:
                self._step(1)
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """The line clicked on becomes the current one; twice: it is shown whole."""
        if self.choose_row(event.y - 1) and event.chain == 2:
            self.do_deeper()
        else:
            self.post_message(self.Focused(self))

    def do_deeper(self) -> None:
        """Show the current line whole."""
        from skafos_tui.tui.screens.log_line import LineScreen

        place = self.current()
        if place is None:
            return
        attempts = self.reading.attempts
        source = attempts[place.source].source if place.source < len(attempts) else None
        line = self.reading.view.line(place)
        self.skafos.push_screen(LineScreen(line, source, self.reading.shown.started_ns))

    def do_back(self) -> None:
        """One step back: the search, the filter, marks; else the screen's."""
        if not self.close_one():
            cast("CommandScreen", self.screen).do_back()

    def close_one(self) -> bool:
        """End the search, else the filter, else drop the marks; whether there was one."""
        if self.reading.find is not None:
            self._find(None)
        elif self.reading.filtered:
            self._only(None, Level.NORMAL)
        elif self.marks:
            self.marks.clear()
            self._redraw()
        else:
            return False
        return True

    def _show_new(self) -> None:
        if self.following or len(self._window()) < self.viewport.height:
            self._redraw()
        else:
            self.refresh(self.size.region.grow((0, 0, 1 - self.size.height, 0)))

    def _tick(self) -> None:
        self._tick_number += 1
        quiet = self._tick_number - self._grew_at > 1 / TICK_S
        if not quiet or self._tick_number % QUIET_TICKS == 0:
            self.poll()

    def _run_ticker(self) -> None:
        if self._ticker is not None:
            if self.reading.live:
                self._ticker.resume()
            else:
                self._ticker.pause()

    def _read(self, shown: Shown, choice: Choice, *, anew: bool) -> None:
        # While the newest line is followed there is no place to be kept, and looking for it takes time.
        rows = [] if anew or self.following else self._window()
        top = self.reading.key_of(rows[0][0]) if rows else None
        time_ns = self.reading.view.sources[rows[0][0].source].time(rows[0][0].number) if rows else 0
        cursor = None if anew or self.cursor is None else self.reading.key_of(self.cursor)
        if self.reading.set_shown(shown, choice, self.viewport.top):
            self.viewport.change(self.reading.view, self._kept(top, time_ns))
            self.cursor = None if cursor is None else self.reading.place_of(*cursor)
            self._pending = None
        if anew:
            self._set_following(True)
        self._draw_as(started_ns=shown.started_ns)
        self._run_ticker()

    def _kept(self, top: tuple[Path | None, int] | None, time_ns: int) -> Cut:
        """Where the line that stood at the top is now, else what was said at its time."""
        view = self.reading.view
        if top is None:
            return view.end()
        place = self.reading.place_of(*top)
        return view.at_time(time_ns) if place is None else place.cut

    def _choose(self, choice: Choice) -> None:
        self._read(self.reading.shown, choice, anew=False)
        self.post_message(self.Chosen(choice))

    def _other_attempt(self, step: int, else_text: str) -> None:
        choice = self.reading.choice.other_attempt(self.reading.shown, step)
        if choice is None:
            self.say(else_text)
        else:
            self._read(self.reading.shown, choice, anew=True)
            self.post_message(self.Chosen(choice))
