"""Lines that match, found beside the viewer by a process of its own, and told as they come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from skafos_tui.store.logs.finding import HITS, NEAR_FROM, NEAR_TO, RECORD
from skafos_tui.store.logs.hits import HitSet

MODULE = "skafos_tui.store.logs.finding"
_RECORDS = 512


class Term(NamedTuple):
    """A Python regular expression that a line's text must match."""

    pattern: str
    ignore_case: bool = False


class Finder:
    """A search that is under way over logs that may grow; `close` ends it.

    What it finds it hands on in a thread of its own as batches for `take`, which the owner of `hits` calls.
    """

    def __init__(
        self, terms: Sequence[Term], logs: Sequence[tuple[Path, int]], told: Callable[[Finder, bytes], None]
    ) -> None:
        """`logs`: each with the line its reader is at. `told`: gets each batch (records), in another thread."""
        self.hits = [HitSet() for _ in logs]
        self._closed = False
        self._told = told
        self._done = [False] * len(logs)
        order = {"patterns": [list(term) for term in terms], "logs": [[str(path), line] for path, line in logs]}
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        self._thread = threading.Thread(target=self._read, args=(json.dumps(order).encode() + b"\n",), daemon=True)
        self._thread.start()

    @property
    def complete(self) -> bool:
        """Whether all that was there at the beginning has been searched."""
        return all(self._done)

    def take(self, batch: bytes) -> None:
        """Put what a batch says into `hits`."""
        for kind, log, number, bits in RECORD.iter_unpack(batch):
            hits = self.hits[log]
            if kind == HITS:
                hits.put(number, int.from_bytes(bits, "little"))
            elif kind == NEAR_FROM:
                hits.near = (number, number)
            elif kind == NEAR_TO:
                hits.near = (hits.near[0], number)
            else:
                hits.searched = number
                self._done[log] = True

    def close(self) -> None:
        """End the search and what it started; nothing is told afterwards."""
        if self._closed:
            return
        self._closed = True
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self._process.kill()
        self._thread.join()

    def _read(self, order: bytes) -> None:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(order)
            process.stdin.close()
        except BrokenPipeError:
            self._closed = True
        rest = b""
        descriptor = process.stdout.fileno()
        while chunk := os.read(descriptor, _RECORDS * RECORD.size):
            rest += chunk
            end = len(rest) // RECORD.size * RECORD.size
            if end and not self._closed:
                self._told(self, rest[:end])
            rest = rest[end:]
        process.stdout.close()
        process.wait()
