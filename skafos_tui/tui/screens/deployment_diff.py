"""What a deployment changed: the plan in words, then the config, code and packages beside those of the one before."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from skafos_tui.store.comparison import Differences, differences, secret_needles
from skafos_tui.store.home import Home
from skafos_tui.store.logs.masking import mask
from skafos_tui.store.projects import list_deployments
from skafos_tui.tui.screens.compare import Mask, code_rows, config_rows, fields_rows
from skafos_tui.tui.screens.text import TextScreen
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.document import Row, says, sections


class DeploymentDiffScreen(TextScreen):
    """A deployment beside the one that was made before it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"what deployment {number} changed")
        self._number = number

    def read(self, home: Home, connection: sqlite3.Connection) -> tuple[str, Sequence[Row]]:
        opened = self.skafos.opened
        token = "" if opened is None else opened.token
        found = list_deployments(connection, token, 2, older_than=self._number + 1)
        if not found or found[0].number != self._number:
            return self.heading.text, [says(f"there is no deployment {self._number} any more", Role.IDLE)]
        if len(found) == 1:
            return self.heading.text, [says("it is the first one: there is nothing to compare it with", Role.IDLE)]
        new, old = found
        title = f"what deployment {new.number} changed: against {old.number}, the one before"
        needles = secret_needles(connection, token)

        def masked(text: str) -> str:
            return mask(text.encode(errors="replace"), needles).decode(errors="replace")

        changed = differences(connection, home, old, new, self.skafos.now())
        return title, all_rows(home, changed, masked)


def all_rows(home: Home, found: Differences, masked: Mask) -> list[Row]:
    """Everything that differs, but for the names of images, which are new each time; blocking."""
    rows = sections(
        config_rows(found, masked),
        code_rows(home, found, masked),
        fields_rows("packages", found.packages),
    )
    return rows or [says("nothing differs", Role.IDLE)]
