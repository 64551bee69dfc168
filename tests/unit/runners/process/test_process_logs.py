"""Reading an attempt's log from any time on, and following it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.runners.base import LogDamaged
from skafos_tui.runners.process import logs
from skafos_tui.runners.process.logs import read_logs
from skafos_tui.store.logs.format import format_line

START = 1_800_000_000_000_000_000


def read(path: Path, since: int | None = None) -> bytes:
    found: list[bytes] = []
    seconds = None if since is None else f"{since // 10**9}.{since % 10**9:09}"
    read_logs(path, lambda: False, since=seconds, follow=False, sink=found.append, stop=threading.Event())
    return b"".join(found)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9000)), max_size=40),
    st.lists(st.integers(-2, 130), min_size=1, max_size=8),
)
def test_reading_since_any_time_begins_with_the_first_line_of_that_time_or_later(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]], wanted: list[int]
) -> None:
    lines, now = [], START
    for step, length in steps:
        now += step
        lines.append((now, format_line(now, b"x" * length)))
    path = tmp_path_factory.mktemp("log") / "log"
    path.write_bytes(b"".join(line for _, line in lines))
    for offset in wanted:
        expected = b"".join(line for time, line in lines if time >= START + offset)
        assert read(path, START + offset) == expected


def test_a_line_without_its_end_is_not_handed_on(tmp_path: Path) -> None:
    whole = format_line(START, b"whole")
    (tmp_path / "log").write_bytes(whole + b"2027-01-15T08:00:00.0000")
    assert read(tmp_path / "log") == whole
    assert read(tmp_path / "log", START + 1) == b""


def test_lines_of_a_mebibyte_are_found_and_read(tmp_path: Path) -> None:
    lines = [format_line(START + n, b"x" * (1 << 20)) for n in range(5)]
    (tmp_path / "log").write_bytes(b"".join(lines))
    assert read(tmp_path / "log") == b"".join(lines)
    assert read(tmp_path / "log", START + 3) == b"".join(lines[3:])


def test_what_is_written_while_it_ends_is_followed_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(format_line(START, b"first"))
    asked: list[bool] = []

    def runs() -> bool:
        asked.append(True)
        with path.open("ab") as file:
            file.write(format_line(START + len(asked), b"later %d" % len(asked)))
        return len(asked) < 3

    found: list[bytes] = []
    read_logs(path, runs, since=None, follow=True, sink=found.append, stop=threading.Event())
    texts = [line.split(b" ", 3)[3] for line in b"".join(found).splitlines()]
    assert texts == [b"first", b"later 1", b"later 2", b"later 3"]


def test_a_sink_that_fails_is_not_a_damaged_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").write_bytes(format_line(START, b"x"))

    def full(batch: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        read_logs(tmp_path / "log", lambda: False, since=None, follow=False, sink=full, stop=threading.Event())

    def broken(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(logs.os, "pread", broken)
    with pytest.raises(LogDamaged, match="Input/output"):
        read(tmp_path / "log")
