"""What a job prints becomes lines of the log: whole, in order, at times that grow."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.runners.process import pump
from skafos_tui.runners.process.pump import MAX_LINE, Pump
from skafos_tui.store.logs.format import PREFIX_LENGTH, parse_line, time_of


class Written:
    """A pump and the file it writes."""

    def __init__(self, path: Path, most: int = 1 << 30) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self.pump = Pump(self.descriptor, most)

    def lines(self) -> list[bytes]:
        return self.path.read_bytes().split(b"\n")[:-1]

    def texts(self) -> list[bytes]:
        return [line[PREFIX_LENGTH:] for line in self.lines()]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "log")


def test_lines_have_their_stream_and_the_stores_form(written: Written) -> None:
    written.pump.take("stdout", b"a\n\nb\r\n")
    written.pump.take("stderr", b"  c\n")
    found = [parse_line(line) for line in written.lines()]
    assert [(line.stream, line.partial, line.text) for line in found] == [
        ("stdout", False, b"a"),
        ("stdout", False, b""),
        ("stdout", False, b"b\r"),
        ("stderr", False, b"  c"),
    ]


def test_a_line_waits_for_its_end_and_counts_as_whole_at_the_end(written: Written) -> None:
    written.pump.take("stdout", b"be")
    written.pump.take("stderr", b"between\n")
    written.pump.take("stdout", b"gun\nla")
    assert written.texts() == [b"between", b"begun"]
    written.pump.take("stdout", b"st")
    written.pump.end()
    assert written.texts() == [b"between", b"begun", b"last"]


@given(st.lists(st.text("ab\r\n", max_size=40).map(str.encode), max_size=30))
def test_nothing_is_lost_however_it_comes_in_pieces(pieces: list[bytes]) -> None:
    reading, writing = os.pipe()
    made = Pump(writing)
    for piece in pieces:
        made.take("stdout", piece)
    made.end()
    os.close(writing)
    found = os.read(reading, 1 << 16)
    os.close(reading)
    whole = b"".join(pieces)
    expected = whole if whole[-1:] in (b"", b"\n") else whole + b"\n"
    assert b"".join(line[PREFIX_LENGTH:] + b"\n" for line in found.split(b"\n")[:-1]) == expected


def test_a_line_beyond_a_mebibyte_comes_in_parts(written: Written) -> None:
    line = b"y" * (2 * MAX_LINE + 7)
    written.pump.take("stdout", line[: MAX_LINE + 5])
    written.pump.take("stdout", line[MAX_LINE + 5 :] + b"\nz\n")
    found = [parse_line(raw) for raw in written.lines()]
    assert [(len(part.text), part.partial) for part in found] == [
        (MAX_LINE, True),
        (MAX_LINE, True),
        (7, False),
        (1, False),
    ]
    assert b"".join(part.text for part in found[:3]) == line


def test_times_grow_by_every_line_also_when_the_clock_is_set_back(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([1_800_000_000_999_999_998, 1_800_000_000_999_999_998, 1_799_999_000_000_000_000])
    monkeypatch.setattr(pump.time, "time_ns", lambda: next(clock))
    for _ in range(3):
        written.pump.take("stdout", b"a\nb\nc\n")
    times = [time_of(line) for line in written.lines()]
    assert times == sorted(set(times)) and len(times) == 9
    assert times[0] == 1_800_000_001_000_000_000, "a batch does not reach over a second"


def test_what_a_full_disk_refuses_is_held_and_comes_later(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    real, full = os.write, [False]

    def write(descriptor: int, data: bytes) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        full[0] = True
        return real(descriptor, bytes(data)[:10])

    monkeypatch.setattr(pump.os, "write", write)
    written.pump.take("stdout", b"first\n")
    assert written.pump.stuck
    full[0] = False
    written.pump.flush()
    assert written.pump.stuck, "ten bytes more, then full again"
    monkeypatch.setattr(pump.os, "write", real)
    written.pump.take("stdout", b"second\n")
    assert not written.pump.stuck
    assert written.texts() == [b"first", b"second"]


def test_a_log_that_is_full_says_how_much_is_missing(tmp_path: Path) -> None:
    written = Written(tmp_path / "log", most=200)
    for number in range(100):
        written.pump.take("stdout", b"line %d\n" % number)
    written.pump.end()
    texts = written.texts()
    assert texts[:4] == [b"line 0", b"line 1", b"line 2", b"line 3"]
    assert len(texts) == 5 and texts[4].startswith(b"[skafos] the log is full: ")
