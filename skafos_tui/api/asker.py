"""Who asks the engine for something, for its records."""

from __future__ import annotations

import getpass
import os
import socket


def whoami() -> str:
    """The user of this process, as `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
