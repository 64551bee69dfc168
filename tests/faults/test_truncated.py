"""Files of SKAFOS_HOME cut or junked while no engine runs: one clear line or a repair, never a traceback."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from house import RAM_DISK, House, Life, a_house, by_job, finished, job, start_run
from memory import Behaviour, Daemon, Line

from skafos_tui.cli.main import main
from skafos_tui.model.run import RunState
from skafos_tui.store.database import DatabaseError
from skafos_tui.store.logs.format import BLOCK_LINES

CUTS = 2000 if os.environ.get("SKAFOS_SOAK") else 200
CHUNK = 25
LINES = tuple(Line(0.0, f"line {number}") for number in range(3 * BLOCK_LINES))
KINDS = ("cut", "junk", "emptied")


@dataclass(frozen=True)
class Lived:
    """A home in which something has happened, as a killed engine left it, and its project's directory."""

    home: Path
    project: Path


@pytest.fixture(scope="module")
def lived() -> Iterator[Lived]:
    """Three runs, two deployments; the write-ahead log is there."""
    with tempfile.TemporaryDirectory(dir=RAM_DISK) as place:
        found = Lived(Path(place, "home"), Path(place, "project"))
        asyncio.run(_live(found))
        yield found


async def _live(found: Lived) -> None:
    async with a_house(Daemon(by_job(j0=Behaviour(lines=LINES)))) as house:
        found.project.mkdir()
        house.directory = found.project
        house.write_config([job(0), job(1, after=(0,))])
        life = Life(house)
        await life.begin()
        for number in range(3):
            (found.project / "code.py").write_text(f"# {number // 2}\n" + "x = 1\n" * 500)
            run, _, _ = await finished(life, await start_run(life, f"r{number}"))
            assert run.state is RunState.SUCCEEDED
        # Copied under a running engine: what a crash leaves.
        shutil.copytree(house.home.path, found.home, ignore=shutil.ignore_patterns("*-shm"))
        await life.close()


def victims(home: Path) -> list[Path]:
    """The files that may be hit, those of the database as often as all others."""
    projects_files = sorted(path for path in (home / "projects").rglob("*") if path.is_file())
    assert {path.suffix for path in projects_files} == {".log", ".idx", ".gz"}
    return [home / "state.db"] * 6 + [home / "state.db-wal"] * 4 + projects_files


def damage(dice: random.Random, path: Path) -> str:
    """Hit a file somewhere; how."""
    kind = dice.choice(KINDS)
    content = path.read_bytes()
    place = dice.randrange(len(content)) if content else 0
    if kind == "cut":
        content = content[:place]
    elif kind == "junk":
        junk = dice.randbytes(dice.choice([1, 16, 4096]))
        content = content[:place] + junk + content[place + len(junk) :]
    else:
        content = b""
    path.write_bytes(content)
    return f"{path.name} {kind} at {place}"


async def play(seed: int, lived: Lived, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One cut, the next engine, and what commands say."""
    dice = random.Random(seed)
    async with a_house() as house:
        shutil.rmtree(house.home.path)
        shutil.copytree(lived.home, house.home.path)
        house.directory = lived.project
        victim = dice.choice(victims(house.home.path))
        what = f"seed {seed}: {damage(dice, victim)}"
        monkeypatch.setenv("SKAFOS_HOME", str(house.home.path))
        life = Life(house)
        try:
            await life.begin()
        except DatabaseError as error:
            assert "\n" not in str(error), what
            assert "state.db" in str(error), what
            assert victim.name.startswith("state.db"), what
            refused = True
        else:
            refused = False
            await work_on(life, what)
            await life.close()
        read_history(house, lived, capsys, what, whole=not victim.name.startswith("state.db"), refused=refused)


async def work_on(life: Life, what: str) -> None:
    """A run of the same files, and one of changed files; the images are gone, so the archives are read."""
    house = life.house
    before = house.query(lambda c: c.execute("SELECT COALESCE(MAX(id), 0) FROM runs").fetchone()[0])
    again, tasks, _ = await finished(life, await start_run(life, "again"))
    if again.state is not RunState.SUCCEEDED:
        said = tasks["j0"].verdict
        assert said is not None and said.evidence, what
        assert "archive" in said.evidence or "image" in said.evidence, (what, said)
        # The files are there: whoever asks once more gets an archive that is whole.
        again, _, _ = await finished(life, await start_run(life, "and again"))
    assert again.state is RunState.SUCCEEDED, (what, again)
    assert again.id > before


def read_history(
    house: House, lived: Lived, capsys: pytest.CaptureFixture[str], what: str, *, whole: bool, refused: bool
) -> None:
    """What the commands make of it: an answer, or one line."""
    project = ["--project", str(lived.project)]
    for words in (["runs", *project], ["show", "1"], ["logs", *project, "--run", "1"], ["ps", *project]):
        code = main(words)
        said = capsys.readouterr()
        assert "Traceback" not in said.err, what
        if code:
            assert not whole, (what, words, said.err)
            assert said.err.startswith("skafos: "), (what, words, said)
            assert said.err.count("\n") <= 2, (what, words, said.err)
        elif whole and words[0] == "runs":
            assert all(f"\n{number}" in said.out.replace(" ", "") for number in (1, 2, 3)), (what, said.out)


def chunks() -> list[range]:
    """The seeds, some at a time."""
    return [range(at, at + CHUNK) for at in range(0, CUTS, CHUNK)]


@pytest.mark.parametrize("seeds", chunks(), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
async def test_whatever_is_cut_the_next_start_says_one_line_or_repairs(
    seeds: range, lived: Lived, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKAFOS_SETTINGS", str(lived.project.parent / "none.yml"))
    monkeypatch.setattr("skafos_tui.api.client.spawn_engine", lambda home: subprocess.Popen(["false"]))
    for seed in seeds:
        await play(seed, lived, capsys, monkeypatch)
