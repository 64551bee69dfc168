"""`skafos` alone where there is no project: what is chosen on the first screen is what happens then."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from skafos_tui.cli import demo, screen
from skafos_tui.cli.common import OpenProject
from skafos_tui.cli.errors import CommandError
from skafos_tui.cli.output import Output
from skafos_tui.store.home import Home
from skafos_tui.tui.reading_projects import ProjectLine
from skafos_tui.tui.screens.start import DEMO, INIT, OPEN, Offer


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory we are in has no project."""
    place = tmp_path.resolve() / "empty"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[OpenProject, bool]]:
    """The projects that a screen was opened on, and whether to look only."""
    found: list[tuple[OpenProject, bool]] = []

    def show(_home: Home, project: OpenProject, *, read_only: bool = False) -> int:
        found.append((project, read_only))
        return 0

    monkeypatch.setattr(screen, "show", show)
    return found


def begin(monkeypatch: pytest.MonkeyPatch, offer: Offer | None, *, read_only: bool = False) -> int:
    """`skafos`, with this chosen."""
    monkeypatch.setattr(screen, "_run", lambda _made: SimpleNamespace(choice=offer))
    return screen.screen(Namespace(command=None, project=None, read_only=read_only))


def test_nothing_chosen_is_the_end(empty: Path, shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert begin(monkeypatch, None) == 0
    assert shown == [] and list(empty.iterdir()) == []


def test_init_makes_a_project_here_and_shows_it(
    empty: Path, shown: list[tuple[OpenProject, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert begin(monkeypatch, Offer(INIT)) == 0
    [(project, _)] = shown
    assert project.directory == empty and project.project is not None
    assert (empty / "metis.config.yml").is_file()


def test_demo_copies_the_sample_beside_and_goes_on_as_the_command_does(
    empty: Path, shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Namespace] = []

    def run(args: Namespace) -> int:
        asked.append(args)
        return 0

    monkeypatch.setattr(demo, "demo", run)
    assert begin(monkeypatch, Offer(DEMO)) == 0
    assert Path(asked[0].name).parent == empty
    assert demo.copy_sample(asked[0], Output()).parent == empty


def test_a_known_project_is_shown_where_it_is(
    directory: Path, empty: Path, shown: list[tuple[OpenProject, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ProjectLine("a" * 24, "wines", str(directory))
    assert begin(monkeypatch, Offer(OPEN, project=line), read_only=True) == 0
    [(project, read_only)] = shown
    assert project.directory == directory and read_only


def test_a_known_project_that_has_gone_says_so(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ProjectLine("a" * 24, "wines", str(empty / "gone"))
    with pytest.raises(CommandError, match="is no directory"):
        begin(monkeypatch, Offer(OPEN, project=line))
