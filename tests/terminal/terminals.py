"""Terminals for tests: tmux, whose screen can be looked at, and a bare pseudo terminal, whose bytes can."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PATIENCE_S = 20.0
LOOK_S = 0.03
SKAFOS = (sys.executable, "-m", "skafos_tui")
SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])")
QUESTION = re.compile(rb"\x1b\[6n|\x1b\]11;\?")
LIGHT = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"


def wait_until(what: Callable[[], bool], told: Callable[[], str], limit_s: float = PATIENCE_S) -> None:
    """Wait for it; what there is instead is told."""
    deadline = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come:\n{told()}")
        time.sleep(LOOK_S)


class Tmux:
    """A shell in a tmux server of its own."""

    def __init__(self, directory: Path, environment: Mapping[str, str], size: tuple[int, int] = (100, 30)) -> None:
        self._socket = f"skafos-test-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        kept = {name: value for name, value in environment.items() if name not in ("TMUX", "NO_COLOR")}
        self._environment = {**kept, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        # The shell's prompt shows that what came before it has ended.
        words = [
            "new-session",
            "-d",
            "-x",
            str(size[0]),
            "-y",
            str(size[1]),
            "exec env PS1='ready$ ' bash --norc --noprofile",
        ]
        self._tmux("-f", "/dev/null", *words, directory=directory)
        self.wait("ready$")

    def type(self, *keys: str) -> None:
        """Keys as tmux names them."""
        self._tmux("send-keys", *keys)

    def run(self, *words: str) -> None:
        """A command line, and Enter."""
        self._tmux("send-keys", "-l", " ".join(words))
        self.type("Enter")

    def skafos(self, *words: str) -> None:
        """`skafos` with these words."""
        self.run(*SKAFOS, *words)

    def screen(self) -> str:
        """What stands on it."""
        return self._tmux("capture-pane", "-p")

    def wait(self, text: str, limit_s: float = PATIENCE_S) -> str:
        """Wait until this stands on the screen; the screen."""
        wait_until(lambda: text in self.screen(), self.screen, limit_s)
        return self.screen()

    def wait_gone(self, text: str) -> str:
        """Wait until this stands on the screen no more; the screen."""
        wait_until(lambda: text not in self.screen(), self.screen)
        return self.screen()

    def shell(self) -> str:
        """Wait until the shell has the terminal again, as its last line; the screen."""
        wait_until(lambda: self.screen().rstrip().endswith("ready$"), self.screen)
        return self.screen()

    def pids(self) -> list[int]:
        """The processes that the shell has started and that are there, oldest first."""
        shell = self._tmux("display-message", "-p", "#{pane_pid}").strip()
        found = subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True, check=False).stdout
        return [int(word) for word in found.split()]

    def close(self) -> None:
        """End the server with all that is in it."""
        self._tmux("kill-server")

    def _tmux(self, *words: str, directory: Path | None = None) -> str:
        return subprocess.run(
            ["tmux", "-L", self._socket, *words],
            cwd=directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        ).stdout


class Pty:
    """A program on a pseudo terminal that answers as terminals do, and keeps every byte it is sent."""

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        *,
        directory: Path,
        size: tuple[int, int] = (100, 30),
        background: str = "",
    ) -> None:
        """`background` is the answer to a question for it, empty: there is none."""
        self._background = background.encode()
        self._controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.attributes_before = termios.tcgetattr(terminal)
        self._terminal = terminal
        self._taken = bytearray()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=directory,
            env=dict(environment),
        )
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def sent(self) -> str:
        """Everything the program has written."""
        return bytes(self._taken).decode("utf-8", "surrogateescape")

    @property
    def text(self) -> str:
        """The same without control sequences."""
        return SEQUENCE.sub("", self.sent)

    def type(self, text: str) -> None:
        """Bytes as a keyboard sends them."""
        os.write(self._controller, text.encode())

    def wait(self, text: str, limit_s: float = PATIENCE_S) -> None:
        """Wait until this was written."""
        wait_until(lambda: text in self.text, lambda: self.text[-3000:], limit_s)

    def wait_quiet(self, for_s: float = 0.3) -> None:
        """Wait until nothing was written for a while."""
        before = -1
        while before != len(self._taken):
            before = len(self._taken)
            time.sleep(for_s)

    def attributes(self) -> list[object]:
        """How the terminal is set now."""
        return termios.tcgetattr(self._terminal)

    def end(self, limit_s: float = 5.0) -> int:
        """Wait for the program's end; its exit code."""
        return self.process.wait(limit_s)

    def hang_up(self) -> None:
        """The terminal goes, as when its window is closed."""
        self._ended.set()
        self._reader.join()
        os.close(self._terminal)
        os.close(self._controller)
        self._terminal = self._controller = -1

    def close(self) -> None:
        """End what is left of it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self._ended.set()
        self._reader.join()
        for descriptor in (self._terminal, self._controller):
            if descriptor >= 0:
                os.close(descriptor)

    def _read(self) -> None:
        """Take all that comes, and answer what is asked, until the terminal is gone."""
        unheard = b""
        while not self._ended.is_set():
            if not select.select([self._controller], [], [], LOOK_S)[0]:
                continue
            try:
                data = os.read(self._controller, 65_536)
            except OSError:
                return
            self._taken += data
            unheard += data
            while (found := QUESTION.search(unheard)) is not None:
                unheard = unheard[found.end() :]
                answer = b"\x1b[1;1R" if found[0] == b"\x1b[6n" else self._background
                os.write(self._controller, answer)
            unheard = unheard[-8:]
