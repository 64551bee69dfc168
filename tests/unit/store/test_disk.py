"""What counts as a full disk."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from skafos_tui.store import disk

MEBIBYTE = 1 << 20


def a_disk(monkeypatch: pytest.MonkeyPatch, *, total: int, free: int, files: int = 1000, files_free: int = 900) -> None:
    counts = {"f_frsize": 4096, "f_blocks": total // 4096, "f_bavail": free // 4096}
    found = SimpleNamespace(**counts, f_files=files, f_favail=files_free)
    monkeypatch.setattr(os, "statvfs", lambda path: found)


@pytest.mark.parametrize(
    ("total", "free", "short"),
    [
        (100 << 30, 64 * MEBIBYTE, False),
        (100 << 30, 64 * MEBIBYTE - 4096, True),
        (100 * MEBIBYTE, 5 * MEBIBYTE, False),
        (100 * MEBIBYTE, 5 * MEBIBYTE - 4096, True),
    ],
)
def test_new_work_needs_64_mib_or_a_twentieth_of_a_small_disk(
    total: int, free: int, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_disk(monkeypatch, total=total, free=free)
    assert bool(disk.shortage(Path("/home/ann"))) is short


def test_the_message_names_the_disk_and_both_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    a_disk(monkeypatch, total=100 << 30, free=3 * MEBIBYTE)
    assert disk.shortage(Path("/x")) == "the disk of /x is full: 3Mi free, new work needs 64Mi"


def test_a_disk_without_inodes_is_full_and_one_that_counts_none_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    a_disk(monkeypatch, total=100 << 30, free=50 << 30, files=1000, files_free=7)
    assert "room for 7 more files" in disk.shortage(Path("/x"))
    a_disk(monkeypatch, total=100 << 30, free=50 << 30, files=0, files_free=0)
    assert disk.shortage(Path("/x")) == ""


def test_a_full_disk_is_known_by_its_errors_and_by_what_they_come_from(tmp_path: Path) -> None:
    assert disk.is_full(OSError(errno.ENOSPC, "no"))
    assert disk.is_full(OSError(errno.EDQUOT, "no"))
    assert not disk.is_full(OSError(errno.EIO, "no"))
    wrapped = RuntimeError("the files can't be copied")
    wrapped.__cause__ = OSError(errno.ENOSPC, "no")
    assert disk.is_full(wrapped)
    store = sqlite3.connect(tmp_path / "small.db")
    store.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as error:
        store.executescript("CREATE TABLE a (b); CREATE TABLE c (d);")
    store.close()
    assert disk.is_full(error.value)


def test_the_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    assert not disk.takes_no_more(tmp_path)
    assert list(tmp_path.iterdir()) == []
