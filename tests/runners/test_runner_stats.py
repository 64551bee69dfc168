"""What `read_stats` promises, on each runner: samples of a running attempt that say what it really uses."""

from __future__ import annotations

import asyncio
import threading
import time
from itertools import pairwise

from runner_attempts import Attempts

from skafos_tui.model.metrics import Sample
from skafos_tui.runners.base import Runner

MEBIBYTE = 1 << 20
HELD = 60 * MEBIBYTE
BURNT_S = 1.0
"""Seconds of a processor that a child uses up, and then its parent."""
BURN = f"import time\nwhile time.process_time() < {BURNT_S}: pass"
BUSY = f"""
import subprocess, sys, time
held = bytearray(b"x") * {HELD}
subprocess.run([sys.executable, "-c", {BURN!r}])
{BURN}
print("done", flush=True)
time.sleep(60)
"""


class Reading:
    """A thread that reads the samples of an attempt."""

    def __init__(self, runner: Runner, name: str) -> None:
        self.samples: list[Sample] = []
        self.stop = threading.Event()
        self.first = threading.Event()
        self.over = threading.Event()
        self._runner = runner
        self._name = name
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        self._runner.read_stats(self._name, self._take, self.stop)
        self.over.set()

    def _take(self, sample: Sample) -> None:
        self.samples.append(sample)
        self.first.set()


async def test_samples_come_every_second_and_show_processor_and_memory_also_of_children_that_ended(
    runner: Runner, attempts: Attempts
) -> None:
    name = await attempts.started(attempts.python(BUSY))
    reading = Reading(runner, name)
    await attempts.printed(name, "done")
    await asyncio.sleep(1.2)
    reading.stop.set()
    assert await asyncio.to_thread(reading.over.wait, 2.5)
    samples = reading.samples
    assert len(samples) >= 3
    gaps = [later.at - sooner.at for sooner, later in pairwise(samples)]
    assert 0.7 < sorted(gaps)[len(gaps) // 2] < 1.5
    assert [one.cpu_s for one in samples] == sorted(one.cpu_s for one in samples)
    # The kernel counts a process's time in ticks of 10 ms.
    assert 2 * BURNT_S - 0.1 < samples[-1].cpu_s < 4 * BURNT_S
    assert HELD < max(one.memory for one in samples) < HELD + 60 * MEBIBYTE
    assert {one.memory_limit for one in samples} == {256 * MEBIBYTE}
    assert max(one.processes for one in samples) >= 2
    assert abs(samples[-1].at - time.time()) < 10


async def test_reading_ends_when_the_attempt_does(runner: Runner, attempts: Attempts) -> None:
    name = await attempts.started(attempts.python("import time; time.sleep(60)"))
    reading = Reading(runner, name)
    assert await asyncio.to_thread(reading.first.wait, 5)
    await runner.signal(name, "SIGKILL")
    await attempts.ended(name)
    assert await asyncio.to_thread(reading.over.wait, 5)


async def test_of_an_attempt_that_is_over_or_was_never_there_nothing_is_read(
    runner: Runner, attempts: Attempts
) -> None:
    spec = attempts.python("pass")
    await attempts.run(spec)
    samples: list[Sample] = []
    for name in (spec.name, "skafos-never-there"):
        await asyncio.to_thread(runner.read_stats, name, samples.append, threading.Event())
    assert samples == []
