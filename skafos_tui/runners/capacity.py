"""How much of a machine admission may hand out."""

from __future__ import annotations

RESERVE_BYTES = 512 << 20
RESERVE_SHARE = 0.05


def usable_memory(total: int) -> int:
    """The bytes for attempts: the machine keeps 512 MiB or 5 % for itself, whichever is more, but never over a half."""
    reserve = max(RESERVE_BYTES, int(total * RESERVE_SHARE))
    return max(total - reserve, total // 2)
