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


class Searcher:
    """The process of one search. It can be started before what it is to look for is known: its start takes a while.

    Whoever gets the process from `start` waits for its end; one that nobody needed is to be ended with `drop`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def start(self) -> subprocess.Popen[bytes] | None:
        """The process, started where it isn't yet; None after `end`."""
        with self._lock:
            if self._process is None and not self._ended:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", MODULE],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    process_group=0,
                )
            return self._process

    def start_soon(self) -> Searcher:
        """Start it in a thread: on a busy machine also that takes its time."""
        threading.Thread(target=self.start, daemon=True).start()
        return self

    def end(self) -> None:
        """End the process and what it has started, without waiting."""
        self._ended = True
        process = self._process
        if process is not None and process.poll() is None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return  # it has just ended by itself

    def drop(self) -> None:
        """End a process that was not needed."""
        self._ended = True
        threading.Thread(target=self._reap, daemon=True).start()

    def _reap(self) -> None:
        with self._lock:  # it may be about to start
            process = self._process
        if process is not None:
            self.end()
            with process:
                pass


class Finder:
    """A search that is under way over logs that may grow; `close` ends it.

    What it finds it hands on in a thread of its own as batches for `take`, which the owner of `hits` calls.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        logs: Sequence[tuple[Path, int]],
        told: Callable[[Finder, bytes], None],
        searcher: Searcher | None = None,
    ) -> None:
        """`logs`: each with the line its reader is at. `told`: gets each batch (records), in another thread.

        `searcher`: a process that waits for its order; without one it is started now.
        """
        self.hits = [HitSet() for _ in logs]
        self._closed = False
        self._told = told
        self._done = [False] * len(logs)
        order = {"patterns": [list(term) for term in terms], "logs": [[str(path), line] for path, line in logs]}
        self._searcher = searcher or Searcher()
        # Also the start of a process takes its time on a busy machine, and the owner is to wait for nothing.
        threading.Thread(target=self._run, args=(json.dumps(order).encode() + b"\n",), daemon=True).start()

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
        """End the search and what it started, without waiting; nothing is told afterwards."""
        self._closed = True
        self._searcher.end()

    def _run(self, order: bytes) -> None:
        process = self._searcher.start()
        if process is None:
            return
        if self._closed:
            self._searcher.end()  # it was started in the same moment
        with process:
            self._read(process, order)

    def _read(self, process: subprocess.Popen[bytes], order: bytes) -> None:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(order)
            process.stdin.flush()
        except BrokenPipeError:
            return  # it was ended meanwhile
        rest = b""
        descriptor = process.stdout.fileno()
        while chunk := os.read(descriptor, _RECORDS * RECORD.size):
            rest += chunk
            end = len(rest) // RECORD.size * RECORD.size
            if end and not self._closed:
                self._told(self, rest[:end])
            rest = rest[end:]
