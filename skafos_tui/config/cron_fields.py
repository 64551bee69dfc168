"""The syntax of a schedule's five fields: what each word means, and what is wrong with the others."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple, NoReturn

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_WORD = re.compile(r"[^ \t\r\n]+")
_PART = re.compile(r"(\*|[0-9]{1,4}|[A-Za-z]+)(?:-([0-9]{1,4}|[A-Za-z]+))?(?:/([0-9]{1,4}))?")


class CronError(ValueError):
    """A text that is no schedule; `start` and `end` are the offsets of what is wrong in it."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


class _Field(NamedTuple):
    """One of the five places: its name, its range and the words that stand for numbers in it."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS),
)


def words_of(text: str) -> list[str]:
    """The five words of a schedule; CronError where there are not five."""
    words: list[str] = _WORD.findall(text)
    if len(words) != 5 or words[0][0] == "@":
        _refuse_count(text, list(_WORD.finditer(text)))
    return words


@lru_cache(maxsize=1024)
def field_values(index: int, word: str) -> tuple[int, ...]:
    """The sorted values of the field `index` (0: minute, 4: day of week, where Sunday is 0).

    CronError places what is wrong within the word.
    """
    found: set[int] = set()
    start = 0
    for part in word.split(","):
        found.update(_parse_part(_FIELDS[index], part, start))
        start += len(part) + 1
    return tuple(sorted({value % 7 for value in found} if index == 4 else found))


def placed_error(text: str) -> CronError:
    """The first error in a schedule of five words, with its place in the whole text."""
    for index, match in enumerate(_WORD.finditer(text)):
        try:
            field_values(index, match.group())
        except CronError as error:
            return CronError(error.message, match.start() + error.start, match.start() + error.end)
    raise ValueError(f"nothing is wrong with {text!r}")


def _refuse_count(text: str, words: list[re.Match[str]]) -> NoReturn:
    """Why this is no row of five fields."""
    if not words:
        raise CronError("the schedule is empty; write 5 fields: minute hour day month weekday", 0, len(text))
    start, end, first = words[0].start(), words[-1].end(), words[0].group()
    if first.startswith("@"):
        known = _MACROS.get(first.lower())
        hint = f"write {known!r}" if known else "write 5 fields: minute hour day month weekday"
        raise CronError(f"{first} is not a crontab field; {hint}", start, end)
    if len(text.split()) == 5:
        raise CronError("a character that looks like a space is none; write plain spaces", start, end)
    if len(words) in (6, 7):
        shorter = " ".join(word.group() for word in words[1:6])
        raise CronError(
            f"{len(words)} fields; a schedule has 5, without seconds or a year: perhaps {shorter!r}",
            start,
            end,
        )
    count = "1 field" if len(words) == 1 else f"{len(words)} fields"
    raise CronError(f"{count}; a schedule has 5: minute hour day month weekday", start, end)


def _parse_part(field: _Field, part: str, offset: int) -> range:
    """The values of one item of a list; `offset` is its place in the field."""
    end = offset + len(part)
    if not part:
        comma = max(0, offset - 1)
        raise CronError(f"an empty item in the {field.name} field; take one comma away", comma, comma + 1)
    match = _PART.fullmatch(part)
    if match is None:
        raise CronError(_not_understood(field, part), offset, end)
    first, last, step = match.groups()
    if first == "*":
        if last is not None:
            raise CronError(f"{part!r} in the {field.name} field: `*` is already the whole range", offset, end)
        low, high = field.low, field.high - (1 if field.words is _WEEKDAYS else 0)
    else:
        low = _number(field, first, part, offset)
        high = low if last is None else _number(field, last, part, offset)
        low, high = _sunday(field, low, high, last is not None)
    if high < low:
        raise CronError(_backwards(field, part, low, high), offset, end)
    if step is None:
        return range(low, high + 1)
    if first != "*" and last is None:
        raise CronError(
            f"{part!r} in the {field.name} field: a step needs a range; write {low}-{field.high}/{step}",
            offset,
            end,
        )
    size = 7 if field.words is _WEEKDAYS else field.high - field.low + 1
    if not 1 <= int(step) <= size:
        raise CronError(f"{part!r} in the {field.name} field: a step is 1 to {size}", offset, end)
    return range(low, high + 1, int(step))


def _sunday(field: _Field, low: int, high: int, is_range: bool) -> tuple[int, int]:
    """A range of weekdays with Sunday as 7 at its end and 0 at its start: Fri-Sun runs forwards."""
    if field.words is _WEEKDAYS and is_range:
        if high == 0 and low > 0:
            high = 7
        elif low == 7 and high < 7:
            low = 0
    return low, high


def _number(field: _Field, word: str, part: str, offset: int) -> int:
    """The number a word stands for, within the field's range."""
    end = offset + len(part)
    if not word.isdigit():
        if word.lower() not in field.words:
            raise CronError(_not_understood(field, word), offset, end)
        return field.words.index(word.lower()) + (0 if field.words is _WEEKDAYS else 1)
    number = int(word)
    if not field.low <= number <= field.high:
        raise CronError(f"{word} is no {field.name}; it is {field.low} to {field.high}", offset, end)
    return number


def _backwards(field: _Field, part: str, low: int, high: int) -> str:
    """Why a range that runs backwards is wrong, with the list that says it forwards."""
    top = 6 if field.words is _WEEKDAYS else field.high
    pieces = [str(a) if a == b else f"{a}-{b}" for a, b in ((low, top), (field.low, high))]
    return f"{part!r} in the {field.name} field runs backwards; write {','.join(pieces)}"


def _not_understood(field: _Field, part: str) -> str:
    """What is wrong with a part that is no number, name, range or step."""
    allowed = f"{field.low} to {field.high}" + (
        f" or {field.words[0].title()} to {field.words[-1].title()}" if field.words else ""
    )
    where = f"{part!r} in the {field.name} field"
    lower = part.lower()
    if lower == "h" or lower.startswith(("h/", "h(")):
        return f"{where}: a hashed time is not known here; name one, {allowed}"
    if lower == "r" or lower.startswith(("r/", "r(")):
        return f"{where}: a random time is not known here; name one, {allowed}"
    if part == "?":
        return f"{where}: write * instead"
    if "#" in part:
        return f"{where}: the n-th weekday of a month can't be said; name days, {allowed}"
    if re.fullmatch(r"l|l-?\d+|\d+l|lw|[a-z]{3}l", lower):
        return f"{where}: the last day can't be said; name days, {allowed}"
    if re.fullmatch(r"\d+w|w", lower):
        return f"{where}: the nearest weekday can't be said; name days, {allowed}"
    if lower[:3] in field.words and lower.isalpha():
        return f"{where}: write {lower[:3].title()}"
    if part.startswith("-"):
        return f"{where}: it is {allowed}"
    return f"{where} is not understood; it takes {allowed}, lists (1,2), ranges (1-5), steps (*/2)"
