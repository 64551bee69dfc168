"""The alerts: what needs a person, counted and not repeated; in one line, or as rows with one selected."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from skafos_tui.model.alert import AlertKind, AlertSeverity
from skafos_tui.model.run import TaskState
from skafos_tui.text.glyphs import MISSED
from skafos_tui.text.tables import cell_width, clip
from skafos_tui.tui.command import Fact
from skafos_tui.tui.theme import LOOKS, Role
from skafos_tui.tui.views import AlertRow, Dashboard
from skafos_tui.tui.widgets.pane import FOCUS, PLAIN, Pane, Piece

TODAY_S = 20 * 3600.0
"""What is older has a date in place of a time."""
STOPS_TOLD = 4
WIDE = 100
"""From so many columns on the evidence stands beside what happened."""
SIGN = "!"


class AlertsPane(Pane):
    """The open alerts of a project; one of them is selected."""

    class Opened(Message):
        """A person wants to go where this alert came from."""

        def __init__(self, alert: AlertRow) -> None:
            super().__init__()
            self.alert = alert

    class Acknowledged(Message):
        """A person takes notice of this alert, or takes that back."""

        def __init__(self, alert: AlertRow) -> None:
            super().__init__()
            self.alert = alert

    def __init__(self, view: Dashboard, *, id: str = "alerts") -> None:
        super().__init__(5, "ALERTS", id=id)
        self.view = view
        self._at = 0
        self._top = 0

    @property
    def selected(self) -> AlertRow | None:
        """The alert that keys are about."""
        alerts = self.view.alerts
        return alerts[self._at] if alerts else None

    def show(self, view: Dashboard) -> None:
        """Show another view; the selection stays on its alert."""
        before, known = self.view, self.selected
        self.view = view
        if before.alerts == view.alerts:
            return
        places = {alert.id: place for place, alert in enumerate(view.alerts)}
        place = places.get(known.id) if known is not None else None
        self._at = place if place is not None else max(0, min(self._at, len(view.alerts) - 1))
        self._bring_into_sight()
        self.refresh()

    def facts(self) -> dict[Fact, bool]:
        """What is so here, for the commands."""
        chosen = self.selected
        return {Fact.ROWS: chosen is not None, Fact.TO_ACK: chosen is not None}

    def do_down(self) -> None:
        self._move(1)

    def do_up(self) -> None:
        self._move(-1)

    def do_page_down(self) -> None:
        self._move(max(1, self.size.height // 2))

    def do_page_up(self) -> None:
        self._move(-max(1, self.size.height // 2))

    def do_top(self) -> None:
        self._move(-len(self.view.alerts))

    def do_bottom(self) -> None:
        self._move(len(self.view.alerts))

    def do_deeper(self) -> None:
        """To the run and job it is about, or to where it can be mended."""
        if self.selected is not None:
            self.post_message(self.Opened(self.selected))

    def do_ack(self) -> None:
        if self.selected is not None:
            self.post_message(self.Acknowledged(self.selected))

    def on_resize(self, _event: events.Resize) -> None:
        self._bring_into_sight()

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Focused(self))
        for place, first, rows in self._places():
            if first <= event.y - 1 < first + rows:
                self._select(place)
                if event.chain == 2:
                    self.do_deeper()

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self._move(1)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self._move(-1)

    def title_strip(self) -> Strip:
        """In one row the newest alert, else the title with their number."""
        if self.size.height > 1:
            return super().title_strip()
        bar: Piece = (FOCUS if self.has_focus else " ", PLAIN)
        number: Piece = (f"{self.number} ", self.role(Role.IDLE, bold=self.has_focus))
        return self.strip([bar, number, *self._line(self.size.width - 3)])

    def heading(self) -> list[Piece]:
        return [("  " + counted(self.view.alerts), self.role(Role.IDLE))]

    def row(self, number: int) -> list[Piece]:
        for place, first, rows in self._places():
            if first <= number < first + rows:
                alert = self.view.alerts[place]
                return self._first(alert, place == self._at) if number == first else self._second(alert)
        return []

    def _places(self) -> list[tuple[int, int, int]]:
        """Of each visible alert its place, its first row and how many rows it has; the selected one may have two."""
        room, found, at = self.size.height - 1, [], 0
        for place in range(self._top, len(self.view.alerts)):
            if at >= room:
                break
            rows = 2 if place == self._at and self._has_second(self.view.alerts[place]) and room - at > 1 else 1
            found.append((place, at, rows))
            at += rows
        return found

    def _has_second(self, alert: AlertRow) -> bool:
        return self.size.width < WIDE and self.size.height > 2 and bool(reasons(alert))

    def _line(self, room: int) -> list[Piece]:
        """The newest alert that nobody has acknowledged, and how many more there are."""
        firing = [alert for alert in self.view.alerts if alert.firing]
        if not firing:
            return [(counted(self.view.alerts), self.role(Role.IDLE))]
        alert = firing[0]
        more = f"   and {len(firing) - 1} more" if len(firing) > 1 else ""
        pieces = self._words(alert)
        why = reasons(alert)
        when = f"  {moment(alert.last_at, self.skafos.now())}"
        used = sum(cell_width(text) for text, _ in pieces) + cell_width(when) + cell_width(more)
        if why and room - used > 12:
            pieces.append((clip(f"  {why}", room - used), self.role(Role.IDLE)))
        elif used > room:
            glyph, what = pieces[0], pieces[1]
            pieces = [glyph, (clip(what[0], max(0, room - used + cell_width(what[0]))), what[1])]
        return [*pieces, (when, self.role(Role.IDLE)), (more, PLAIN)]

    def _words(self, alert: AlertRow) -> list[Piece]:
        glyph, role = sign_of(alert)
        style = self.role(role, bold=alert.severity is AlertSeverity.CRITICAL)
        return [(f"{glyph} ", style), (headline(alert), PLAIN if alert.firing else style)]

    def _first(self, alert: AlertRow, chosen: bool) -> list[Piece]:
        bar: Piece = (FOCUS if chosen else " ", self.role(Role.RUN, bold=True))
        when: Piece = (f"{moment(alert.last_at, self.skafos.now()):<5} ", self.role(Role.IDLE))
        (sign, words), tail = self._words(alert), "" if alert.firing else "  acknowledged"
        why = reasons(alert)
        if self.size.width >= WIDE and why:
            tail += f"  {why}"
        if chosen:
            words = (words[0], words[1] + Style(bold=True))
        room = self.size.width - 1 - cell_width(when[0]) - cell_width(sign[0])
        text = clip(words[0], room if self.size.width >= WIDE else max(12, room - cell_width(tail)))
        return [bar, when, sign, (text, words[1]), (tail, self.role(Role.IDLE))]

    def _second(self, alert: AlertRow) -> list[Piece]:
        return [(" " * 9 + reasons(alert), self.role(Role.IDLE))]

    def _move(self, by: int) -> None:
        if self.view.alerts:
            self._select(max(0, min(len(self.view.alerts) - 1, self._at + by)))

    def _select(self, place: int) -> None:
        if place != self._at:
            self._at = place
            self._bring_into_sight()
            self.refresh()

    def _bring_into_sight(self) -> None:
        """The rows that scroll by are those above the selected alert."""
        self._top = max(0, min(self._top, self._at))
        room = self.size.height - 1
        need = 2 if self.selected is not None and self._has_second(self.selected) else 1
        if room > 0:
            self._top = max(self._top, min(self._at, self._at + need - room))


_SIGNS = {
    AlertKind.FAILURE: (LOOKS[TaskState.FAILED].glyph, Role.BAD),
    AlertKind.LOST: (LOOKS[TaskState.LOST].glyph, Role.BAD),
    AlertKind.MISSED: (MISSED, Role.WARN),
    AlertKind.CONFIG: (SIGN, Role.WARN),
}


def sign_of(alert: AlertRow) -> tuple[str, Role]:
    """The glyph of an alert and the role of its colour; what a person has seen is quiet."""
    glyph, role = _SIGNS.get(alert.kind, (SIGN, Role.BAD))
    return glyph, role if alert.firing else Role.IDLE


def headline(alert: AlertRow) -> str:
    """What has happened, to which job, by which rule, and how often."""
    subject = " ".join(filter(None, (f"{alert.rule}:" if alert.rule else "", alert.name)))
    often = f" ({alert.count} times)" if alert.count > 1 else ""
    return f"{subject} {alert.what}{often}".strip()


def reasons(alert: AlertRow) -> str:
    """The evidence, and which jobs can't go on because of it."""
    told = ", ".join(alert.stops[:STOPS_TOLD])
    more = f" and {len(alert.stops) - STOPS_TOLD} more" if len(alert.stops) > STOPS_TOLD else ""
    return "; ".join(filter(None, (alert.evidence, f"stops {told}{more}" if told else "")))


def counted(alerts: tuple[AlertRow, ...]) -> str:
    """How many there are, in words."""
    firing = sum(alert.firing for alert in alerts)
    seen = len(alerts) - firing
    told = f"{firing} firing" if firing else "no alerts"
    return f"{told}, {seen} acknowledged" if seen else told


def moment(at: float, now: float) -> str:
    """A time of today as `09:00`, else the day as `13 Nov`."""
    local = datetime.fromtimestamp(at, UTC).astimezone()
    return f"{local:%H:%M}" if now - at < TODAY_S else f"{local:%d %b}"
