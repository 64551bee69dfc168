"""What an engine at work tells by itself: alerts are there with their cause, once, wherever it is killed (SPEC 8)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest
from house import TOKEN, Killed, Life, a_house, a_life, by_job, finished, job, job_id, start_run, until
from memory import Behaviour, Daemon

from skafos_tui.engine.triggers import Refusal
from skafos_tui.model.alert import Alert, AlertKind, AlertState
from skafos_tui.store import projects, runs
from skafos_tui.store.alerts import list_alerts

FAILS = Behaviour(exit_code=3)


def all_alerts(connection: sqlite3.Connection) -> list[Alert]:
    return list_alerts(connection, None, all_states=True)


async def alerts(life: Life) -> dict[str, Alert]:
    """All alerts by kind."""
    return {alert.key.kind.value: alert for alert in await life.engine.read(all_alerts)}


async def told(life: Life, kind: AlertKind, state: AlertState = AlertState.FIRING) -> Alert:
    """Wait until an alert of this kind is in this state."""

    async def there() -> Alert | None:
        found = (await alerts(life)).get(kind.value)
        return found if found is not None and found.state is state else None

    alert: Alert = await until(there, f"{kind} is {state}")
    return alert


async def test_a_failed_run_shows_one_alert_although_nobody_defined_any() -> None:
    async with a_life([job(0), job(1, after=(0,)), job(2, after=(1,))], by_job(j0=FAILS)) as life:
        run_id = await start_run(life)
        await finished(life, run_id)
        (alert,) = (await alerts(life)).values()
        assert (alert.key.kind, alert.key.subject, alert.state) == (AlertKind.FAILURE, job_id(0), AlertState.FIRING)
        assert (alert.cause.name, alert.cause.what, alert.cause.run_id) == ("j0", "failed: exit 3", run_id)
        assert alert.cause.stops == ("j1", "j2")


async def test_repeats_are_counted_and_notice_is_taken_until_it_happens_again_or_is_over() -> None:
    working = Behaviour()
    fails = [True]
    async with a_life([job(0)], lambda spec: FAILS if fails[0] else working) as life:
        for number in range(3):
            await finished(life, await start_run(life, f"r{number}"))
        alert = await told(life, AlertKind.FAILURE)
        assert alert.count == 3
        assert await life.requests.acknowledge(TOKEN, [alert.id], "ann") == [alert.id]
        assert await life.requests.acknowledge(TOKEN, None, "bob") == []
        assert (await told(life, AlertKind.FAILURE, AlertState.ACKNOWLEDGED)).acknowledged_by == "ann"
        assert await life.requests.take_back([alert.id]) == [alert.id]
        assert (await told(life, AlertKind.FAILURE)) == alert
        assert await life.requests.take_back([alert.id]) == []
        assert await life.requests.acknowledge(TOKEN, [alert.id], "ann") == [alert.id]
        await finished(life, await start_run(life, "again"))
        assert (await told(life, AlertKind.FAILURE)).count == 4
        fails[0] = False
        await finished(life, await start_run(life, "mended"))
        await told(life, AlertKind.FAILURE, AlertState.RESOLVED)
        with pytest.raises(Refusal, match="there is no alert 99"):
            await life.requests.acknowledge(TOKEN, [99], "ann")
        with pytest.raises(Refusal, match="there is no alert 99"):
            await life.requests.take_back([99])


async def test_a_lost_job_is_told_as_lost() -> None:
    async with a_life([job(0)], by_job(j0=Behaviour(duration_s=5.0))) as life:
        run_id = await start_run(life)
        (record,) = await until(life.house.daemon.running, "it runs")
        life.house.daemon.remove_behind(record.name)
        await finished(life, run_id)
        assert (await told(life, AlertKind.LOST)).cause.what == "lost"


async def test_a_job_whose_image_cannot_be_made_quotes_no_secret() -> None:
    async with a_life([job(0)]) as life:
        await life.requests.register(life.house.directory, None)
        await life.requests.set_variable(TOKEN, projects.Variable("PASSWORD", "hunter2-is-a-secret", True))
        life.house.daemon.build_error = "pip: https://ann:hunter2-is-a-secret@index is away"
        await finished(life, await start_run(life))
        alert = await told(life, AlertKind.FAILURE)
        assert alert.cause.evidence == "pip: https://ann:***@index is away"


async def test_slots_missed_while_no_engine_was_there_are_told_by_their_number() -> None:
    async with a_house() as house:
        house.write_config([job(0, schedule="* * * * *", catchup="none")])
        first = Life(house)
        await first.begin()
        await first.deploying.deploy(house.directory, "d", run=False, runner=None)
        await until(lambda: first.engine.read(_active), "it is active")
        await first.close()
        _ago(house.query, minutes=5)
        second = Life(house)
        await second.begin()
        alert = await told(second, AlertKind.MISSED)
        assert (alert.key.subject, alert.cause.name) == (job_id(0), "j0")
        found = await second.engine.read(lambda c: runs.list_runs(c, TOKEN))
        assert alert.cause.run_id in [run.id for run in found]
        (slots,) = await second.engine.read(
            lambda c: c.execute("SELECT SUM(count) FROM slots WHERE NOT fired").fetchone()
        )
        assert alert.count == slots
        assert slots >= 4
        await second.close()
        third = Life(house)
        await third.begin()
        assert (await told(third, AlertKind.MISSED)).count == slots
        await third.close()


def _active(connection: sqlite3.Connection) -> int | None:
    row = projects.get_project(connection, TOKEN)
    return row.active if row else None


def _ago(query: Callable[[Callable[[sqlite3.Connection], Any]], Any], *, minutes: int) -> None:
    """The engine was away for so long."""
    since = time.time() - 60.0 * minutes
    query(lambda c: c.execute("UPDATE schedules SET since = ?", (since,)))


async def test_an_invalid_config_is_told_until_a_valid_one_is_saved_also_where_nothing_is_deployed() -> None:
    async with a_life([job(0)]) as life:
        await life.requests.register(life.house.directory, None)
        life.house.write_config([job(0, schedule="@daily")])
        alert = await told(life, AlertKind.CONFIG)
        assert alert.cause.what == "the saved config is invalid"
        assert "bad-cron" in alert.cause.evidence
        life.house.write_config([job(0, schedule="0 9 * * *")])
        await told(life, AlertKind.CONFIG, AlertState.RESOLVED)


async def test_a_reload_without_an_image_is_told_until_the_next_one_is_active() -> None:
    async with a_life([job(0)]) as life:
        await life.deploying.deploy(life.house.directory, "d1", run=False, runner=None)
        await until(lambda: life.engine.read(_active), "it is active")
        life.house.daemon.build_error = "no network"
        (life.house.directory / "new.py").write_text("print()")
        life.house.write_config([job(0), job(1)])
        alert = await told(life, AlertKind.CONFIG)
        assert alert.cause.what == "no image for deployment 2, deployment 1 stays active"
        assert alert.cause.evidence == "no network"
        life.house.daemon.build_error = ""
        life.house.write_config([job(0), job(1), job(2)])
        await told(life, AlertKind.CONFIG, AlertState.RESOLVED)


async def test_a_directory_that_is_gone_is_told_until_it_is_back() -> None:
    async with a_life([job(0)]) as life:
        await life.requests.register(life.house.directory, None)
        aside = life.house.directory.with_name("aside")
        life.house.directory.rename(aside)
        alert = await told(life, AlertKind.DIRECTORY)
        assert str(life.house.directory) in alert.cause.evidence
        aside.rename(life.house.directory)
        await told(life, AlertKind.DIRECTORY, AlertState.RESOLVED)


async def test_a_runner_that_is_away_is_told_while_something_waits_for_it() -> None:
    async with a_life([job(0)], by_job(j0=Behaviour(duration_s=0.2))) as life:
        life.house.daemon.set_down(True)
        await until(lambda: life.engine.link("docker").problem, "it is noticed")
        assert await alerts(life) == {}
        life.house.daemon.set_down(False)
        await until(lambda: not life.engine.link("docker").problem, "it is back")
        run_id = await start_run(life)
        await until(life.house.daemon.running, "it runs")
        life.house.daemon.set_down(True)
        assert (await told(life, AlertKind.RUNNER)).cause.evidence == "the Docker daemon does not answer"
        life.house.daemon.set_down(False)
        await told(life, AlertKind.RUNNER, AlertState.RESOLVED)
        await finished(life, run_id)


async def test_a_full_disk_is_told_while_nothing_new_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    full = ["the disk of /home is full: 3Mi free, new work needs 64Mi"]
    monkeypatch.setattr("skafos_tui.engine.engine.LOOK_S", 0.01)
    monkeypatch.setattr("skafos_tui.engine.room.shortage", lambda path: full[0])
    async with a_life([job(0)]) as life:
        assert (await told(life, AlertKind.DISK)).cause.evidence == full[0]
        full[0] = ""
        await told(life, AlertKind.DISK, AlertState.RESOLVED)


async def test_forgetting_a_project_drops_its_alerts() -> None:
    async with a_life([job(0)], by_job(j0=FAILS)) as life:
        await finished(life, await start_run(life))
        await told(life, AlertKind.FAILURE)
        await life.requests.forget(TOKEN)
        assert await alerts(life) == {}


@pytest.mark.parametrize("name", ["ended", "collected", "acknowledge"])
@pytest.mark.parametrize("side", ["before", "after"])
async def test_an_engine_killed_around_a_commit_tells_of_a_failure_once(name: str, side: str) -> None:
    async with a_house(Daemon(by_job(j0=FAILS))) as house:
        house.write_config([job(0)])
        first = Life(house, lambda reached: reached == f"commit.{name}.{side}")
        await first.begin()
        run_id = await start_run(first)
        if name == "acknowledge":
            await finished(first, run_id)
            with pytest.raises(Killed):
                await first.requests.acknowledge(TOKEN, None, "ann")
        await first.death.wait()
        await first.bury()
        before = house.query(all_alerts)
        second = Life(house)
        await second.begin()
        await finished(second, run_id)
        (alert,) = await second.engine.read(all_alerts)
        seen = name == "acknowledge" and side == "after"
        assert (alert.count, alert.state) == (1, AlertState.ACKNOWLEDGED if seen else AlertState.FIRING)
        assert before in ([], [alert])
        assert bool(before) == ((name, side) != ("ended", "before"))
        await second.close()
