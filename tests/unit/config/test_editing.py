"""Edits change only the bytes they must, and a save never overwrites what somebody else wrote."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skafos_tui.config.editing import EditConflict, apply_edits, save_text
from skafos_tui.model.diagnostic import Edit


def names(directory: Path) -> list[str]:
    """What lies in a directory."""
    return sorted(entry.name for entry in directory.iterdir())


@given(st.text(), st.data())
def test_edits_made_in_order_are_those_made_from_the_back(text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pairs = zip(places[::2], places[1::2], strict=False)
    edits = [Edit(start, end, data.draw(st.text(max_size=3))) for start, end in pairs]
    expected = text
    for edit in reversed(edits):
        expected = expected[: edit.start] + edit.replacement + expected[edit.end :]
    assert apply_edits(text, edits) == expected


@pytest.mark.parametrize(
    "edits",
    [
        (Edit(3, 4, ""), Edit(0, 1, "")),
        (Edit(0, 3, ""), Edit(2, 4, "")),
        (Edit(4, 7, ""),),
        (Edit(-1, 1, ""),),
        (Edit(3, 2, ""),),
    ],
)
def test_edits_that_overlap_or_leave_the_text_are_refused(edits: tuple[Edit, ...]) -> None:
    with pytest.raises(ValueError, match="sorted"):
        apply_edits("abcdef", edits)


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        (b"a: 1\r\n", "a: 2\r\n", b"a: 2\r\n"),
        (b"\xef\xbb\xbfa: 1\n", "\ufeffa: 2\n", b"\xef\xbb\xbfa: 2\n"),
        (b"\xef\xbb\xbfa: 1\n", "a: 2\n", b"\xef\xbb\xbfa: 2\n"),
        (b"", "\u00e4: \U0001f600", b"\xc3\xa4: \xf0\x9f\x98\x80"),
    ],
)
def test_a_save_keeps_line_ends_and_encoding(tmp_path: Path, before: bytes, text: str, after: bytes) -> None:
    path = tmp_path / "metis.config.yml"
    path.write_bytes(before)
    save_text(path, text, expected=before)
    assert path.read_bytes() == after
    assert names(tmp_path) == ["metis.config.yml"]


def test_a_save_keeps_the_mode_and_the_symlink(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yml", tmp_path / "sub" / "metis.config.yml"
    link.parent.mkdir()
    real.write_bytes(b"a")
    real.chmod(0o640)
    link.symlink_to(Path("..") / "real.yml")
    save_text(link, "b", expected=b"a")
    assert link.is_symlink()
    assert real.read_bytes() == b"b"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert names(link.parent) == ["metis.config.yml"]


@pytest.mark.parametrize(("may_give_away", "expected"), [(True, ["owner"]), (False, ["owner", "group"])])
def test_a_save_keeps_the_owner_or_at_least_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_give_away: bool, expected: list[str]
) -> None:
    path = tmp_path / "metis.config.yml"
    path.write_bytes(b"a")
    theirs = path.stat()
    asked = []

    def chown(descriptor: int, owner: int, group: int) -> None:
        assert group == theirs.st_gid
        assert owner in (theirs.st_uid, -1)
        asked.append("owner" if owner >= 0 else "group")
        if owner >= 0 and not may_give_away:
            raise PermissionError(1, "Operation not permitted")

    own = os.fstat

    def of_another_user(descriptor: int) -> os.stat_result:
        fields = list(own(descriptor))
        fields[4:6] = [theirs.st_uid + 1, theirs.st_gid + 1]
        return os.stat_result(fields)

    monkeypatch.setattr("os.fchown", chown)
    monkeypatch.setattr("os.fstat", of_another_user)
    save_text(path, "b", expected=b"a")
    monkeypatch.undo()
    assert asked == expected
    assert path.read_bytes() == b"b"


def _rewrite(path: Path) -> None:
    path.write_bytes(b"theirs")


def _replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(b"theirs")
    other.replace(path)


def _remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("meanwhile", [_rewrite, _replace, _remove])
def test_a_change_made_while_the_save_is_under_way_is_noticed_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Path], None]
) -> None:
    path = tmp_path / "metis.config.yml"
    path.write_bytes(b"mine")
    sync = os.fsync

    def synced(descriptor: int) -> None:
        sync(descriptor)
        meanwhile(path)

    monkeypatch.setattr("os.fsync", synced)
    with pytest.raises(EditConflict) as caught:
        save_text(path, "new", expected=b"mine")
    assert "metis.config.yml" in caught.value.message
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == ([] if meanwhile is _remove else [b"theirs"])


def test_a_save_that_fails_leaves_the_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metis.config.yml"
    path.write_bytes(b"mine")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_text(path, "new", expected=b"mine")
    assert path.read_bytes() == b"mine"
    assert names(tmp_path) == ["metis.config.yml"]
