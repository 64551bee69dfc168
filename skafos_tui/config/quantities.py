"""Amounts as a config writes them: cores, bytes, durations, counts."""

from __future__ import annotations

import re

from skafos_tui.config.places import short

GI = 2**30
MAX_CPU = 7.0
MAX_MEMORY = 30 * GI
MAX_COUNT = 10_000
MAX_DURATION_S = 366 * 86_400.0

# Patterns are texts that `re` compiles when first used: compiling all of them is what an import would cost most.
_NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_CPU = rf"({_NUMBER})\Z"
_MILLI_CPU = r"([0-9]+)m\Z"
_MEMORY = rf"({_NUMBER})(Mi|Gi|M|G)\Z"
_LOOSE_MEMORY = r"(?i:([0-9]+\.?[0-9]*|\.[0-9]+)\s*([kmgt]i?)?b?(?:ytes?)?)\Z"
_BYTES = {"Mi": 2**20, "Gi": GI, "M": 10**6, "G": 10**9}
_DURATION_PART = r"([0-9]+(?:\.[0-9]+)?)([dhms])"
_DURATION = rf"(?:{_DURATION_PART})+\Z"
_UNIT_WORD = r"(?<=[0-9])(?:days?|hours?|hrs?|minutes?|mins?|seconds?|secs?)(?![a-z])"
_SECONDS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_COUNT = r"(0|[1-9][0-9]*)\Z"


class BadValue(ValueError):
    """A text that is not what belongs there.

    `start` and `end` are offsets in that text (`end` None: its end); `better` is the text that would be right,
    where only one is meant.
    """

    def __init__(
        self, code: str, message: str, *, start: int = 0, end: int | None = None, better: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.start = start
        self.end = end
        self.better = better


def read_cpu(text: str, ceiling: float = MAX_CPU) -> float:
    """Cores, above 0 up to `ceiling`. Raises BadValue."""
    match = re.match(_CPU, text)
    if match is None:
        milli = re.match(_MILLI_CPU, text)
        if milli and len(text) < 9:
            cores = f"{int(milli[1]) / 1000:g}"
            raise BadValue("bad-quantity", f"cpu counts cores here: write `{cores}`, not `{text}`", better=cores)
        message = f"`{short(text)}` is no amount of cpu; write a number of cores such as 2 or 0.5"
        raise BadValue("bad-quantity", message)
    cores_wanted = float(match[1])
    if not 0 < cores_wanted <= ceiling:
        message = f"cpu {short(text)} is out of range; it must be above 0 and at most {ceiling:g}"
        raise BadValue("cpu-out-of-range", message)
    return cores_wanted


def read_memory(text: str, ceiling: int = MAX_MEMORY) -> int:
    """Bytes, above 0 up to `ceiling`, from `2Gi`, `512Mi`, `1.5G`. Raises BadValue."""
    match = re.match(_MEMORY, text)
    if match is None:
        message = f"`{short(text)}` is no amount of memory; write a number with Mi, Gi, M or G, such as 2Gi"
        raise BadValue("bad-quantity", message, better=_meant_memory(text))
    size = float(match[1]) * _BYTES[match[2]]
    if not 0 < size <= ceiling:
        message = f"memory {short(text)} is out of range; it must be above 0 and at most {ceiling / GI:g}Gi"
        raise BadValue("memory-out-of-range", message)
    return max(1, int(size))


def _meant_memory(text: str) -> str | None:
    """The same amount in the right spelling (`2gb` is 2G); None where the unit is missing or not offered."""
    match = re.match(_LOOSE_MEMORY, text.strip())
    if match is None or match[2] is None or len(text) > 20:
        return None
    unit = match[2][0].upper() + match[2][1:].lower()
    if unit not in _BYTES:
        return None
    better = f"{match[1]}{unit}"
    try:
        read_memory(better)
    except BadValue:
        return None
    return better


def read_duration(text: str, *, zero: bool = False) -> float:
    """Seconds from `90s`, `2h`, `1h30m`, `2d`; 0 only if `zero`. Raises BadValue."""
    if zero and text == "0":
        return 0.0
    what = f"`{short(text)}` is no duration; write a number with s, m, h or d, such as 90s, 2h or 1h30m"
    if re.match(_DURATION, text) is None:
        raise BadValue("bad-duration", what, better=_meant_duration(text))
    parts = re.findall(_DURATION_PART, text)
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key="dhms".index):
        raise BadValue("bad-duration", f"`{short(text)}` must name each unit once, in the order d, h, m, s")
    seconds = sum(float(amount) * _SECONDS[unit] for amount, unit in parts)
    if seconds > MAX_DURATION_S:
        raise BadValue("bad-duration", f"`{short(text)}` is longer than a year; write at most 366d")
    if seconds == 0 and not zero:
        raise BadValue("bad-duration", f"`{short(text)}` is no time at all; it must be above 0")
    return seconds


def _meant_duration(text: str) -> str | None:
    """The same time in the right spelling (`90`, `1h 30m`, `5 min`); None where it isn't plain."""
    if not text.isascii() or len(text) > 20:
        return None
    if text.isdigit():
        return f"{int(text)}s" if int(text) > 0 and len(text) < 8 else None
    better = re.sub(_UNIT_WORD, lambda match: match[0][0], "".join(text.lower().split()))
    if better == text:
        return None
    try:
        read_duration(better)
    except BadValue:
        return None
    return better


def read_count(text: str, code: str, what: str, minimum: int, maximum: int = MAX_COUNT) -> int:
    """An integer from `minimum` to `maximum`; `what` names the key. Raises BadValue with `code`."""
    match = re.match(_COUNT, text)
    number = int(text) if match and len(text) < 10 else None
    if number is None or not minimum <= number <= maximum:
        message = f"`{short(text)}` won't do: {what} is an integer from {minimum} to {maximum}, without quotes"
        raise BadValue(code, message)
    return number


def read_number(text: str, code: str, what: str) -> float:
    """A decimal number; `what` names the key. Raises BadValue with `code`."""
    if re.match(_CPU, text) is None or len(text) > 30:
        raise BadValue(code, f"`{short(text)}` won't do: {what} is a number such as 2 or 0.5")
    return float(text)


_TRUE = frozenset(["true", "yes", "on"])
_FALSE = frozenset(["false", "no", "off"])


def read_boolean(text: str, what: str) -> bool:
    """`true` or `false` (also yes, no, on, off). Raises BadValue."""
    lower = text.lower()
    if lower in _TRUE:
        return True
    if lower in _FALSE:
        return False
    raise BadValue("wrong-type", f"`{short(text)}` won't do: {what} is true or false")
