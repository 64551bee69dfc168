"""What `skafos doctor` shows of a runner."""

from __future__ import annotations

from typing import Any

Check = dict[str, Any]
"""`name`, `good`, `detail`, `remedy` (what helps where it isn't good), `needed` (whether nothing goes without it)."""


def check(name: str, good: bool, detail: str, remedy: str = "", *, needed: bool = True) -> Check:
    """One row of `doctor`."""
    return {"name": name, "good": good, "detail": detail, "remedy": remedy, "needed": needed}
