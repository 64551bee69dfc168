"""What can be written at the cursor, from the one table of keys: keys with their help, and values of every kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import islice

from skafos_tui.config.fields import (
    JOB,
    JOB_ONLY,
    OLD_JOB_ID,
    OLD_JOBS,
    PROJECT,
    SYNONYMS,
    Field,
    Kind,
)
from skafos_tui.tui.editor.place import Place, Spot

MOST = 50
"""More than anybody looks through."""
NAMES_JOBS = frozenset([("dependencies",), ("job",)])
"""The last keys of the paths whose values name jobs: only there they have to be known."""
CRONS = (
    ("0 9 * * *", "every day at 9:00"),
    ("0 * * * *", "every hour"),
    ("*/15 * * * *", "every 15 minutes"),
    ("0 9 * * 1-5", "Monday to Friday at 9:00"),
    ("0 0 * * 0", "Sundays at midnight"),
    ("0 6 1 * *", "the first of each month at 6:00"),
    ("30 8-18/2 * * *", "every 2 hours from 8:30 to 18:30"),
)
_UNITS: dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Kind.MEMORY: (("Gi", "Mi", "G", "M"), ("1Gi", "2Gi", "4Gi", "512Mi")),
    Kind.DURATION: (("s", "m", "h", "d"), ("30s", "10m", "1h", "1d")),
}
_UNIT_HELP = {"Gi": "1024 Mi", "Mi": "1024 KiB", "G": "1000 M", "M": "1000 kB"} | {
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
}
_AMOUNTS = {Kind.CPU: ("1", "2", "0.5", "4")}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NAMED = re.compile(
    r"(?P<lead>- +|[{,] *|^ +|^)(?P<key>job_id|project_task_id|name) *: *"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s#,}][^#,}]*)"
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One line of the list. `text` replaces what was typed, the cursor comes `back` characters before its end.

    It is found by its label, and by how `also` begins. `is_choice` where the value can only be one of these.
    """

    label: str
    help: str
    text: str
    back: int = 0
    also: str = ""
    is_choice: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What values may name. `jobs` are ids and names in the order of the file, `files` paths below the project.

    `channels` are those of `notify`; `root` the keys of the top mapping, which tell the old forms.
    """

    jobs: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    root: frozenset[str] = field(default_factory=frozenset)
    own_job: str = ""


def suggestions(place: Place, known: Known) -> list[Suggestion]:
    """What fits at a place, the best first; empty where nothing does, or where it is written out already."""
    here = _field_at(place.path, known.root)
    found: Iterable[Suggestion]
    if place.spot is Spot.KEY or (place.spot is Spot.ITEM and here is not None and here.kind is Kind.SECTIONS):
        found = _keys(_fields_of(here), place)
    elif place.spot in (Spot.VALUE, Spot.ITEM) and here is not None:
        found = _values(here, place, known)
    else:
        return []
    listed = _ranked(found, place.typed)
    if not listed or (listed[0].label == place.typed and not listed[0].text.startswith(f"{place.typed}:")):
        return []
    return listed[:MOST]


@dataclass(frozen=True, slots=True)
class _Root:
    """The top mapping, as if it were a section."""

    fields: tuple[Field, ...]
    kind: Kind = Kind.SECTION


def _field_at(path: Sequence[str], root: frozenset[str]) -> Field | _Root | None:
    """The row of the table that a path leads to; None where it leads nowhere."""
    flat = not root.isdisjoint(JOB_ONLY) and root.isdisjoint(("jobs", OLD_JOBS))
    top = (*(row for row in PROJECT if row.key != "jobs"), *JOB) if flat else PROJECT
    here: Field | _Root | None = _Root(tuple(dict.fromkeys(top)))
    skip = False
    for key in path:
        if here is None:
            return None
        if isinstance(here, Field) and here.kind is Kind.NAMED_SECTIONS and not skip:
            skip = True  # the name of a section is anything
            continue
        skip = False
        if isinstance(here, _Root) and key == OLD_JOBS:
            key = "jobs"
        if key == OLD_JOB_ID:
            key = "job_id"
        here = next((row for row in here.fields if row.key == key), None)
    if isinstance(here, Field) and here.kind is Kind.NAMED_SECTIONS and not skip:
        return None
    return here


def _fields_of(here: Field | _Root | None) -> tuple[Field, ...]:
    if here is None or here.kind not in (Kind.SECTION, Kind.SECTIONS, Kind.NAMED_SECTIONS):
        return ()
    return here.fields


# Keys


def _keys(fields: Iterable[Field], place: Place) -> Iterator[Suggestion]:
    for row in fields:
        if row.has_effect and row.key not in place.given:
            text, back = _written_key(row, place)
            yield Suggestion(row.key, ("required; " if row.required else "") + row.help, text, back)


def _written_key(row: Field, place: Place) -> tuple[str, int]:
    """A key as it is inserted, and how far from its end the cursor stands."""
    if row.kind is Kind.TEXTS:
        return f"{row.key}: []", 1
    opens = row.kind in (Kind.SECTION, Kind.SECTIONS, Kind.NAMED_SECTIONS, Kind.VARIABLES) and row.shorthand is None
    if not opens:
        return f"{row.key}: ", 0
    if place.in_flow:
        return f"{row.key}: {{}}", 1
    dash = "- " if row.kind is Kind.SECTIONS else ""
    return f"{row.key}:\n{' ' * (place.start + 2)}{dash}", 0


# Values


def _values(row: Field | _Root, place: Place, known: Known) -> Iterator[Suggestion]:
    if isinstance(row, _Root):
        return
    kind = row.kind if row.shorthand is None else row.shorthand
    if row.key == "dependencies":
        yield from _jobs(place, known, by_id=True)
    elif row.key == "job":
        yield from _jobs(place, known, by_id=False)
    elif row.key == "notify" and kind is Kind.TEXTS:
        yield from (_value(place, name, "a channel of notify") for name in known.channels if name not in place.given)
    elif row.choices:
        note = {row.default: "the default"} if row.default else {}
        for choice in row.choices:
            yield replace(_value(place, choice, note.get(choice, row.help)), is_choice=True)
    elif kind is Kind.BOOLEAN:
        for word in ("true", "false"):
            yield replace(_value(place, word, "the default" if word == row.default else row.help), is_choice=True)
    elif kind is Kind.CRON:
        for text, words in CRONS:
            yield replace(_value(place, text, words, '"'), also=words, is_choice=True)
    elif kind is Kind.TIMEZONE:
        yield from (_value(place, name, "") for name in zones())
    elif kind is Kind.ENTRYPOINT:
        yield from _files(place, known)
    elif kind is Kind.JOB_ID:
        yield from _new_id(place)
    else:
        yield from _amounts(row, kind, place)


def _value(place: Place, text: str, help: str, quotes: str = "") -> Suggestion:
    quote = place.quote or quotes
    return Suggestion(text, help, f"{quote}{text}{quote}")


def _jobs(place: Place, known: Known, *, by_id: bool) -> Iterator[Suggestion]:
    """Jobs by their names; dependencies get the id, in the quotes that the list has."""
    quotes = '"' if place.like is None else place.like
    for job_id, name in known.jobs:
        if job_id in place.given or name in place.given or (by_id and job_id == known.own_job):
            continue
        yield Suggestion(name, job_id, _value(place, job_id if by_id else name, "", quotes).text, 0, job_id, True)


def _files(place: Place, known: Known) -> Iterator[Suggestion]:
    """Files of the project; after a `|` those of the next step."""
    before, bar, typed = place.typed.rpartition("|")
    lead = f"{before}{bar}{' ' * (len(typed) - len(typed.lstrip()))}" if bar else ""
    for path in known.files:
        suggestion = _value(place, lead + path, "a file of the project", '"')
        yield Suggestion(path if not bar else lead + path, suggestion.help, suggestion.text)


def _new_id(place: Place) -> Iterator[Suggestion]:
    from skafos_tui.config.reading import random_id

    if not place.typed:
        yield _value(place, random_id(), "a new id")


def _amounts(row: Field, kind: Kind, place: Place) -> Iterator[Suggestion]:
    units, examples = _UNITS.get(kind, ((), _AMOUNTS.get(kind, ())))
    if _NUMBER.fullmatch(place.typed) and units:
        yield from (_value(place, place.typed + unit, _UNIT_HELP[unit]) for unit in units)
        return
    if row.example and row.example not in examples and "{" not in row.example:
        yield _value(place, row.example.strip('"'), "an example")
    if row.default and row.default not in examples:
        yield _value(place, row.default, "the default")
    yield from (_value(place, text, row.help) for text in examples)


# Which of them, in which order


def _ranked(found: Iterable[Suggestion], typed: str) -> list[Suggestion]:
    """Those that begin so, then those with a word that does, those meant by another tool's name, those that have it."""
    wanted = typed.lower()
    if not wanted:
        return list(islice(found, MOST))
    inside = re.compile(rf"[\s/_.-]{re.escape(wanted)}")
    meant = {target for word, target in SYNONYMS.items() if word.startswith(wanted)}
    ranks: list[list[Suggestion]] = [[], [], [], []]
    for each in found:
        label = each.label.lower()
        if label.startswith(wanted) or each.also.startswith(wanted):
            ranks[0].append(each)
        elif wanted in label and inside.search(label):
            ranks[1].append(each)
        elif each.label in meant:
            ranks[2].append(each)
        elif wanted in label:
            ranks[3].append(each)
    return [each for rank in ranks for each in rank]


# What is known of the file


@cache
def zones() -> tuple[str, ...]:
    """The time zones a person may mean, UTC first."""
    from zoneinfo import available_timezones

    found = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return ("UTC", *found)


def jobs_in(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Ids and names of the jobs of a text that may be broken, in its order."""
    found: list[tuple[str, str]] = []
    job_id = name = ""
    for line in lines:
        if "name" not in line and "_id" not in line:
            continue
        for key, value, begins in _named(line):
            if begins:
                job_id = name = ""
            if key == "name":
                name = name or value
            else:
                job_id = job_id or value
            if job_id and name:
                found.append((job_id, name))
                job_id = name = ""
    return tuple(found)


@lru_cache(maxsize=20_000)
def _named(line: str) -> tuple[tuple[str, str, bool], ...]:
    """Ids and names in a line, and whether a job begins there; most lines are the same at the next key."""
    return tuple(
        (match["key"], match["value"].strip().strip("\"'"), match["lead"][:1] in ("-", "{"))
        for match in _NAMED.finditer(line)
    )


def root_keys(lines: Iterable[str]) -> frozenset[str]:
    """The keys of the top mapping of a text that may be broken."""
    return frozenset(
        line[: line.index(":")].strip("\"' ") for line in lines if line[:1] not in ("", " ", "#", "-") and ":" in line
    )


def project_files(directory: str, most: int = 2000) -> tuple[str, ...]:
    """Scripts and notebooks below a directory, with forward slashes; hidden and installed ones left aside."""
    import os

    found: list[str] = []
    for root, directories, names in os.walk(directory):
        directories[:] = sorted(
            name for name in directories if name[0] not in "._" and name not in ("venv", "env", "node_modules")
        )
        below = os.path.relpath(root, directory).replace(os.sep, "/")
        lead = "" if below == "." else f"{below}/"
        found += [lead + name for name in sorted(names) if name.endswith((".py", ".ipynb"))]
        if len(found) >= most:
            break
    return tuple(found[:most])
