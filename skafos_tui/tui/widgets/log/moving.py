"""Moving in the logs: line by line, by pages, to the ends, from hit to hit; following what comes."""

from __future__ import annotations

from textual import events
from textual.message import Message

from skafos_tui.tui.widgets.log.rows import LogRows

WHEEL_ROWS = 3
SHIFT_CELLS = 16


class Moving(LogRows):
    """The part of the pane that moves."""

    class FollowChanged(Message, namespace="log_pane"):
        """The pane begins or ends to follow the newest line."""

        def __init__(self, following: bool) -> None:
            super().__init__()
            self.following = following

    def __init__(self, number: int, name: str, *, id: str) -> None:
        super().__init__(number, name, id=id)
        self._pending: bool | None = None
        self._paused_at = 0

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Down by the wheel; at the end it follows again."""
        event.stop()
        self._scroll(WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Up by the wheel."""
        event.stop()
        self._scroll(-WHEEL_ROWS)

    def choose_row(self, number: int) -> bool:
        """Make the line that a row of the screen shows the current one; whether there is one."""
        rows = self._window()
        if not 0 <= number < len(rows):
            return False
        self._set_following(False)
        self.cursor = rows[number][0]
        self.refresh()
        return True

    def do_down(self) -> None:
        """To the next line."""
        self._step(1)

    def do_up(self) -> None:
        """To the line before; ends following."""
        self._step(-1)

    def do_page_down(self) -> None:
        """Half a page down."""
        self._scroll(max(1, self.viewport.height // 2))

    def do_page_up(self) -> None:
        """Half a page up."""
        self._scroll(-max(1, self.viewport.height // 2))

    def do_top(self) -> None:
        """To the first line."""
        self._set_following(False)
        self.viewport.go_to(self.reading.view.start())
        self.cursor = next(self.reading.view.forward(self.reading.view.start()), None)
        self._redraw()

    def do_bottom(self) -> None:
        """To the last line, and on with those that come."""
        self._set_following(True)

    def do_log_follow(self) -> None:
        """Follow the newest line, or stay here."""
        self._set_following(not self.following)

    def do_log_left(self) -> None:
        """What stands further left, where lines aren't wrapped."""
        self._draw_as(shift=max(0, self._how.shift - SHIFT_CELLS))

    def do_log_right(self) -> None:
        """What stands further right, where lines aren't wrapped."""
        self._draw_as(shift=0 if self._how.wrap else self._how.shift + SHIFT_CELLS)

    def do_find_next(self) -> None:
        """To the next line that was looked for."""
        self._jump(forward=True)

    def do_find_previous(self) -> None:
        """To the line before that was looked for."""
        self._jump(forward=False)

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
        place = self.current()
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
        current = self.current()
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
