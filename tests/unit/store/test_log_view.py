"""Any place of any number of logs opens at once, and both ways from it every line is met once; hits are bits."""

from __future__ import annotations

import json
import queue
import random
import re
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.store.logs.blocks import LINE_BYTES, BlockCache, LogLines
from skafos_tui.store.logs.finder import MODULE, Finder, Searcher, Term
from skafos_tui.store.logs.finding import RECORD
from skafos_tui.store.logs.format import NANOSECONDS, LogLine, format_line
from skafos_tui.store.logs.hits import HitSet
from skafos_tui.store.logs.view import LogView
from skafos_tui.store.logs.writer import LogWriter

START = 1_790_000_000 * NANOSECONDS


def write(path: Path, lines: list[tuple[int, bytes]]) -> Path:
    writer = LogWriter(path)
    writer.append(b"".join(format_line(START + time, text) for time, text in lines))
    writer.close(sync=False)
    return path


class Memory:
    """Lines in memory, at times that need not rise."""

    def __init__(self, times: list[int]) -> None:
        self.times = times

    def count(self) -> int:
        return len(self.times)

    def time(self, number: int) -> int:
        return self.times[number]

    def first_at(self, time_ns: int) -> int:
        return next((n for n, time in enumerate(self.times) if time >= time_ns), len(self.times))

    def line(self, number: int) -> LogLine:
        return LogLine(self.times[number], "stdout", False, b"%d" % number)


sources = st.lists(st.lists(st.integers(0, 40), max_size=12), min_size=1, max_size=5)


@given(sources, st.data())
def test_from_any_cut_every_line_is_met_once_whatever_the_clocks_did(
    times: list[list[int]], data: st.DataObject
) -> None:
    view = LogView([Memory(found) for found in times])
    cut = tuple(data.draw(st.integers(0, len(found))) for found in times)
    after = [place.key for place in view.forward(cut)]
    before = [place.key for place in view.backward(cut)]
    assert sorted(after + before) == [(source, n) for source, found in enumerate(times) for n in range(len(found))]
    for source in range(len(times)):
        assert [n for s, n in after if s == source] == list(range(cut[source], len(times[source])))
        assert [n for s, n in before if s == source] == list(range(cut[source] - 1, -1, -1))


@given(sources)
def test_where_times_rise_both_ways_are_the_order_of_time(times: list[list[int]]) -> None:
    view = LogView([Memory(sorted(found)) for found in times])
    forward = list(view.forward(view.start()))
    assert [view.sources[s].time(n) for s, n, _ in forward] == sorted(time for found in times for time in found)
    assert [place.key for place in view.backward(view.end())] == [place.key for place in reversed(forward)]
    for ordinal, place in enumerate(forward):
        assert view.ordinal(place.cut) == ordinal
        assert view.place(*place.key) == place
        assert next(view.forward(place.cut)) == place
        assert next(view.backward(place.after)) == place


@given(st.sets(st.integers(0, 5000), max_size=40), st.integers(0, 5100), st.randoms())
def test_a_hit_set_answers_as_a_sorted_list_would(numbers: set[int], asked: int, order: random.Random) -> None:
    blocks: dict[int, int] = {}
    for number in numbers:
        blocks[number // 1024] = blocks.get(number // 1024, 0) | 1 << number % 1024
    hits = HitSet()
    shuffled = list(blocks)
    order.shuffle(shuffled)
    for block in shuffled:
        hits.put(block, 0)
        hits.put(block, blocks[block])
    found = sorted(numbers)
    assert hits.count() == len(found)
    assert [hits.select(rank) for rank in range(len(found))] == found
    assert hits.rank(asked) == sum(number < asked for number in found)
    assert hits.following(asked) == next((number for number in found if number >= asked), None)
    assert hits.preceding(asked) == next((number for number in reversed(found) if number < asked), None)
    with pytest.raises(IndexError):
        hits.select(len(found))


def test_lines_and_times_are_read_by_number_in_bounded_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [(n * 1000, b"line %d " % n + b"x" * (n % 90)) for n in range(10_000)])
    lines = LogLines(path, BlockCache(100_000))
    for number in (0, 1, 1023, 1024, 5000, 9215, 9216, 9999):
        assert lines.line(number).text.split()[1] == b"%d" % number
        assert lines.time(number) == START + number * 1000
        assert lines.first_at(START + number * 1000) == number
        assert lines.first_at(START + number * 1000 - 1) == number
    assert lines.first_at(START + 10_000_000) == lines.count() == 10_000


def test_a_growing_file_shows_its_new_lines_and_an_emptied_one_none(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    lines = LogLines(path)
    assert (lines.count(), lines.refresh()) == (0, False)
    writer = LogWriter(path)
    for number in range(3000):
        writer.append(format_line(START + number, b"%d" % number))
        if number % 500 == 0:
            assert lines.refresh()
            assert lines.count() == number + 1
            assert lines.line(number).text == b"%d" % number
            assert lines.time(number) == START + number
    writer.close(sync=False)
    path.write_bytes(b"")
    assert lines.refresh()
    assert lines.count() == 0


def test_of_a_huge_line_a_part_is_read_the_end_of_a_redrawn_one(tmp_path: Path) -> None:
    huge = b"y" * (900 << 10)
    redrawn = b"".join(b"\r%3d%%" % n + b"#" * 5000 for n in range(100))
    path = write(tmp_path / "a.log", [(0, b"before"), (1, huge), (2, redrawn), (3, b"after")])
    lines = LogLines(path)
    assert [lines.line(n).text for n in (0, 3)] == [b"before", b"after"]
    assert lines.line(1).text == b"y" * LINE_BYTES + f" … {len(huge) - LINE_BYTES:,} bytes more".encode()
    assert lines.line(2).text.endswith(b"\r 99%" + b"#" * 5000)
    assert [lines.time(n) - START for n in range(4)] == [0, 1, 2, 3]


def test_a_file_taken_away_has_no_lines_and_breaks_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [(n, b"x") for n in range(3)])
    lines = LogLines(path)
    path.unlink()
    assert lines.count() in (0, 3)
    assert lines.refresh() or lines.count() == 0
    assert list(LogView([lines]).forward((0,))) == []


def _wait(finder: Finder, batches: queue.Queue[bytes], count: int) -> None:
    """Take batches until every line known so far is searched and there are so many hits."""
    while not (finder.complete and sum(hits.count() for hits in finder.hits) >= count):
        finder.take(batches.get(timeout=20))


def test_the_finder_marks_what_all_terms_match_and_what_comes(tmp_path: Path) -> None:
    words = [b"error in line %d" % n if n % 7 == 0 else b"warning %d" % n for n in range(90_000)]
    first = write(tmp_path / "a.log", list(enumerate(words)))
    second = write(tmp_path / "b.log", [(n, b"error twelve") for n in range(3)])
    batches: queue.Queue[bytes] = queue.Queue()
    finder = Finder(
        [Term("error"), Term("[4-9]$|TWELVE", True)], [(first, 80_000), (second, 0)], lambda _, b: batches.put(b)
    )
    try:
        expected = [n for n, text in enumerate(words) if re.search(rb"error.*[4-9]$", text)]
        _wait(finder, batches, len(expected) + 3)
        assert [finder.hits[0].select(rank) for rank in range(finder.hits[0].count())] == expected
        assert finder.hits[0].near[0] <= 80_000 < finder.hits[0].near[1]
        assert finder.hits[1].count() == 3
        writer = LogWriter(first)
        writer.append(b"".join(format_line(START, text) for text in (b"error 5", b"error", b"error 9")))
        writer.close(sync=False)
        _wait(finder, batches, len(expected) + 5)
        assert list(islice(map(finder.hits[0].select, range(len(expected), len(expected) + 2)), 2)) == [90_000, 90_002]
    finally:
        finder.close()


def test_a_process_that_was_ready_does_the_search_and_one_that_was_not_needed_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [(0, b"error"), (1, b"fine")])
    ready, unused = Searcher(), Searcher()
    processes = ready.start(), unused.start()
    batches: queue.Queue[bytes] = queue.Queue()
    finder = Finder([Term("error")], [(path, 0)], lambda _, batch: batches.put(batch), ready)
    unused.drop()
    try:
        _wait(finder, batches, 1)
        assert finder.hits[0].select(0) == 0
    finally:
        finder.close()
    for process in processes:
        assert process is not None and process.wait(timeout=20) == -signal.SIGKILL
    assert unused.start() is processes[1], "none is started anew"


def test_only_hits_are_met_where_only_they_are_wanted() -> None:
    view = LogView([Memory([1, 3, 5]), Memory([2, 4, 6])], [HitSet(), HitSet()])
    assert view.hits is not None
    view.hits[0].put(0, 0b101)
    view.hits[1].put(0, 0b010)
    assert [place.key for place in view.forward(view.start())] == [(0, 0), (1, 1), (0, 2)]
    assert [place.key for place in view.backward(view.end())] == [(0, 2), (1, 1), (0, 0)]
    assert view.count() == 3
    assert view.at_ordinal(3) == view.end()


def test_a_search_ends_with_the_process_that_ordered_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [(0, b"error")])
    process = subprocess.Popen([sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdin is not None and process.stdout is not None
        order = {"patterns": [["error", False]], "logs": [[str(path), 0]]}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.read(RECORD.size)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(20) == 0
