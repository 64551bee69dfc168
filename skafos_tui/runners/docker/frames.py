"""From the bytes of Docker's log stream to log lines in the format of DESIGN 5; pure, and fast in bulk.

The body of `/containers/x/logs?timestamps=1` without a TTY is a row of frames: a stream number (1 stdout, 2 stderr, 3
Docker's own errors), three zero bytes, the length of the rest (4 bytes, big endian), then `<30 characters of RFC 3339>
<text>`. Docker cuts lines at 16 KiB: a frame without a newline is a piece of a line, and the rest follows.

Docker flushes after every frame, so in HTTP's chunked encoding a chunk is a frame. Splitting a whole buffer and
comparing lengths costs a fifth of walking through it. The encoding also tells a complete log from a cut connection,
which a body that ends with the connection does not.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

HEADER = 8
TIME = 30
MAX_LINE = 1 << 20
"""Longer lines are handed on in parts of at most this many bytes, all but the last tagged P."""

_TAGS = {1: b" stdout ", 2: b" stderr "}
_WHOLE = {1: b" stdout F", 2: b" stderr F"}
_SYSTEM_ERROR = 3


class BadStream(Exception):
    """The bytes are not what Docker sends: something else answers there, or the parser lost its place."""


@dataclass(slots=True)
class _Piece:
    """The beginning of a line whose end hasn't come."""

    time: bytes
    text: bytearray


@dataclass(slots=True)
class LogParser:
    """Takes what the connection delivers, in pieces of any size, and returns complete lines.

    Pieces of a line are joined, with the time of the first. When the other stream speaks in between, what is there is
    handed on as P: so lines come out in the order of their times, and reading again from any of these times yields the
    same lines again, which is what resuming after a crash relies on.
    """

    chunked: bool = True
    complete: bool = False
    """Whether Docker said that this is the end."""
    errors: list[str] = field(default_factory=list)
    """What Docker said about parts of the log that it can't read."""
    _raw: bytes = b""
    _body: bytes = b""
    _pieces: dict[int, _Piece] = field(default_factory=dict)

    def feed(self, data: bytes) -> bytes:
        """The lines that `data` completes. Raises BadStream."""
        if not self.chunked:
            self._body += data
            return self._frames()
        if self._raw:
            data = self._raw + data
            self._raw = b""
        if not self._body and not self._pieces:
            lines = self._in_bulk(data)
            if lines is not None:
                return lines
        self._dechunk(data)
        return self._frames()

    @property
    def has_piece(self) -> bool:
        """Whether the beginning of a line waits for its end."""
        return bool(self._pieces)

    def finish(self) -> bytes:
        """What is left of an ended container's log: a line that never got its end counts as whole."""
        out: list[bytes] = []
        for stream in list(self._pieces):
            self._flush(stream, b"F", out)
        return b"".join(out)

    def _in_bulk(self, data: bytes) -> bytes | None:
        """All whole chunks at once if each is one frame with one whole line; None where it isn't so."""
        parts = data.split(b"\r\n")
        count = (len(parts) - 1) // 2
        if count == 0:
            return None
        frames = parts[1 : 2 * count : 2]
        lengths = list(map(len, frames))
        try:
            if [int(size, 16) for size in parts[0 : 2 * count : 2]] != lengths:
                return None
        except ValueError:
            return None
        at_end = lengths[-1] == 0
        if at_end:
            frames.pop()
            lengths.pop()
            count -= 1
        headers = b"".join([frame[:HEADER] for frame in frames])
        if len(headers) != HEADER * count:
            return None
        numbers = struct.unpack(f">{2 * count}I", headers)
        if list(numbers[1::2]) != [length - HEADER for length in lengths]:
            return None
        streams = set(headers[::HEADER])
        if not streams <= _WHOLE.keys():
            return None
        start, stop = HEADER, HEADER + TIME
        if len(streams) == 1:
            tag = _WHOLE[streams.pop()]
            lines = b"".join([frame[start:stop] + tag + frame[stop:] for frame in frames])
        else:
            lines = b"".join([frame[start:stop] + _WHOLE[frame[0]] + frame[stop:] for frame in frames])
        if lines.count(b"\n") != count:
            return None
        self._raw = b"\r\n".join(parts[2 * (count + at_end) :])
        self.complete = at_end
        return lines

    def _dechunk(self, data: bytes) -> None:
        position = 0
        out = [self._body]
        while not self.complete:
            end = data.find(b"\r\n", position)
            if end < 0:
                break
            try:
                size = int(data[position:end].partition(b";")[0], 16)
            except ValueError:
                raise BadStream("the log stream is not in HTTP's chunked encoding") from None
            following = end + 2 + size
            if len(data) < following + 2:
                break
            self.complete = size == 0
            out.append(data[end + 2 : following])
            position = following + 2
        self._raw = data[position:]
        self._body = b"".join(out)

    def _frames(self) -> bytes:
        body = self._body
        position = 0
        out: list[bytes] = []
        while len(body) - position >= HEADER:
            stream, length = struct.unpack_from(">BxxxI", body, position)
            end = position + HEADER + length
            if end > len(body):
                break
            self._frame(stream, body[position + HEADER : end], out)
            position = end
        self._body = body[position:]
        return b"".join(out)

    def _frame(self, stream: int, payload: bytes, out: list[bytes]) -> None:
        if stream == _SYSTEM_ERROR:
            self.errors.append(payload.decode(errors="replace").strip())
            return
        if stream not in _TAGS:
            raise BadStream(f"the log stream has a frame of the unknown stream {stream}")
        if payload[TIME : TIME + 1] != b" ":
            raise BadStream("a line of the log stream has no time")
        time, text = payload[:TIME], payload[TIME + 1 :]
        for other in [key for key in self._pieces if key != stream]:
            self._flush(other, b"P", out)
        piece = self._pieces.get(stream)
        if piece is not None and len(piece.text) + len(text) > MAX_LINE:
            self._flush(stream, b"P", out)
            piece = None
        if piece is None:
            if text.endswith(b"\n"):
                out.append(b"".join((time, _TAGS[stream], b"F ", text)))
            else:
                self._pieces[stream] = _Piece(time, bytearray(text))
            return
        piece.text += text
        if text.endswith(b"\n"):
            piece.text.pop()
            self._flush(stream, b"F", out)

    def _flush(self, stream: int, tag: bytes, out: list[bytes]) -> None:
        piece = self._pieces.pop(stream)
        out.append(b"".join((piece.time, _TAGS[stream], tag, b" ", piece.text, b"\n")))
