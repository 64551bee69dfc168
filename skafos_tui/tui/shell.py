"""Shells out of the screen: the screen goes away, a shell has the terminal, the screen comes back whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported
from textual.worker import get_current_worker

from skafos_tui.text.sgr import plain
from skafos_tui.tui.control import Control, Entrance, Refused

if TYPE_CHECKING:
    from skafos_tui.tui.app import SkafosApp

TELL = "SKAFOS_TELL_FD"
"""The variable with the descriptor on which the shell's program says why there is none, or why it ended."""
NO_TERMINAL = "this terminal can't be handed over"
MOST_TOLD = 4096
QUIET_S = 0.15
"""So long a terminal that has still to answer is waited for."""
_one_at_a_time = threading.Lock()
"""Held while something is made or removed: what is cleared away must not be what was just made again."""


def open_shell(app: SkafosApp, attempt: str, words: str) -> None:
    """Open a shell where an attempt runs; `words` name it."""
    _open(app, f"shell in {words}", lambda control: control.shell(attempt))


def open_debug_shell(app: SkafosApp, attempt: str, words: str) -> None:
    """Open a shell in what an ended attempt ran in; nothing of it is left afterwards."""
    _open(app, f"debug shell of {words}", lambda control: control.debug_shell(attempt), attempt)


def _open(app: SkafosApp, what: str, ask: Callable[[Control], Entrance], made_for: str = "") -> None:
    """Ask the engine in a thread, then give the terminal away; `made_for` is the attempt that something is made for."""
    control = app.control
    if control is None:
        return
    app.tell(f"opening a {what} …")

    def work() -> None:
        worker = get_current_worker()
        try:
            with _one_at_a_time:
                if worker.is_cancelled:
                    return
                entrance = ask(control)
        except Refused as error:
            app.call_from_thread(app.tell, plain(f"no {what}: {error}"))
            return
        if not worker.is_cancelled:
            # The terminal's answer to the last frame would be typed into the shell.
            app.call_from_thread(app.pacer.between_frames, lambda: enter(entrance), QUIET_S)

    def enter(entrance: Entrance) -> None:
        try:
            with app.suspend():
                said = on_terminal(entrance, plain(what))
        except SuspendNotSupported:
            said = NO_TERMINAL
        app.tell(plain(said))
        if made_for:
            app.run_worker(end, thread=True, group="shell", exit_on_error=False)

    def end() -> None:
        try:
            with _one_at_a_time:
                control.end_debug(made_for)
        except Refused as error:
            app.call_from_thread(app.tell, plain(f"the {what} is not cleared away: {error}"))

    app.run_worker(work, thread=True, group="shell", exclusive=True, exit_on_error=False)


def on_terminal(entrance: Entrance, what: str) -> str:
    """Run the shell's program on this terminal to its end; one line on what became of it, empty where all is well."""
    sys.stdout.write(f"{what}: exit or ctrl+d brings you back\n")
    if entrance.command:
        sys.stdout.write(f"in another terminal: {plain(entrance.command)}\n")
    sys.stdout.flush()
    reader, writer = os.pipe()
    variables = {**os.environ, **entrance.environment, TELL: str(writer)}
    try:
        with kept_terminal(sys.__stdin__.fileno() if sys.__stdin__ is not None else 0), kept_signals():
            subprocess.run(entrance.argv, env=variables, pass_fds=(writer,), check=False)
    except OSError as error:
        return f"no {what}: {error.strerror}"
    finally:
        os.close(writer)
        os.set_blocking(reader, False)
        told = b""
        with suppress(BlockingIOError):
            told = os.read(reader, MOST_TOLD)
        os.close(reader)
    return told.decode("utf-8", "replace")


@contextmanager
def kept_terminal(descriptor: int) -> Iterator[None]:
    """Whatever a shell does to the terminal, and however it ends: afterwards it is as it was, and ours."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    try:
        yield
    finally:
        # Who takes the terminal back from a shell that was killed is in the background, and would be stopped.
        asked = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            with suppress(OSError):  # it is another session's, or has gone
                os.tcsetpgrp(descriptor, os.getpgrp())
            with suppress(termios.error):  # it has gone
                termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        finally:
            signal.signal(signal.SIGTTOU, asked)


@contextmanager
def kept_signals() -> Iterator[None]:
    """Keys that send signals are for the shell. Not ignored: that would be handed on to the shell."""
    numbers = (signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
