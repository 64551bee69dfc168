"""One data frame in flight: the next one waits until the terminal has answered for the last (SCREENS 8).

A slow line queues what is written to it, and a key's echo then waits behind all of it. A question for the cursor's
position follows each frame of data; the answer says that the frame has arrived. What is offered meanwhile replaces
what the same source offered before, so nothing piles up; what several sources offer is one frame.
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
        self._pending: dict[str, Frame] = {}
        self._shown_at = -PATIENCE_S
        self._asked_at: float | None = None
        self._answers = True
        self._wakes_at: float | None = None
        self._at_end: Callable[[], None] | None = None

    @property
    def pending(self) -> bool:
        """Whether a frame waits for its turn."""
        return bool(self._pending)

    def offer(self, frame: Frame, source: str = "") -> None:
        """Show this frame as soon as the line is free, in place of any other of its source that waits."""
        self._pending[source] = frame
        self._go_on()

    def answered(self) -> None:
        """The terminal has answered: the last frame has arrived."""
        self._asked_at = None
        self._answers = True
        self._end()
        self._go_on()

    def when_quiet(self, call: Callable[[], None], patience_s: float) -> None:
        """Offer nothing any more, and call once the terminal has answered, or has had so many seconds to."""
        self._pending.clear()
        self._await_quiet(call, patience_s)

    def between_frames(self, call: Callable[[], None], patience_s: float) -> None:
        """The same, and what was offered meanwhile is shown afterwards."""

        def call_and_go_on() -> None:
            call()
            self._go_on()

        self._await_quiet(call_and_go_on, patience_s)

    def _await_quiet(self, call: Callable[[], None], patience_s: float) -> None:
        if self._asked_at is None or not self._answers:
            call()
            return
        self._at_end = call
        self._later(patience_s, self._end)

    def _end(self) -> None:
        call, self._at_end = self._at_end, None
        if call is not None:
            call()

    def _go_on(self) -> None:
        if self._at_end is not None or not self._pending:
            return
        wait = self._ready_at() - self._now()
        if wait > 0:
            self._wake_in(wait)
            return
        if self._asked_at is not None:
            self._answers = False
        frames, self._pending = self._pending, {}
        self._shown_at = self._now()
        for frame in frames.values():
            frame()
        self._asked_at = self._now()
        self._ask()

    def _ready_at(self) -> float:
        if self._asked_at is None:
            return self._shown_at + LEAST_S
        return self._shown_at + (PATIENCE_S if self._answers else UNANSWERED_S)

    def _wake_in(self, seconds: float) -> None:
        at = self._now() + seconds
        # A timer for later must not keep back what an answer has made possible sooner.
        if self._wakes_at is None or at < self._wakes_at:
            self._wakes_at = at
            self._later(seconds, self._wake)

    def _wake(self) -> None:
        self._wakes_at = None
        self._go_on()
