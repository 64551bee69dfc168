"""The watch of the configs on real files: what editors do to them, what networks hide, and what tells nothing."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from skafos_tui.config.reader import CONFIG_NAME
from skafos_tui.config.source import MAX_BYTES
from skafos_tui.engine import config_glance
from skafos_tui.engine import watch as watch_module
from skafos_tui.engine.config_glance import Trace
from skafos_tui.engine.directory_events import DirectoryEvents, Happened, WatchfilesEvents
from skafos_tui.engine.watch import SETTLE_S, ConfigWatch, Sighting, SightingKind

CHANGED, CONFIG_GONE = SightingKind.CHANGED, SightingKind.CONFIG_GONE
DIRECTORY_GONE, DIRECTORY_BACK = SightingKind.DIRECTORY_GONE, SightingKind.DIRECTORY_BACK
PATIENCE_S = 8.0
OLD = 1


def version(number: int, lines: int = 40) -> bytes:
    """A text that shows whether it is whole: its last line is the checksum of the others."""
    body = b"".join(b"%d: line %d of version %d\n" % (number, line, number) for line in range(lines))
    return body + b"sum " + hashlib.sha256(body).hexdigest().encode() + b"\n"


def number_of(content: bytes) -> int:
    """The number of a whole version; AssertionError for a torn one."""
    body, _, checksum = content.rpartition(b"sum ")
    assert hashlib.sha256(body).hexdigest().encode() + b"\n" == checksum, f"a torn text was told: {content!r}"
    return int(content.split(b":", 1)[0])


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Notes:
    """Takes down what is told, in order."""

    def __init__(self) -> None:
        self.told: list[Sighting] = []
        self._more = asyncio.Event()

    async def tell(self, sighting: Sighting) -> None:
        self.told.append(sighting)
        self._more.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not enough():
                self._more.clear()
                await self._more.wait()

    async def until_version(self, number: int) -> list[Sighting]:
        """What was told up to a version's content."""
        await self.until(lambda: any(s.content == version(number) for s in self.told))
        return self.told

    async def until_kinds(self, *kinds: SightingKind) -> None:
        await self.until(lambda: len(self.told) >= len(kinds))
        assert [sighting.kind for sighting in self.told] == list(kinds)

    @property
    def versions(self) -> list[int]:
        return [number_of(sighting.content) for sighting in self.told if sighting.kind is CHANGED]


def refuse(happened: Happened) -> DirectoryEvents:
    """A system that has no more watches to give."""
    raise OSError(errno.EMFILE, "Too many open files")


@asynccontextmanager
async def running(watch: ConfigWatch) -> AsyncIterator[None]:
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()


@asynccontextmanager
async def watching(
    directory: Path,
    *,
    seen: str | None = None,
    poll_s: float = 60.0,
    events: Callable[[Happened], DirectoryEvents] = WatchfilesEvents,
) -> AsyncIterator[Notes]:
    """One project, watched; begins when what stands there is known and its directory is watched."""
    notes, ready = Notes(), Notes()

    async def tell(sighting: Sighting) -> None:
        await (notes if sighting.project == "p" else ready).tell(sighting)

    watch = ConfigWatch(tell, poll_s=poll_s, events=events)
    watch.watch("p", directory, digest(version(OLD)) if seen is None else seen)
    watch.watch("ready", directory, "nothing like it")
    async with running(watch):
        await ready.until(lambda: bool(ready.told))
        yield notes


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what no sighting tells."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def make_project(directory: Path, content: bytes) -> None:
    directory.mkdir()
    (directory / CONFIG_NAME).write_bytes(content)


def move(old: Path, new: Path) -> None:
    old.rename(new)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with the first version of a config."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / CONFIG_NAME).write_bytes(version(OLD))
    return directory


# The habits of editors -------------------------------------------------------------------------------------------


def vim(config: Path, content: bytes) -> None:
    probe = config.with_name("4913")
    probe.touch()
    probe.unlink()
    backup = config.with_name(f"{config.name}~")
    config.rename(backup)
    config.write_bytes(content)
    backup.unlink()


def nano(config: Path, content: bytes) -> None:
    config.write_bytes(content)


def emacs(config: Path, content: bytes) -> None:
    lock = config.with_name(f".#{config.name}")
    lock.symlink_to("somebody@somewhere.4711:1")
    config.with_name(f"#{config.name}#").write_bytes(content[:50])
    config.rename(config.with_name(f"{config.name}~"))
    config.write_bytes(content)
    config.with_name(f"#{config.name}#").unlink()
    lock.unlink()


def vs_code(config: Path, content: bytes) -> None:
    with config.open("r+b", buffering=0) as file:
        file.truncate(0)
        file.write(content)


def jetbrains(config: Path, content: bytes) -> None:
    new, old = config.with_name(f"{config.name}___jb_tmp___"), config.with_name(f"{config.name}___jb_old___")
    new.write_bytes(content)
    config.rename(old)
    new.rename(config)
    old.unlink()


def sed_in_place(config: Path, content: bytes) -> None:
    wanted = config.with_name("wanted")
    wanted.write_bytes(content)
    subprocess.run(["sed", "-i", "-e", f"1r {wanted}", "-e", "1,$d", config], check=True)


def git_checkout(config: Path, content: bytes) -> None:
    config.unlink()
    config.write_bytes(content)


def copied_over(config: Path, content: bytes) -> None:
    other = config.with_name("other.yml")
    other.write_bytes(content)
    subprocess.run(["cp", other, config], check=True)


def moved_over(config: Path, content: bytes) -> None:
    other = config.with_name("other.yml")
    other.write_bytes(content)
    subprocess.run(["mv", other, config], check=True)


def slow_pieces(config: Path, content: bytes) -> None:
    third = len(content) // 3
    with config.open("wb", buffering=0) as file:
        for piece in (content[:third], content[third : 2 * third], content[2 * third :]):
            time.sleep(0.04)
            file.write(piece)


def away_for_a_moment(config: Path, content: bytes) -> None:
    config.unlink()
    time.sleep(0.1)
    config.write_bytes(content)


def empty_for_a_moment(config: Path, content: bytes) -> None:
    config.write_bytes(b"")
    time.sleep(0.1)
    config.write_bytes(content)


HABITS = (
    vim,
    nano,
    emacs,
    vs_code,
    jetbrains,
    sed_in_place,
    git_checkout,
    copied_over,
    moved_over,
    slow_pieces,
    away_for_a_moment,
    empty_for_a_moment,
)


@pytest.mark.parametrize("save", HABITS, ids=lambda save: save.__name__)
async def test_a_save_is_told_once_and_whole_however_an_editor_does_it(
    project: Path, save: Callable[[Path, bytes], None]
) -> None:
    async with watching(project) as notes:
        for number in (2, 3):
            await asyncio.to_thread(save, project / CONFIG_NAME, version(number))
            await notes.until_version(number)
        assert notes.versions == [2, 3]
        assert notes.told[0] == Sighting("p", project, CHANGED, version(2), digest(version(2)))


@pytest.mark.parametrize("events", [WatchfilesEvents, refuse], ids=["watchfiles", "polling"])
async def test_every_habit_is_found_by_the_other_ways_of_looking_too(
    project: Path, events: Callable[[Happened], DirectoryEvents]
) -> None:
    poll_s = 0.1 if events is refuse else 60.0
    async with watching(project, events=events, poll_s=poll_s) as notes:
        for number, save in enumerate(HABITS, start=2):
            await asyncio.to_thread(save, project / CONFIG_NAME, version(number))
            await notes.until_version(number)
        assert notes.versions == list(range(2, len(HABITS) + 2))


def by_rename(config: Path, content: bytes) -> None:
    other = config.with_name("new")
    other.write_bytes(content)
    other.replace(config)


def in_two_writes(config: Path, content: bytes) -> None:
    with config.open("wb", buffering=0) as file:
        file.write(content[:700])
        file.write(content[700:])


@pytest.mark.parametrize("save", [by_rename, in_two_writes], ids=["renamed", "in place"])
async def test_of_a_thousand_edits_in_a_burst_the_last_is_told_and_none_is_torn(
    project: Path, save: Callable[[Path, bytes], None]
) -> None:
    def burst() -> None:
        for number in range(2, 1002):
            save(project / CONFIG_NAME, version(number))
            if number % 100 == 0:
                time.sleep(0.05)

    async with watching(project) as notes:
        await asyncio.to_thread(burst)
        await notes.until_version(1001)
        assert notes.versions == sorted(set(notes.versions))
        assert notes.versions[-1] == 1001


async def test_a_text_is_not_told_while_its_writer_still_has_it_open(project: Path) -> None:
    content, config = version(2), project / CONFIG_NAME
    async with watching(project, poll_s=0.02) as notes:
        with config.open("wb", buffering=0) as file:
            file.write(content[:200])
            await asyncio.sleep(0.3)
            file.write(content[200:])
        await notes.until_version(2)
        assert notes.versions == [2]


async def test_a_program_that_never_closes_the_file_delays_it_by_two_seconds_at_most(project: Path) -> None:
    async with watching(project, poll_s=0.02) as notes:
        with (project / CONFIG_NAME).open("wb", buffering=0) as file:
            file.write(version(2))
            await notes.until_version(2)


async def test_no_text_counts_before_it_has_been_quiet_for_a_moment(project: Path) -> None:
    for save in (in_two_writes, by_rename):
        async with watching(project, seen="", poll_s=0.01) as notes:
            await notes.until(lambda told=notes.told: bool(told))  # type: ignore[misc]
            began = time.monotonic()
            save(project / CONFIG_NAME, b"from " + save.__name__.encode() * 200)
            await notes.until(lambda told=notes.told: len(told) == 2)  # type: ignore[misc]
            assert time.monotonic() - began >= SETTLE_S


# Nothing new -----------------------------------------------------------------------------------------------------


async def test_what_leaves_the_content_as_it_was_tells_nothing(project: Path) -> None:
    config = project / CONFIG_NAME
    async with watching(project, poll_s=0.05) as notes:
        config.touch()
        config.chmod(0o600)
        by_rename(config, version(OLD))
        nano(config, version(OLD))
        await asyncio.sleep(0.15)
        nano(config, version(2))
        await notes.until_version(2)
        assert notes.versions == [2]


async def test_swap_and_backup_files_and_other_files_tell_nothing(project: Path) -> None:
    async with watching(project) as notes:
        for name in (f".{CONFIG_NAME}.swp", f"{CONFIG_NAME}~", f"#{CONFIG_NAME}#", f"{CONFIG_NAME}.bak", "train.py"):
            (project / name).write_bytes(version(7))
            (project / name).unlink()
        (project / "data").mkdir()
        (project / "data" / CONFIG_NAME).write_bytes(version(8))
        nano(project / CONFIG_NAME, version(2))
        await notes.until_version(2)
        assert notes.versions == [2]


async def test_a_change_that_was_taken_back_at_once_tells_nothing(project: Path) -> None:
    config = project / CONFIG_NAME
    async with watching(project) as notes:
        nano(config, version(2))
        nano(config, version(OLD))
        await asyncio.sleep(0.1)
        nano(config, version(3))
        await notes.until_version(3)
        assert notes.versions == [3]


# What happened while nobody watched, and what no event tells ------------------------------------------------------


async def test_what_changed_before_the_watch_began_is_told(project: Path) -> None:
    async with watching(project, seen="") as notes:
        await notes.until_version(OLD)


@pytest.mark.parametrize("seen", ["", "something"])
async def test_a_config_that_is_not_there_is_told_unless_that_was_seen(tmp_path: Path, seen: str) -> None:
    notes = Notes()
    watch = ConfigWatch(notes.tell, poll_s=60)
    watch.watch("p", tmp_path, seen)
    async with running(watch):
        if seen:
            await notes.until_kinds(CONFIG_GONE)
        (tmp_path / CONFIG_NAME).write_bytes(version(2))
        await notes.until_version(2)
        assert [s.kind for s in notes.told] == ([CONFIG_GONE, CHANGED] if seen else [CHANGED])


class Deaf:
    """Events that never come, as on a network mount."""

    def __init__(self, happened: Happened) -> None:
        pass

    def watch(self, directories: object) -> None:
        pass

    def close(self) -> None:
        pass


async def test_what_no_event_tells_is_found_by_looking(project: Path) -> None:
    async with watching(project, events=Deaf, poll_s=0.1) as notes:
        same_size = version(OLD).replace(b"version 1", b"version 9")
        for content in (version(2), same_size, version(3)):
            nano(project / CONFIG_NAME, content)
            await notes.until(lambda expected=content: notes.told and notes.told[-1].content == expected)  # type: ignore[misc]
        assert [sighting.content for sighting in notes.told] == [version(2), same_size, version(3)]


async def test_a_second_change_under_the_same_coarse_time_is_found_by_looking(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = config_glance.trace_of

    def coarse(directory: str) -> Trace:
        trace = fine(directory)
        assert trace.file is not None
        *identity, modified, changed = trace.file
        tick = 2 * 10**9
        return trace._replace(file=(*identity, modified // tick * tick, changed // tick * tick))  # type: ignore[arg-type]

    monkeypatch.setattr(config_glance, "trace_of", coarse)
    monkeypatch.setattr(watch_module, "trace_of", coarse)
    async with watching(project, events=Deaf, poll_s=0.02) as notes:
        for number in (2, 3, 4, 5):
            nano(project / CONFIG_NAME, version(number))
            await notes.until_version(number)


async def test_a_system_without_watches_to_give_is_said_once(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        notes = Notes()
        watch = ConfigWatch(notes.tell, poll_s=0.05, events=refuse)
        watch.watch("p", project, digest(version(OLD)))
        async with running(watch):
            for number in (2, 3):
                nano(project / CONFIG_NAME, version(number))
                await notes.until_version(number)
            watch.watch("q", project, "")
            await notes.until(lambda: notes.told[-1].project == "q")
    assert len([record for record in caplog.records if "no more file changes" in record.message]) == 1


# Gone and back ---------------------------------------------------------------------------------------------------


async def test_a_deleted_config_is_told_and_so_is_its_return_with_the_same_content(project: Path) -> None:
    config = project / CONFIG_NAME
    async with watching(project) as notes:
        config.unlink()
        await notes.until_kinds(CONFIG_GONE)
        assert notes.told[0] == Sighting("p", project, CONFIG_GONE)
        config.write_bytes(version(OLD))
        await notes.until_kinds(CONFIG_GONE, CHANGED)


async def test_an_emptied_config_is_told_as_empty(project: Path) -> None:
    async with watching(project) as notes:
        began = time.monotonic()
        nano(project / CONFIG_NAME, b"")
        await notes.until_kinds(CHANGED)
        assert (notes.told[0].content, notes.told[0].digest) == (b"", digest(b""))
        assert time.monotonic() - began >= 0.3


async def test_a_directory_moved_away_and_back_is_told_without_its_unchanged_content(project: Path) -> None:
    away = project.with_name("away")
    async with watching(project) as notes:
        move(project, away)
        await notes.until_kinds(DIRECTORY_GONE)
        move(away, project)
        await notes.until_kinds(DIRECTORY_GONE, DIRECTORY_BACK)
        nano(project / CONFIG_NAME, version(2))
        await notes.until_kinds(DIRECTORY_GONE, DIRECTORY_BACK, CHANGED)


@pytest.mark.parametrize("back", [True, False])
async def test_after_a_restart_a_directory_that_was_gone_is_told_when_it_is_back(project: Path, back: bool) -> None:
    directory, notes = project if back else project.with_name("away"), Notes()
    watch = ConfigWatch(notes.tell, poll_s=60)
    watch.watch("p", directory, digest(version(OLD)), gone=True)
    async with running(watch):
        if not back:
            await asyncio.sleep(0.1)
            assert notes.told == []
            move(project, directory)
        await notes.until_kinds(DIRECTORY_BACK)


async def test_a_directory_deleted_and_made_anew_is_watched_again(project: Path) -> None:
    async with watching(project) as notes:
        shutil.rmtree(project)
        await notes.until_kinds(DIRECTORY_GONE)
        make_project(project, version(2))
        await notes.until_kinds(DIRECTORY_GONE, DIRECTORY_BACK, CHANGED)
        nano(project / CONFIG_NAME, version(3))
        await notes.until_version(3)
        assert notes.versions == [2, 3]


async def test_a_directory_replaced_at_once_is_watched_in_its_new_place(project: Path) -> None:
    new = project.with_name("new")
    shutil.copytree(project, new)
    nano(new / CONFIG_NAME, version(2))
    async with watching(project, poll_s=0.2) as notes:
        move(project, project.with_name("old"))
        move(new, project)
        await notes.until_version(2)
        nano(project / CONFIG_NAME, version(3))
        await notes.until_version(3)
        assert notes.versions == [2, 3]


async def test_a_directory_whose_parent_moved_is_found_by_looking(tmp_path: Path) -> None:
    project = tmp_path / "a" / "b" / "project"
    project.mkdir(parents=True)
    nano(project / CONFIG_NAME, version(OLD))
    async with watching(project, poll_s=0.1) as notes:
        move(tmp_path / "a", tmp_path / "z")
        await notes.until_kinds(DIRECTORY_GONE)
        move(tmp_path / "z", tmp_path / "a")
        await notes.until_kinds(DIRECTORY_GONE, DIRECTORY_BACK)


# Links -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("events", [WatchfilesEvents, refuse], ids=["watchfiles", "polling"])
async def test_a_linked_config_is_followed_to_its_file_and_when_the_link_is_changed(
    tmp_path: Path, events: Callable[[Happened], DirectoryEvents]
) -> None:
    project, first, second = tmp_path / "project", tmp_path / "first.yml", tmp_path / "far" / "second.yml"
    project.mkdir()
    second.parent.mkdir()
    first.write_bytes(version(OLD))
    second.write_bytes(version(3))
    link = project / CONFIG_NAME
    link.symlink_to("../first.yml")
    async with watching(project, events=events) as notes:
        by_rename(first, version(2))
        await notes.until_version(2)
        (project / "new").symlink_to(second)
        move(project / "new", link)
        await notes.until_version(3)
        nano(second, version(4))
        await notes.until_version(4)
        second.unlink()
        await notes.until_kinds(CHANGED, CHANGED, CHANGED, CONFIG_GONE)
        second.write_bytes(version(5))
        await notes.until_version(5)
        assert notes.versions == [2, 3, 4, 5]


async def test_a_link_on_the_way_to_the_file_is_followed_as_mounted_config_maps_have_it(tmp_path: Path) -> None:
    for number in (OLD, 2):
        (tmp_path / f"..{number}").mkdir()
        nano(tmp_path / f"..{number}" / CONFIG_NAME, version(number))
    (tmp_path / "..data").symlink_to(f"..{OLD}")
    (tmp_path / CONFIG_NAME).symlink_to(f"..data/{CONFIG_NAME}")
    async with watching(tmp_path) as notes:
        (tmp_path / "..new").symlink_to("..2")
        move(tmp_path / "..new", tmp_path / "..data")
        await notes.until_version(2)
        nano(tmp_path / "..2" / CONFIG_NAME, version(3))
        await notes.until_version(3)


async def test_a_linked_directory_is_followed_and_noticed_when_it_leads_elsewhere(
    project: Path, tmp_path: Path
) -> None:
    link, other = tmp_path / "link", tmp_path / "other"
    link.symlink_to(project)
    other.mkdir()
    nano(other / CONFIG_NAME, version(3))
    async with watching(link) as notes:
        vim(project / CONFIG_NAME, version(2))
        await notes.until_version(2)
        (tmp_path / "new").symlink_to(other)
        move(tmp_path / "new", link)
        await notes.until_version(3)
        vim(other / CONFIG_NAME, version(4))
        await notes.until_version(4)
        assert notes.versions == [2, 3, 4]
        assert {sighting.directory for sighting in notes.told} == {link}


# What can't be read ----------------------------------------------------------------------------------------------


def a_pipe(config: Path) -> None:
    os.mkfifo(config)


def a_directory(config: Path) -> None:
    config.mkdir()


def a_device(config: Path) -> None:
    config.symlink_to("/dev/zero")


def a_circle(config: Path) -> None:
    config.symlink_to(config.name)


@pytest.mark.parametrize("make", [a_pipe, a_directory, a_device, a_circle], ids=lambda make: make.__name__)
async def test_what_is_no_file_counts_as_unchanged_is_said_once_and_told_when_readable(
    project: Path, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    config = project / CONFIG_NAME
    async with watching(project, poll_s=0.05) as notes:
        config.unlink()
        make(config)
        await eventually(lambda: "can't be read" in caplog.text)
        await asyncio.sleep(0.15)
        config.rmdir() if config.is_dir() else config.unlink()
        nano(config, version(2))
        await notes.until_version(2)
        assert notes.versions == [2]
        assert [s.kind for s in notes.told] == [CHANGED]
    said = [record.getMessage() for record in caplog.records if "can't be read" in record.getMessage()]
    assert len(said) == 2, "once for each of the two projects that watch it"


async def test_a_huge_file_is_read_up_to_one_byte_more_than_allowed(project: Path) -> None:
    async with watching(project) as notes:
        nano(project / CONFIG_NAME, b"#" * (MAX_BYTES + 5000))
        await notes.until_kinds(CHANGED)
        assert len(notes.told[0].content) == MAX_BYTES + 1


# The promises to the one who is told ------------------------------------------------------------------------------


async def test_one_project_is_told_one_thing_at_a_time_and_others_meanwhile(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    busy: set[str] = set()
    free = asyncio.Event()
    arrived = asyncio.Event()

    async def tell(sighting: Sighting) -> None:
        assert sighting.project not in busy
        busy.add(sighting.project)
        arrived.set()
        if sighting.project == "slow":
            await free.wait()
        busy.discard(sighting.project)
        told.append((sighting.project, number_of(sighting.content)))

    watch = ConfigWatch(tell, poll_s=0.02)
    for name in ("slow", "quick"):
        (tmp_path / name).mkdir()
        nano(tmp_path / name / CONFIG_NAME, version(OLD))
    watch.watch("slow", tmp_path / "slow", "")
    async with running(watch), asyncio.timeout(PATIENCE_S):
        await arrived.wait()
        watch.watch("quick", tmp_path / "quick", "")
        nano(tmp_path / "slow" / CONFIG_NAME, version(2))
        await eventually(lambda: bool(told))
        assert told == [("quick", OLD)]
        free.set()
        await eventually(lambda: len(told) >= 3)
    assert told == [("quick", OLD), ("slow", OLD), ("slow", 2)]


async def test_what_could_not_be_taken_in_is_told_again(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    notes, failures = Notes(), 2

    async def tell(sighting: Sighting) -> None:
        nonlocal failures
        await notes.tell(sighting)
        if failures:
            failures -= 1
            raise OSError(errno.ENOSPC, "the disk is full")

    watch = ConfigWatch(tell, poll_s=0.05)
    watch.watch("p", project, "")
    async with running(watch):
        await notes.until(lambda: len(notes.told) == 3)
        nano(project / CONFIG_NAME, version(2))
        await notes.until_version(2)
    assert notes.versions == [OLD, OLD, OLD, 2]
    assert caplog.text.count("was not taken in") == 2


async def test_what_the_told_one_says_it_has_seen_stands(project: Path) -> None:
    notes = Notes()

    async def tell(sighting: Sighting) -> None:
        await notes.tell(sighting)
        if len(notes.told) == 1:
            watch.watch("p", project, "")

    watch = ConfigWatch(tell, poll_s=60)
    watch.watch("p", project, "")
    async with running(watch):
        await notes.until(lambda: len(notes.told) == 2)
        nano(project / CONFIG_NAME, version(2))
        await notes.until_version(2)
    assert notes.versions == [OLD, OLD, 2]


async def test_a_forgotten_project_is_told_nothing_more_and_a_moved_one_of_its_new_directory(
    project: Path, tmp_path: Path
) -> None:
    notes = Notes()
    watch = ConfigWatch(notes.tell, poll_s=0.02)
    for name in ("forgotten", "moved"):
        watch.watch(name, project, digest(version(OLD)))
    new = tmp_path / "new"
    shutil.copytree(project, new)
    async with running(watch):
        await asyncio.sleep(0.1)
        watch.forget("forgotten")
        watch.forget("never known")
        watch.watch("moved", new, digest(version(OLD)))
        nano(project / CONFIG_NAME, version(2))
        await asyncio.sleep(0.1)
        nano(new / CONFIG_NAME, version(3))
        await notes.until_version(3)
    assert [(s.project, s.directory, number_of(s.content)) for s in notes.told] == [("moved", new, 3)]


async def test_two_hundred_projects_are_told_of_each_of_their_changes(tmp_path: Path) -> None:
    notes = Notes()
    watch = ConfigWatch(notes.tell, poll_s=60)
    for number in range(200):
        directory = tmp_path / str(number)
        directory.mkdir()
        nano(directory / CONFIG_NAME, version(number, 3))
        watch.watch(str(number), directory, digest(version(number, 3)))
    async with running(watch):
        await asyncio.sleep(0.2)
        for number in range(200):
            by_rename(tmp_path / str(number) / CONFIG_NAME, version(1000 + number, 3))
        await notes.until(lambda: len(notes.told) == 200)
    assert {(s.project, number_of(s.content)) for s in notes.told} == {(str(n), 1000 + n) for n in range(200)}
