"""Job output made safe to show: colours kept, everything else that could control a terminal taken out (DESIGN 7).

Kept are SGR colours and attributes, parsed and written anew. Dropped are all other control sequences (CSI, OSC, DCS,
APC, PM, SOS, in 7- and 8-bit form, also unterminated ones), C0 and C1 controls, and characters that reorder or break
lines. A line redrawn with carriage returns shows its last state; a tab becomes blanks.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from skafos_tui.text.tables import cell_width

Colour = int | tuple[int, int, int]
"""A number of the 256-colour palette (0 to 15: the terminal's own), or red, green and blue."""

TAB_CELLS = 8
RESET = "\x1b[0m"

_UNSAFE = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff"
_find_unsafe = re.compile(f"[{_UNSAFE}]").search
_TOKEN = re.compile(
    r"(?P<sgr>(?:\x1b\[|\x9b)[0-9;:]*m)"
    r"|(?:\x1b\[|\x9b)[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]?"
    # A string (OSC, DCS, SOS, PM, APC) up to its end; where that is missing, up to where a terminal gives up.
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x18\x1a\x1b\x9c]*(?:\x1b\\|[\x07\x18\x1a\x9c])?"
    r"|\x1b[\x20-\x2f]*[\x30-\x7e]?"
    f"|[{_UNSAFE}]"
)


class Style(NamedTuple):
    """How text looks; None is the terminal's own colour. Hidden and blinking text are shown as they are."""

    foreground: Colour | None = None
    background: Colour | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False


PLAIN = Style()


class Span(NamedTuple):
    """A piece of text of one look, free of anything that could control a terminal."""

    text: str
    style: Style


def plain(text: bytes | str) -> str:
    """The text of a line as it is shown, without colours."""
    decoded = _decode(text)
    if _find_unsafe(decoded) is None:
        return decoded
    return "".join(span.text for span in _parse(decoded))


def parse(text: bytes | str) -> list[Span]:
    """The text of a line as it is shown, in pieces of one look; invalid UTF-8 is U+FFFD."""
    decoded = _decode(text)
    if _find_unsafe(decoded) is None:
        return [Span(decoded, PLAIN)] if decoded else []
    return _parse(decoded)


def safe_ansi(text: bytes | str) -> str:
    """The text of a line as it is shown, its colours written by ourselves and reset at the end."""
    decoded = _decode(text)
    if _find_unsafe(decoded) is None:
        return decoded
    return "".join(
        span.text if span.style == PLAIN else f"{sgr(span.style)}{span.text}{RESET}" for span in _parse(decoded)
    )


@functools.lru_cache(maxsize=1024)
def sgr(style: Style) -> str:
    """The sequence that switches a terminal from its own look to `style`."""
    codes = ["0"]
    attributes = (style.bold, style.dim, style.italic, style.underline, style.reverse, style.strike)
    codes += [code for code, on in zip("123479", attributes, strict=True) if on]
    for base, colour in ((30, style.foreground), (40, style.background)):
        if isinstance(colour, tuple):
            codes.append(f"{base + 8};2;{colour[0]};{colour[1]};{colour[2]}")
        elif colour is not None:
            codes.append(str(base + colour) if colour < 8 else f"{base + 8};5;{colour}")
    return f"\x1b[{';'.join(codes)}m"


def _decode(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _parse(text: str) -> list[Span]:
    spans: list[Span] = []
    style = PLAIN
    position = 0
    redrawn = False
    for token in _TOKEN.finditer(text):
        if token.start() > position:
            redrawn = _add(spans, text[position : token.start()], style, redrawn)
        position = token.end()
        found = token[0]
        if token.lastgroup == "sgr":
            style = _changed(style, found.lstrip("\x1b[\x9b")[:-1])
        elif found == "\r":
            # What stands there is only replaced once something follows: a bare return at the end erases nothing.
            redrawn = True
        elif found == "\t":
            cells = 0 if redrawn else sum(cell_width(span.text) for span in spans)
            redrawn = _add(spans, " " * (TAB_CELLS - cells % TAB_CELLS), style, redrawn)
        elif found == "\b" and spans and not redrawn:
            spans[-1] = Span(spans[-1].text[:-1], spans[-1].style)
            if not spans[-1].text:
                spans.pop()
        elif "\ud800" <= found <= "\udfff":
            redrawn = _add(spans, "\ufffd", style, redrawn)
    if position < len(text):
        _add(spans, text[position:], style, redrawn)
    return spans


def _add(spans: list[Span], text: str, style: Style, redrawn: bool) -> bool:
    """Put text at the end, or in place of all where the line is drawn anew; whether a redraw is still to come (no)."""
    if redrawn:
        spans.clear()
    if spans and spans[-1].style == style:
        spans[-1] = Span(spans[-1].text + text, style)
    else:
        spans.append(Span(text, style))
    return False


_SWITCHES: dict[int, dict[str, bool]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"reverse": True},
    9: {"strike": True},
    21: {"underline": True},
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"reverse": False},
    29: {"strike": False},
}


@functools.lru_cache(maxsize=1024)
def _changed(style: Style, parameters: str) -> Style:
    """The style after an SGR sequence; what it doesn't know it leaves out."""
    words = parameters.split(";")
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        head, _, rest = word.partition(":")
        code = _number(head)
        if code == 0:
            style = PLAIN
        elif code in (38, 48):
            numbers = rest.split(":") if rest else words[place : place + 4]
            colour, used = _colour(numbers, with_space=bool(rest))
            place += 0 if rest else used
            if colour is not None:
                style = style._replace(foreground=colour) if code == 38 else style._replace(background=colour)
        elif code == 4 and rest == "0":
            style = style._replace(underline=False)
        elif code in _SWITCHES:
            style = style._replace(**_SWITCHES[code])
        else:
            style = _palette(style, code)
    return style


def _palette(style: Style, code: int) -> Style:
    if 30 <= code <= 37 or 90 <= code <= 97:
        return style._replace(foreground=code - 30 if code < 90 else code - 82)
    if 40 <= code <= 47 or 100 <= code <= 107:
        return style._replace(background=code - 40 if code < 100 else code - 92)
    if code == 39:
        return style._replace(foreground=None)
    return style._replace(background=None) if code == 49 else style


def _colour(numbers: list[str], *, with_space: bool) -> tuple[Colour | None, int]:
    """The colour after 38 or 48, and how many parameters it took; the form with colons may name a colour space."""
    kind = _number(numbers[0]) if numbers else 0
    if kind == 5 and len(numbers) > 1:
        number = _number(numbers[1])
        return (number if number < 256 else None), 2
    if kind == 2:
        parts = numbers[2:5] if with_space and len(numbers) > 4 else numbers[1:4]
        red, green, blue = (_number(part) for part in (*parts, "0", "0", "0")[:3])
        return ((red, green, blue) if max(red, green, blue) < 256 else None), 4
    return None, len(numbers)


def _number(text: str) -> int:
    return int(text) if 0 < len(text) < 6 else 0
