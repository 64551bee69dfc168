"""Docker going away under attempts: what is lost is called lost, and nothing else is (SPEC 12.4)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_daemon import PrivateDaemon
from runner_attempts import Attempts

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.model.verdict import End, VerdictKind, judge
from skafos_tui.runners.base import Observation, RunnerUnreachable
from skafos_tui.runners.docker.client import Address
from skafos_tui.runners.docker.runner import DockerRunner

pytestmark = pytest.mark.docker


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    made = PrivateDaemon()
    made.start()
    yield made
    made.close()


@pytest.fixture
def lasting_daemon() -> Iterator[PrivateDaemon]:
    made = PrivateDaemon("--live-restore")
    made.start()
    yield made
    made.close()


def shell(text: str) -> Segment:
    return Segment(SegmentKind.COMMAND, text)


def verdict_of(found: Observation) -> VerdictKind:
    return judge(End(found.exit_code, found.out_of_memory, daemon_restarted=found.daemon_restarted)).kind


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_restart_without_live_restore_loses_attempts_also_when_nobody_watched(
    daemon: PrivateDaemon, tmp_path: Path, how: signal.Signals
) -> None:
    watching = DockerRunner(daemon.address)
    attempts = Attempts(watching, daemon.make_image(), tmp_path)
    before = await attempts.run(attempts.spec(shell("exit 3")))
    name = await attempts.started(attempts.spec(shell("sleep 300")))
    killed = await attempts.started(attempts.spec(shell("sleep 300")))
    await watching.signal(killed, "SIGKILL")
    assert verdict_of(await attempts.ended(killed)) is VerdictKind.KILLED
    await asyncio.to_thread(daemon.stop, how)
    with pytest.raises(RunnerUnreachable, match="Docker does not answer at unix:///") as raised:
        await watching.inspect(name)
    assert "\n" not in str(raised.value)
    await asyncio.to_thread(daemon.start)
    not_watching = DockerRunner(daemon.address)
    for runner in (watching, not_watching):
        found = await runner.inspect(name)
        assert found is not None and found.daemon_restarted
        assert verdict_of(found) is VerdictKind.LOST
        unconcerned = await runner.inspect(before.name)
        assert unconcerned is not None and unconcerned.exit_code == 3
        assert verdict_of(unconcerned) is VerdictKind.EXITED
    # What starts after the restart is judged as ever.
    later = await attempts.started(attempts.spec(shell("sleep 300")))
    await not_watching.signal(later, "SIGKILL")
    assert verdict_of(await attempts.ended(later)) is VerdictKind.KILLED
    await watching.close()
    await not_watching.close()


async def test_with_live_restore_nothing_is_lost(lasting_daemon: PrivateDaemon, tmp_path: Path) -> None:
    runner = DockerRunner(lasting_daemon.address)
    attempts = Attempts(runner, lasting_daemon.make_image(), tmp_path)
    (attempts.project / "go").unlink(missing_ok=True)
    goes_on = await attempts.started(
        attempts.spec(shell("echo before; while [ ! -e go ]; do sleep 0.1; done; echo after; exit 4"))
    )
    ends_meanwhile = await attempts.started(attempts.spec(shell("while [ ! -e now ]; do sleep 0.1; done; exit 5")))
    killed = await attempts.started(attempts.spec(shell("sleep 300")))
    await attempts.printed(goes_on, "before")
    await asyncio.to_thread(lasting_daemon.stop, signal.SIGKILL)
    (attempts.project / "now").touch()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(lasting_daemon.start)
    await runner.signal(killed, "SIGKILL")
    (attempts.project / "go").touch()
    for name, code in ((goes_on, 4), (ends_meanwhile, 5), (killed, 137)):
        found = await attempts.ended(name)
        assert (found.exit_code, found.daemon_restarted) == (code, False)
    assert await attempts.texts(goes_on) == ["before", "after"]
    await runner.close()


async def test_events_say_that_the_connection_is_lost(daemon: PrivateDaemon, tmp_path: Path) -> None:
    runner = DockerRunner(daemon.address)
    events = runner.events("engine")
    assert (await anext(events)).name == ""
    await asyncio.to_thread(daemon.stop, signal.SIGKILL)
    with pytest.raises(RunnerUnreachable):
        async with asyncio.timeout(5):
            await anext(events)
    with pytest.raises(RunnerUnreachable):
        await anext(runner.events("engine"))
    await asyncio.to_thread(daemon.start)
    again = runner.events("engine")
    assert (await anext(again)).name == ""
    await again.aclose()  # type: ignore[attr-defined]
    await runner.close()


async def test_a_log_cut_by_a_dying_daemon_is_not_taken_for_a_whole_one(daemon: PrivateDaemon, tmp_path: Path) -> None:
    runner = DockerRunner(daemon.address)
    attempts = Attempts(runner, daemon.make_image(), tmp_path)
    name = await attempts.started(attempts.spec(shell("echo begin; sleep 300")))
    await attempts.printed(name, "begin")
    reading = asyncio.create_task(attempts.read(name, follow=True))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(daemon.stop, signal.SIGKILL)
    with pytest.raises(RunnerUnreachable, match="lost while reading a log"):
        await reading
    await runner.close()


async def test_no_docker_is_one_line_that_says_where(tmp_path: Path) -> None:
    runner = DockerRunner(Address("unix", path=str(tmp_path / "none.sock")))
    with pytest.raises(RunnerUnreachable, match="nothing listens there") as raised:
        await runner.info()
    assert "\n" not in str(raised.value)
    await runner.close()
