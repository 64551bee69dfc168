"""After a failure: why, what it stops and what comes next are there without a key, until somebody takes notice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from screens import app_on, text_of
from test_dashboard import until
from wines import NOW, OUT_OF_MEMORY, TOKEN, Store, job_id

from skafos_tui.model.alert import AlertKey, AlertKind, Cause
from skafos_tui.model.metrics import Sample
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store.database import connect_reader
from skafos_tui.store.metrics_writer import MetricsWriter, Origin
from skafos_tui.tui.arrangement import arrange
from skafos_tui.tui.control import Refused
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.reading_alerts import FailureReader, short_evidence
from skafos_tui.tui.views import Dashboard, Failure

SIZE = (80, 24)
SIZES = ((80, 24), (140, 40), (220, 60))


class Doors:
    """Takes notice in the store, as the engine would."""

    def __init__(self, store: Store, refusal: str = "") -> None:
        self.taken: list[Sequence[int]] = []
        self.taken_back: list[Sequence[int]] = []
        self._store, self._refusal = store, refusal

    def cancel(self, run_id: int, job: str) -> None:
        raise AssertionError("nobody asked for that")

    def ack(self, alerts: Sequence[int]) -> list[int]:
        if self._refusal:
            raise Refused(self._refusal)
        self.taken.append(list(alerts))
        return self._store.acknowledge(*alerts)

    def take_back(self, alerts: Sequence[int]) -> list[int]:
        self.taken_back.append(list(alerts))
        return self._store.take_back(*alerts)


def view_of(store: Store, *, metrics: Path | None = None) -> Dashboard:
    reader = DashboardReader(TOKEN, "wine")
    reader._failures = FailureReader(metrics)
    connection = connect_reader(store.path)
    try:
        return reader.read(connection, NOW)
    finally:
        connection.close()


def failed_store(store: Store) -> Store:
    store.good_run(NOW - 9000)
    store.failed_run()
    return store


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_card_says_why_what_it_stops_and_what_comes_next(size: tuple[int, int], store: Store) -> None:
    store.schedule("Ingest", "0 3 * * *")
    failed_store(store)
    app = app_on(store)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        lines = text_of(app).splitlines()
        assert lines[1] == " ✗ Train forest #1  OUT OF MEMORY  limit 2.0G, peak 2.0G"
        assert lines[2] == "   stops Evaluate, Score, Report   retries 0 of 0   next run 03:00, in 4 h"


async def test_card_log_and_charts_are_of_the_instance_that_failed_first(store: Store) -> None:
    run_id, end = store.failed_run(), NOW - 38 * 60
    store.attempt(run_id, "Train forest", end - 6, end - 4, instance=2, number=2, verdict=OUT_OF_MEMORY)
    app = app_on(store)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: "LOG Train forest  #2  attempt 2" in text_of(app))
        await until(pilot, lambda: "METRICS Train forest #2  attempt 2" in text_of(app))
        assert "✗ Train forest #2  OUT OF MEMORY" in text_of(app)


async def test_acknowledging_is_one_key_and_the_card_goes(store: Store) -> None:
    doors = Doors(failed_store(store))
    app = app_on(store, control=doors)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert " a ack " in text_of(app).splitlines()[-1]
        await pilot.press("a")
        await until(pilot, lambda: "OUT OF MEMORY" not in text_of(app))
        assert doors.taken == [[1]]
        assert text_of(app).splitlines()[1] == " 5 no alerts, 1 acknowledged"
        await until(pilot, lambda: "run 2: acknowledged; `5 a` takes it back" in text_of(app))
        await pilot.press("a")
        await pilot.pause()
        assert doors.taken == [[1]] and " a ack " not in text_of(app)


async def test_a_refusal_is_told_and_the_card_stays(store: Store) -> None:
    app = app_on(failed_store(store), control=Doors(store, "the engine is not there"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "run 2 was not acknowledged: the engine is not there" in text_of(app))
        assert "OUT OF MEMORY" in text_of(app)


async def test_read_only_takes_no_notice(store: Store) -> None:
    doors = Doors(failed_store(store))
    app = app_on(store, control=doors, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("a")
        await pilot.pause()
        assert doors.taken == [] and "a ack" not in text_of(app).splitlines()[-1]


async def test_what_changed_is_a_line_of_its_own_and_left_out_where_nothing_is_known(store: Store) -> None:
    app = app_on(failed_store(store))
    async with app.run_test(size=SIZE) as pilot:
        words = "since good run 1: parallelism 2 -> 3, features.py"
        assert app.dashboard is not None
        app.dashboard.show(replace(app.view, changed=""))
        await pilot.pause()
        without = text_of(app).splitlines()
        app.dashboard.show(replace(app.view, changed=words))
        await pilot.pause()
        with_words = text_of(app).splitlines()
        assert "1 JOBS" in without[3] and with_words[3] == f"   {words}" and "1 JOBS" in with_words[4]


async def test_the_card_tells_of_the_selected_job_and_how_many_others_failed(store: Store) -> None:
    run_id = failed_store(store).failed_run()
    verdict = Verdict(VerdictKind.EXITED, 3, "ended with exit 3")
    store.attempt(run_id, "Check", NOW - 2480, NOW - 2470, number=2, verdict=verdict)
    store.set_task(run_id, "Check", TaskState.FAILED, NOW - 2480, NOW - 2470, verdict=verdict)
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert text_of(app).splitlines()[1:3] == [
            " ✗ Check  EXIT 3   and 1 more failed",
            "   stops Report   retries 1 of 0   no next run",
        ]
        await pilot.press("j", "j", "j")
        assert "Train forest #1  OUT OF MEMORY" in text_of(app).splitlines()[1]


async def test_a_click_on_the_card_goes_to_the_job_that_failed(store: Store) -> None:
    app = app_on(failed_store(store))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("g", "g", "3")
        await pilot.click("#card", offset=(10, 1))
        await pilot.pause()
        assert app.dashboard is not None and app.dashboard.at == "jobs"
        assert app.dashboard.jobs.selected == job_id("Train forest")


async def test_on_a_small_screen_the_alerts_are_still_one_key_away(store: Store) -> None:
    app = app_on(failed_store(store))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("5")
        await pilot.pause()
        text = text_of(app)
        assert "5 ALERTS  1 firing" in text and "Train forest failed: out of memory" in text and "1 JOBS" not in text


async def test_a_failure_while_the_alert_line_has_the_keys_gives_them_back(store: Store) -> None:
    store.good_run(NOW - 9000)
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("5")
        assert app.dashboard is not None and app.dashboard.at == "alerts" and not app.dashboard.zoomed
        store.failed_run()
        await until(pilot, lambda: "OUT OF MEMORY" in text_of(app))
        assert app.dashboard.at == "jobs"


async def test_names_and_evidence_control_nothing(store: Store) -> None:
    evil = "Evil\x1b]0;gotcha\x07\x9b31m\u202e[bold]"
    store.pipeline = {evil: ()}
    run_id = store.run(deployment=store.deploy())
    verdict = Verdict(VerdictKind.COULD_NOT_START, None, f"no such image: {evil}\r\n\x1b[2J")
    store.set_task(run_id, evil, TaskState.FAILED, NOW - 9, NOW, verdict=verdict)
    store.set_run(run_id, RunState.FAILED, NOW - 9, NOW)
    cause = Cause(f"failed: {evil}", verdict.evidence, evil, run_id, (evil,))
    store.alert(AlertKey(TOKEN, AlertKind.FAILURE, job_id(evil)), cause)
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        card = text_of(app)
        assert "Evil[bold]  COULD NOT START" in card
        await pilot.press("5")
        await pilot.pause()
        for text in (card, text_of(app)):
            assert all(character.isprintable() for line in text.splitlines() for character in line)
            assert "\u202e" not in text


async def test_a_long_name_never_hides_the_verdict(store: Store) -> None:
    name = "A name that nobody would give to a job unless they had to " * 3
    store.pipeline = {name: ()}
    run_id = store.run(deployment=store.deploy())
    verdict = Verdict(VerdictKind.TIMEOUT, 143, "limit 10m, ended with exit 143 (SIGTERM)")
    store.set_task(run_id, name, TaskState.TIMED_OUT, NOW - 9, NOW, verdict=verdict)
    store.set_run(run_id, RunState.FAILED, NOW - 9, NOW)
    store.alert(AlertKey(TOKEN, AlertKind.FAILURE, job_id(name)), Cause("timed out", "", name, run_id))
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert text_of(app).splitlines()[1].endswith("…  TIMEOUT")


def test_the_usual_peak_is_that_of_attempts_that_succeeded(store: Store, tmp_path: Path) -> None:
    good = [store.good_run(NOW - 9000 + 500 * number) for number in range(3)]
    writer = MetricsWriter(tmp_path / "metrics.db")
    for number, run_id in enumerate(good):
        for instance in range(3):
            for second in range(3):
                sample = Sample(NOW + second, second, (number + 1) * (1 << 29) - second, 1 << 31, 1)
                writer.add(Origin(f"{run_id}-Train forest-{instance}-1", TOKEN, run_id, 1.0), sample)
    writer.close()
    store.failed_run()
    failure = view_of(store, metrics=tmp_path / "metrics.db").failures[0]
    assert (failure.verdict, failure.instance, failure.usual) == ("out of memory", 1, "1.5G")


def test_a_job_with_a_schedule_of_its_own_waits_for_that(store: Store) -> None:
    store.schedule("Ingest", "0 3 * * *")
    failed_store(store)

    def failure() -> Failure:
        return view_of(store).failures[0]

    before = failure().next_at
    store.schedule("Train forest", "0 5 * * *")
    after = failure().next_at
    assert before is not None and after is not None and after - before == 2 * 3600


def test_with_a_card_panes_fill_the_screen_too_and_never_overlap() -> None:
    for width, height, card in itertools.product(range(40, 260, 11), range(8, 70, 3), (2, 3)):
        found = arrange(width, height, 1000, "jobs", zoomed=False, card=card)
        taken = [
            (x, y)
            for box in (*found.boxes.values(), *found.rules)
            for x in range(box.x, box.x + box.width)
            for y in range(box.y, box.y + box.height)
        ]
        assert len(taken) == len(set(taken)) == width * height
        assert height < 12 or found.boxes["card"].height == card


async def test_a_narrow_screen_has_the_card_above_its_one_pane(store: Store) -> None:
    app = app_on(failed_store(store))
    async with app.run_test(size=(50, 24)) as pilot:
        await pilot.pause()
        lines = text_of(app).splitlines()
        assert lines[1] == " ✗ Train forest #1  OUT OF MEMORY  limit 2.0G, pe…" and "1 JOBS" in lines[4]
        await pilot.press("z")
        await pilot.pause()
        assert "1 JOBS" in text_of(app).splitlines()[1]


def test_a_failure_is_told_although_the_config_of_its_run_can_not_be_read_any_more(store: Store) -> None:
    failed_store(store)
    store.write(lambda connection: connection.execute("UPDATE deployments SET config = 'jobs: ['"))
    (failure,) = view_of(store).failures
    assert (failure.verdict, failure.stops, failure.next_at) == ("out of memory", (), None)


def test_a_run_without_unseen_alerts_has_no_card(store: Store) -> None:
    failed_store(store)
    assert view_of(store).failures
    store.acknowledge(1)
    assert view_of(store).failures == ()


@pytest.mark.parametrize(
    ("evidence", "short"),
    [
        ("limit 2.0Gi, peak 512Mi, ended with exit 137 (SIGKILL)", "limit 2.0G, peak 512M"),
        ("ended with exit 3", ""),
        ("#1: ended with exit 3", ""),
        ("exit 137 (SIGKILL), not sent by Skafos", "exit 137 (SIGKILL), not sent by Skafos"),
        ("no such image: Gi", "no such image: Gi"),
    ],
)
def test_evidence_leaves_out_what_the_verdict_says(evidence: str, short: str) -> None:
    assert short_evidence(evidence) == short
