"""The log pane itself: a title, rows of log lines, and a line that is typed; what its keys do are its actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from skafos_tui.store.logs.finder import Finder, Term
from skafos_tui.store.logs.pattern import PatternError
from skafos_tui.store.logs.view import Place
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.log.drawing import Drawing, Drawn, draw, gutter
from skafos_tui.tui.widgets.log.handing import Handing
from skafos_tui.tui.widgets.log.levels import Level
from skafos_tui.tui.widgets.log.prompt import Asked, Prompt
from skafos_tui.tui.widgets.log.reading import Reading, compiled, term_of
from skafos_tui.tui.widgets.log.shown import Choice, Shown
from skafos_tui.tui.widgets.log.title import Facts, heading
from skafos_tui.tui.widgets.log.viewport import Viewport
from skafos_tui.tui.widgets.log.when import Times, parse_time
from skafos_tui.tui.widgets.pane import FOCUS, Pane, Piece

TICK_S = 1 / 30
QUIET_TICKS = 3
"""Of a log that is quiet only every third tick looks."""
SHIFT_CELLS = 16
WHEEL_ROWS = 3
REVERSE = Style(reverse=True)

Offer = Callable[[Callable[[], None]], None]


class LogPane(Handing, Pane):
    """Shows the logs it is told to; asks nothing of the engine.

    `takes_keys`: while a line is typed all keys are the pane's own.
    """

    class FollowChanged(Message):
        """The pane begins or ends to follow the newest line."""

        def __init__(self, following: bool) -> None:
            super().__init__()
            self.following = following

    class Status(Message):
        """One sentence on what a key has done or why it did nothing."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Found(Message):
        """A search has found something."""

        def __init__(self, finder: Finder, batch: bytes) -> None:
            super().__init__()
            self.finder = finder
            self.batch = batch

    def __init__(self, number: int, name: str, *, id: str, offer: Offer | None = None) -> None:
        """`offer`: takes a call that draws new lines and makes it when the terminal is ready for it."""
        super().__init__(number, name, id=id)
        self.reading = Reading(self._tell_found)
        self.viewport = Viewport(self.reading.view, lambda place: len(self._drawn(place).rows))
        self.cursor: Place | None = None
        self.marks: set[tuple[Path | None, int]] = set()
        self.prompt: Prompt | None = None
        self._how = Drawing(80)
        self._offer = offer or (lambda draw_now: draw_now())
        self._base: Style | None = None
        self._strips: LRUCache[tuple[int, int], Drawn] = LRUCache(512)
        self._rows: list[tuple[Place, int]] | None = None
        self._pending: bool | None = None
        self._paused_at = 0
        self._ticker: Timer | None = None
        self._tick_number = 0
        self._grew_at = 0

    @property
    def takes_keys(self) -> bool:
        """Whether a line is being typed."""
        return self.prompt is not None

    @property
    def following(self) -> bool:
        """Whether the newest line is kept on the screen."""
        return self.viewport.following

    @property
    def how(self) -> Drawing:
        """How lines are drawn now."""
        return self._how

    @property
    def rich_style(self) -> Style:
        """The pane's own style; kept, for Textual puts it together anew for each line."""
        if self._base is None:
            self._base = super().rich_style
        return self._base

    def notify_style_update(self) -> None:
        """Another theme: all is drawn anew."""
        self._base = None
        self._strips.clear()
        super().notify_style_update()

    def set_shown(self, shown: Shown) -> None:
        """Show these logs. A change of the job begins anew at the end; else the place is kept."""
        other_job = shown.job_id != self.reading.shown.job_id and not self.reading.choice.all_jobs
        choice = Choice() if other_job else self.reading.choice
        self._read(shown, choice, anew=other_job)

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

    def on_resize(self, event: events.Resize) -> None:
        """Another width draws all lines anew; the one at the top stays."""
        self._draw_as(width=event.size.width)

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

    def render_line(self, y: int) -> Strip:
        """The title, a row, or the line that is typed."""
        if y == 0:
            return self.title_strip()
        if self.prompt is not None and y == self.size.height - 1:
            return self.strip(self._prompt_row(self.prompt))
        return self.strip(self.row(y - 1))

    def row(self, number: int) -> list[Piece]:
        """The pieces of a row."""
        rows = self._window()
        if number >= len(rows):
            return []
        place, part = rows[number]
        drawn = self._drawn(place)
        if self._how.bare:
            return drawn.rows[part]
        chosen = self.cursor is not None and self.cursor.key == place.key and not self.following
        marked = self.reading.key_of(place) in self.marks
        mark = "*" if marked else FOCUS if chosen else " "
        before = gutter(drawn, part, mark, self.skafos.roles)
        if marked and chosen:
            before = [(text, style + REVERSE) for text, style in before]
        return [*before, *drawn.rows[part]]

    def on_key(self, event: events.Key) -> None:
        """While a line is typed the keys go there."""
        prompt = self.prompt
        if prompt is None:
            return
        event.stop()
        event.prevent_default()
        if event.key in ("escape", "ctrl+c"):
            self._ask(None)
        elif event.key == "enter":
            self._answer(prompt)
        elif prompt.press(event.key):
            self.refresh()
        elif event.character is not None and event.is_printable:
            prompt.type(event.character)
            self.refresh()

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted goes into the line that is typed."""
        if self.prompt is not None:
            event.stop()
            self.prompt.type(event.text)
            self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Down by the wheel; at the end it follows again."""
        event.stop()
        self._scroll(WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Up by the wheel."""
        event.stop()
        self._scroll(-WHEEL_ROWS)

    def on_click(self, event: events.Click) -> None:
        """The line clicked on becomes the current one."""
        self.post_message(self.Focused(self))
        rows = self._window()
        if 1 <= event.y <= len(rows):
            self._set_following(False)
            self.cursor = rows[event.y - 1][0]
            self.refresh()

    def on_log_pane_found(self, event: Found) -> None:
        """Take what a search has found; go where it was to lead."""
        event.stop()
        if not self.reading.take(event.finder, event.batch):
            return
        if self.reading.filters_by(event.finder):
            self._offer(self._redraw)
        if self._pending is not None:
            self._jump(forward=self._pending)

    def action_down(self) -> None:
        """To the next line."""
        self._step(1)

    def action_up(self) -> None:
        """To the line before; ends following."""
        self._step(-1)

    def action_page_down(self) -> None:
        """Half a page down."""
        self._scroll(max(1, self.viewport.height // 2))

    def action_page_up(self) -> None:
        """Half a page up."""
        self._scroll(-max(1, self.viewport.height // 2))

    def action_top(self) -> None:
        """To the first line."""
        self._set_following(False)
        self.viewport.go_to(self.reading.view.start())
        self.cursor = next(self.reading.view.forward(self.reading.view.start()), None)
        self._redraw()

    def action_bottom(self) -> None:
        """To the last line, and on with those that come."""
        self._set_following(True)

    def action_follow(self) -> None:
        """Follow the newest line, or stay here."""
        self._set_following(not self.following)

    def action_left(self) -> None:
        """What stands further left, where lines aren't wrapped."""
        self._draw_as(shift=max(0, self._how.shift - SHIFT_CELLS))

    def action_right(self) -> None:
        """What stands further right, where lines aren't wrapped."""
        self._draw_as(shift=0 if self._how.wrap else self._how.shift + SHIFT_CELLS)

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self._draw_as(wrap=not self._how.wrap, shift=0)

    def action_times(self) -> None:
        """Times by the clock, since the start, or none."""
        order = list(Times)
        self._draw_as(times=order[(order.index(self._how.times) + 1) % len(order)])

    def action_bare(self) -> None:
        """Only the text, so that the terminal's own selection gets nothing else; or the gutter again."""
        self._draw_as(bare=not self._how.bare)

    def action_level(self) -> None:
        """All lines, warnings and errors, errors only."""
        self._only(self.reading.only, Level((self.reading.level + 1) % len(Level)))

    def action_instance(self) -> None:
        """All instances, or one after the other alone."""
        self._choose(self.reading.choice.next_instance(self.reading.shown))

    def action_all_jobs(self) -> None:
        """The lines of all jobs by time, or those of one."""
        self._choose(replace(self.reading.choice, all_jobs=not self.reading.choice.all_jobs))

    def action_older_attempt(self) -> None:
        """The attempt before."""
        self._other_attempt(-1, "no older attempt")

    def action_newer_attempt(self) -> None:
        """The attempt after."""
        self._other_attempt(1, "this is the newest attempt")

    def action_find(self) -> None:
        """Ask what to find."""
        self._ask(Prompt(Asked.FIND))

    def action_next_hit(self) -> None:
        """To the next line that was looked for."""
        self._jump(forward=True)

    def action_previous_hit(self) -> None:
        """To the line before that was looked for."""
        self._jump(forward=False)

    def action_only_matching(self) -> None:
        """Ask what to show only; an empty answer shows everything again."""
        only = self.reading.only
        self._ask(Prompt(Asked.ONLY, "" if only is None else only.pattern))

    def action_go_to_time(self) -> None:
        """Ask for a time to go to."""
        self._ask(Prompt(Asked.TIME))

    def action_mark(self) -> None:
        """Mark this line, or no longer, and go on to the next one."""
        place = self._current()
        if place is not None:
            self.marks ^= {self.reading.key_of(place)}
            if not self.following:
                self._step(1)
            self.refresh()

    def action_save(self) -> None:
        """Ask for a file to save the shown lines to."""
        self._ask(Prompt(Asked.SAVE, self.suggested_path()))

    def action_close(self) -> bool:
        """One step back: the search, the filter, marks; whether there was one."""
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

    def say(self, text: str) -> None:
        """Tell one sentence."""
        self.post_message(self.Status(text))

    def _tell_found(self, finder: Finder, batch: bytes) -> None:
        self.post_message(self.Found(finder, batch))

    def _current(self) -> Place | None:
        rows = self._window()
        if self.cursor is not None and not self.following:
            return self.cursor
        return rows[-1][0] if rows else None

    def _window(self) -> list[tuple[Place, int]]:
        if self._rows is None:
            self._rows = [(row.place, row.part) for row in self.viewport.rows()]
        return self._rows

    def _drawn(self, place: Place) -> Drawn:
        drawn = self._strips.get(place.key)
        if drawn is None:
            event = self.reading.is_event(place.source)
            label = self.reading.labels[place.source]
            line = self.reading.view.line(place)
            drawn = draw(line, label, self._how, event=event, roles=self.skafos.roles)
            self._strips[place.key] = drawn
        return drawn

    def _redraw(self) -> None:
        self._rows = None
        self.refresh()

    def _draw_as(self, **changes: object) -> None:
        self._how = replace(self._how, **changes)  # type: ignore[arg-type]
        self._strips.clear()
        self.viewport.height = max(1, self.size.height - 1 - (self.prompt is not None))
        self.viewport.change(self.reading.view)
        self._redraw()

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
        rows = self._window()
        top = None if anew or not rows else self.reading.key_of(rows[0][0])
        time_ns = None if not rows else self.reading.view.sources[rows[0][0].source].time(rows[0][0].number)
        cursor = None if self.cursor is None else self.reading.key_of(self.cursor)
        if self.reading.set_shown(shown, choice, self.viewport.top):
            kept = None if top is None else self.reading.place_of(*top)
            view = self.reading.view
            self.viewport.change(view, kept.cut if kept else view.at_time(time_ns or 0))
            self.cursor = None if cursor is None else self.reading.place_of(*cursor)
            self._pending = None
        if anew:
            self._set_following(True)
        self._draw_as(started_ns=shown.started_ns)
        self._run_ticker()

    def _choose(self, choice: Choice) -> None:
        self._read(self.reading.shown, choice, anew=False)

    def _other_attempt(self, step: int, else_text: str) -> None:
        choice = self.reading.choice.other_attempt(self.reading.shown, step)
        if choice is None:
            self.say(else_text)
        else:
            self._read(self.reading.shown, choice, anew=True)

    def _set_following(self, following: bool) -> None:
        changed = following != self.following
        if changed and not following:
            self._window()  # the line at the top is where we stay
            self._paused_at = self.reading.total()
        self.viewport.following = following
        if following:
            self.cursor = None
        self._redraw()
        if changed:
            self.post_message(self.FollowChanged(following))

    def _scroll(self, rows: int) -> None:
        if rows > 0 and self.following:
            return
        self._set_following(False)
        self.viewport.scroll(rows)
        self._rows = None
        window = self._window()
        if rows > 0 and self.reading.live and self.viewport.at_end():
            self._set_following(True)
        elif window:
            shown = {place.key for place, _ in window}
            if self.cursor is None or self.cursor.key not in shown:
                self.cursor = window[-1 if rows < 0 else 0][0]
        self.refresh()

    def _step(self, step: int) -> None:
        place = self._current()
        if place is None:
            return
        view = self.reading.view
        was_following = self.following
        target = next(view.forward(place.after) if step > 0 else view.backward(place.cut), None)
        if target is None or (was_following and step > 0):
            return
        self._set_following(False)
        self.cursor = target
        self.viewport.reveal(target)
        self._redraw()

    def _jump(self, *, forward: bool) -> None:
        if self.reading.find is None:
            self.say("nothing to find: / asks what")
            return
        current = self._current()
        view = self.reading.view
        if current is None or (self.following and not forward):
            cut = view.end()
        else:
            cut = current.after if forward else current.cut
        found = self.reading.found(cut, forward=forward)
        self._pending = None
        if found is not None:
            self._set_following(False)
            self.viewport.reveal(found, centre=True)
            self.cursor = found
            self._redraw()
        elif self.reading.finding:
            self._pending = forward
            self.say("searching …")
        else:
            self.say(f"no {self.reading.find.pattern!r} {'below' if forward else 'above'}")

    def _ask(self, prompt: Prompt | None) -> None:
        self.prompt = prompt
        self._draw_as()

    def _prompt_row(self, prompt: Prompt) -> list[Piece]:
        text = prompt.text + " "
        room = max(1, self.size.width - len(prompt.asked.value) - 1)
        start = max(0, prompt.cursor - room + 1)
        at = prompt.cursor
        pieces = [(text[start:at], Style()), (text[at], REVERSE), (text[at + 1 :], Style())]
        return [(prompt.asked.value, self.role(Role.RUN)), *pieces]

    def _answer(self, prompt: Prompt) -> None:
        text = prompt.text.strip() if prompt.asked in (Asked.TIME, Asked.SAVE) else prompt.text
        answers = {
            Asked.FIND: partial(self._find, text),
            Asked.ONLY: partial(self._only_text, text),
            Asked.TIME: partial(self._go_to_time, text),
            Asked.SAVE: partial(self.save_to, text),
        }
        try:
            answers[prompt.asked]()
        except (PatternError, ValueError) as error:
            self.say(str(error))
            return
        self._ask(None)

    def _find(self, text: str | None) -> None:
        term = term_of(text) if text else None
        self.reading.set_find(term, self.viewport.top)
        self._pending = None
        self._draw_as(pattern=compiled(term))
        if term is not None:
            # What one looks for in a log that runs stands above; else it is what comes next.
            self._jump(forward=not self.following)

    def _only_text(self, text: str) -> None:
        self._only(term_of(text) if text else None, self.reading.level)

    def _only(self, only: Term | None, level: Level) -> None:
        self.reading.set_only(only, level, self.viewport.top)
        self.viewport.change(self.reading.view)
        self._pending = None
        self._redraw()

    def _go_to_time(self, text: str) -> None:
        view = self.reading.view
        spans = [(source.time(0), source.time(source.count() - 1)) for source in view.sources if source.count()]
        if not text or not spans:
            return
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        wanted = parse_time(text, first_ns=first, last_ns=last, started_ns=self.reading.shown.started_ns or first)
        self._set_following(False)
        cut = view.at_time(wanted)
        self.cursor = next(view.forward(cut), None) or next(view.backward(cut), None)
        self.viewport.go_to(cut)
        self._redraw()
