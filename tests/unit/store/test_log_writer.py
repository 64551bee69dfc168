"""A log file keeps every line once, says where lines are missing, and survives what a crash or a full disk leaves."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from array import array
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skafos_tui.store.logs.format import GAP_PREFIX, NANOSECONDS, PREFIX_LENGTH, LogLine, format_line, stamp, time_of
from skafos_tui.store.logs.index import block_starts, encode, index_path, read_entries
from skafos_tui.store.logs.masking import mask, needles_of
from skafos_tui.store.logs.reader import LogFile
from skafos_tui.store.logs.writer import LogWriteError, LogWriter

START = 1_790_000_000 * NANOSECONDS


def line(time_ns: int, text: bytes, stream: bytes = b"stdout", tag: bytes = b"F") -> bytes:
    return b"%s %s %s %s\n" % (stamp(time_ns), stream, tag, text)


def numbered(first: int, last: int, step_ns: int = 1_000_000) -> list[bytes]:
    return [line(START + n * step_ns, b"line %d" % n) for n in range(first, last)]


def write(path: Path, lines: list[bytes], **options: object) -> None:
    writer = LogWriter(path, **options)  # type: ignore[arg-type]
    writer.append(b"".join(lines))
    writer.close(sync=False, final=False)


def texts(path: Path) -> list[bytes]:
    return [found.text for found in LogFile(path).lines()]


def gaps(path: Path) -> list[LogLine]:
    return [found for found in LogFile(path).lines() if found.gap]


def test_lines_are_in_the_file_as_soon_as_they_are_taken(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "a.log")
    writer.append(line(START, b"one"))
    assert (tmp_path / "a.log").read_bytes() == line(START, b"one")
    writer.close()


def test_only_complete_lines_of_the_form_are_taken(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "a.log")
    for wrong in (b"no time\n", line(START, b"x")[:-1]):
        with pytest.raises(ValueError, match="complete log lines"):
            writer.append(wrong)
    writer.close()
    assert (tmp_path / "a.log").read_bytes() == b""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 3000), max_size=5), st.integers(0, 60))
def test_the_index_knows_every_1024th_line_however_batches_fall(tmp_path: Path, batches: list[int], width: int) -> None:
    path = tmp_path / "a.log"
    for old in (path, index_path(path)):
        old.unlink(missing_ok=True)
    writer = LogWriter(path)
    total = 0
    for count in batches:
        writer.append(b"".join(line(START + n, b"x" * (n * 7 % (width + 1))) for n in range(total, total + count)))
        total += count
    writer.close(sync=False)
    content = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(content) if byte == 10]
    assert list(read_entries(index_path(path))) == ends[1023::1024]


def test_blocks_of_wildly_different_line_lengths_are_counted_right() -> None:
    block = b"\n" * 3000 + b"x" * 100_000 + b"\n" + b"\n" * 2000
    ends = [place + 1 for place, byte in enumerate(block) if byte == 10]
    assert block_starts(block, 24) == (ends[999::1024], 5001)


def test_a_torn_last_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, numbered(0, 3))
    with path.open("ab") as file:
        file.write(line(START, b"torn")[:-3])
    write(path, [])
    assert path.read_bytes() == b"".join(numbered(0, 3))


@pytest.mark.parametrize("damage", ["torn", "missing", "beyond", "garbage", "short", "zeros"])
def test_a_damaged_index_is_made_right(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.log"
    write(path, numbered(0, 5000))
    index = index_path(path)
    good = index.read_bytes()
    assert len(good) == 4 * 8
    changed = {
        "torn": good[:-3],
        "missing": b"",
        "beyond": good + encode(array("Q", [10**9])),
        "garbage": good[:8] + b"\1" * 24,
        "short": good[:16],
        "zeros": good[:16] + bytes(16),
    }
    index.write_bytes(changed[damage])
    assert [found.text for found in LogFile(path).lines(4100, 4101)] == [b"line 4100"]
    assert LogFile(path).count() == 5000
    writer = LogWriter(path)
    assert writer.lines == 5000
    writer.close()
    assert index.read_bytes() == good


def test_a_resume_point_is_a_time_that_docker_takes(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    writer = LogWriter(path)
    assert writer.resume_point().since is None
    assert writer.resume_point().lines == 0
    writer.append(b"".join(numbered(0, 10)))
    point = writer.resume_point()
    assert point.since is not None
    seconds, _, rest = point.since.partition(".")
    assert len(rest) == 9
    assert int(seconds) * NANOSECONDS + int(rest) <= START + 9_000_000
    assert point.lines == 10
    writer.close()


def docker(lines: list[bytes], since: str | None) -> list[bytes]:
    """What Docker gives again: all lines not before an instant, in file order."""
    if since is None:
        return lines
    seconds, _, rest = since.partition(".")
    instant = int(seconds) * NANOSECONDS + int(rest)
    return [raw for raw in lines if time_of(raw) >= instant]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(
        st.tuples(
            st.sampled_from([0, 1, 1_000_000, -500_000, 3 * NANOSECONDS]),
            st.sampled_from([b"a", b"b", b"api-key-1234", b"x\ry"]),
            st.sampled_from([b"F", b"F", b"F", b"P"]),
        ),
        min_size=1,
        max_size=60,
    ),
    stops=st.lists(st.integers(0, 60), max_size=4),
    by_count=st.booleans(),
    torn=st.integers(0, 60),
)
def test_interrupted_anywhere_every_line_is_there_once_and_in_order(
    tmp_path: Path, events: list[tuple[int, bytes, bytes]], stops: list[int], by_count: bool, torn: int
) -> None:
    path, whole = tmp_path / "a.log", tmp_path / "whole.log"
    for old in (path, index_path(path), whole, index_path(whole)):
        old.unlink(missing_ok=True)
    time, lines = START, []
    for step, kind, tag in events:
        time += step
        lines.append(line(time, kind, tag=tag))
    lines.append(line(time, b"end"))
    for stop in [*stops, len(lines)]:
        writer = LogWriter(path, secrets=[b"api-key-1234"])
        point = writer.resume_point()
        if by_count:
            writer.begin_resume_by_count()
            again = lines[:stop]
        else:
            writer.begin_resume()
            again = docker(lines[:stop], point.since)
        for start in range(0, len(again), 7):
            writer.append(b"".join(again[start : start + 7]))
        last = stop >= len(lines)
        writer.close(sync=False, final=last)
        if not last:
            os.truncate(path, max(0, path.stat().st_size - torn))
    writer = LogWriter(whole, secrets=[b"api-key-1234"])
    writer.append(b"".join(lines))
    writer.close(sync=False)
    # Where Docker's log was shorter than what is stored already, a gap is right; here it never is at the last pass.
    stored = [raw for raw in path.read_bytes().splitlines() if not raw[PREFIX_LENGTH:].startswith(GAP_PREFIX)]
    assert Counter(stored) == Counter(whole.read_bytes().splitlines())
    assert stored == whole.read_bytes().splitlines()
    assert b"1234" not in path.read_bytes()
    assert not gaps(path)


def test_two_streams_out_of_order_neither_lose_nor_double_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    lines = [line(START + 200, b"late"), line(START + 100, b"early", b"stderr")]
    write(path, lines)
    lines += [line(START + 150, b"between"), line(START + 300, b"next")]
    writer = LogWriter(path)
    since = writer.resume_point().since
    writer.begin_resume()
    writer.append(b"".join(docker(lines, since)))
    writer.close()
    assert texts(path) == [b"late", b"early", b"between", b"next"]


def test_equal_lines_at_one_instant_are_told_apart_by_number(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, [line(START, b"same")] * 3)
    writer = LogWriter(path)
    writer.begin_resume()
    writer.append(line(START, b"same") * 5)
    writer.close()
    assert texts(path) == [b"same"] * 5


def test_lines_that_may_be_missing_are_a_visible_gap(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, numbered(0, 3))
    writer = LogWriter(path)
    writer.begin_resume()
    assert not writer.resume_confirmed
    writer.append(b"".join(numbered(5000, 5002)))
    assert writer.resume_confirmed
    writer.close()
    assert [text for text in texts(path) if not text.startswith(GAP_PREFIX)] == [
        *(b"line 0", b"line 1", b"line 2", b"line 5000", b"line 5001")
    ]
    assert [number for number, text in enumerate(texts(path)) if text.startswith(GAP_PREFIX)] == [3]


def test_a_resume_that_brings_nothing_back_ends_in_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, numbered(0, 3))
    writer = LogWriter(path)
    writer.begin_resume()
    writer.close()
    assert len(gaps(path)) == 1


def test_a_gap_is_one_line_whatever_its_reason_is(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    writer = LogWriter(path)
    writer.append_gap("docker says:\n 2026-01-01 no\n")
    writer.close()
    assert texts(path) == [GAP_PREFIX + b"docker says: 2026-01-01 no"]


def test_gap_lines_do_not_count_as_lines_of_the_attempt(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    writer = LogWriter(path)
    for first in range(0, 20_000, 5000):
        writer.append(b"".join(numbered(first, first + 5000)))
        writer.append_gap("something happened")
        writer.append(line(START + first, b"quoting: stderr F [skafos gap] x"))
    assert writer.resume_point().lines == 20_004
    writer.begin_resume_by_count()
    writer.append(b"".join(numbered(0, 20_004)) + line(START, b"new"))
    writer.close()
    assert texts(path)[-1] == b"new"
    assert len(gaps(path)) == 4


def test_a_log_that_comes_back_shorter_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, numbered(0, 3))
    writer = LogWriter(path)
    writer.begin_resume_by_count()
    writer.append(b"".join(numbered(0, 2)))
    writer.close()
    assert len(gaps(path)) == 1


def test_a_job_cannot_pass_a_line_off_as_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, [line(START, GAP_PREFIX + b"all fine", b"stderr")])
    assert not gaps(path)
    assert texts(path) == [b" " + GAP_PREFIX + b"all fine"]


def test_secrets_never_reach_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    secrets = [b"hunter2hunter2", b"-----KEY\nabcdefgh\nij\n-----", b"abc", b"stdout"]
    write(
        path,
        [
            line(START, b"password=hunter2hunter2;"),
            line(START, b"abcdefgh and ij and abc"),
            line(START, b"hunter2hunter2hunter2 stdout"),
        ],
        secrets=secrets,
    )
    assert texts(path) == [b"password=***;", b"*** and ij and abc", b"*** ***"]
    assert all(found.stream == "stdout" and found.time_ns == START for found in LogFile(path).lines())


@given(
    secrets=st.lists(st.text("abc", min_size=4, max_size=6).map(str.encode), min_size=1, max_size=3),
    text=st.text("abc-", max_size=40).map(str.encode),
    cuts=st.lists(st.integers(0, 40), max_size=3),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_secret_across_parts_of_a_line_is_masked_as_in_one(
    tmp_path: Path, secrets: list[bytes], text: bytes, cuts: list[int]
) -> None:
    path = tmp_path / "a.log"
    for old in (path, index_path(path)):
        old.unlink(missing_ok=True)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parts = [text[a:b] for a, b in pairwise(places)]
    writer = LogWriter(path, secrets=secrets)
    for number, part in enumerate(parts):
        writer.append(line(START, part, tag=b"F" if number == len(parts) - 1 else b"P"))
        writer.append(line(START, b"between", b"stderr"))
    writer.close(sync=False)
    whole = b"".join(found.text for found in LogFile(path).lines() if found.stream == "stdout")
    for needle in needles_of(secrets):
        assert needle not in whole
    assert whole == mask(text, needles_of(secrets))


def test_what_is_held_back_of_a_partial_line_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    writer = LogWriter(path, secrets=[b"secret-value"])
    writer.append(line(START, b"text secret", tag=b"P"))
    writer.close()
    assert texts(path) == [b"text ", b"secret"]


def test_the_cap_is_kept_and_said_with_what_it_cost(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    one = line(START, b"x" * 59)
    writer = LogWriter(path, cap=1024)
    writer.append(one * 7)
    writer.append(one * 7)
    writer.append(one * 6)
    writer.close()
    found = texts(path)
    assert found[:10] == [b"x" * 59] * 10
    assert b"log cap of 1Ki reached" in found[10]
    assert found[11].endswith(b"log cap: 10 lines (1,000 bytes) dropped")
    assert len(found) == 12


def test_a_capped_log_stays_capped_when_it_is_resumed(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    lines = numbered(0, 100)
    writer = LogWriter(path, cap=500)
    writer.append(b"".join(lines[:50]))
    writer.close(final=False)
    kept = len(texts(path)) - 1
    writer = LogWriter(path, cap=500)
    since = writer.resume_point().since
    writer.begin_resume()
    writer.append(b"".join(docker(lines, since)))
    writer.close()
    assert len(gaps(path)) == 2
    dropped = sum(map(len, lines[kept:]))
    assert gaps(path)[-1].text.decode().endswith(f"log cap: {100 - kept} lines ({dropped:,} bytes) dropped")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from skafos_tui.store.logs.writer import LogWriter, LogWriteError
from skafos_tui.store.logs.format import format_line
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
writer = LogWriter(path)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
batches = [b"".join(format_line(10**18 + n * 50 + k, b"line %d" % (n * 50 + k)) for k in range(50)) for n in range(3)]
failed = 0
for batch in batches:
    try:
        writer.append(batch)
    except LogWriteError:
        failed += 1
        content = path.read_bytes()
        assert content == batches[0], len(content)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
writer.flush()
writer.close()
assert failed == 2, failed
assert path.read_bytes() == b"".join(batches)
"""


def test_a_full_disk_is_told_leaves_nothing_torn_and_can_be_gone_on_from(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] in (resource.RLIM_INFINITY, 2**63 - 1)
    assert signal.SIGXFSZ
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "a.log")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_resume_after_a_full_disk_does_not_write_twice_what_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    lines = numbered(0, 20)
    writer = LogWriter(path)
    writer.append(b"".join(lines[:5]))

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(LogWriteError, match="No space left"):
            writer.append(b"".join(lines[5:10]))
    since = writer.resume_point().since
    writer.begin_resume()
    writer.append(b"".join(docker(lines, since)))
    writer.close()
    assert path.read_bytes() == b"".join(lines)


def test_the_lines_of_a_build_have_the_form(tmp_path: Path) -> None:
    path = tmp_path / "build.log"
    write(path, [format_line(START, b"Collecting pandas\nmore")])
    assert list(LogFile(path).lines()) == [LogLine(START, "stdout", False, b"Collecting pandas more")]
