"""Entrypoints become command lines that SIGTERM reaches."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from skafos_tui.model.project import Segment, SegmentKind
from skafos_tui.runners.base import CouldNotStart
from skafos_tui.runners.command import command_line


def script(path: str, *arguments: str) -> Segment:
    return Segment(SegmentKind.SCRIPT, " ".join([path, *arguments]), path, arguments)


def command(text: str) -> Segment:
    return Segment(SegmentKind.COMMAND, text)


def test_a_script_runs_without_a_shell() -> None:
    line = command_line([script("backend/main.py", "a b", "$HOME")])
    assert line.argv == ("python", "backend/main.py", "a b", "$HOME")
    assert not line.signals_group


def test_a_file_that_begins_with_a_dash_is_no_option() -> None:
    assert command_line([script("-c.py")]).argv == ("python", "./-c.py")


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("sleep 5", ("sleep", "5")),
        ("python x.py --text 'a b'", ("python", "x.py", "--text", "a b")),
        ('python -m job --name "it\'s"', ("python", "-m", "job", "--name", "it's")),
        ("/usr/bin/env python x.py A=1", ("/usr/bin/env", "python", "x.py", "A=1")),
    ],
)
def test_a_plain_command_runs_without_a_shell(text: str, argv: tuple[str, ...]) -> None:
    assert command_line([command(text)]).argv == argv


@pytest.mark.parametrize(
    "text",
    ["a && b", "a | b", "a > f", "echo $X", "X=1 python x.py", "cd sub", "ls *.csv", "a; b", "exit 3", "echo `id`",
     "python ~/x.py", "echo 'unclosed"],
)  # fmt: skip
def test_what_only_a_shell_understands_gets_one_that_waits_for_its_child(text: str) -> None:
    line = command_line([command(text)])
    assert line.argv[:2] == ("sh", "-c")
    assert line.argv[2] == f"trap 'exit 143' TERM\n{text}"
    assert line.signals_group


def test_a_notebook_is_refused_in_one_line() -> None:
    with pytest.raises(CouldNotStart, match="nbclient"):
        command_line([script("a.py"), Segment(SegmentKind.NOTEBOOK, "b.ipynb", "b.ipynb")])


def run(*segments: Segment, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command_line(segments).argv, cwd=cwd, capture_output=True, text=True)


def test_a_sequence_ends_at_the_first_failure_with_its_code(tmp_path: Path) -> None:
    result = run(command("echo 'one | still one'"), command("(exit 7)"), command("echo three"), cwd=tmp_path)
    assert (result.returncode, result.stdout) == (7, "one | still one\n")


def test_a_segment_can_not_break_out_of_its_place(tmp_path: Path) -> None:
    result = run(command("echo a # ' comment"), command("cd /; X=1"), command("pwd; echo $X"), cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, f"a\n{tmp_path}\n\n")


def test_the_last_segments_code_is_the_sequences(tmp_path: Path) -> None:
    assert run(command("true"), command("exit 5"), cwd=tmp_path).returncode == 5
