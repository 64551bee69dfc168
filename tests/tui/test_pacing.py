"""One data frame in flight: nothing piles up on a slow line, and a terminal without answers still gets frames."""

from __future__ import annotations

from collections.abc import Callable

from skafos_tui.tui.pacing import Pacer


class Line:
    """A terminal and a clock that the test moves; frames are what was drawn."""

    def __init__(self) -> None:
        self.time = 100.0
        self.questions = 0
        self.frames: list[str] = []
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self.pacer = Pacer(self._ask, self._later, lambda: self.time)

    def _ask(self) -> None:
        self.questions += 1

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timers.append((self.time + seconds, call))

    def offer(self, name: str, source: str = "") -> None:
        self.pacer.offer(lambda: self.frames.append(name), source)

    def wait(self, seconds: float) -> None:
        """Let time go by, in steps finer than any timer."""
        end = self.time + seconds
        while self.time < end:
            self.time += 0.005
            due = [timer for timer in self._timers if timer[0] <= self.time]
            self._timers = [timer for timer in self._timers if timer[0] > self.time]
            for _, call in due:
                call()


def test_the_first_frame_is_shown_at_once_and_asked_about() -> None:
    line = Line()
    line.offer("one")
    assert (line.frames, line.questions) == (["one"], 1)


def test_the_next_frame_waits_for_the_answer_and_only_the_newest_is_shown() -> None:
    line = Line()
    for name in ("one", "two", "three"):
        line.offer(name)
    line.wait(1.5)
    assert line.frames == ["one"]
    line.pacer.answered()
    assert line.frames == ["one", "three"]
    assert line.questions == 2


def test_of_several_sources_none_is_lost_and_all_are_one_frame() -> None:
    line = Line()
    for name, source in (("one", "view"), ("old", "log"), ("two", "view"), ("tick", "times"), ("new", "log")):
        line.offer(name, source)
    line.pacer.answered()
    line.wait(0.1)
    assert line.frames == ["one", "new", "two", "tick"]
    assert line.questions == 2


def test_a_quick_line_gets_thirty_frames_a_second_and_no_more() -> None:
    line = Line()
    begun = line.time
    for number in range(200):
        line.offer(str(number))
        line.pacer.answered()
        line.wait(0.005)
    assert 24 <= len(line.frames) / (line.time - begun) <= 31


def test_without_an_answer_there_are_four_frames_a_second() -> None:
    line = Line()
    line.offer("one")
    line.offer("two")
    line.wait(1.9)
    assert line.frames == ["one"]
    line.wait(0.2)
    assert line.frames == ["one", "two"]
    begun = line.time
    for number in range(400):
        line.offer(str(number))
        line.wait(0.01)
    assert 3.8 <= (len(line.frames) - 2) / (line.time - begun) <= 4.1


def test_a_late_answer_brings_the_pace_back() -> None:
    line = Line()
    line.offer("one")
    line.offer("two")
    line.wait(2.1)
    line.pacer.answered()
    line.offer("three")
    line.wait(0.1)
    assert line.frames[-1] == "three"
    line.offer("four")
    line.wait(0.5)
    assert line.frames[-1] == "three", "it waits for its answer again"


def test_an_idle_line_carries_nothing() -> None:
    line = Line()
    line.offer("one")
    line.pacer.answered()
    line.wait(10)
    assert (line.frames, line.questions) == (["one"], 1)


def test_who_takes_the_terminal_waits_for_its_answer_and_frames_offered_meanwhile_come_after() -> None:
    line = Line()
    line.offer("one")
    line.pacer.between_frames(lambda: line.frames.append("shell"), 0.15)
    line.offer("two")
    line.wait(0.05)
    assert line.frames == ["one"]
    line.pacer.answered()
    assert line.frames[:2] == ["one", "shell"]
    line.wait(0.1)
    assert line.frames == ["one", "shell", "two"]


def test_who_takes_a_terminal_that_does_not_answer_waits_no_longer_than_that() -> None:
    line = Line()
    line.offer("one")
    line.pacer.between_frames(lambda: line.frames.append("shell"), 0.15)
    line.wait(0.16)
    assert line.frames == ["one", "shell"]
