"""One data frame in flight: the next one waits until the terminal has answered for the last (SCREENS 8).

A slow line queues what is written to it, and a key's echo then waits behind all of it. A question for the cursor's
position follows each frame of data; the answer says that the frame has arrived. What is offered meanwhile replaces
what was offered before, so nothing piles up.
"""

from __future__ import annotations

from collections.abc import Callable

ASK = "\x1b[6n"
"""Not `CSI 5n`: its answer arrives as typed keys."""
LEAST_S = 1 / 30
PATIENCE_S = 2.0
UNANSWERED_S = 1 / 4

Frame = Callable[[], None]
Later = Callable[[float, Callable[[], None]], object]


class Pacer:
    """Shows frames no faster than the line carries them; all calls from the thread of the screen.

    `ask` sends the question behind what was drawn, `later(seconds, call)` calls back once, `now` is a clock in
    seconds.
    """

    def __init__(self, ask: Callable[[], None], later: Later, now: Callable[[], float]) -> None:
        self._ask = ask
        self._later = later
        self._now = now
        self._pending: Frame | None = None
        self._shown_at = -PATIENCE_S
        self._asked_at: float | None = None
        self._answers = True
        self._timer = False

    @property
    def pending(self) -> bool:
        """Whether a frame waits for its turn."""
        return self._pending is not None

    def offer(self, frame: Frame) -> None:
        """Show this frame as soon as the line is free, in place of any other that waits."""
        self._pending = frame
        self._go_on()

    def answered(self) -> None:
        """The terminal has answered: the last frame has arrived."""
        self._asked_at = None
        self._answers = True
        self._go_on()

    def _go_on(self) -> None:
        if self._pending is None:
            return
        wait = self._ready_at() - self._now()
        if wait > 0:
            self._wake_in(wait)
            return
        if self._asked_at is not None:
            self._answers = False
        frame, self._pending = self._pending, None
        self._shown_at = self._now()
        frame()
        self._asked_at = self._now()
        self._ask()

    def _ready_at(self) -> float:
        if self._asked_at is None:
            return self._shown_at + LEAST_S
        return self._shown_at + (PATIENCE_S if self._answers else UNANSWERED_S)

    def _wake_in(self, seconds: float) -> None:
        if not self._timer:
            self._timer = True
            self._later(seconds, self._wake)

    def _wake(self) -> None:
        self._timer = False
        self._go_on()
