"""What a local attempt uses, from its cgroup's files and /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skafos_tui.runners.identity import start_of
from skafos_tui.runners.process.stats import look, memory_of


@pytest.mark.parametrize(
    ("usage", "cache"), [("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")]
)
def test_memory_is_what_the_cgroup_holds_without_inactive_cache(usage: str, cache: str, tmp_path: Path) -> None:
    (tmp_path / usage).write_text("1000\n")
    (tmp_path / "memory.stat").write_text(f"anon 600\n{cache} 300\n")
    assert memory_of([str(tmp_path / "cpu"), str(tmp_path)]) == 700


def test_without_a_cgroup_nothing_is_told_by_it(tmp_path: Path) -> None:
    assert memory_of([]) is None
    assert memory_of([str(tmp_path)]) is None


def test_a_pid_that_is_anothers_now_is_no_attempt() -> None:
    assert look(os.getpid(), "another start", (), 1) is None


def test_what_runs_below_the_shim_counts() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        found = look(os.getpid(), start_of(os.getpid()), (), 1 << 30)
    finally:
        child.communicate(b"\n")
    assert found is not None
    assert found.processes >= 1
    assert found.memory > 100_000
    assert found.memory_limit == 1 << 30
