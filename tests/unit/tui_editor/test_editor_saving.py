"""What is asked before a save, what is written, and what the engine is said to make of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skafos_tui.config.editing import EditConflict, apply_edits
from skafos_tui.config.reader import parse_config
from skafos_tui.model.diagnostic import Edit
from skafos_tui.model.project import Project
from skafos_tui.model.run import ActivationKind, ActivationState
from skafos_tui.store import activations, projects
from skafos_tui.store.database import connect, migrate
from skafos_tui.tui.editor.disk import content_of
from skafos_tui.tui.editor.document import ConfigDocument
from skafos_tui.tui.editor.saving import Outcome, Standing, follow, questions, standing, write

TOKEN = "06a16549a3e19a93faff2cc3"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B = "20d19311-146b-4cd8-ac39-270515e6b77b", "b039a0b0-9ec5-40fa-b014-262e9cb04087"


def project(*jobs: str, token: str = TOKEN) -> Project:
    lines = [f"project_token: {token}", "name: x", "jobs:"]
    for job in jobs:
        lines.append(f"  - {{language: python, entrypoint: sleep 1, {job}}}")
    found = parse_config("\n".join(lines) + "\n").project
    assert found is not None
    return found


TRAIN, SCORE = f"job_id: {A}, name: Train", f"job_id: {B}, name: Score"


def asked(old: Project | None, new: Project | None, *, is_deployed: bool = True) -> list[str]:
    return questions(old, new, NOW, is_deployed=is_deployed)


def test_a_job_that_goes_is_asked_about() -> None:
    assert asked(project(TRAIN, SCORE), project(TRAIN)) == ["Score goes."]
    assert asked(project(TRAIN, SCORE), project(TRAIN), is_deployed=False) == ["Score goes."]


def test_an_id_that_changes_is_asked_about() -> None:
    (question,) = asked(project(TRAIN), project(f"job_id: {B}, name: Train"))
    assert question.startswith("The id of Train changes")
    (question,) = asked(project(TRAIN), project(TRAIN, token="f" * 24))
    assert "token" in question


def test_a_schedule_that_starts_to_fire_is_asked_about_where_something_is_deployed() -> None:
    scheduled = f'{TRAIN}, schedule: "0 9 * * *"'
    assert asked(project(TRAIN), project(scheduled)) == ["Train starts to fire by schedule."]
    assert asked(project(TRAIN), project(scheduled), is_deployed=False) == []
    assert asked(project(TRAIN), project(scheduled + ", enabled: false")) == []


def test_nothing_else_is_asked_about() -> None:
    scheduled = f'{TRAIN}, schedule: "0 9 * * *"'
    later = f'{TRAIN}, schedule: "0 10 * * *"'
    assert asked(project(scheduled), project(later)) == []
    assert asked(project(scheduled), project(TRAIN)) == []
    assert asked(project(TRAIN), project(TRAIN, SCORE)) == []
    assert asked(project(TRAIN), project(f"job_id: {A}, name: Fit")) == []
    assert asked(None, project(TRAIN)) == []
    assert asked(project(TRAIN), None) == []


PIECES = st.sampled_from(["a", "key: v", "- ", "\n", "\r\n", "\r", "\t", "é", "漢", " "])
TEXTS = st.lists(PIECES, max_size=30).map("".join)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TEXTS, st.booleans(), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), TEXTS), max_size=4))
def test_a_save_touches_only_the_bytes_that_were_edited(
    tmp_path: Path, text: str, has_mark: bool, cuts: Sequence[tuple[int, int, str]]
) -> None:
    data = (b"\xef\xbb\xbf" if has_mark else b"") + text.encode()
    path = tmp_path / "metis.config.yml"
    path.write_bytes(data)
    document = ConfigDocument(content_of(data).text)
    expected = text
    for start, length, inserted in cuts:
        begin, end = (
            document.location_of(min(start, len(expected))),
            document.location_of(min(start + length, len(expected))),
        )
        edit = Edit(document.offset_of(begin), document.offset_of(end), inserted)
        document.replace_range(begin, end, inserted)
        expected = apply_edits(expected, [edit])
    written = write(path, document.text, data)
    assert path.read_bytes() == written == (b"\xef\xbb\xbf" if has_mark else b"") + expected.encode()


def test_what_another_program_wrote_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "metis.config.yml"
    path.write_bytes(b"theirs\n")
    with pytest.raises(EditConflict):
        write(path, "mine\n", b"base\n")
    assert path.read_bytes() == b"theirs\n"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    migrate(path)
    with connect(path) as store:
        projects.save_project(store, projects.ProjectRow(TOKEN, "x", str(tmp_path), "docker", 0.0))
        made = projects.insert_deployment(
            store, project=TOKEN, config="name: x\n", config_digest="c", code_digest="d", missing={}, now=0.0
        )
        projects.deployment_ready(store, made, {}, "", 1.0)
        projects.set_active(store, TOKEN, made)
    return path


def activated(database: Path, data: bytes, state: ActivationState, findings: Sequence[str] = ()) -> None:
    with connect(database) as store:
        activations.insert_activation(
            store,
            project=TOKEN,
            kind=ActivationKind.RELOAD,
            state=state,
            deployment=1,
            previous=1,
            request_id=f"reload/{time.monotonic_ns()}",
            now=2.0,
            config_digest=hashlib.sha256(data).hexdigest(),
            findings=findings,
            plan=json.dumps({}),
        )


def followed(database: Path, data: bytes, before: Standing) -> list[Outcome]:
    told: list[Outcome] = []
    follow(database, TOKEN, before, data, told.append, lambda: False)
    return told


def test_what_stands_before_a_save_is_read_from_the_store(database: Path, tmp_path: Path) -> None:
    found = standing(database, TOKEN)
    assert (found.config, found.number, found.newest) == ("name: x\n", 1, 0)
    assert standing(database, "f" * 24) == Standing()
    assert standing(tmp_path / "none.db", TOKEN) == Standing()


def test_what_the_engine_does_with_a_save_is_told(database: Path) -> None:
    before = standing(database, TOKEN)
    activated(database, b"good", ActivationState.ACTIVE)
    assert followed(database, b"good", before) == [Outcome("applied: deployment 1 is active")]
    activated(database, b"bad", ActivationState.INVALID, ["metis.config.yml:1:1: no"])
    (outcome,) = followed(database, b"bad", before)
    assert outcome.words == "saved; not applied: metis.config.yml:1:1: no" and not outcome.is_good


def test_an_activation_from_before_the_save_says_nothing_of_it(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    activated(database, b"good", ActivationState.ACTIVE)
    monkeypatch.setattr("skafos_tui.tui.editor.saving.NOTICED_S", 0.2)
    (outcome,) = followed(database, b"good", standing(database, TOKEN))
    assert "not taken it up" in outcome.words


def test_a_config_that_the_engine_has_seen_changes_nothing(database: Path) -> None:
    with connect(database) as store:
        projects.set_seen(store, TOKEN, hashlib.sha256(b"same").hexdigest())
    (outcome,) = followed(database, b"same", standing(database, TOKEN))
    assert outcome.words == "saved; deployment 1 stays active"
