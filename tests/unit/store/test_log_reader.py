"""Any line of a log opens at once, the end without the rest, many logs read as one, and what is new is seen."""

from __future__ import annotations

import os
import tempfile
from array import array
from itertools import accumulate, islice, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skafos_tui.model.run import Run, RunState, TriggerKind
from skafos_tui.store import projects, runs
from skafos_tui.store.database import connect, migrate
from skafos_tui.store.home import Home
from skafos_tui.store.logs.follow import QUIET_POLLS, QUIET_SHARE, RunFollower
from skafos_tui.store.logs.format import NANOSECONDS, LogLine, joined, joined_backwards, parse_line, stamp, time_of
from skafos_tui.store.logs.index import credible, encode, index_path, plausible, read_entries
from skafos_tui.store.logs.merge import Source, merge, merge_backwards
from skafos_tui.store.logs.reader import LogFile, LogFollower
from skafos_tui.store.logs.writer import LogWriter

START = 1_790_000_000 * NANOSECONDS
TOKEN = "5b6559ad6551d0f920c485e4"


def line(time_ns: int, text: bytes, stream: str = "stdout", tag: bytes = b"F") -> bytes:
    return b"%s %s %s %s\n" % (stamp(time_ns), stream.encode(), tag, text)


def write(path: Path, lines: list[bytes]) -> Path:
    writer = LogWriter(path)
    writer.append(b"".join(lines))
    writer.close(sync=False)
    return path


@pytest.fixture
def ten_thousand(tmp_path: Path) -> Path:
    lines = [line(START + n * 1000, b"line %d " % n + b"x" * (n % 90)) for n in range(10_000)]
    return write(tmp_path / "a.log", lines)


@given(st.integers(0, 4_000_000_000 * NANOSECONDS))
def test_a_time_survives_being_written_and_read(time_ns: int) -> None:
    assert time_of(stamp(time_ns)) == time_ns


def test_what_is_no_line_of_ours_is_shown_as_text() -> None:
    for raw in (b"", b"plain words", b"2026-13-45T99:99:99.123456789Z stdout F x", b"\xff" * 60):
        assert parse_line(raw) == LogLine(0, "stdout", False, raw)


@pytest.mark.parametrize("indexed", [True, False])
def test_lines_are_read_by_number(ten_thousand: Path, indexed: bool) -> None:
    if not indexed:
        index_path(ten_thousand).unlink()
    file = LogFile(ten_thousand)
    assert file.count() == 10_000
    for start, stop in ((0, 3), (1023, 1026), (9_990, 10_005), (5000, 5000), (10_000, 10_010), (20_000, 20_001)):
        found = [int(found.text.split()[1]) for found in file.lines(start, stop)]
        assert found == list(range(start, min(stop, 10_000)))


def test_a_far_line_reads_no_more_than_its_block(ten_thousand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    pread = os.pread

    def counting(descriptor: int, count: int, offset: int) -> bytes:
        read.append(count)
        return pread(descriptor, count, offset)

    file = LogFile(ten_thousand)
    monkeypatch.setattr(os, "pread", counting)
    next(iter(file.lines(9_000, 9_001)))
    assert sum(read) < 400_000 < file.size


def test_the_tail_is_read_from_the_end(ten_thousand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = LogFile(ten_thousand)
    assert [found.text.split()[1] for found in file.tail(3)] == [b"9997", b"9998", b"9999"]
    assert len(file.tail(20_000)) == 10_000
    assert list(file.lines_backwards()) == list(file.lines())[::-1]
    read: list[int] = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, count, offset: read.append(count) or pread(fd, count, offset))
    file.tail(100)
    assert sum(read) <= 1 << 18


def test_an_instant_and_a_byte_are_found_by_halving(ten_thousand: Path) -> None:
    file = LogFile(ten_thousand)
    for number in (0, 1, 1023, 1024, 1025, 9_999):
        assert file.first_at(START + number * 1000) == number
        assert file.first_at(START + number * 1000 - 1) == number
        offset = sum(len(raw) for raw in islice(ten_thousand.read_bytes().splitlines(keepends=True), number))
        assert file.number_at(offset) == number
    assert file.first_at(START + NANOSECONDS) == 10_000
    assert (file.first_time(), file.last_time()) == (START, START + 9_999_000)


def test_a_missing_file_is_an_empty_one(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "none.log")
    assert (file.count(), file.tail(5), list(file.lines()), file.first_time()) == (0, [], [], None)
    assert file.first_at(0) == 0
    assert LogFollower(tmp_path / "none.log").poll() == []


def test_a_growing_file_is_seen_line_by_line_never_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    file, follower = LogFile(path), LogFollower(path)
    content = b"".join(line(START + n, b"line %d" % n) for n in range(40))
    seen: list[LogLine] = []
    for start, stop in pairwise([*range(0, len(content), 33), len(content)]):
        with path.open("ab") as stream:
            stream.write(content[start:stop])
        file.refresh()
        assert file.count() == content[:stop].count(b"\n")
        seen += follower.poll()
        assert len(seen) == file.count()
    assert seen == list(file.lines())
    assert not file.refresh()
    assert follower.poll() == []


def test_a_file_that_got_shorter_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [line(START + n, b"old") for n in range(3000)])
    file, follower = LogFile(path), LogFollower(path)
    assert file.count() == 3000
    assert len(follower.poll()) == 3000
    path.write_bytes(b"")
    assert follower.poll() == []
    path.write_bytes(line(START, b"new"))
    assert file.refresh()
    assert [found.text for found in file.lines()] == [b"new"]
    assert [found.text for found in follower.poll()] == [b"new"]


def test_lines_taken_back_by_a_full_disk_and_written_again_come_once(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    content = [line(START + n, b"line %d" % n) for n in range(6)]
    path.write_bytes(b"".join(content[:4]))
    follower = LogFollower(path)
    assert len(follower.poll()) == 4
    os.truncate(path, len(b"".join(content[:2])))
    assert follower.poll() == []
    path.write_bytes(b"".join(content))
    assert [found.text for found in follower.poll()] == [b"line 4", b"line 5"]


def test_a_long_backlog_comes_in_portions(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [line(START + n, b"x" * 100) for n in range(100)] + [line(START, b"y" * 5000)])
    follower = LogFollower(path)
    portions = []
    while lines := follower.poll(1000):
        portions.append(len(lines))
    assert sum(portions) == 101
    assert max(portions) <= 7
    assert not follower.behind


PARTS = [
    LogLine(1, "stdout", True, b"a"),
    LogLine(2, "stderr", False, b"E"),
    LogLine(3, "stdout", True, b"b"),
    LogLine(4, "stdout", False, b"c"),
    LogLine(5, "stdout", False, b"d"),
    LogLine(6, "stderr", True, b"unfinished"),
]


def test_parts_of_a_line_are_joined_within_their_stream() -> None:
    whole = [(1, b"abc"), (2, b"E"), (5, b"d"), (6, b"unfinished")]
    assert sorted((found.time_ns, found.text) for found in joined(PARTS)) == whole
    assert sorted((found.time_ns, found.text) for found in joined_backwards(PARTS[::-1])) == whole


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=4), st.integers(0, 30))
def test_many_logs_read_as_one_by_time(tmp_path: Path, times: list[list[int]], since: int) -> None:
    files = []
    expected = []
    for number, moments in enumerate(times):
        moments.sort()
        path = tmp_path / f"{number}.log"
        for old in (path, index_path(path)):
            old.unlink(missing_ok=True)
        write(path, [line(START + moment, b"%d %d" % (number, n)) for n, moment in enumerate(moments)])
        files.append((Source(1, str(number), "job"), LogFile(path)))
        expected += [(START + moment, number, n) for n, moment in enumerate(moments) if moment >= since]
    forward = [
        (f.line.time_ns, int(f.source.job_id), int(f.line.text.split()[1]))
        for f in merge(files, since_ns=START + since)
    ]
    backward = [
        (f.line.time_ns, int(f.source.job_id), int(f.line.text.split()[1]))
        for f in merge_backwards(files, since_ns=START + since)
    ]
    assert forward == sorted(expected)
    assert sorted(backward) == sorted(expected)
    assert [moment for moment, _, _ in backward] == sorted((moment for moment, _, _ in expected), reverse=True)
    last_of_each = {number: [n for _, source, n in backward if source == number] for number in range(len(times))}
    assert all(numbers == sorted(numbers, reverse=True) for numbers in last_of_each.values())


def test_only_logs_that_overlap_are_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        (Source(1, str(n), "job"), LogFile(write(tmp_path / f"{n}.log", [line(START + n * 10, b"first")])))
        for n in range(50)
    ]
    opened: list[Path] = []
    lines = LogFile.lines

    def noting(self: LogFile, start: int = 0, stop: int | None = None) -> object:
        opened.append(self.path)
        return lines(self, start, stop)

    monkeypatch.setattr(LogFile, "lines", noting)
    merged = merge(files)
    for _ in range(3):
        next(merged)
    assert len(opened) <= 4


@pytest.fixture
def run(tmp_path: Path) -> tuple[Home, Run, list[str]]:
    """A run with two jobs in a store, and the names of its attempts, whose logs are not there yet."""
    home = Home(tmp_path)
    migrate(home.state_database)
    connection = connect(home.state_database)
    projects.save_project(connection, projects.ProjectRow(TOKEN, "wines", "/wines", "docker", 1.0))
    deployment = projects.insert_deployment(
        connection, project=TOKEN, config="", config_digest="c", code_digest="d", missing={}, now=1.0
    )
    run_id = runs.insert_run(
        connection,
        project=TOKEN,
        deployment=deployment,
        trigger=TriggerKind.MANUAL,
        request_id="r",
        now=1.0,
        tasks=[("job-a", "Train", 1), ("job-b", "Score", 1)],
        parameters={},
    )
    names = []
    for number, job in enumerate(["job-a", "job-b"]):
        names.append(f"attempt-{number}")
        runs.insert_attempt(
            connection, run_id=run_id, job_id=job, instance=0, number=1, name=names[-1], cpu=1, memory=1, now=1.0
        )
    found = runs.get_run(connection, run_id)
    connection.close()
    assert found is not None
    assert found.state is RunState.QUEUED
    return home, found, names


def test_a_run_is_followed_through_all_its_attempts(run: tuple[Home, Run, list[str]]) -> None:
    home, followed, (first, second) = run
    follower = RunFollower(home, followed)
    assert follower.poll() == []
    train = LogWriter(home.attempt_log(TOKEN, followed.id, first))
    train.append(line(START + 5, b"five") + line(START + 7, b"half", tag=b"P"))
    assert [(f.source.job, f.line.text) for f in follower.poll()] == [("Train", b"five")]
    score = LogWriter(home.attempt_log(TOKEN, followed.id, second))
    score.append(line(START + 6, b"six") + line(START + 8, b"eight"))
    train.append(line(START + 7, b" line"))
    assert [(f.source.job, f.line.text) for f in follower.poll()] == [
        ("Score", b"six"),
        ("Train", b"half line"),
        ("Score", b"eight"),
    ]
    assert follower.poll() == []
    train.append(line(START + 9, b"cut off", tag=b"P"))
    assert follower.poll() == []
    assert [f.line.text for f in follower.rest()] == [b"cut off"]
    train.close()
    score.close()


def test_a_poll_of_many_quiet_logs_looks_at_some_in_turn_and_misses_none(
    run: tuple[Home, Run, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, followed, _ = run
    connection = connect(home.state_database)
    names = [f"many-{number}" for number in range(QUIET_SHARE * 3)]
    home.run_logs(TOKEN, followed.id).mkdir(parents=True)
    connection.execute("BEGIN")
    for number, name in enumerate(names):
        runs.insert_attempt(
            connection,
            run_id=followed.id,
            job_id="job-a",
            instance=number,
            number=2,
            name=name,
            cpu=1,
            memory=1,
            now=1.0,
        )
        home.attempt_log(TOKEN, followed.id, name).write_bytes(line(START + number, b"first"))
    connection.execute("COMMIT")
    connection.close()
    follower = RunFollower(home, followed)
    assert len(follower.poll()) == len(names)
    for _ in range(QUIET_POLLS):
        follower.poll()
    polled: list[Path] = []
    poll = LogFollower.poll
    monkeypatch.setattr(LogFollower, "poll", lambda self: polled.append(self.path) or poll(self))
    follower.poll()
    assert len(polled) == QUIET_SHARE
    for name in names[::100]:
        with home.attempt_log(TOKEN, followed.id, name).open("ab") as file:
            file.write(line(START + NANOSECONDS, b"more"))
    found = [found for _ in range(4) for found in follower.poll()]
    assert len(found) == len(names[::100])


@given(st.lists(st.integers(1, 3), min_size=1, max_size=400), st.data())
def test_of_an_index_the_part_before_what_is_wrong_is_taken(steps: list[int], data: st.DataObject) -> None:
    entries = array("Q", accumulate(step * 2 for step in steps))
    size = entries[-1]
    wrong = data.draw(st.integers(0, len(entries)))
    if wrong < len(entries):
        entries[wrong] = data.draw(st.sampled_from([0, size + 1, entries[wrong - 1] if wrong else 0]))
    with tempfile.TemporaryFile() as file:
        file.write(b"x\n" * (size // 2))
        file.flush()
        assert credible(file.fileno(), size, entries) == entries[:wrong]
        assert credible(file.fileno(), size, entries[:wrong]) == plausible(file.fileno(), size, entries[:wrong])


def test_an_index_of_another_log_is_not_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [line(START + n, b"x" * (n % 50)) for n in range(300_000)])
    entries = read_entries(index_path(path))
    index_path(path).write_bytes(encode(array("Q", [entry - 7 for entry in entries])))
    file = LogFile(path)
    assert file.count() == 300_000
    assert next(file.lines(290_000)).time_ns == START + 290_000
