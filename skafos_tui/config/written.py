"""Values of the model as one would write them in a config: `2Gi`, `90s`, `{name: queue}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_MEMORY_UNITS = (("Gi", 2**30), ("Mi", 2**20), ("G", 10**9), ("M", 10**6))
_TIME_UNITS = (("d", 86_400), ("h", 3600), ("m", 60))
_MOST_DIGITS = 9
_MOST_OF_A_UNIT = 99
_PLAIN = re.compile(r"[\w./@%+*(][\w./@%+*() :=-]*", re.ASCII)
_SPECIAL = re.compile(r": |:$| $|^[*%@]")


def memory_text(size: int) -> str:
    """Bytes in the unit that makes the shortest text `read_memory` reads back as the same number."""
    texts = [text for unit, factor in _MEMORY_UNITS if (text := _in_unit(size, unit, factor)) is not None]
    return min(texts, key=lambda text: (len(text), "." in text), default=f"{size / 10**6:.6f}M")


def _in_unit(size: int, unit: str, factor: int) -> str | None:
    for digits in range(_MOST_DIGITS + 1):
        amount = f"{size / factor:.{digits}f}"
        if max(1, int(float(amount) * factor)) == size and float(amount) > 0:
            return f"{amount}{unit}"
    return None


def number_text(number: float) -> str:
    """A number without a useless `.0`."""
    return str(int(number)) if number == int(number) else repr(number)


def duration_text(seconds: float) -> str:
    """Seconds as `90s`, `2h`, `1h2m5s`: one unit where a number below 100 of it will do, else several."""
    whole = int(seconds)
    if whole != seconds:
        return f"{number_text(seconds)}s"
    for unit, size in _TIME_UNITS:
        if whole % size == 0 and whole and (whole // size <= _MOST_OF_A_UNIT or unit == "d"):
            return f"{whole // size}{unit}"
    if whole <= _MOST_OF_A_UNIT:
        return f"{whole}s"
    parts = []
    for unit, size in (*_TIME_UNITS, ("s", 1)):
        amount, whole = divmod(whole, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts)


def boolean_text(value: bool) -> str:
    """`true` or `false`."""
    return "true" if value else "false"


def list_text(items: Iterable[str]) -> str:
    """A flow list: `[a, b]`."""
    return f"[{', '.join(map(scalar_text, items))}]"


def mapping_text(pairs: Mapping[str, str]) -> str:
    """A flow mapping of values already written: `{name: queue, notify: [team]}`."""
    return f"{{{', '.join(f'{key}: {value}' for key, value in pairs.items())}}}"


def scalar_text(text: str) -> str:
    """A text, in quotes where it would not stand for itself."""
    if _PLAIN.fullmatch(text) and not _SPECIAL.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
