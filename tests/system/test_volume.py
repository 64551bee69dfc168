"""A million lines as fast as a container can print them (SPEC 8, DESIGN 4.6)."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from system import Person

pytestmark = pytest.mark.docker
LINES = 1_000_000
PRINTER = f"""
import sys
for start in range(0, {LINES}, 1000):
    stream = sys.stderr if start % 10_000 == 0 else sys.stdout
    stream.write("".join(f"line {{n:07d}} of the flood\\n" for n in range(start, start + 1000)))
    stream.flush()
"""


def test_a_million_lines_are_stored_in_order_with_their_streams_and_found_at_once(person: Person) -> None:
    person.job("Flood", PRINTER)
    run = person.start()
    shown = person.finished(run, 240)
    assert shown["state"] == "succeeded"
    person.collected(run, 240)
    path = Path(shown["tasks"][0]["attempts"][0]["log"])
    seen: dict[str, list[int]] = {"stdout": [], "stderr": []}
    with path.open() as file:
        for line in file:
            _, stream, tag, text = line.rstrip("\n").split(" ", 3)
            assert tag == "F", line
            seen[stream].append(int(text[5:12]))
    # Docker itself orders the two streams against each other only roughly; within a stream the order is exact.
    assert seen["stdout"] == [n for n in range(LINES) if n // 1000 % 10]
    assert seen["stderr"] == [n for n in range(LINES) if not n // 1000 % 10]
    begin = time.monotonic()
    tail = person.skafos("logs", "-n", "5")
    tail_s = time.monotonic() - begin
    assert [line.split()[-4] for line in tail.stdout.splitlines()] == [f"{n:07d}" for n in range(LINES - 5, LINES)]
    begin = time.monotonic()
    found = person.skafos("logs", "--grep", "line 0777777 ")
    grep_s = time.monotonic() - begin
    assert found.stdout.count("0777777") == 1
    # At once: within what a person doesn't notice as waiting, with a wide margin for a busy machine.
    assert max(tail_s, grep_s) < 5
    assert subprocess.run(["wc", "-l", str(path)], capture_output=True, check=True).stdout.split()[0] == b"1000000"
