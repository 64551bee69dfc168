"""What changed since the last good run: config, parameters, code, packages; never a secret's value."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from skafos_tui.engine.snapshots import write_archive
from skafos_tui.model.run import Run, RunState, Task, TaskState, TriggerKind
from skafos_tui.store import projects, runs
from skafos_tui.store.code import CodeChange, CodeUnreadable, code_files, code_texts
from skafos_tui.store.comparison import Changed, changes_since_good, differences, good_run_before, job_times
from skafos_tui.store.database import connect, migrate
from skafos_tui.store.home import Home
from skafos_tui.store.working_tree import take_snapshot

TOKEN = "06a16549a3e19a93faff2cc3"
TRAIN, SCORE = "20d19311-146b-4cd8-ac39-270515e6b77b", "b039a0b0-9ec5-40fa-b014-262e9cb04087"
CONFIG = f"""\
project_token: {TOKEN}
name: wine
jobs:
  - {{job_id: {TRAIN}, language: python, name: Train, entrypoint: sleep 1, parallelism: 2}}
  - {{job_id: {SCORE}, language: python, name: Score, entrypoint: sleep 1, dependencies: [{TRAIN}]}}
"""
FILES = {"features.py": "a = 1\n", "train.py": "import features\n", "notes.txt": "x\n"}


class House:
    """A home with one project; deployments and runs are written as the engine would."""

    def __init__(self, path: Path) -> None:
        self.home = Home(path / "home")
        self.home.path.mkdir()
        migrate(self.home.state_database)
        self.tree = path / "tree"
        self.connection = connect(self.home.state_database)
        self._count = 0
        projects.save_project(self.connection, projects.ProjectRow(TOKEN, "wine", str(path), "docker", 1.0))

    def deploy(self, config: str = CONFIG, files: Mapping[str, str] = FILES, packages: str = "") -> int:
        """A ready deployment with its archive."""
        self._count += 1
        tree = self.tree / str(self._count)
        for name, text in {**files, "metis.config.yml": config}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        snapshot = take_snapshot(tree)
        write_archive(snapshot, self.home.code(TOKEN, snapshot.digest))
        found = projects.insert_deployment(
            self.connection,
            project=TOKEN,
            config=config,
            config_digest=str(self._count),
            code_digest=snapshot.digest,
            missing={},
            now=1.0,
        )
        projects.deployment_ready(self.connection, found, {TRAIN: f"image-{snapshot.digest[:8]}"}, packages, 2.0)
        return found

    def run(self, deployment: int, train: TaskState, *, seconds: float = 10, **parameters: str) -> Run:
        """A finished run of both jobs; Score succeeds only after Train."""
        self._count += 1
        run_id = runs.insert_run(
            self.connection,
            project=TOKEN,
            deployment=deployment,
            trigger=TriggerKind.MANUAL,
            request_id=str(self._count),
            now=1000.0 * self._count,
            tasks=[(TRAIN, "Train", 2), (SCORE, "Score", 1)],
            parameters=parameters,
        )
        begin = 1000.0 * self._count
        score = TaskState.SUCCEEDED if train is TaskState.SUCCEEDED else TaskState.UPSTREAM_FAILED
        runs.update_task(
            self.connection, Task(run_id, TRAIN, "Train", train, 2, started_at=begin, ended_at=begin + seconds)
        )
        runs.update_task(self.connection, Task(run_id, SCORE, "Score", score, ended_at=begin + seconds))
        state = RunState.SUCCEEDED if train is TaskState.SUCCEEDED else RunState.FAILED
        runs.update_run(
            self.connection,
            Run(run_id, TOKEN, deployment, TriggerKind.MANUAL, state, begin, started_at=begin, ended_at=begin + 10),
        )
        found = runs.get_run(self.connection, run_id)
        assert found is not None
        return found

    def changed(self, run: Run, **options: float) -> Changed:
        """The comparison of a run with the last good one."""
        found = changes_since_good(self.connection, self.home, run, **options)  # type: ignore[arg-type]
        assert found is not None
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    with closing(made.connection):
        yield made


def test_the_line_names_config_then_code_then_packages(house: House) -> None:
    house.run(house.deploy(packages="pandas==2.1\nnumpy==1.26\n"), TaskState.SUCCEEDED)
    files = {**FILES, "features.py": "a = 2\n", "requirements.txt": "pandas\n"}
    del files["notes.txt"]
    later = house.deploy(CONFIG.replace("parallelism: 2", "parallelism: 3"), files, "pandas==2.2\nnumpy==1.26\n")
    changed = house.changed(house.run(later, TaskState.FAILED))
    assert changed.line == (
        "since good run 1: parallelism 2 -> 3, features.py, +requirements.txt, -notes.txt, pandas 2.1 -> 2.2"
    )
    assert changed.code == CodeChange(("requirements.txt",), ("features.py",), ("notes.txt",))
    assert [image.key for image in changed.images] == ["Train"]


def test_nothing_changed_is_said(house: House) -> None:
    deployment = house.deploy()
    house.run(deployment, TaskState.SUCCEEDED)
    assert house.changed(house.run(deployment, TaskState.FAILED)).line == "since good run 1: nothing changed"


def test_without_a_good_run_there_is_nothing_to_compare(house: House) -> None:
    run = house.run(house.deploy(), TaskState.FAILED)
    assert changes_since_good(house.connection, house.home, run) is None


def test_a_run_is_good_for_a_job_that_succeeded_in_it_and_only_an_older_one(house: House) -> None:
    deployment = house.deploy()
    first = house.run(deployment, TaskState.SUCCEEDED)
    failed = house.run(deployment, TaskState.FAILED)
    house.run(deployment, TaskState.SUCCEEDED)
    assert good_run_before(house.connection, failed, TRAIN) == first
    assert good_run_before(house.connection, failed) == first
    assert good_run_before(house.connection, first) is None


def test_parameters_come_first(house: House) -> None:
    deployment = house.deploy()
    house.run(deployment, TaskState.SUCCEEDED, EPOCHS="10")
    changed = house.changed(house.run(deployment, TaskState.TIMED_OUT, EPOCHS="1000", DEPTH="3"))
    assert changed.words() == ["EPOCHS 10 -> 1000", "DEPTH none -> 3"]


def test_another_job_is_named(house: House) -> None:
    house.run(house.deploy(), TaskState.SUCCEEDED)
    later = house.deploy(CONFIG.replace("dependencies: [", "timeout: 5m, dependencies: ["))
    assert house.changed(house.run(later, TaskState.FAILED)).words() == ["Score: timeout none -> 5m"]


def test_values_of_secrets_stand_nowhere(house: House) -> None:
    projects.set_variable(house.connection, TOKEN, projects.Variable("PASSWORD", "hunter22", True))
    house.run(house.deploy(), TaskState.SUCCEEDED, URL="db://me@host")
    config = CONFIG.replace("parallelism: 2", "parallelism: 2, environment: {PASSWORD: other-one}")
    changed = house.changed(house.run(house.deploy(config), TaskState.FAILED, URL="db://me:hunter22@host"))
    assert changed.words() == ["URL db://me@host -> db://me:***@host", "environment.PASSWORD none -> ***"]
    assert "hunter22" not in repr((changed.plan, changed.parameters))


def test_two_deployments_are_compared_without_a_run(house: House) -> None:
    old = house.deploy(packages="pandas==1.0\n")
    new = house.deploy(
        CONFIG.replace("parallelism: 2", "parallelism: 3").replace("name: Score, ", "name: Score, timeout: 5m, "),
        {**FILES, "features.py": "a = 2\n"},
        "pandas==2.0\n",
    )
    before, after = (projects.get_deployment(house.connection, each) for each in (old, new))
    assert before is not None and after is not None
    found = differences(house.connection, house.home, before, after, 1000.0)
    assert [field.key for change in found.plan.changed for field in change.fields] == ["parallelism", "timeout"]
    assert found.code is not None and found.code.paths == ("features.py",)
    assert [(each.key, each.old, each.new) for each in found.packages] == [("pandas", "1.0", "2.0")]


def test_large_archives_wait_and_lost_ones_are_said(house: House) -> None:
    first = house.deploy()
    house.run(first, TaskState.SUCCEEDED)
    run = house.run(house.deploy(files={**FILES, "train.py": "pass\n"}), TaskState.FAILED)
    assert house.changed(run, most_bytes=10).code is None
    assert house.changed(run, most_bytes=10).words() == ["code"]
    assert house.changed(run).words() == ["train.py"]
    deployment = projects.get_deployment(house.connection, first)
    assert deployment is not None
    house.home.code(TOKEN, deployment.code_digest).unlink()
    assert house.changed(run).code_problem == "the files of one of them were given up"


def test_times_stand_beside_the_usual_ones(house: House) -> None:
    deployment = house.deploy()
    good = house.run(deployment, TaskState.SUCCEEDED, seconds=10)
    run = house.run(deployment, TaskState.FAILED, seconds=25)
    train, score = job_times(house.connection, run, good)
    assert (train.usual_s, train.good_s, train.now_s) == (10, 10, 25)
    assert (score.name, score.now_s) == ("Score", None)


def test_texts_come_out_of_an_archive_and_binaries_do_not(house: House) -> None:
    tree = house.tree / "mixed"
    tree.mkdir(parents=True)
    (tree / "a.py").write_text("é\n")
    (tree / "model.bin").write_bytes(b"\0\1")
    (tree / "link").symlink_to("a.py")
    snapshot = take_snapshot(tree)
    archive = house.home.code(TOKEN, snapshot.digest)
    write_archive(snapshot, archive)
    assert code_texts(archive, frozenset(["a.py", "model.bin", "link"])) == {
        "a.py": "é\n",
        "model.bin": None,
        "link": "a link to a.py\n",
    }
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(CodeUnreadable, match="can't be read"):
        code_files(archive)


def test_a_changed_mode_is_a_change(house: House) -> None:
    archives = []
    for number, mode in enumerate((0o644, 0o755)):
        tree = house.tree / f"mode-{number}"
        tree.mkdir(parents=True)
        (tree / "run.sh").write_text("true\n")
        (tree / "run.sh").chmod(mode)
        snapshot = take_snapshot(tree)
        archives.append(house.home.code(TOKEN, snapshot.digest))
        write_archive(snapshot, archives[-1])
    old, new = (code_files(archive) for archive in archives)
    assert old != new


def test_reading_needs_only_a_reader(house: House, tmp_path: Path) -> None:
    deployment = house.deploy()
    house.run(deployment, TaskState.SUCCEEDED)
    run = house.run(deployment, TaskState.FAILED)
    house.connection.commit()
    uri = f"file:{house.home.state_database}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as reader:
        reader.row_factory = sqlite3.Row
        assert changes_since_good(reader, house.home, run) is not None
