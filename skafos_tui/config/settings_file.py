"""Where the user's settings stand; apart from what they say, so that who has none waits for nothing."""

from __future__ import annotations

import os
import sys

VARIABLE = "SKAFOS_SETTINGS"
"""Names another settings file, for tests and for a second home."""


def settings_file() -> str:
    """The path: SKAFOS_SETTINGS, else `skafos/settings.yml` in the user's config directory.

    On Linux that is XDG's, found as platformdirs finds it; importing it would take longer than a small validation.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return os.path.abspath(os.path.expanduser(given))  # noqa: PTH100, PTH111 - pathlib costs 4 ms
    if sys.platform == "linux":
        base = os.environ.get("XDG_CONFIG_HOME", "")
        directory = base if os.path.isabs(base) else os.path.expanduser("~/.config")  # noqa: PTH111, PTH117
        return f"{directory}/skafos/settings.yml"
    import platformdirs

    return f"{platformdirs.user_config_dir('skafos', appauthor=False)}/settings.yml"
