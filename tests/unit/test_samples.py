"""The sample projects are sound, differ from each other, and hand data on as they say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from skafos_tui.config.reader import read_config
from skafos_tui.model.project import Project
from skafos_tui.samples import CONFIG_NAME, DEFAULT_SAMPLE, sample_directory, sample_names


def project_of(name: str) -> Project:
    project = read_config(sample_directory(name) / CONFIG_NAME).project
    assert project is not None
    return project


def load_handover(monkeypatch: pytest.MonkeyPatch, data: Path, instance: int, instances: int) -> ModuleType:
    """The hand-over module of a sample, as one instance of a job sees it."""
    monkeypatch.setenv("SKAFOS_DATA", str(data))
    monkeypatch.setenv("SKAFOS_INSTANCE", str(instance))
    monkeypatch.setenv("SKAFOS_INSTANCES", str(instances))
    path = sample_directory(DEFAULT_SAMPLE) / "jobs" / "handover.py"
    spec = importlib.util.spec_from_file_location("handover", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_at_least_two_samples_and_the_default_is_one_of_them() -> None:
    assert len(sample_names()) >= 2
    assert DEFAULT_SAMPLE in sample_names()


def test_an_unknown_sample_is_refused() -> None:
    with pytest.raises(KeyError):
        sample_directory("nothing-of-that-name")
    with pytest.raises(KeyError):
        sample_directory("../tests")


@pytest.mark.parametrize("name", sample_names())
def test_a_sample_validates_without_a_single_finding(name: str) -> None:
    result = read_config(sample_directory(name) / CONFIG_NAME)
    assert [finding.render(name) for finding in result.diagnostics] == []


@pytest.mark.parametrize("name", sample_names())
def test_a_sample_is_a_small_pipeline_with_jobs_side_by_side(name: str) -> None:
    project = project_of(name)
    assert project.name == name
    assert 5 <= len(project.jobs) <= 9
    assert [job.parallelism for job in project.jobs].count(3) == 1
    waits_for = [frozenset(job.dependencies) for job in project.jobs]
    assert waits_for.count(frozenset()) == 1, "one job begins"
    assert len(set(waits_for)) < len(waits_for), "some jobs wait for the same ones: they run side by side"


@pytest.mark.parametrize("name", sample_names())
def test_a_sample_has_all_it_needs_to_be_copied_and_read(name: str) -> None:
    directory = sample_directory(name)
    assert (directory / "requirements.txt").read_text(encoding="utf-8").startswith("scikit-learn")
    assert (directory / "README.md").read_text(encoding="utf-8").startswith(f"# {name}\n")


def test_no_two_samples_share_a_token_or_a_job_id() -> None:
    projects = [project_of(name) for name in sample_names()]
    tokens = [project.token for project in projects]
    ids = [job.id for project in projects for job in project.jobs]
    assert len(set(tokens)) == len(tokens)
    assert len(set(ids)) == len(ids)
    assert all(len(token) == 24 for token in tokens)


def test_the_samples_hand_data_on_in_one_and_the_same_way() -> None:
    texts = {(sample_directory(name) / "jobs" / "handover.py").read_text("utf-8") for name in sample_names()}
    assert len(texts) == 1


@pytest.mark.parametrize("instances", [1, 2, 3, 7, 20])
def test_the_shares_of_all_instances_are_all_items_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, instances: int
) -> None:
    items = list(range(18))
    shares = [
        load_handover(monkeypatch, tmp_path, instance, instances).own_share(items) for instance in range(instances)
    ]
    assert sorted(item for share in shares for item in share) == items
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_stopped_job_leaves_the_old_file_and_nothing_half_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handover = load_handover(monkeypatch, tmp_path, 0, 1)
    handover.write_json("result.json", "old")
    with pytest.raises(KeyboardInterrupt), handover.writing("result.json") as path:
        path.write_text('"ne')
        raise KeyboardInterrupt
    assert handover.read_json("result.json", "Job") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_shares_of_an_earlier_run_with_more_instances_are_not_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for instances in (4, 2):
        for instance in range(instances):
            load_handover(monkeypatch, tmp_path, instance, instances).write_share("part", [instances, instance])
    reader = load_handover(monkeypatch, tmp_path, 0, 1)
    assert reader.read_shares("part", "Job") == [[2, 0], [2, 1]]


def test_a_job_that_is_run_too_early_says_which_one_to_run_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handover = load_handover(monkeypatch, tmp_path, 0, 1)
    with pytest.raises(SystemExit, match="'Ingest' writes it"):
        handover.read_json("missing.json", "Ingest")
