"""What the charts are made of: what is read and when, how series are told, and how gauges fit any room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wines import NOW, TOKEN, Store, job_id

from skafos_tui.model.run import TaskState
from skafos_tui.store import metrics as stored
from skafos_tui.store.metrics import TaskTimes
from skafos_tui.text.tables import cell_width
from skafos_tui.tui.reading_metrics import MOST_SPANS, Lane, MetricsReader, Target, Usage, step_for
from skafos_tui.tui.widgets.metrics.gauges import Gauge, gauges_of, rate, size
from skafos_tui.tui.widgets.metrics.layout import Life, lay_line, lay_rows

GIBIBYTE = 1 << 30


def reader_of(store: Store) -> MetricsReader:
    return MetricsReader(store.path, store.path.with_name("metrics.db"))


def target(run_id: int, name: str = "Train forest") -> Target:
    return Target(TOKEN, run_id, job_id(name))


def lane(instance: int = 0, *, ended: bool = False, **series: tuple[float | None, ...]) -> Lane:
    return Lane(instance, 1, NOW if ended else None, 1.0, 2 * GIBIBYTE, series)


def gauge_of(usage: Usage, key: str, instance: int | None = None) -> Gauge:
    return next(gauge for gauge in gauges_of(usage, instance) if gauge.key == key)


def test_every_instance_has_a_lane_from_the_common_start_to_its_own_end(store: Store) -> None:
    run_id = store.running_run()
    begin = NOW - 271
    store.sample([f"{run_id}-Train forest-0-1"], begin, 238)
    store.sample([f"{run_id}-Train forest-1-1"], begin, 271)
    usage = reader_of(store).read(target(run_id), NOW)
    assert (usage.since, usage.until, usage.step_s, usage.running) == (begin, NOW, 1.0, True)
    first, second, third = usage.lanes
    assert [len(lane.series["cpu"]) for lane in usage.lanes] == [272] * 3
    assert first.series["memory"][238] == 2 * GIBIBYTE and not any(first.series["memory"][239:])
    assert second.series["memory"][271] == 2 * GIBIBYTE
    assert not any(third.series["cpu"])
    assert (first.ended_at, second.ended_at) == (NOW - 271 + 238, None)


def test_the_newest_attempt_of_an_instance_counts_or_the_one_that_is_asked_for(store: Store) -> None:
    run_id = store.run()
    store.attempt(run_id, "Check", NOW - 100, NOW - 60)
    store.attempt(run_id, "Check", NOW - 50, NOW - 10, number=2)
    store.sample([f"{run_id}-Check-0-1"], NOW - 100, 40)
    store.sample([f"{run_id}-Check-0-2"], NOW - 50, 40)
    usage = reader_of(store).read(target(run_id, "Check"), NOW)
    assert [(lane.number, len(lane.series["cpu"])) for lane in usage.lanes] == [(2, 41)]
    assert usage.attempts == 2 and usage.since == NOW - 50
    usage = reader_of(store).read(replace(target(run_id, "Check"), attempt=1), NOW)
    assert [lane.number for lane in usage.lanes] == [1] and usage.since == NOW - 100


def test_later_reads_only_ask_for_what_is_new(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = store.run()
    store.attempt(run_id, "Check", NOW - 300)
    store.sample([f"{run_id}-Check-0-1"], NOW - 300, 300)
    asked: list[int] = []
    buckets_of = stored.buckets_of

    def counted(*arguments: object, since: float, until: float, count: int) -> object:
        asked.append(count)
        return buckets_of(*arguments, since=since, until=until, count=count)  # type: ignore[arg-type]

    monkeypatch.setattr("skafos_tui.tui.reading_metrics.buckets_of", counted)
    reader = reader_of(store)
    whole = reader_of(store)
    for later in range(-20, 1):
        found = reader.read(target(run_id, "Check"), NOW + later)
    assert asked[0] == 281 and max(asked[1:]) <= 4
    assert found == whole.read(target(run_id, "Check"), NOW)


def test_what_has_ended_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = store.failed_run()
    end = NOW - 38 * 60
    store.sample([f"{run_id}-Train forest-1-1"], end - 95, 95)
    reader = reader_of(store)
    first = reader.read(target(run_id), NOW)
    monkeypatch.setattr("skafos_tui.tui.reading_metrics.buckets_of", None)
    assert reader.read(target(run_id), NOW + 60) == first
    assert first.lanes[1].series["memory"][-1] == 2 * GIBIBYTE and first.until == end


def test_a_sample_that_comes_late_is_no_gap_but_silence_is_one(store: Store) -> None:
    run_id = store.run()
    store.attempt(run_id, "Check", NOW - 100)
    for begin, seconds in ((NOW - 100, 20), (NOW - 76, 20), (NOW - 30, 30)):
        store.sample([f"{run_id}-Check-0-1"], begin, seconds)
    memory = reader_of(store).read(target(run_id, "Check"), NOW).lanes[0].series["memory"]
    assert all(value is not None for value in memory[:44])
    assert all(value is None for value in memory[46:70])
    assert all(value is not None for value in memory[70:])


def test_without_samples_past_tasks_are_told_all_the_same(store: Store) -> None:
    for number in range(3):
        store.good_run(NOW - 9000 + 500 * number)
    run_id = store.running_run()
    usage = reader_of(store).read(target(run_id), NOW)
    assert [gauge.key for gauge in gauges_of(usage)] == ["cpu", "memory", "took", "waited"]
    assert gauge_of(usage, "took").words == "usual 5:02"
    assert gauge_of(usage, "cpu").words == ""


def test_a_database_that_can_not_be_read_is_one_line(store: Store, tmp_path: Path) -> None:
    run_id = store.running_run()
    (tmp_path / "metrics.db").write_bytes(b"not a database, but of some length" * 100)
    usage = reader_of(store).read(target(run_id), NOW)
    assert usage.problem.startswith("metrics can't be read: ") and "\n" not in usage.problem


@given(st.floats(0, 1e8))
def test_a_life_of_any_length_needs_a_bounded_number_of_spans(seconds: float) -> None:
    step = step_for(seconds)
    assert seconds / step < MOST_SPANS and (step == 1.0 or seconds / step >= MOST_SPANS / 2)


def test_instances_are_summed_against_the_limits_of_those_that_run() -> None:
    usage = Usage(
        NOW, NOW + 2, 1.0, (lane(0, ended=True, cpu=(0.5, None)), lane(1, cpu=(0.9, 0.8)), lane(2, cpu=(1.0, 1.07)))
    )
    summed = gauge_of(usage, "cpu")
    assert summed.words == "187% of 200" and summed.brief == "cpu 187%"
    assert summed.values == (pytest.approx(2.4), pytest.approx(1.87)) and summed.top == pytest.approx(2.4)
    assert gauge_of(usage, "cpu", 1).words == "80% of 100"
    assert gauge_of(usage, "cpu", 0).words == "max 50% of 100"


def test_a_sum_does_not_drop_while_one_instance_waits_for_its_sample() -> None:
    usage = Usage(NOW, NOW + 2, 1.0, (lane(0, cpu=(0.5, 0.5)), lane(1, cpu=(0.5, None))))
    assert gauge_of(usage, "cpu").values == (1.0, 1.0)


def test_memory_is_told_against_its_limit_and_alarms_near_it() -> None:
    calm = gauge_of(Usage(lanes=(lane(memory=(1.2 * GIBIBYTE,)),)), "memory")
    assert (calm.words, calm.brief, calm.alarming) == ("1.2 of 2.0G", "mem 1.2/2.0G", False)
    full = gauge_of(Usage(lanes=(lane(ended=True, memory=(2.0 * GIBIBYTE, 0.1 * GIBIBYTE)),)), "memory")
    assert (full.words, full.alarming) == ("max 2.0 of 2.0G", True)


def test_little_memory_of_a_whole_machine_is_drawn_on_its_own_scale() -> None:
    gauge = gauge_of(Usage(lanes=(replace(lane(memory=(60.0 * (1 << 20),)), memory_limit=22 * GIBIBYTE),)), "memory")
    assert (gauge.words, gauge.brief, gauge.top_words) == ("60M of 22.0G", "mem 60M/22.0G", "100M")


def test_what_a_runner_does_not_measure_has_no_chart() -> None:
    usage = Usage(lanes=(lane(cpu=(0.5,), memory=(1.0,), network=(None,), disk=(None,), processes=(3.0,)),))
    assert [gauge.key for gauge in gauges_of(usage)] == ["cpu", "memory", "processes"]


def test_past_tasks_stand_oldest_first() -> None:
    past = tuple(TaskTimes(run, TaskState.SUCCEEDED, float(run), 60.0 * run) for run in (3, 2, 1))
    usage = Usage(past=past)
    assert gauge_of(usage, "took").values == (60.0, 120.0, 180.0)
    assert gauge_of(usage, "took").words == "usual 2:00"
    assert gauge_of(usage, "waited").words == "last 0:03"


@pytest.mark.parametrize(
    ("amount", "told"), [(0, "0 kB/s"), (12_400, "12 kB/s"), (99_999, "0.1 MB/s"), (25e6, "25.0 MB/s")]
)
def test_rates_are_told_in_few_characters(amount: float, told: str) -> None:
    assert rate(amount) == told


def test_next_to_no_traffic_does_not_fill_a_chart() -> None:
    usage = Usage(lanes=(lane(network=(0.0, 120.0, 300.0)),))
    assert gauge_of(usage, "network").top == 10_000.0


def test_sizes_are_told_in_few_characters() -> None:
    assert (size(300 << 20), size(3 << 29)) == ("300M", "1.5G")


CORES = st.lists(st.one_of(st.none(), st.floats(0, 64)), min_size=1, max_size=300).map(tuple)
BYTES = st.lists(st.one_of(st.none(), st.floats(0, 4e12)), min_size=1, max_size=300).map(tuple)


@given(CORES, BYTES, st.integers(40, 240), st.integers(1, 70), st.booleans(), st.integers(0, 20))
def test_charts_fit_any_room(
    cpu: tuple[float | None, ...],
    memory: tuple[float | None, ...],
    width: int,
    rows: int,
    grows: bool,
    tasks: int,
) -> None:
    past = tuple(TaskTimes(run, TaskState.SUCCEEDED, 1.0, 60.0) for run in range(tasks))
    length = min(len(cpu), len(memory))
    lanes = (lane(ended=not grows, cpu=cpu[:length], memory=memory[:length]),)
    usage = Usage(NOW, NOW + length, 1.0, lanes, past)
    gauges = gauges_of(usage)
    laid = lay_rows(gauges, width, rows, Life(length, 1.0, grows))
    assert len(laid) == rows
    for row in [*laid, lay_line(gauges, max(width, 57))]:
        assert sum(cell_width(text) for text, _ in row) <= max(width, 57)


def test_an_axis_stands_below_the_charts_of_time_where_there_is_room() -> None:
    gauges = gauges_of(Usage(NOW, NOW + 60, 1.0, (lane(ended=True, cpu=(0.5,) * 60, memory=(1e9,) * 60),)))
    rows = lay_rows(gauges, 60, 12, Life(60, 1.0, False))
    text = ["".join(part for part, _ in row) for row in rows]
    assert text[-1].split() == ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50"]
    assert text[0].split() == ["cpu", "max", "50%", "of", "100", "top", "100%"]
    assert not any(
        "0:10" in line
        for line in ["".join(part for part, _ in row) for row in lay_rows(gauges, 60, 3, Life(60, 1.0, False))]
    )


def test_what_is_drawn_stays_where_it_is_while_it_grows() -> None:
    def drawn(length: int) -> list[str]:
        values = tuple(float(number % 10) for number in range(length))
        gauges = gauges_of(Usage(NOW, NOW + length, 1.0, (lane(cpu=values, memory=values),)))
        rows = lay_rows(gauges, 60, 8, Life(length, 1.0, True))
        return ["".join(part for part, _ in row)[:20] for row in rows[1:4]]

    assert drawn(70) == drawn(75)
