"""What a config is held against: this machine, and the ceilings of the user's settings."""

from __future__ import annotations

import os
from typing import Any


class OptionsError(Exception):
    """The user's settings can't be used; one line that says why."""


def check_options(data: bytes) -> dict[str, Any]:
    """The options of `parse_config` for a config with these bytes; nothing is looked up where it names no amounts.

    Raises OptionsError.
    """
    if b"cpu" not in data and b"memory" not in data:
        return {}
    from skafos_tui.config.files import this_machine
    from skafos_tui.config.settings_file import settings_file

    options: dict[str, Any] = {"machine": this_machine()}
    if os.path.lexists(settings_file()):
        from skafos_tui.config.settings import SettingsError, load_settings

        try:
            settings = load_settings()
        except SettingsError as error:
            raise OptionsError(str(error)) from None
        options |= {"max_cpu": settings.max_cpu, "max_memory": settings.max_memory}
    return options
