"""`skafos metrics`: what a run's tasks used, as a table and as JSON, with the engine off."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_support import BEGAN, INGEST, REPORT, TRAIN, FakeEngine, Store

from skafos_tui.cli.main import main
from skafos_tui.model.metrics import Sample
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store.metrics_writer import MetricsWriter, Origin

GOOD = Verdict(VerdictKind.EXITED, 0)
MEBIBYTE = 1 << 20


def sample_attempt(store: Store, run: int, name: str, seconds: int = 40, cores: float = 0.5, **more: Any) -> None:
    """Samples of an attempt that began a second after the run: so many cores, and memory that grows to 256Mi."""
    writer = MetricsWriter(store.home.metrics_database)
    for second in range(1, seconds + 1):
        sample = Sample(
            at=BEGAN + 1 + second,
            cpu_s=cores * second,
            memory=256 * MEBIBYTE * second // seconds,
            memory_limit=512 * MEBIBYTE,
            processes=4,
            read=0,
            written=MEBIBYTE * second,
        )
        writer.add(Origin(name, "p", run, 1.0), replace(sample, **more))
    writer.close()


def measured_run(store: Store) -> int:
    """A run whose Ingest and two instances of Train were sampled, its Report not."""
    run = store.add_run()
    for job in (INGEST, TRAIN, REPORT):
        store.change_task(
            run,
            job,
            state=TaskState.SUCCEEDED,
            queued_at=BEGAN,
            started_at=BEGAN + 1,
            ended_at=BEGAN + 42,
            verdict=GOOD,
        )
    ingest = store.add_attempt(run, INGEST, verdict=GOOD)
    trains = [store.add_attempt(run, TRAIN, instance=instance, verdict=GOOD) for instance in (0, 1)]
    store.add_attempt(run, REPORT, verdict=GOOD)
    sample_attempt(store, run, ingest, received=3 * MEBIBYTE, sent=2048)
    sample_attempt(store, run, trains[0], cores=1.0)
    sample_attempt(store, run, trains[1], cores=0.25)
    store.change_run(run, state=RunState.SUCCEEDED, started_at=BEGAN + 1, ended_at=BEGAN + 42)
    return run


def test_every_attempt_of_the_newest_run_has_a_line(store: Store, engine: FakeEngine, capsys: Any) -> None:
    measured_run(store)
    assert main(["metrics"]) == 0
    _, head, ingest, first, second, report = capsys.readouterr().out.splitlines()
    assert head.split()[:8] == ["job", "state", "took", "waited", "cpu", "max", "memory", "limit"]
    words = ingest.split()
    assert words[:10] == ["Ingest", "succeeded", "0:41", "0:01", "0.50", "0.50", "256Mi", "50%", "3Mi/2Ki", "0Ki/40Mi"]
    assert words[10] == "4"
    assert first.split()[:6] == ["Train", "#0", "succeeded", "0:41", "0:01", "1.00"]
    assert second.split()[:5] == ["Train", "#1", "succeeded", "0:41", "0.25"]
    assert report.split() == ["Report", "succeeded", "0:41", "0:01"]


def test_on_a_pipe_series_are_drawn_in_ascii(store: Store, capsys: Any) -> None:
    measured_run(store)
    main(["metrics"])
    printed = capsys.readouterr().out
    assert printed.isascii()
    ingest = next(line for line in printed.splitlines() if line.startswith("Ingest"))
    memory = ingest.split()[-1]
    assert memory[0] == "."
    assert list(memory) == sorted(memory, key=".:-=+*#%".index)


def test_a_job_alone_comes_with_its_last_tasks(store: Store, capsys: Any) -> None:
    measured_run(store)
    newest = measured_run(store)
    assert main(["metrics", "Train"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["Train", "Train"]
    assert lines[5] == "the last 2 tasks of Train"
    assert [line.split() for line in lines[7:]] == [
        [str(newest), "succeeded", "0:41", "0:01"],
        [str(newest - 1), "succeeded", "0:41", "0:01"],
    ]


def test_json_has_the_words_of_the_contract_and_the_series(store: Store, capsys: Any) -> None:
    run = measured_run(store)
    assert main(["metrics", "Ingest", "--run", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["run"], found["state"]) == (run, "succeeded")
    assert found["last_tasks"] == [{"run": run, "state": "succeeded", "waited": 1.0, "duration": 41.0}]
    (task,) = found["tasks"]
    assert (task["name"], task["waited"], task["duration"]) == ("Ingest", 1.0, 41.0)
    (attempt,) = task["attempts"]
    series = attempt.pop("series")
    assert attempt == {
        "instance": 0,
        "attempt": 1,
        "container": f"skafos-{run}-{INGEST[:4]}-0-1",
        "state": "succeeded",
        "duration": 41.0,
        "samples": 40,
        "cpu_limit": 1.0,
        "cpu_mean": 0.5,
        "cpu_max": 0.5,
        "memory_limit": 512 * MEBIBYTE,
        "memory_mean": pytest.approx(256 * MEBIBYTE * 41 / 80, rel=0.01),
        "memory_max": 256 * MEBIBYTE,
        "network_received": 3 * MEBIBYTE,
        "network_sent": 2048,
        "block_read": 0,
        "block_written": 40 * MEBIBYTE,
        "processes_max": 4,
        "first_sample_at": "2026-09-21T14:13:22.000Z",
        "last_sample_at": "2026-09-21T14:14:01.000Z",
    }
    assert {len(values) for values in series.values()} == {20}
    assert set(series) == {
        "cpu",
        "memory",
        "network_received",
        "network_sent",
        "block_read",
        "block_written",
        "processes",
    }
    assert series["cpu"][10] == [0.5, 0.5, 0.5]
    assert series["block_written"][10] == [MEBIBYTE] * 3


def test_without_samples_times_are_told_and_why_there_is_no_more(store: Store, capsys: Any) -> None:
    run = store.add_run()
    store.add_attempt(run, INGEST, verdict=GOOD)
    assert main(["metrics"]) == 0
    printed = capsys.readouterr().out
    assert "within a second" in printed
    assert "Ingest" in printed


def test_the_newest_run_that_started_something_is_meant(store: Store, capsys: Any) -> None:
    run = measured_run(store)
    store.add_run(state=RunState.SKIPPED)
    assert main(["metrics", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == run


def test_without_any_run_there_is_nothing_and_that_is_good(directory: Path, capsys: Any) -> None:
    assert main(["metrics"]) == 0
    assert "no runs yet" in capsys.readouterr().out
    assert main(["metrics", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"] == []


def test_a_job_or_run_that_is_not_there_is_refused_with_what_is(store: Store, capsys: Any) -> None:
    run = measured_run(store)
    assert main(["metrics", "Trian"]) == 2
    assert "jobs are Ingest, Train, Report" in capsys.readouterr().err
    assert main(["metrics", "--run", "77"]) == 2
    assert f"the newest are {run}" in capsys.readouterr().err


def test_a_database_that_cant_be_read_is_one_line(store: Store, capsys: Any) -> None:
    measured_run(store)
    store.home.metrics_database.write_bytes(b"no database" * 1000)
    assert main(["metrics"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "metrics.db" in error
