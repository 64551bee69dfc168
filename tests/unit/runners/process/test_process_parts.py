"""The pure parts of the process runner: variables, places, code archives, cores, memory."""

from __future__ import annotations

import os
import signal
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.runners.base import AttemptSpec, BuildFailed, Mount
from skafos_tui.runners.identity import builder_identity, is_left_behind, start_of
from skafos_tui.runners.pip_settings import PipSettings
from skafos_tui.runners.process import files, limits, processes
from skafos_tui.runners.process.attempts import send
from skafos_tui.runners.process.builds import copy_file, environment_digest, unpack
from skafos_tui.runners.process.environment import job_environment
from skafos_tui.runners.process.places import Places, parts_of, remove_tree


def variables(own: dict[str, str], machine: dict[str, str], mounts: tuple[Mount, ...] = ()) -> dict[str, str]:
    segments = (Segment(SegmentKind.COMMAND, "true"),)
    spec = AttemptSpec("a", {}, "process/e-c", segments, own, mounts, cpu=1.0, memory=1 << 20)
    return job_environment(
        spec, Path("/h/attempts/a"), Path("/h/environments/e"), Path("/h/attempts/a/project"), machine
    )


def test_a_job_gets_little_of_the_engines_environment_and_all_of_its_own() -> None:
    machine = {"PATH": "/bin", "LC_ALL": "C", "TZ": "UTC", "https_proxy": "p", "AWS_SECRET": "s", "PYTHONPATH": "x"}
    found = variables({"MODE": "fast", "TZ": "Asia/Tokyo"}, machine)
    assert found == {
        "PATH": "/h/environments/e/bin:/bin",
        "VIRTUAL_ENV": "/h/environments/e",
        "HOME": "/h/attempts/a/home",
        "LC_ALL": "C",
        "TZ": "Asia/Tokyo",
        "https_proxy": "p",
        "MODE": "fast",
        "SKAFOS_ATTEMPT_DIRECTORY": "/h/attempts/a",
    }


def test_a_path_of_the_jobs_own_still_finds_its_python() -> None:
    assert variables({"PATH": "/opt/x"}, {"PATH": "/bin"})["PATH"] == "/h/environments/e/bin:/opt/x"
    assert variables({}, {})["PATH"].startswith("/h/environments/e/bin:/usr")


def test_places_in_a_container_become_places_on_this_machine() -> None:
    mounts = (Mount(Path("/s/data"), "/data"), Mount(Path("/s/secrets"), "/run/secrets", read_only=True))
    own = {"SKAFOS_DATA": "/data", "OUT": "/data/out", "OTHER": "/database", "CODE": "/project/x", "TEXT": "in /data"}
    found = variables(own, {}, mounts)
    assert [found[key] for key in own] == ["/s/data", "/s/data/out", "/database", "/h/attempts/a/project/x", "in /data"]
    assert found["SKAFOS_SECRETS"] == "/s/secrets"
    assert "SKAFOS_SECRETS" not in variables({}, {})


def test_references_of_other_runners_are_none_of_ours() -> None:
    assert parts_of("process/ab12-cd34") == ("ab12", "cd34")
    for reference in ("skafos/code:x-1", "process/ab12", "process/../x-y", "process/a-../y", "python:3.12-slim"):
        assert parts_of(reference) is None


@pytest.mark.parametrize("name", ["../x", "a/b", ".cores", "."])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no name"):
        Places(tmp_path).attempt(name)


def test_what_a_dead_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.make()
    ours = places.aside()
    uid, boot, pid, start = builder_identity().split(":")
    left = [f"{uid}:{boot}:{pid}:1{start}:aa", f"{uid}:another-boot:{pid}:{start}:bb", f"{uid}:{boot}:4194305:7:cc"]
    kept = [ours.name, f"{int(uid) + 1}:{boot}:{pid}:0:dd"]
    for name in (*left, *kept):
        (places.making / name / "deep").mkdir(parents=True)
    places.clean()
    assert sorted(path.name for path in places.making.iterdir()) == sorted(kept)
    assert not is_left_behind(builder_identity()) and start_of(os.getpid()) == start


def test_what_a_job_made_read_only_is_removed_as_well(tmp_path: Path) -> None:
    deep = tmp_path / "tree" / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    (tmp_path / "outside").mkdir(mode=0o500)
    (deep / "link").symlink_to(tmp_path / "outside")
    for path in (deep / "file", deep, deep.parent):
        path.chmod(0o500)
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o500


def archive(path: Path, *members: tuple[str, bytes, str]) -> Path:
    """An archive of (name, type, content or target)."""
    with tarfile.open(path, "w:gz") as out:
        for name, kind, text in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, 0o4755
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                entry.linkname = text
                out.addfile(entry)
            else:
                entry.size = len(text)
                out.addfile(entry, BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", tarfile.REGTYPE, "x")],
        [("/tmp/skafos-evil", tarfile.REGTYPE, "x")],
        [("a", tarfile.SYMTYPE, ".."), ("a/evil", tarfile.REGTYPE, "x")],
        [("a", tarfile.SYMTYPE, "/etc"), ("a/b/evil", tarfile.REGTYPE, "x")],
        [("a", tarfile.SYMTYPE, "../evil"), ("a", tarfile.REGTYPE, "x")],
        [("a", tarfile.LNKTYPE, "../../evil")],
    ],
)
def test_an_archive_can_not_write_or_read_outside(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    places = Places(tmp_path / "runner")
    places.make()
    with pytest.raises(BuildFailed, match="can't be unpacked"):
        unpack(places, archive(tmp_path / "a.tar.gz", *members), "digest")
    assert not (places.code / "digest").exists() and list(places.making.iterdir()) == []
    assert not list(tmp_path.rglob("evil")) and not Path("/etc/b").exists() and not Path("/tmp/skafos-evil").exists()


def test_code_is_unpacked_read_only_with_its_links_and_its_programs(tmp_path: Path) -> None:
    places = Places(tmp_path / "runner")
    places.make()
    members = (
        ("./main.py", tarfile.REGTYPE, "print()"),
        ("data/x.csv", tarfile.REGTYPE, "1"),
        ("same.csv", tarfile.LNKTYPE, "data/x.csv"),
        ("elsewhere", tarfile.SYMTYPE, "/var/lib/big"),
    )
    unpack(places, archive(tmp_path / "a.tar.gz", *members), "digest")
    root = places.code / "digest"
    assert (root / "main.py").stat().st_mode & 0o7777 == 0o555
    assert (root / "same.csv").read_text() == "1"
    assert str((root / "elsewhere").readlink()) == "/var/lib/big"
    copy_file(str(root / "main.py"), str(tmp_path / "copy"))
    assert (tmp_path / "copy").stat().st_mode & 0o7777 == 0o755
    (tmp_path / "copy").write_text("changed")
    assert (root / "main.py").read_text() == "print()"


def test_an_environment_depends_on_what_decides_it() -> None:
    def settings(*decisive: tuple[str, str]) -> PipSettings:
        return PipSettings({}, None, (), (), decisive)

    plain = environment_digest("numpy\n", settings(), "c1")
    assert environment_digest("numpy\n", settings(), "c2") == plain
    assert environment_digest("numpy\n", settings(("index-url", "u")), "c1") != plain
    assert environment_digest("numpy==2\n", settings(), "c1") != plain
    assert environment_digest("-e .\n", settings(), "c1") != environment_digest("-e .\n", settings(), "c2")
    assert environment_digest("", settings(("index-url", "u")), "c1") == environment_digest("", settings(), "c2")


def test_attempts_are_spread_over_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda pid: {0, 1, 2, 5})
    chosen = []
    for number, cpu in enumerate([1.0, 0.5, 1.5, 2.0]):
        attempt = tmp_path / f"a{number}"
        attempt.mkdir()
        cores = limits.choose_cores(str(attempt), cpu)
        chosen.append(cores)
        content = {"pid": os.getpid(), "start": start_of(os.getpid()), "cores": cores}
        files.write_file(str(attempt / files.STARTED), content, durable=False)
    assert chosen == [[0], [1], [2, 5], [0, 1]]
    (tmp_path / "a2" / files.EXIT).touch()
    assert limits.choose_cores(str(tmp_path / "next"), 2.0) == [2, 5]
    assert limits.choose_cores(str(tmp_path / "next"), 3.5) == []


def test_memory_that_is_shared_counts_once_and_the_biggest_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    proportional = {1: 30, 2: 40}
    monkeypatch.setattr(processes, "descendants", lambda pid: [1, 2])
    monkeypatch.setattr(processes, "resident", lambda pids: {1: 90, 2: 80})
    monkeypatch.setattr(processes, "proportional", proportional.get)
    monkeypatch.setattr(processes, "kill", killed.extend)
    watch = limits.MemoryWatch(100)
    watch.look()
    assert (killed, watch.killed, watch.peak) == ([], False, 70)
    proportional[2] = 75
    watch.look()
    assert (killed, watch.killed, watch.peak) == ([2], True, 105)


def test_only_the_process_that_is_meant_is_signalled() -> None:
    other = subprocess.Popen(["sleep", "30"])
    try:
        start = start_of(other.pid)
        send(other.pid, f"{start}0", signal.SIGKILL)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.2)
        send(other.pid, start, signal.SIGKILL)
        assert other.wait() == -signal.SIGKILL
        send(other.pid, start, signal.SIGKILL)
    finally:
        other.kill()
        other.wait()
