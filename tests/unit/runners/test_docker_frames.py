"""Docker's log stream becomes the same lines however it is cut."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.runners.docker.frames import MAX_LINE, BadStream, LogParser

PIECE = 16384


def moment(number: int) -> bytes:
    return b"2026-11-23T18:01:31.%09dZ" % number


def frame(stream: int, number: int, text: bytes) -> bytes:
    payload = moment(number) + b" " + text
    return struct.pack(">BxxxI", stream, len(payload)) + payload


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


END = b"0\r\n\r\n"


def parse(data: bytes, sizes: list[int] | None = None, *, chunked: bool = True) -> tuple[bytes, LogParser]:
    parser = LogParser(chunked=chunked)
    out = []
    position = 0
    for size in [*(sizes or []), len(data)]:
        out.append(parser.feed(data[position : position + size]))
        position += size
    return b"".join(out) + parser.finish(), parser


def test_lines_keep_their_time_their_stream_and_their_bytes() -> None:
    data = chunk(frame(1, 1, b"one\n")) + chunk(frame(2, 2, b"\xff\r\x1b[0m\r\n")) + chunk(frame(1, 3, b"\n")) + END
    lines, parser = parse(data)
    assert lines == (
        moment(1) + b" stdout F one\n" + moment(2) + b" stderr F \xff\r\x1b[0m\r\n" + moment(3) + b" stdout F \n"
    )
    assert parser.complete


def test_without_the_last_chunk_the_log_is_not_complete() -> None:
    _, parser = parse(chunk(frame(1, 1, b"one\n")))
    assert not parser.complete


def test_pieces_of_a_line_are_joined_with_the_time_of_the_first() -> None:
    data = chunk(frame(1, 1, b"a" * PIECE)) + chunk(frame(1, 2, b"b" * PIECE)) + chunk(frame(1, 3, b"c\n")) + END
    assert parse(data)[0] == moment(1) + b" stdout F " + b"a" * PIECE + b"b" * PIECE + b"c\n"


def test_beyond_a_mebibyte_a_line_comes_in_parts() -> None:
    count = MAX_LINE // PIECE + 1
    data = b"".join(chunk(frame(1, n, b"x" * PIECE)) for n in range(count)) + chunk(frame(1, count, b"end\n")) + END
    first, second = parse(data)[0].splitlines()
    assert first == moment(0) + b" stdout P " + b"x" * MAX_LINE
    assert second == moment(count - 1) + b" stdout F " + b"x" * PIECE + b"end"


def test_when_the_other_stream_speaks_in_between_times_stay_in_order() -> None:
    data = chunk(frame(1, 1, b"begin")) + chunk(frame(2, 2, b"err\n")) + chunk(frame(1, 3, b"end\n")) + END
    assert parse(data)[0].splitlines() == [
        moment(1) + b" stdout P begin",
        moment(2) + b" stderr F err",
        moment(3) + b" stdout F end",
    ]


def test_the_end_of_the_log_is_the_end_of_its_last_line() -> None:
    assert parse(chunk(frame(1, 1, b"no newline")) + END)[0] == moment(1) + b" stdout F no newline\n"


def test_what_docker_can_not_read_is_told_apart_from_the_log() -> None:
    message = b"Error grabbing logs: unexpected EOF\n"
    broken = struct.pack(">BxxxI", 3, len(message)) + message
    lines, parser = parse(chunk(frame(1, 1, b"one\n")) + chunk(broken) + END)
    assert lines == moment(1) + b" stdout F one\n"
    assert parser.errors == ["Error grabbing logs: unexpected EOF"]


@pytest.mark.parametrize("data", [b"<html>\r\nnot docker\r\n", chunk(b"\x09" * 8 + b"x" * 0x09090909)[:100]])
def test_what_is_not_dockers_stream_is_refused_or_never_complete(data: bytes) -> None:
    try:
        lines, parser = parse(data)
    except BadStream:
        return
    assert lines == b"" and not parser.complete


texts = st.one_of(
    st.binary(max_size=12).map(lambda text: text.replace(b"\n", b"") + b"\n"),
    st.sampled_from([b"\r\n", b"a\r\rb\r\n", b"\n", b"5\r\r\n", b"piece", b"x" * 200]),
    # Lengths whose own bytes look like line ends.
    st.sampled_from([0x0D0A, 0x010A, 0x0A0D]).map(lambda length: b"y" * (length - 32) + b"\n"),
)
entries = st.lists(st.tuples(st.sampled_from([1, 2]), texts), max_size=12)


@given(entries, st.lists(st.integers(1, 120), max_size=12))
def test_how_the_connection_cuts_the_stream_makes_no_difference(
    given_entries: list[tuple[int, bytes]], sizes: list[int]
) -> None:
    frames = [frame(stream, number, text) for number, (stream, text) in enumerate(given_entries)]
    chunked = b"".join(map(chunk, frames)) + END
    # The plain body is read frame by frame: what the splitting in bulk must agree with.
    expected, _ = parse(b"".join(frames), [1] * 7, chunked=False)
    assert parse(chunked)[0] == expected
    cut, parser = parse(chunked, sizes)
    assert (cut, parser.complete) == (expected, True)


@given(entries, st.data())
def test_reading_again_from_any_stored_time_yields_the_same_lines_again(
    given_entries: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    frames = [frame(stream, number, text) for number, (stream, text) in enumerate(given_entries)]
    lines = parse(b"".join(map(chunk, frames)) + END)[0].split(b"\n")[:-1]
    if not lines:
        return
    chosen = data.draw(st.integers(0, len(lines) - 1))
    since = next(n for n in range(len(frames)) if lines[chosen].startswith(moment(n)))
    again = parse(b"".join(map(chunk, frames[since:])) + END)[0].split(b"\n")[:-1]
    assert again == lines[chosen:]
