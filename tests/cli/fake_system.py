"""A systemd, a loginctl and a cron of our own on PATH, and nothing else: what they were asked stands in a file."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cli_support import FakeEngine

from skafos_tui.api import unit
from skafos_tui.store.home import Home

HEAD = """\
#!/bin/sh
PATH=/usr/bin:/bin
cd {state}
echo "{name} $*" >> calls
"""
SYSTEMCTL = """\
test -e manager || {{ echo "Failed to connect to bus: No medium found" >&2; exit 1; }}
shift 2  # --user --no-ask-password
test ! -e "refuse-$1" || {{ echo "Job for $2 failed." >&2; exit 1; }}
case "$1" in
    enable) mkdir -p {units}/default.target.wants && ln -sf "../$2" "{units}/default.target.wants/$2" ;;
    start) echo 5001 > main; echo 5001 > pid ;;
    restart) echo 6001 > main; echo 6001 > pid; cat now 2>/dev/null > version; true ;;
    show) cat main 2>/dev/null || echo 0 ;;
    is-active) cat active 2>/dev/null || echo active ;;
esac
"""
LOGINCTL = """\
test ! -e no-linger || { echo "Could not enable linger: Access denied" >&2; exit 1; }
test "$2" = enable-linger && touch "linger/$3"
"""
CRONTAB = """\
test ! -e cron-denied || { echo "You (me) are not allowed to use this program (crontab)" >&2; exit 1; }
case "$1" in
    -l) test -e crontab || { echo "no crontab for me" >&2; exit 1; }; cat crontab ;;
    -) cat > crontab ;;
esac
"""


class FakeSystem:
    """The machine around the commands; without `manager` no systemd answers, without `cron` there is none."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = directory / "state"
        self.programs = directory / "bin"
        self.units = directory / "config" / "systemd" / "user"
        for made in (self.state / "linger", self.programs):
            made.mkdir(parents=True)
        monkeypatch.setenv("PATH", str(self.programs))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(directory / "config"))
        monkeypatch.setattr("skafos_tui.cli.service.LINGER_DIRECTORY", self.state / "linger")

    def give_systemd(self) -> None:
        """Make systemctl and loginctl answer."""
        self.set("manager")
        self._program("systemctl", SYSTEMCTL.format(units=self.units))
        self._program("loginctl", LOGINCTL)

    def give_cron(self, content: bytes | None = None) -> None:
        """Make crontab answer; with a crontab of this content, or none yet."""
        self._program("crontab", CRONTAB)
        if content is not None:
            (self.state / "crontab").write_bytes(content)

    def _program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(HEAD.format(state=self.state, name=name) + text)
        path.chmod(0o755)

    def set(self, name: str, text: str = "") -> None:
        """Make a fact true."""
        (self.state / name).write_text(text)

    def unset(self, name: str) -> None:
        """Make a fact false."""
        (self.state / name).unlink()

    def calls(self, program: str) -> list[str]:
        """What a program was asked so far."""
        path = self.state / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.removeprefix(f"{program} ") for line in lines if line.startswith(f"{program} ")]

    def asked(self, word: str) -> bool:
        """Whether systemctl was asked to do this."""
        return any(call.split()[2] == word for call in self.calls("systemctl"))

    def forget(self) -> None:
        """Begin a new list of calls."""
        (self.state / "calls").unlink(missing_ok=True)

    @property
    def crontab(self) -> bytes:
        """The user's crontab."""
        return (self.state / "crontab").read_bytes()

    def linger(self) -> bool:
        """Whether anybody's systemd starts at boot."""
        return any((self.state / "linger").iterdir())

    def engine_answers(self, engine: FakeEngine, pid: int, version: str = "0.1.0") -> None:
        """An engine whose pid and version are what stands in the state: systemctl and `stopped` change them."""
        self.set("pid", f"{pid}\n")
        self.set("version", version)
        ended = subprocess.Popen(["/bin/true"])
        ended.wait()

        def status(_: Any) -> tuple[int, Any]:
            told = (self.state / "pid").read_text().strip()
            if not told:
                return 0, None
            version = (self.state / "version").read_text().strip()
            return 200, {"running": True, "pid": int(told), "version": version, "protocol": 1, "active_runs": []}

        def stop(_: Any) -> tuple[int, Any]:
            self.set("pid")
            return 200, {"pid": ended.pid}

        engine.answers[("GET", "/v1/status")] = status
        engine.answers[("POST", "/v1/stop")] = stop

    def unit(self, home: Home) -> str:
        """The text of the home's unit."""
        return unit.unit_file(home).read_text()
