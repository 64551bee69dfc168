"""metrics.db: what is written comes back as amounts, levels and rates, and the disk is safe from it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from skafos_tui.model.metrics import Sample
from skafos_tui.store import metrics_writer
from skafos_tui.store.database import DatabaseError, connect, migrate
from skafos_tui.store.metrics import MIGRATIONS, buckets_of, open_metrics, samples_of, summaries_of
from skafos_tui.store.metrics_writer import MetricsWriter, Origin

BEGAN = 1_790_000_000.0
MEBIBYTE = 1 << 20


def sample(second: float, *, cpu_s: float = 0.0, memory: int = MEBIBYTE, **more: int) -> Sample:
    """A sample so many seconds after the beginning."""
    return Sample(BEGAN + second, cpu_s, memory, 64 * MEBIBYTE, more.pop("processes", 1), **more)


def origin(attempt: str = "a", project: str = "p", run_id: int = 1) -> Origin:
    """Whose samples they are."""
    return Origin(attempt, project, run_id, 2.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "metrics.db"


def write(path: Path, *samples: tuple[Origin, Sample], points_kept: int = 1000) -> None:
    """Write samples as an engine does in its life."""
    writer = MetricsWriter(path, points_kept=points_kept)
    for whose, one in samples:
        writer.add(whose, one)
    writer.close()


@pytest.fixture
def kept(path: Path) -> Iterator[sqlite3.Connection]:
    """The database with an attempt of ten seconds: half a core at first, then a whole one, a pause, nothing."""
    cpu = [0.0, 0.5, 1.0, 2.0, 3.0, 3.0, 3.0]
    seconds = [0, 1, 2, 3, 4, 8, 9]
    write(
        path,
        *(
            (origin(), sample(second, cpu_s=used, memory=second * MEBIBYTE, received=1000 * second, sent=0))
            for second, used in zip(seconds, cpu, strict=True)
        ),
        (origin("other"), sample(0)),
    )
    connection = open_metrics(path)
    assert connection is not None
    with closing(connection):
        yield connection


def test_samples_come_back_as_they_were(path: Path) -> None:
    one = Sample(BEGAN + 0.125, 1.234567, 5, 6, 7, received=8, sent=9, read=10, written=11)
    other = Sample(BEGAN + 1, 2.0, 5, 6, 7)
    write(path, (origin(), one), (origin(), other))
    connection = open_metrics(path)
    assert connection is not None
    with closing(connection):
        assert samples_of(connection, "a") == [one, other]
        assert samples_of(connection, "a", after=one.at) == [other]
        assert samples_of(connection, "b") == []


def test_a_summary_has_amounts_peaks_and_the_busiest_second(kept: sqlite3.Connection) -> None:
    found = summaries_of(kept, ["a", "other", "never"])
    assert set(found) == {"a", "other"}
    one = found["a"]
    assert (one.points, one.first_at, one.last_at) == (7, BEGAN, BEGAN + 9)
    assert (one.cpu_s, one.cpu_high) == (3.0, pytest.approx(1.0))
    assert (one.memory_high, one.memory_limit) == (9 * MEBIBYTE, 64 * MEBIBYTE)
    assert (one.received, one.sent, one.read) == (9000, 0, None)
    assert found["other"].cpu_high is None


def test_buckets_are_rates_of_amounts_and_levels_and_a_gap_stays_one(kept: sqlite3.Connection) -> None:
    found = buckets_of(kept, "a", since=BEGAN, until=BEGAN + 10, count=5)
    cpu = [None if spread is None else (spread.low, spread.mean, spread.high) for spread in found["cpu"]]
    assert cpu == [
        pytest.approx((0.5, 0.5, 0.5)),
        pytest.approx((0.5, 0.75, 1.0)),
        pytest.approx((1.0, 1.0, 1.0)),
        None,
        pytest.approx((0.0, 0.0, 0.0)),
    ]
    assert [spread and spread.high / MEBIBYTE for spread in found["memory"]] == [1, 3, 4, None, 9]
    assert found["received"][4] is not None
    assert found["received"][4].mean == pytest.approx(1000.0)
    assert found["read"] == [None] * 5


def test_a_window_knows_the_rate_of_its_first_sample(kept: sqlite3.Connection) -> None:
    (first, *_) = buckets_of(kept, "a", since=BEGAN + 3, until=BEGAN + 5, count=2)["cpu"]
    assert first is not None
    assert first.mean == pytest.approx(1.0)


def test_an_amount_that_shrinks_counts_as_none(path: Path) -> None:
    write(path, (origin(), sample(0, cpu_s=5.0)), (origin(), sample(1, cpu_s=1.0)), (origin(), sample(2, cpu_s=1.5)))
    connection = open_metrics(path)
    assert connection is not None
    with closing(connection):
        (spread,) = buckets_of(connection, "a", since=BEGAN, until=BEGAN + 3, count=1)["cpu"]
    assert spread is not None
    assert (spread.low, spread.high) == (0.0, pytest.approx(0.5))


def attempts_in(path: Path) -> dict[str, int]:
    """Each attempt with its number of samples."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT attempt, (SELECT COUNT(*) FROM points WHERE series = series.id), points FROM series"
        ).fetchall()
    assert all(counted == kept for _, counted, kept in rows)
    return {attempt: counted for attempt, counted, _ in rows}


def test_above_the_bound_the_oldest_runs_go_first(path: Path) -> None:
    for run in (2, 1, 3):
        write(path, *((origin(f"r{run}", run_id=run), sample(second)) for second in range(40)), points_kept=100)
    assert attempts_in(path) == {"r2": 40, "r3": 40}


def test_an_attempt_that_fills_the_bound_alone_keeps_its_newer_half(path: Path) -> None:
    write(path, *((origin(), sample(second)) for second in range(120)), points_kept=100)
    assert attempts_in(path) == {"a": 60}
    connection = open_metrics(path)
    assert connection is not None
    with closing(connection):
        assert samples_of(connection, "a")[0].at == BEGAN + 60


def test_a_project_is_forgotten_alone_and_all_but_the_known_are(path: Path) -> None:
    write(path, *((origin(project, project), sample(0)) for project in ("p", "q", "r")))
    writer = MetricsWriter(path)
    writer.forget("p")
    writer.close()
    assert set(attempts_in(path)) == {"q", "r"}
    writer = MetricsWriter(path)
    writer.keep(["r"])
    writer.close()
    assert set(attempts_in(path)) == {"r"}


def test_samples_are_written_within_the_second_without_being_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_writer, "BATCH_S", 0.01)
    written = threading.Event()
    insert = MetricsWriter._insert

    def told(*arguments: object) -> None:
        insert(*arguments)  # type: ignore[arg-type]
        written.set()

    monkeypatch.setattr(MetricsWriter, "_insert", told)
    writer = MetricsWriter(path)
    writer.add(origin(), sample(0))
    assert written.wait(5)
    writer.close()
    assert attempts_in(path) == {"a": 1}


def test_nothing_is_made_where_there_is_nothing_to_do(path: Path) -> None:
    writer = MetricsWriter(path)
    writer.forget("p")
    writer.keep([])
    writer.close()
    assert not path.exists()
    assert open_metrics(path) is None


def test_after_its_end_a_writer_takes_nothing(path: Path) -> None:
    writer = MetricsWriter(path)
    writer.add(origin(), sample(0))
    writer.close()
    writer.add(origin(), sample(1))
    assert attempts_in(path) == {"a": 1}


def test_metrics_of_an_older_version_are_brought_forward_by_the_engine_and_said_before(path: Path) -> None:
    migrate(path, MIGRATIONS[:1])
    with closing(connect(path)) as old:
        old.execute("INSERT INTO series (attempt, project, run_id, memory_limit) VALUES ('old', 'p', 1, 7)")
        old.execute("INSERT INTO points VALUES (1, 1000, 5, 6, 1, NULL, NULL, NULL, NULL)")
    with pytest.raises(DatabaseError, match="older Skafos"):
        open_metrics(path)
    write(path, (origin("new"), sample(1)))
    connection = open_metrics(path)
    assert connection is not None
    with closing(connection):
        found = summaries_of(connection, ["old", "new"])
    assert (found["old"].cpu_limit, found["new"].cpu_limit) == (0.0, 2.0)
