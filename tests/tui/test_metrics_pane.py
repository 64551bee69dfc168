"""The charts in the dashboard: of the selected job, live while it is seen, standing at the end of what has ended."""

from __future__ import annotations

from functools import partial

import pytest
from screens import app_on, text_of
from test_dashboard import until
from wines import GOOD, NOW, Store, job_id

from skafos_tui.model.run import TaskState
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.reading_metrics import MetricsReader
from skafos_tui.tui.widgets.metrics.pane import MetricsPane

SMALL = (80, 24)
MEDIUM = (140, 40)
LARGE = (220, 60)


def running(store: Store) -> int:
    run_id = store.running_run()
    begin = NOW - 271
    store.sample([f"{run_id}-Train forest-0-1"], begin, 238)
    store.sample([f"{run_id}-Train forest-{instance}-1" for instance in (1, 2)], begin, 271, 3 << 30)
    return run_id


def failed(store: Store) -> int:
    run_id = store.failed_run()
    end = NOW - 38 * 60
    store.sample([f"{run_id}-Train forest-{instance}-1" for instance in range(3)], end - 95, 95)
    return run_id


def pane_lines(app: SkafosApp) -> list[str]:
    """The rows of the pane beside the log."""
    rows = [line.rpartition("│")[2].rstrip() for line in text_of(app).splitlines()]
    first = next(number for number, row in enumerate(rows) if "4 METRICS" in row)
    last = next(number for number, row in enumerate(rows) if "5 ALERTS" in row)
    return rows[first:last]


def metrics(app: SkafosApp) -> MetricsPane:
    return app.screen.query_one(MetricsPane)


async def test_on_a_small_screen_it_is_one_line(store: Store) -> None:
    running(store)
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: " 4 cpu " in text_of(app))
        line = text_of(app).splitlines()[-2]
        assert line.startswith(" 4 cpu 78% ") and "   mem 6.0/6.0G " in line and "   net 0.1 MB/s" in line
        assert any(block in line for block in "▁▂▃▄▅▆▇█")


async def test_beside_the_log_are_charts_with_words_and_an_axis(store: Store) -> None:
    running(store)
    app = app_on(store)
    async with app.run_test(size=MEDIUM) as pilot:
        await until(pilot, lambda: "78% of 200" in text_of(app))
        lines = pane_lines(app)
        assert lines[0] == " 4 METRICS Train forest  3 instances summed"
        assert [line[1:8].rstrip() for line in lines[1:] if line[1:8].strip().isalpha()] == [
            "cpu",
            "memory",
            "network",
            "disk",
            "procs",
        ]
        assert any(line.split() == ["0:00", "3:00"] for line in lines)


async def test_the_large_screen_has_the_past_tasks_too(store: Store) -> None:
    for number in range(3):
        store.good_run(NOW - 9000 + 500 * number)
    running(store)
    app = app_on(store)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "78% of 200" in text_of(app))
        assert "usual 5:02" in text_of(app) and "top 5:02" in text_of(app)


async def test_after_a_failure_it_stands_at_the_end_of_the_instance_that_failed(store: Store) -> None:
    failed(store)
    app = app_on(store)
    async with app.run_test(size=MEDIUM) as pilot:
        await until(pilot, lambda: "max 2.0 of 2.0G" in text_of(app))
        lines = pane_lines(app)
        assert lines[0] == " 4 METRICS Train forest #1"
        memory = next(number for number, line in enumerate(lines) if line.startswith(" memory"))
        chart = lines[memory].partition("max")[0].rstrip()
        assert chart.endswith(("⣿", "⣾", "⣼", "⣸", "⢸"))


async def test_i_goes_through_the_instances(store: Store) -> None:
    running(store)
    app = app_on(store)
    async with app.run_test(size=MEDIUM) as pilot:
        await until(pilot, lambda: "3 instances summed" in text_of(app))
        await pilot.press("4")
        seen = []
        for _ in range(4):
            await pilot.press("i")
            seen.append(pane_lines(app)[0].removeprefix("▌4 METRICS Train forest").strip())
        assert seen == ["#0", "#1", "#2", "3 instances summed"]


async def test_the_selected_job_is_what_is_shown(store: Store) -> None:
    run_id = running(store)
    store.sample([f"{run_id}-Ingest-0-1"], NOW - 384, 12)
    app = app_on(store)
    async with app.run_test(size=MEDIUM) as pilot:
        await until(pilot, lambda: "78% of 200" in text_of(app))
        await pilot.press("g", "g")
        await until(pilot, lambda: "METRICS Ingest" in text_of(app) and "max 2.0 of 2.0G" in text_of(app))
        await pilot.press("G")
        await until(pilot, lambda: "METRICS Report" in text_of(app) and "not started yet" in text_of(app))


async def test_it_says_so_where_nothing_was_sampled(store: Store) -> None:
    store.good_run(NOW - 9000)
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "nothing sampled" in text_of(app))


async def test_new_samples_come_with_the_second_and_only_where_they_are_seen(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(store)
    reads: list[float] = []
    read = MetricsReader.read

    def counted(self: MetricsReader, target: object, now: float) -> object:
        reads.append(now)
        return read(self, target, now)  # type: ignore[arg-type]

    monkeypatch.setattr(MetricsReader, "read", counted)
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: " 4 cpu " in text_of(app))
        dashboard = app.dashboard
        assert dashboard is not None
        clock = [NOW]
        app.now = lambda: clock[0]
        for _ in range(3):
            clock[0] += 1
            dashboard.draw_times()
            await until(pilot, lambda: not metrics(app)._reading)
        assert reads == [NOW, NOW + 1, NOW + 2, NOW + 3]
        await pilot.press("3", "3")
        clock[0] = NOW + 9
        dashboard.draw_times()
        await pilot.pause()
        assert len(reads) == 4
        await pilot.press("3")
        await until(pilot, lambda: reads[-1] == NOW + 9)


async def test_what_has_ended_is_not_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    failed(store)
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: " 4 cpu max" in text_of(app))
        monkeypatch.setattr(MetricsReader, "read", None)
        app.now = lambda: NOW + 60
        assert app.dashboard is not None
        app.dashboard.draw_times()
        await pilot.pause()
        assert " 4 cpu max" in text_of(app)


async def test_the_end_of_a_task_is_read_once_more(store: Store) -> None:
    run_id = store.run()
    store.attempt(run_id, "Ingest", NOW - 60)
    store.set_task(run_id, "Ingest", TaskState.RUNNING, NOW - 60)
    store.sample([f"{run_id}-Ingest-0-1"], NOW - 60, 30)
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: " 4 cpu" in text_of(app))
        store.set_task(run_id, "Ingest", TaskState.SUCCEEDED, NOW - 60, NOW, verdict=GOOD)
        await until(pilot, lambda: app.view.row_of[job_id("Ingest")].task is not None)
        await until(pilot, lambda: not metrics(app)._reading and not metrics(app)._due)


async def test_without_unicode_charts_are_ascii(store: Store) -> None:
    running(store)
    app = app_on(store, setting="ascii")
    async with app.run_test(size=MEDIUM) as pilot:
        await until(pilot, lambda: "78% of 200" in text_of(app))
        assert text_of(app).isascii() and "####" in text_of(app)


async def test_zoomed_it_has_the_whole_screen(store: Store) -> None:
    running(store)
    app = app_on(store)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("4", "4")
        await until(pilot, lambda: "78% of 200" in text_of(app))
        text = text_of(app)
        assert "1 JOBS" not in text and "top 2" in text and "0:00" in text and "4:00" in text


async def test_log_and_charts_are_of_the_same_attempt(store: Store) -> None:
    run_id = store.run()
    store.attempt(run_id, "Ingest", NOW - 90, NOW - 60)
    store.attempt(run_id, "Ingest", NOW - 50, number=2)
    store.set_task(run_id, "Ingest", TaskState.RUNNING, NOW - 90)
    store.sample([f"{run_id}-Ingest-0-1"], NOW - 90, 30)
    store.sample([f"{run_id}-Ingest-0-2"], NOW - 50, 50, 3 << 30)
    app = app_on(store)
    async with app.run_test(size=MEDIUM) as pilot:
        await until(pilot, lambda: "METRICS Ingest  attempt 2" in text_of(app) and "of 3.0G" in text_of(app))
        await pilot.press("4", "p")
        await until(pilot, lambda: "METRICS Ingest  attempt 1" in text_of(app) and "max 2.0 of 2.0G" in text_of(app))
        assert "LOG Ingest  attempt 1" in text_of(app)
        await pilot.press("3", "P")
        await until(pilot, lambda: "METRICS Ingest  attempt 2" in text_of(app) and "of 3.0G" in text_of(app))


async def test_the_title_names_the_attempt_of_the_instance_that_is_shown(store: Store) -> None:
    run_id = store.run()
    store.attempt(run_id, "Train forest", NOW - 90)
    store.attempt(run_id, "Train forest", NOW - 90, NOW - 60, instance=1)
    store.attempt(run_id, "Train forest", NOW - 50, instance=1, number=2)
    store.set_task(run_id, "Train forest", TaskState.RUNNING, NOW - 90)
    app = app_on(store)
    async with app.run_test(size=MEDIUM) as pilot:
        for title in ("  2 instances summed", " #0  attempt 1", " #1  attempt 2"):
            await until(pilot, partial(shows, app, f"METRICS Train forest{title}\n"))
            await pilot.press("4", "i")


def shows(app: SkafosApp, text: str) -> bool:
    """Whether this stands at the end of a line of the screen."""
    return text in text_of(app)
