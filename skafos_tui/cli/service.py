"""How the engine comes back after a reboot: a service of the user's systemd with linger, else an `@reboot` of cron."""

from __future__ import annotations

import os
import pwd
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skafos_tui.api import unit
from skafos_tui.cli.crontab import CrontabError, has_line, read_crontab, with_line, without_line, write_crontab
from skafos_tui.cli.errors import FAILED, CommandError
from skafos_tui.store.home import Home

SYSTEMD = "systemd"
CRONTAB = "crontab"
LINGER_DIRECTORY = Path("/var/lib/systemd/linger")
"""A file for each user whose systemd starts at boot, not only at a login (loginctl(1), enable-linger)."""


@dataclass(frozen=True, slots=True)
class Enabled:
    """What `enable` did: `how` is `systemd` or `crontab`; `changed` whether what stands there now is new."""

    how: str
    changed: bool


def comes_back(home: Home) -> str | None:
    """`systemd` or `crontab`, which starts the engine of this home after a reboot; None where nothing does.

    Never raises, and looks at files; a crontab that can't be read counts as without our line.
    """
    if unit.is_enabled(home) and lingers():
        return SYSTEMD
    if not unit.launcher_file(home).is_file():
        return None
    try:
        content = read_crontab()
    except CrontabError:
        return None
    return CRONTAB if content is not None and has_line(content, unit.service_name(home)) else None


def lingers() -> bool:
    """Whether the user's systemd is there without a login."""
    return (LINGER_DIRECTORY / _user()).exists()


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def enable(home: Home) -> Enabled:
    """Have the engine of this home started after a reboot. Raises CommandError that says what to do.

    Done again it renews what is there: the interpreter and the environment may have changed.
    """
    if "\n" in str(home.path):
        raise CommandError("the path of SKAFOS_HOME has a line break: no service can be made of it", FAILED)
    problem = "systemd's user manager doesn't answer here"
    if unit.manager_answers():
        problem = _turn_linger_on()
        if not problem:
            return _enable_systemd(home)
    try:
        enabled = _enable_crontab(home)
    except CrontabError as error:
        raise CommandError(f"{problem}, and {error}: nothing was changed", FAILED) from None
    if enabled is None:
        raise CommandError(
            f"{problem}, and there is no cron: log in with a systemd session or install cron (apt-get install cron),"
            " then `skafos engine enable` again",
            FAILED,
        )
    return enabled


def _turn_linger_on() -> str:
    """See to it that the user's systemd starts at boot; why it can't be, empty where all is well."""
    if lingers():
        return ""
    user = _user()
    done = unit.call("loginctl", "--no-ask-password", "enable-linger", user)
    if done is not None and done.returncode == 0 and lingers():
        return ""
    said = (done.stderr.strip().splitlines() if done is not None else []) or ["loginctl doesn't answer"]
    return f"linger can't be turned on ({said[-1]}; `sudo loginctl enable-linger {shlex.quote(user)}` does it)"


def _enable_systemd(home: Home) -> Enabled:
    text = unit.unit_text(home, unit.service_environment(home))
    changed = _put(unit.unit_file(home), text, unit.MODE)
    _systemctl("daemon-reload")
    _systemctl("enable", unit.unit_name(home))
    _drop_crontab_line(home)
    return Enabled(SYSTEMD, changed)


def _systemctl(*words: str) -> None:
    done = unit.systemctl(*words)
    if done is None or done.returncode != 0:
        said = (done.stderr.strip().splitlines() if done is not None else []) or ["it doesn't answer"]
        raise CommandError(f"`systemctl --user {' '.join(words)}` failed: {said[-1]}", FAILED)


def _enable_crontab(home: Home) -> Enabled | None:
    """Add the line; None where there is no cron. Raises CrontabError."""
    content = read_crontab()
    if content is None:
        return None
    launcher = unit.launcher_file(home)
    changed = _put(launcher, launcher_text(home, unit.service_environment(home)), 0o700)
    wanted = with_line(content, launcher, unit.service_name(home))
    if wanted != content:
        write_crontab(wanted)
    return Enabled(CRONTAB, changed or wanted != content)


def launcher_text(home: Home, environment: Mapping[str, str]) -> str:
    """The script that cron runs: its lines are short, and it has no environment."""
    runtime = {"XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"]} if "XDG_RUNTIME_DIR" in os.environ else {}
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in (dict(environment) | runtime).items())
    return f"""\
#!/bin/sh
# Starts the Skafos engine after a reboot. Made by `skafos engine enable`, which also renews it.
{exports}cd /
exec </dev/null >>{shlex.quote(str(home.engine_log))} 2>&1
{unit.launcher_exec_line()}
"""


def _put(path: Path, text: str, mode: int) -> bool:
    """Write a file, if it says something else; whether it did."""
    try:
        if path.is_file() and path.read_bytes() == text.encode(errors="surrogateescape"):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        unit.write_atomically(path, text, mode)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}; make it yours", FAILED) from None
    return True


def disable(home: Home) -> str | None:
    """Undo `enable`; what there was to undo. Linger stays: other services may count on it by now.

    Raises CommandError where the crontab can't be read or written.
    """
    found = CRONTAB if _drop_crontab_line(home) else None
    file, link = unit.unit_file(home), unit.wanted_link(home)
    if file.exists() or link.is_symlink():
        link.unlink(missing_ok=True)
        file.unlink(missing_ok=True)
        unit.systemctl("daemon-reload")  # where it doesn't answer it reads its files when it starts
        found = SYSTEMD
    return found


def _drop_crontab_line(home: Home) -> bool:
    """Take our line out of the crontab, and the script it runs away; whether there was one."""
    launcher = unit.launcher_file(home)
    try:
        content = read_crontab() or b""
        kept = without_line(content, unit.service_name(home))
        if kept != content:
            write_crontab(kept)
    except CrontabError as error:
        if not launcher.exists():
            return False  # who may not use cron has no line there
        raise CommandError(f"{error}; our `@reboot` line is in it still", FAILED) from None
    launcher.unlink(missing_ok=True)
    return kept != content
