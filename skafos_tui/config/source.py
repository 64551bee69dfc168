"""From the bytes of a file to the text that is composed: encoding, size, characters, placeholders."""

from __future__ import annotations

import re

from skafos_tui.config.nodes import NodeError
from skafos_tui.config.places import BYTE_ORDER_MARK

MAX_BYTES = 2**20
PLACEHOLDER = r"\{\{[ \t]*[A-Za-z_][\w.\- \t]{0,80}\}\}"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_PLAIN = bytes((9, 10, 13, *range(32, 127)))
"""What plain text consists of: held against it alone, a usual file is checked in a tenth of the time."""
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def decode(data: bytes | str) -> str:
    """The whole text, byte-order mark and line breaks as they are.

    Raises NodeError `too-large` or `yaml-syntax` (not UTF-8, a control character) with the offset in `lossy_text`.
    """
    if isinstance(data, str):
        size = len(data) if data.isascii() else len(data.encode("utf-8", "surrogatepass"))
        text = data
    else:
        size = len(data)
        if size <= MAX_BYTES:
            text = _decode_bytes(data)
    if size > MAX_BYTES:
        raise NodeError(
            "too-large",
            f"the file is larger than {MAX_BYTES:,} bytes (1 MiB), the most a config has; take out what is no config",
            0,
            0,
        )
    if text.isascii() and not text.encode("ascii").translate(None, _PLAIN):
        return text
    bad = _FORBIDDEN.search(text, 1 if text.startswith(BYTE_ORDER_MARK) else 0)
    if bad is not None:
        message = f"the control character U+{ord(bad.group()):04X} can't stand in YAML; remove it"
        raise NodeError("yaml-syntax", message, bad.start(), bad.end())
    return text


def _decode_bytes(data: bytes) -> str:
    if data.startswith(_UTF16_MARKS) or _has_zero_halves(data):
        raise NodeError("yaml-syntax", "the file is in UTF-16; save it as UTF-8", 0, 0)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        offset = len(data[: error.start].decode("utf-8"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise NodeError("yaml-syntax", message, offset, offset + 1) from error


def _has_zero_halves(data: bytes) -> bool:
    """Whether about every second byte is zero, as with ASCII text in UTF-16 without a mark."""
    if b"\0" not in data or len(data) < 4:
        return False
    even, odd, half = data[0::2].count(0), data[1::2].count(0), len(data) // 2
    return max(even, odd) * 10 > half * 8 and min(even, odd) * 10 < half * 2


def lossy_text(data: bytes | str) -> str:
    """The text of data that `decode` refuses, for showing it; what is too large is cut."""
    if isinstance(data, str):
        return data[:MAX_BYTES]
    return data[:MAX_BYTES].decode("utf-8", "replace")


def mask_placeholders(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text with each `{{placeholder}}` made a plain word of the same length, and where they stand."""
    if "{{" not in text:
        return text, ()
    places = tuple(match.span() for match in re.finditer(PLACEHOLDER, text))
    return re.sub(PLACEHOLDER, lambda match: "x" * len(match.group()), text), places
