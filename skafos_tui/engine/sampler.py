"""Samples what running attempts use: a stream of statistics for each, on a thread of its own, into metrics.db."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from skafos_tui.model.metrics import Sample
from skafos_tui.runners.base import Runner, RunnerError, RunnerUnreachable
from skafos_tui.store.metrics_writer import MetricsWriter, Origin

log = logging.getLogger(__name__)
AGAIN_S = 2.0
"""When a stream that ended before its attempt is begun again."""


class Sampler:
    """The streams of all running attempts. Nothing here waits, and nothing that fails here touches a run."""

    def __init__(self, writer: MetricsWriter, has_room: Callable[[], bool]) -> None:
        """Where `has_room` says no, the last of the disk is left to what runs must record."""
        self._writer = writer
        self._has_room = has_room
        self._streams: dict[str, threading.Event] = {}

    def begin(self, origin: Origin, runner: Runner) -> None:
        """Sample a running attempt until `end`; nothing happens where that is going on."""
        if origin.attempt in self._streams:
            return
        stop = self._streams[origin.attempt] = threading.Event()
        name = f"stats {origin.attempt}"
        threading.Thread(target=self._follow, args=(origin, runner, stop), name=name, daemon=True).start()

    def end(self, attempt: str) -> None:
        """The attempt is over, or no longer ours to watch."""
        stop = self._streams.pop(attempt, None)
        if stop is not None:
            stop.set()

    def close(self, *, write: bool = True) -> None:
        """End all streams, and write what they brought; blocks for as long as that takes."""
        for stop in self._streams.values():
            stop.set()
        self._streams.clear()
        self._writer.close(write=write)

    def _follow(self, origin: Origin, runner: Runner, stop: threading.Event) -> None:
        def sink(sample: Sample) -> None:
            if not stop.is_set() and self._has_room():
                self._writer.add(origin, sample)

        told = ""
        while not stop.is_set():
            try:
                runner.read_stats(origin.attempt, sink, stop)
            except RunnerUnreachable:
                # Whoever needs the runner's answer tells so; for us it is a gap in the samples.
                log.debug("%s is not sampled: its runner doesn't answer", origin.attempt)
            except RunnerError as error:
                if str(error) != told:
                    told = str(error)
                    log.warning("%s is not sampled: %s", origin.attempt, told)
            stop.wait(AGAIN_S)
