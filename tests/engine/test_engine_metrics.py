"""What running attempts use is sampled beside them: kept with the run, over restarts, never in a run's way."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from house import TOKEN, House, Life, a_house, a_life, by_job, finished, job, start_run, until
from memory import Behaviour, Daemon

from skafos_tui.engine import sampler
from skafos_tui.model.run import RunState
from skafos_tui.store import metrics, metrics_writer

QUICK_S = 0.02
LONG = Behaviour(duration_s=60.0, cpu=0.5, used=100 << 20)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds are a fiftieth of one."""
    monkeypatch.setattr(metrics_writer, "BATCH_S", QUICK_S)
    monkeypatch.setattr(sampler, "AGAIN_S", QUICK_S)


@contextmanager
def kept(house: House) -> Iterator[sqlite3.Connection]:
    """What is in metrics.db now."""
    connection = metrics.open_metrics(house.home.metrics_database)
    assert connection is not None
    with closing(connection):
        yield connection


def points(house: House) -> int:
    """How many samples are kept."""
    connection = metrics.open_metrics(house.home.metrics_database)
    if connection is None:
        return 0
    with closing(connection):
        return int(connection.execute("SELECT COUNT(*) FROM points").fetchone()[0])


def streams() -> list[str]:
    """The attempts that are sampled now."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("stats ")]


async def test_an_attempt_is_sampled_while_it_runs_and_its_samples_stay_with_the_run() -> None:
    behave = by_job(j0=Behaviour(duration_s=0.25, cpu=0.5, used=100 << 20))
    async with a_life([job(0, resources={"limits": {"memory": "200Mi"}})], behave) as life:
        _, _, (attempt,) = await finished(life, await start_run(life))
        await until(lambda: points(life.house) >= 5, "samples are written")
        await until(lambda: not streams(), "nobody is sampled any more")
        with kept(life.house) as connection:
            found = metrics.summaries_of(connection, [attempt.name])[attempt.name]
    assert found.cpu_high == pytest.approx(0.5, rel=0.1)
    assert found.memory_high == 100 << 20
    assert found.memory_limit == 200 << 20
    assert found.processes_high == 3
    assert found.sent == pytest.approx(2 * found.received, abs=2)
    assert attempt.started_at is not None
    assert found.first_at >= attempt.started_at - 0.01


async def test_each_instance_has_its_own_samples() -> None:
    async with a_life([job(0, parallelism=3)], by_job(j0=Behaviour(duration_s=0.2))) as life:
        _, _, attempts = await finished(life, await start_run(life))
        names = [attempt.name for attempt in attempts]
        await until(lambda: points(life.house) >= 9, "samples are written")
        with kept(life.house) as connection:
            assert set(metrics.summaries_of(connection, names)) == set(names)


async def test_sampling_goes_on_after_the_engine_was_killed_and_loses_no_amount() -> None:
    async with a_house(Daemon(by_job(j0=LONG))) as house:
        house.write_config([job(0)])
        first = Life(house)
        await first.begin()
        run_id = await start_run(first)
        await until(lambda: points(house) >= 3, "the first engine samples")
        await first.bury()
        before = points(house)
        second = Life(house)
        await second.begin()
        await until(lambda: points(house) >= before + 3, "the second engine samples")
        (record,) = house.daemon.running()
        house.daemon.kill_behind(record.name, 0)
        await finished(second, run_id)
        with kept(house) as connection:
            samples = metrics.samples_of(connection, record.name)
        await second.close()
    assert [sample.at for sample in samples] == sorted({sample.at for sample in samples})
    assert record.started_ns is not None
    assert samples[-1].cpu_s == pytest.approx(0.5 * (samples[-1].at - record.started_ns / 1e9), abs=0.01)


async def test_a_daemon_that_is_away_makes_a_gap_and_nothing_else() -> None:
    async with a_life([job(0)], by_job(j0=LONG)) as life:
        run_id = await start_run(life)
        await until(lambda: points(life.house) >= 2, "samples come")
        life.house.daemon.set_down(True)
        await until(lambda: life.engine.link("docker").problem, "the engine misses Docker")
        before = points(life.house)
        life.house.daemon.set_down(False)
        await until(lambda: points(life.house) >= before + 3, "samples come again")
        (record,) = life.house.daemon.running()
        life.house.daemon.kill_behind(record.name, 0)
        run, _, _ = await finished(life, run_id)
        assert run.state is RunState.SUCCEEDED


@pytest.mark.parametrize("harm", ["foreign", "directory"])
async def test_a_database_that_cant_be_written_holds_up_no_run_and_is_told(
    harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_house(Daemon(by_job(j0=Behaviour(duration_s=0.2)))) as house:
        if harm == "foreign":
            house.home.metrics_database.write_bytes(os.urandom(8192))
        else:
            house.home.metrics_database.mkdir()
        house.write_config([job(0)])
        life = Life(house)
        await life.begin()
        run, _, _ = await finished(life, await start_run(life))
        await life.close()
    assert run.state is RunState.SUCCEEDED
    assert len([r for r in caplog.records if "metrics are not kept" in r.getMessage()]) == 1


async def test_where_the_disk_has_no_room_nothing_is_sampled() -> None:
    async with a_life([job(0)], by_job(j0=LONG)) as life:
        await start_run(life)
        await until(lambda: points(life.house) >= 2, "samples come")
        life.engine.room.problem = "the disk is full"
        await until(lambda: _stands_still(life.house), "no more samples are written")
        life.engine.room.problem = ""
        before = points(life.house)
        await until(lambda: points(life.house) > before, "samples come again")
        for record in life.house.daemon.running():
            life.house.daemon.kill_behind(record.name, 0)


async def _stands_still(house: House) -> bool:
    import asyncio

    before = points(house)
    await asyncio.sleep(5 * QUICK_S)
    return points(house) == before


async def test_a_forgotten_project_takes_its_samples_with_it() -> None:
    async with a_life([job(0)], by_job(j0=Behaviour(duration_s=0.2))) as life:
        await finished(life, await start_run(life))
        await until(lambda: points(life.house), "samples are written")
        await life.requests.forget(TOKEN)
        await until(lambda: not points(life.house), "they are gone")


async def test_what_a_killed_engine_had_no_time_to_forget_goes_when_the_next_one_starts() -> None:
    async with a_house(Daemon(by_job(j0=Behaviour(duration_s=0.2)))) as house:
        house.write_config([job(0)])
        stray = metrics_writer.MetricsWriter(house.home.metrics_database)
        stray.add(metrics_writer.Origin("left", "f" * 24, 1, 1.0), metrics.Sample(1.0, 1.0, 1, 1, 1))
        stray.close()
        assert points(house) == 1
        life = Life(house)
        await life.begin()
        await until(lambda: not points(house), "the stray samples are gone")
        await finished(life, await start_run(life))
        await until(lambda: points(house), "samples of the project that is known are kept")
        await life.close()


async def test_an_idle_engine_has_no_thread_for_metrics(tmp_path: Path) -> None:
    async with a_life([job(0)]) as life:
        assert not [thread for thread in threading.enumerate() if thread.name in ("metrics", *streams())]
        assert not life.house.home.metrics_database.exists()
