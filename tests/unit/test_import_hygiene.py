"""What a command loads is what it needs: held in processes of their own, where nothing else was imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import skafos_tui

ROOT = Path(skafos_tui.__file__).parent
CONFIG = """\
project_token: 06a16549a3e19a93faff2cc3
name: wines
jobs:
  - job_id: 20d19311-146b-4cd8-ac39-270515e6b77b
    language: python
    name: Train
    entrypoint: "sleep 1"
    schedule: "0 9 * * *"
    resources: {limits: {cpu: 1, memory: 1Mi}}
  - job_id: b039a0b0-9ec5-40fa-b014-262e9cb04087
    language: python
    name: Score
    entrypoint: "sleep 1 | sleep 2"
    dependencies: ["20d19311-146b-4cd8-ac39-270515e6b77b"]
    environment: {MODE: fast}
    timeout: 2h
    retries: 2
"""
HEAVY = {
    *("textual", "docker", "aiohttp", "aiosqlite", "duckdb", "watchfiles", "croniter", "platformdirs", "pathspec"),
    *("asyncio", "sqlite3", "subprocess", "multiprocessing", "ssl", "socket", "json", "logging"),
}
SLOW = {"pathlib", "shutil", "tempfile", "fnmatch", "random", "urllib", "ipaddress", "difflib", "zoneinfo", "uuid"}
"""Modules of the standard library that a validation was measured to wait for."""


def modules_of(statement: str, *arguments: str, directory: Path) -> set[str]:
    """The first names of the modules in a new Python after a statement; what it prints is its own affair."""
    script = (
        "import sys\n"
        "try:\n"
        f"    {statement}\n"
        "finally:\n"
        "    names = {name.partition('.')[0] for name in sys.modules}\n"
        "    print('\\n\\0', *names, sep='\\n', end='')\n"
    )
    variables = {**os.environ, "SKAFOS_SETTINGS": str(directory / "no-settings.yml")}
    # Isolated and without site: an editable install or a plug-in of another tool loads what it likes.
    path = [str(ROOT.parent), *(entry for entry in sys.path if entry.endswith("site-packages"))]
    head = f"import sys; sys.path += {path!r}; sys.argv[0] = 'skafos'\n"
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", head + script, *arguments],
        cwd=directory,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert "\0" in ran.stdout, ran.stderr
    return set(ran.stdout.rpartition("\0")[2].split())


def test_validate_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "metis.config.yml").write_text(CONFIG)
    statement = "from skafos_tui.cli.main import main; assert main(sys.argv[1:]) == 0"
    loaded = modules_of(statement, "validate", directory=tmp_path)
    assert "yaml" in loaded
    assert loaded & (HEAVY | SLOW) == set()


def test_help_loads_no_command_and_no_library(tmp_path: Path) -> None:
    statement = "from skafos_tui.cli.main import main; main(sys.argv[1:])"
    loaded = modules_of(statement, "--help", directory=tmp_path)
    assert "skafos_tui" in loaded
    assert loaded & (HEAVY | SLOW | {"yaml"}) == set()


@pytest.mark.parametrize("room", ["model", "text"])
def test_facts_and_texts_need_only_the_standard_library(room: str, tmp_path: Path) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    names = [".".join(file.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__") for file in files]
    loaded = modules_of(
        "import importlib; [importlib.import_module(n) for n in sys.argv[1:]]", *names, directory=tmp_path
    )
    assert loaded - sys.stdlib_module_names - {"skafos_tui", "__main__", "__mp_main__"} == set()
