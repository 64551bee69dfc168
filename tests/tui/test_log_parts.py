"""Lines are drawn with nothing that controls a terminal, folded by cells; levels and times are read as people do."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_support import append, attempt, universal_time
from rich.style import Style

from skafos_tui.store.logs.finding import HITS, NEAR_FROM, NEAR_TO, RECORD
from skafos_tui.store.logs.format import NANOSECONDS, LogLine
from skafos_tui.text.tables import cell_width
from skafos_tui.tui.theme import Depth, role_styles
from skafos_tui.tui.widgets.log.drawing import Drawing, cut, draw, fold, gutter, with_hits
from skafos_tui.tui.widgets.log.levels import AT_LEAST, Level, level_of
from skafos_tui.tui.widgets.log.prompt import Asked, Prompt
from skafos_tui.tui.widgets.log.reading import Reading, term_of
from skafos_tui.tui.widgets.log.shown import Choice, Shown
from skafos_tui.tui.widgets.log.when import Times, parse_time, shown_time

ROLES = role_styles(Depth.TRUE, light=False)
START = 1_790_000_000 * NANOSECONDS
PLAIN = Style()

SEQUENCES = [
    b"\x1b]0;title\x07",
    b"\x1b]52;c;aGVsbG8=\x07",
    b"\x1b]52;c;aGVsbG8=\x1b\\",
    b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
    b"\x1b]1337;File=inline=1:AAAA\x07",
    b"\x1b]4;1;rgb:00/00/00\x1b\\",
    b"\x1b[2J\x1b[H",
    b"\x1b[?1049h",
    b"\x1b[?1000h\x1b[?2004l",
    b"\x1b[6n\x1b[c\x1b[5n",
    b"\x1b[20t\x1b[21t",
    b"\x1bP+q544e\x1b\\",
    b"\x1b_Gf=24;AAAA\x1b\\",
    b"\x1b^private\x1b\\",
    b"\x1bXstring\x1b\\",
    b"\x1bc\x1b7\x1b8\x1bD\x1bM\x1b#8",
    b"\x1b(0lqk\x1b(B",
    "\x9b2J\x9d0;x\x9c\x90q\x9c\x98\x9e\x9f".encode(),
    b"\x9b31m\x84\x85\x8d",
    b"\x07\x08\x0b\x0c\x0e\x0f\x00\x7f",
    b"\x1b[31",
    b"\x1b]0;never ended",
    b"\x1bP never ended",
    "\u202e\u2066\u2069\u200f\u061c\u2028\u2029".encode(),
    b"\xff\xfe\xc0\x80\xed\xa0\x80",
]


def nasty_samples() -> list[bytes]:
    """Each sequence alone, cut short, in text, coloured, and mixtures: over 200."""
    found = []
    for sequence in SEQUENCES:
        found += [sequence, sequence[:-1], b"before " + sequence + b" after", b"\x1b[1;31m" + sequence + b"x\x1b[0m"]
        found += [b"progress 1%\r" + sequence + b"done", sequence * 3]
    mix = random.Random(7)
    found += [b"".join(mix.choices([*SEQUENCES, b"text", b"\t", b"\r"], k=6)) for _ in range(80)]
    return found


@pytest.mark.parametrize("wrap", [True, False])
def test_of_nasty_samples_no_control_character_comes_to_the_screen(wrap: bool) -> None:
    samples = nasty_samples()
    assert len(samples) > 200
    for sample in samples:
        for how in (Drawing(40, wrap=wrap), Drawing(40, wrap=wrap, pattern=re.compile("e")), Drawing(9, shift=3)):
            drawn = draw(LogLine(START, "stdout", False, sample), "label", how, event=False, roles=ROLES)
            pieces = [piece for row in drawn.rows for piece in row] + gutter(drawn, 0, " ", ROLES)
            for text, style in pieces:
                assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")], sample
                assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
                assert style.link is None


def test_the_jobs_own_colours_stay() -> None:
    line = LogLine(START, "stdout", False, b"a\x1b[1;38;2;1;2;3mb\x1b[0;42mc")
    (row,) = draw(line, "", Drawing(40), event=False, roles=ROLES).rows
    assert [text for text, _ in row] == ["a", "b", "c"]
    assert [style.color.triplet if style.color and style.color.triplet else None for _, style in row][1] == (1, 2, 3)
    assert row[1][1].bold
    assert row[2][1].bgcolor is not None


texts = st.text(st.sampled_from("ab 漢字é\u0301x"), max_size=40)


@given(st.lists(texts, max_size=5), st.integers(2, 12))
def test_folded_rows_fit_and_lose_nothing(parts: list[str], width: int) -> None:
    rows = fold([(text, PLAIN) for text in parts], width)
    assert all(sum(cell_width(text) for text, _ in row) <= width for row in rows)
    assert "".join(text for row in rows for text, _ in row) == "".join(parts)


@given(st.lists(texts, max_size=5), st.integers(0, 30), st.integers(1, 12))
def test_a_cut_shows_the_cells_that_stand_there(parts: list[str], shift: int, width: int) -> None:
    shown = "".join(text for text, _ in cut([(text, PLAIN) for text in parts], shift, width))
    assert cell_width(shown) <= width
    cells = [c for text in parts for c in text if cell_width(c) for _ in range(cell_width(c))]
    wanted = cells[shift : shift + width]
    assert abs(cell_width(shown) - len(wanted)) <= 1


@given(st.lists(texts, max_size=6), st.sampled_from(["a", "ab", "b +", "x|字", "^", "(?:a|b)+"]))
def test_hits_are_reversed_and_the_text_stays(parts: list[str], pattern: str) -> None:
    shown = with_hits([(text, PLAIN) for text in parts], re.compile(pattern))
    text = "".join(parts)
    assert "".join(piece for piece, _ in shown) == text
    reversed_text = "".join(piece for piece, style in shown if style.reverse)
    assert reversed_text == "".join(match[0] for match in re.finditer(pattern, text))


ERRORS = """2018-12-31 17:34:22,087 - skafossdk.skafos - ERROR - [label] - no
Traceback (most recent call last):
ValueError: could not convert
requests.exceptions.ConnectionError: refused
CRITICAL:root:x
Killed
fatal: not a git repository
main.c:3:5: error: expected ';'
{"level": "error", "msg": "x"}
ts=1 level=error msg=x
E1123 10:00:00.000 glog
Segmentation fault (core dumped)
[error] no
MemoryError"""
WARNINGS = """2018-12-31 17:34:22,087 - root - WARNING - low
train.py:3: UserWarning: deprecated
main.c:3:5: warning: unused
warning: LF will be replaced
W1123 10:00:00.000 glog
{"level":"warn"}
[warn] x"""
NORMAL = """0 errors, 0 warnings
error rate 0.12
mean squared error: 0.31
epoch 3 loss 0.2 val_error 0.3
INFO no error
terror
Errors seen: 0
no fatal flaws"""


@pytest.mark.parametrize(
    ("level", "samples"), [(Level.ERROR, ERRORS), (Level.WARNING, WARNINGS), (Level.NORMAL, NORMAL)]
)
def test_levels_are_guessed_as_a_person_would(level: Level, samples: str) -> None:
    for text in samples.splitlines():
        assert level_of(text) is level, text
        for least, pattern in AT_LEAST.items():
            assert bool(re.search(pattern, text)) == (level >= least), text


@pytest.fixture
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from universal_time(monkeypatch)


@pytest.mark.usefixtures("_utc")
@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("14:13:20", 0),
        ("14:20", 400),
        ("15:00:00.5", 2800.5),
        ("+90s", 80),
        ("+1:30", 80),
        ("+1h5m", 3890),
        ("-5m", 86_400 - 300),
        ("2026-09-21T14:13:25Z", 5),
        ("02:00", 42_400),
    ],
)
def test_a_time_is_read_as_it_is_meant_within_the_log(typed: str, seconds: float) -> None:
    last, started = START + 86_400 * NANOSECONDS, START - 10 * NANOSECONDS
    assert parse_time(typed, first_ns=START, last_ns=last, started_ns=started) == START + seconds * NANOSECONDS


@pytest.mark.parametrize("typed", ["soon", "", "+", "25:00", "-x", "12"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"not a time|must be in"):
        parse_time(typed, first_ns=START, last_ns=START, started_ns=START)


def test_times_before_the_start_and_lines_without_one_are_shown_so() -> None:
    assert shown_time(Times.SINCE_START, START - 61 * NANOSECONDS, START) == "   -1:01"
    assert shown_time(Times.SINCE_START, START + 3661 * NANOSECONDS, START) == " 1:01:01"
    assert shown_time(Times.CLOCK, 0, START) == " " * 8


def test_the_typed_line_is_edited_as_shells_do() -> None:
    prompt = Prompt(Asked.FIND, "one two")
    for key in ("ctrl+w", "backspace", "home", "delete", "end", "left"):
        assert prompt.press(key)
    prompt.type("X\x1b\n")
    assert (prompt.text, prompt.cursor) == ("nXe", 2)
    assert not prompt.press("f5")
    prompt.press("ctrl+u")
    assert prompt.text == "e"


def test_a_hit_is_not_the_nearest_while_another_log_may_have_a_nearer_one(tmp_path: Path) -> None:
    paths = [tmp_path / "0.log", tmp_path / "1.log"]
    for path in paths:
        append(path, [(n, "needle" if n == 5 else "hay") for n in range(9)])
    reading = Reading(lambda _finder, _batch: None)
    attempts = tuple(attempt(path, instance=number) for number, path in enumerate(paths))
    reading.set_shown(Shown(attempts, started_ns=START, job_id="train"), Choice(), ())
    end = reading.view.end()
    reading.set_find(term_of("needle"), end)
    finder = reading._finder
    assert finder is not None

    def tell(log: int) -> None:
        hit = (1 << 5).to_bytes(128, "little")
        for kind, number, bits in ((HITS, 0, hit), (NEAR_FROM, 0, bytes(128)), (NEAR_TO, 9, bytes(128))):
            reading.take(finder, RECORD.pack(kind, log, number, bits))

    try:
        tell(0)
        assert reading.found(end, forward=False) is None
        tell(1)
        place = reading.found(end, forward=False)
        assert place is not None and place.key == (1, 5)
    finally:
        reading.close()
