"""A small screen over the others; Esc and `q` close it."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar, cast

from textual.binding import Binding
from textual.screen import ModalScreen

T = TypeVar("T")


class PopupScreen(ModalScreen[T], Generic[T], inherit_bindings=False):
    """Takes all keys while it is there."""

    CSS_PATH = "popup.tcss"
    BINDINGS: ClassVar = [Binding("escape,q", "close", show=False)]

    def action_close(self) -> None:
        """Close it with nothing chosen."""
        self.dismiss(cast(T, None))
