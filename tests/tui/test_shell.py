"""Shells out of the screen: which attempt is meant, what is refused in a line, the terminal as it was before."""

from __future__ import annotations

import os
import pty
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from screens import app_on, settled, text_of
from test_dashboard import dashboard, until
from test_run_menu import Engine
from wines import NOW, OUT_OF_MEMORY, Store

from skafos_tui.model.run import TaskState
from skafos_tui.tui import shell
from skafos_tui.tui.control import Entrance
from skafos_tui.tui.shell import kept_terminal, on_terminal

SIZE = (100, 30)


class Doors(Engine):
    """An engine with shells."""

    def shell(self, attempt: str) -> Entrance:
        self._take("shell", attempt)
        return Entrance(("true",), {})

    def debug_shell(self, attempt: str) -> Entrance:
        self._take("debug", attempt)
        return Entrance(("true",), {})

    def end_debug(self, attempt: str) -> None:
        self._take("end", attempt)


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shells that had the terminal; it is never really given away."""
    found: list[str] = []

    @contextmanager
    def suspend(_app: object) -> Iterator[None]:
        yield

    def enter(_entrance: Entrance, what: str) -> str:
        found.append(what)
        return ""

    monkeypatch.setattr("textual.app.App.suspend", suspend)
    monkeypatch.setattr(shell, "on_terminal", enter)
    return found


async def test_s_opens_a_shell_in_the_first_instance_that_runs(store: Store, entered: list[str]) -> None:
    store.running_run()
    engine = Doors()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("s")
        await until(pilot, lambda: bool(entered))
        assert engine.asked == [("shell", "1-Train forest-1-1")]
        assert entered == ["shell in Train forest #1 (run 1, attempt 1)"]


async def test_the_instance_whose_log_is_looked_at_is_the_one_that_is_meant(store: Store, entered: list[str]) -> None:
    store.running_run()
    engine = Doors()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: dashboard(app).logs is not None)
        await pilot.press("3", "i", "i", "i", "s")
        await until(pilot, lambda: bool(entered))
        assert engine.asked == [("shell", "1-Train forest-2-1")]


async def test_capital_s_opens_what_failed_and_clears_it_away(store: Store, entered: list[str]) -> None:
    store.failed_run()
    engine = Doors()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        assert "S shell" in text_of(app)
        await pilot.press("S")
        await until(pilot, lambda: len(engine.asked) == 2)
        assert engine.asked == [("debug", "1-Train forest-1-1"), ("end", "1-Train forest-1-1")]
        assert entered == ["debug shell of Train forest #1 (run 1, attempt 1)"]


async def test_a_key_pressed_twice_opens_one_shell(store: Store, entered: list[str]) -> None:
    store.failed_run()
    may_answer = threading.Event()

    class Slow(Doors):
        def debug_shell(self, attempt: str) -> Entrance:
            assert may_answer.wait(5)
            return super().debug_shell(attempt)

    engine = Slow()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("S", "S")
        may_answer.set()
        await until(pilot, lambda: ("end", "1-Train forest-1-1") in engine.asked)
        await pilot.pause(0.2)
        assert len(entered) == 1


async def test_where_nothing_runs_or_has_ended_it_is_said_in_a_line(store: Store, entered: list[str]) -> None:
    store.failed_run()
    engine = Doors()
    app = app_on(store, control=engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("s")
        assert "Train forest does not run: S opens a debug shell in what it ran in" in text_of(app)
        await pilot.press("G", "S")
        assert "nothing of Report has ended in this run" in text_of(app)
        assert engine.asked == [] and entered == []


async def test_a_refusal_stands_in_the_footer(store: Store, entered: list[str]) -> None:
    store.running_run()
    app = app_on(store, control=Doors("its container is paused: docker unpause x\x1b[2J"))
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("s")
        said = "no shell in Train forest #1 (run 1, attempt 1): its container is paused: docker unpause x"
        await until(pilot, lambda: said in text_of(app))
        assert entered == []


async def test_read_only_has_no_shells(store: Store, entered: list[str]) -> None:
    store.running_run()
    engine = Doors()
    app = app_on(store, control=engine, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("s", "S")
        await pilot.pause(0.1)
        assert engine.asked == [] and entered == []


async def test_views_of_the_time_in_the_shell_do_not_pile_up(
    store: Store, entered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = store.running_run()
    app = app_on(store, control=Doors())
    posted: list[object] = []
    seen = threading.Event()
    read = app.bridge._reader.read

    def enter(_entrance: Entrance, _what: str) -> str:
        post, app.bridge._post = app.bridge._post, posted.append
        store.set_task(run_id, "Train forest", TaskState.FAILED, NOW - 271, NOW, verdict=OUT_OF_MEMORY)
        assert seen.wait(5), "the bridge goes on reading"
        app.bridge._post = post
        return ""

    async with app.run_test(size=SIZE) as pilot:
        monkeypatch.setattr(shell, "on_terminal", enter)

        def noted(*given: object, **options: object) -> object:
            view = read(*given, **options)  # type: ignore[arg-type]
            if view.rows[4].task is not None and view.rows[4].task.state is TaskState.FAILED:
                threading.Timer(0.1, seen.set).start()
            return view

        monkeypatch.setattr(app.bridge._reader, "read", noted)
        await until(pilot, lambda: settled(app) and app.bridge._thread.is_alive())
        await pilot.press("s")
        await until(pilot, lambda: app.view.rows[4].task.state is TaskState.FAILED)  # type: ignore[union-attr]
        assert posted == []


def test_a_program_says_why_in_a_line_and_a_missing_one_is_no_crash() -> None:
    code = "import os; from skafos_tui.runners.shells import tell; tell('the container has ended')"
    assert on_terminal(Entrance((sys.executable, "-c", code), {}), "shell") == "the container has ended"
    assert on_terminal(Entrance(("/no/such/program",), {}), "shell").startswith("no shell: No such file")
    assert on_terminal(Entrance(("true",), {}), "shell") == ""


def test_the_terminal_is_as_before_whatever_is_done_to_it() -> None:
    controller, terminal = pty.openpty()
    try:
        before = termios.tcgetattr(terminal)
        with kept_terminal(terminal):
            changed = termios.tcgetattr(terminal)
            changed[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(terminal, termios.TCSANOW, changed)
            assert termios.tcgetattr(terminal) != before
        after = termios.tcgetattr(terminal)
    finally:
        os.close(controller)
        os.close(terminal)
    assert after == before
