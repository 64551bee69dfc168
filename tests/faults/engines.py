"""Real engine processes on one home, without Docker: its socket isn't there, and an engine goes on without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from skafos_tui.api.client import is_running
from skafos_tui.store.home import Home

PATIENCE_S = 30.0
DAEMON = "import sys; from skafos_tui.daemon import main; sys.exit(main())"


class Engines:
    """The engines of one home, and the commands typed there."""

    def __init__(self, directory: Path) -> None:
        self.home = Home(directory / "home")
        self._processes: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SKAFOS_")},
            "SKAFOS_HOME": str(self.home.path),
            "SKAFOS_SETTINGS": str(directory / "settings.yml"),
            "XDG_CONFIG_HOME": str(directory / "config"),
            "DOCKER_HOST": f"unix://{directory}/no-docker.sock",
        }

    def begin(self, before: str = "") -> subprocess.Popen[bytes]:
        """Start `python -m skafos_tui.daemon`; `before` is Python that runs ahead of it."""
        words = ["-c", f"{before}\n{DAEMON}"] if before else ["-m", "skafos_tui.daemon"]
        self.home.create()
        with self.home.engine_log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        self._processes.append(process)
        return process

    def start(self, before: str = "") -> subprocess.Popen[bytes]:
        """Start one, and wait until it answers."""
        process = self.begin(before)
        self.until(lambda: process.poll() is not None or is_running(self.home), "the engine answers")
        assert process.poll() is None, self.home.engine_log.read_text()
        return process

    def command(self, *words: str) -> subprocess.Popen[str]:
        """Type a command; it goes on in the background."""
        return subprocess.Popen(
            [sys.executable, "-m", "skafos_tui", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            text=True,
        )

    def pid(self) -> int | None:
        """What `engine status` says."""
        out, _ = self.command("engine", "status", "--json").communicate(timeout=PATIENCE_S)
        found: dict[str, Any] = json.loads(out)
        return found["pid"]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
            time.sleep(0.02)

    def leave(self) -> None:
        """End every process of this home, those that commands have started and that are only beginning as well."""
        for process in self._processes:
            process.kill()
            process.wait()
        while left := [process for process in psutil.process_iter() if self._is_of_this_home(process)]:
            for other in left:
                other.kill()
            psutil.wait_procs(left, PATIENCE_S)

    def _is_of_this_home(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("SKAFOS_HOME") == str(self.home.path)
        except psutil.Error:
            return False  # gone, or another user's
