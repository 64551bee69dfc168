"""The engine as a service of the user's systemd: its name, its file, what systemctl says of it.

The client starts and restarts an engine through it where it is enabled; `skafos engine enable` writes it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from skafos_tui.config.settings_file import VARIABLE as SETTINGS_VARIABLE
from skafos_tui.config.settings_file import settings_file
from skafos_tui.store.home import VARIABLE as HOME_VARIABLE
from skafos_tui.store.home import Home

CALL_TIMEOUT_S = 10.0
RESTART_TIMEOUT_S = 45.0
STOP_TIMEOUT_S = 30
"""How long systemd waits for the end of an engine it stops; less than a restart may take."""
MODULE = "skafos_tui.daemon"
MODE = 0o600
"""Of the unit: a package index or a proxy in the environment may have a password."""
INHERITED = frozenset(
    {
        *("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    }
)
INHERITED_PREFIXES = ("DOCKER_", "PIP_")


def service_name(home: Home) -> str:
    """`skafos-engine` for the usual home; every other one has a name of its own, so that two don't fight."""
    if home.path == Path.home() / ".local" / "state" / "skafos":
        return "skafos-engine"
    return f"skafos-engine-{hashlib.sha256(os.fsencode(home.path)).hexdigest()[:8]}"


def unit_name(home: Home) -> str:
    """The name of the home's unit."""
    return f"{service_name(home)}.service"


def unit_file(home: Home) -> Path:
    """Where the unit stands: in the user's config directory, as systemd looks for it."""
    given = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    base = given if given.is_absolute() else Path.home() / ".config"
    return base / "systemd" / "user" / unit_name(home)


def wanted_link(home: Home) -> Path:
    """What `systemctl enable` makes of the unit's WantedBy."""
    file = unit_file(home)
    return file.parent / "default.target.wants" / file.name


def is_enabled(home: Home) -> bool:
    """Whether systemd starts this home's engine; looks at files only."""
    return unit_file(home).is_file() and wanted_link(home).is_symlink()


def launcher_file(home: Home) -> Path:
    """The script that cron runs after a reboot, where there is no systemd."""
    return home.path / "engine-at-boot"


def service_environment(home: Home) -> dict[str, str]:
    """What an engine needs of this environment: a service is given none of it."""
    found = {
        name: value
        for name, value in sorted(os.environ.items())
        if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }
    return found | engine_variables(home)


def engine_variables(home: Home) -> dict[str, str]:
    """The variables that say whose engine it is; absolute, because its working directory is another."""
    own = {HOME_VARIABLE: str(home.path)}
    if os.environ.get(SETTINGS_VARIABLE):
        own[SETTINGS_VARIABLE] = settings_file()
    return own


def unit_text(home: Home, environment: Mapping[str, str]) -> str:
    """The unit (systemd.service(5), systemd.syntax(7)).

    KillMode and OOMPolicy: jobs of the process runner live in the engine's group and are not its life.
    """
    variables = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in environment.items())
    return f"""\
# Made by `skafos engine enable`, which also renews it; `skafos engine disable` removes it.
[Unit]
Description=Skafos engine of {_percent(str(home.path))}
StartLimitIntervalSec=300
StartLimitBurst=20

[Service]
Type=exec
{exec_line()}
{variables}WorkingDirectory=/
Restart=on-failure
RestartSec=5
KillMode=process
TimeoutStopSec={STOP_TIMEOUT_S}
OOMPolicy=continue
TasksMax=infinity
StandardOutput=append:{_percent(str(home.engine_log))}

[Install]
WantedBy=default.target
"""


def exec_line() -> str:
    """The unit's line that starts the engine with this Python."""
    return f"ExecStart={_quoted(sys.executable)} -m {MODULE}"


def launcher_exec_line() -> str:
    """The launcher's line that starts the engine with this Python."""
    return f"exec {shlex.quote(sys.executable)} -m {MODULE}"


def renew_interpreter(home: Home) -> None:
    """Have the service, and what cron runs, start the engine with this Python from now on.

    An engine that hands over to a newer one may belong to another environment; the database moves on with the newer
    one, and the older one would refuse it after the next reboot. Everything else in the files stays.
    """
    _replace_line(unit_file(home), "ExecStart=", exec_line(), MODE)
    _replace_line(launcher_file(home), "exec ", launcher_exec_line(), 0o700)
    if is_enabled(home):
        systemctl("daemon-reload")


def _replace_line(path: Path, start: str, line: str, mode: int) -> None:
    try:
        text = path.read_text(errors="surrogateescape")
    except OSError:
        return
    ours = [old for old in text.splitlines() if old.startswith(start) and old.endswith(f" -m {MODULE}")]
    if ours and ours[0] != line:
        write_atomically(path, text.replace(ours[0], line, 1), mode)


def write_atomically(path: Path, text: str, mode: int) -> None:
    """Replace a file as a whole."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    aside.touch(mode=mode)
    aside.write_text(text, errors="surrogateescape")
    aside.replace(path)


def systemctl(*words: str, timeout_s: float = CALL_TIMEOUT_S) -> subprocess.CompletedProcess[str] | None:
    """What `systemctl --user WORDS` answers; None where there is none, or it takes longer."""
    return call("systemctl", "--user", "--no-ask-password", *words, timeout_s=timeout_s)


def call(*command: str, timeout_s: float = CALL_TIMEOUT_S) -> subprocess.CompletedProcess[str] | None:
    """Run a program of the system in plain English; None where there is none, or it takes longer."""
    environment = {**os.environ, "LC_ALL": "C"}
    runtime = Path(f"/run/user/{os.getuid()}")
    if "XDG_RUNTIME_DIR" not in environment and runtime.is_dir():
        environment["XDG_RUNTIME_DIR"] = str(runtime)  # `su` and cron leave it out; the user's systemd is there
    try:
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def manager_answers() -> bool:
    """Whether the user's systemd is there."""
    found = systemctl("show-environment")
    return found is not None and found.returncode == 0


def is_main_process(home: Home, pid: object) -> bool:
    """Whether a process is the one systemd runs as this home's service."""
    if not unit_file(home).is_file():
        return False
    found = systemctl("show", "--property=MainPID", "--value", unit_name(home))
    return found is not None and found.returncode == 0 and found.stdout.strip() == str(pid) != "0"


def service_state(home: Home) -> str:
    """`active`, `activating`, `inactive`, `failed` and so on; empty where systemd doesn't say."""
    found = systemctl("is-active", unit_name(home))
    return found.stdout.strip() if found is not None else ""


def start_service(home: Home) -> bool:
    """Start the engine as the service; whether systemd did so. One that failed too often is given another chance."""
    systemctl("reset-failed", unit_name(home))
    return _done(systemctl("start", unit_name(home)))


def restart_service(home: Home) -> bool:
    """End the service's engine in order and start a new one; whether systemd did so."""
    return _done(systemctl("restart", unit_name(home), timeout_s=RESTART_TIMEOUT_S))


def _done(found: subprocess.CompletedProcess[str] | None) -> bool:
    return found is not None and found.returncode == 0


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """A word as systemd reads it back: C escapes in double quotes, `%` doubled."""
    out = []
    for char in _percent(text):
        if char in '"\\':
            out.append(f"\\{char}")
        elif char < " " or char == "\x7f":
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(char)
    return f'"{"".join(out)}"'
