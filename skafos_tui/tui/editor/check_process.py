"""One validation of a text, and a process that does it: texts go in, pickled answers come out."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from typing import IO, TYPE_CHECKING

from skafos_tui.tui.editor.findings import JobSpan

if TYPE_CHECKING:
    from skafos_tui.config.reader import ReadResult

Said = tuple["ReadResult", "tuple[JobSpan, ...] | None"]
_LENGTH = struct.Struct(">I")
MODULE = "skafos_tui.tui.editor.check_process"


class ProcessGone(Exception):
    """The process can't be started, or has ended."""


def check(directory: str, text: str) -> Said:
    """Validate a text as the config of a directory: what it says, and the rows of its jobs."""
    from skafos_tui.config.check_options import OptionsError, check_options
    from skafos_tui.config.files import DirectoryFiles
    from skafos_tui.config.reader import parse_config
    from skafos_tui.tui.editor.spans import job_spans

    try:
        options = check_options(text.encode("utf-8", "surrogatepass"))
    except OptionsError:
        # The settings are refused where they are used; here the ceilings are the usual ones.
        options = {}
    result = parse_config(text, files=DirectoryFiles(directory), **options)
    return result, job_spans(text)


class CheckProcess:
    """A process that validates texts as the config of a directory; it ends with this one, whatever ends it."""

    def __init__(self, directory: str) -> None:
        # `-P`: what stands in the working directory is never imported.
        command = [sys.executable, "-P", "-m", MODULE, directory]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/"
            )
        except OSError as error:
            raise ProcessGone from error

    def check(self, text: str) -> Said:
        """Validate a text; blocks until the answer is there. Raises ProcessGone."""
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None and writer is not None
        try:
            _write(writer, text.encode("utf-8", "surrogatepass"))
            answer = _read(reader)
        except (OSError, ValueError) as error:
            raise ProcessGone from error
        if answer is None:
            raise ProcessGone
        said: Said = pickle.loads(answer)
        return said

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            try:
                stream.close()
            except OSError:
                pass  # what was under way has no reader any more


def main() -> None:
    """Answer until nobody asks any more."""
    directory = sys.argv[1]
    while (data := _read(sys.stdin.buffer)) is not None:
        _write(sys.stdout.buffer, pickle.dumps(check(directory, data.decode("utf-8", "surrogatepass"))))


def _write(stream: IO[bytes], data: bytes) -> None:
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """The next message; None where there is none any more."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return data if len(data) == length else None


if __name__ == "__main__":
    main()
