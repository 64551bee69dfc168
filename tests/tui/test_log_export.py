"""Pager, editor and file get the lines as they are shown, nothing that controls a terminal, as much as they read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest
from log_support import START, append, universal_time

from skafos_tui.store.logs.blocks import LogLines
from skafos_tui.store.logs.view import LogView
from skafos_tui.tui.widgets.log import export
from skafos_tui.tui.widgets.log.when import Times


def test_a_pager_that_is_left_early_ends_the_writing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    environment = {**os.environ, "PAGER": f"sh -c 'head -n 3 > {out}; exit 3'"}
    assert export.page(chain(repeat("line\n")), environment) == 3
    assert out.read_text() == "line\n" * 3


def test_an_editor_gets_a_copy_that_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "EDITOR_LINES", 5)
    copy, name = tmp_path / "copy", tmp_path / "name"
    script = tmp_path / "editor"
    script.write_text(f'#!/bin/sh\ncp "$2" {copy}; echo "$2" > {name}; [ "$1" = -x ]\n')
    script.chmod(0o755)
    assert export.edit((f"{n}\n" for n in range(100)), {**os.environ, "VISUAL": "", "EDITOR": f"{script} -x"}) == 0
    assert copy.read_text() == "0\n1\n2\n3\n4\n"
    assert not Path(name.read_text().strip()).exists()


def test_tools_that_are_not_there_are_an_error() -> None:
    for tool, name in ((export.page, "PAGER"), (export.edit, "EDITOR")):
        with pytest.raises(FileNotFoundError):
            tool(["x\n"], {"PATH": os.environ["PATH"], name: "no-such-tool-here"})


@pytest.fixture
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from universal_time(monkeypatch)


@pytest.mark.usefixtures("_utc")
def test_lines_go_out_with_time_and_label_and_only_colours(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    append(path, [(0, "\x1b]0;x\x07\x1b[31mred\x1b[0m \x1b[2J"), (61, "plain")])
    view = LogView([LogLines(path)])
    assert list(export.text_lines(view, ["#0"], Times.CLOCK, START)) == ["14:13:20 #0 red \n", "14:14:21 #0 plain\n"]
    coloured = list(export.text_lines(view, [""], Times.OFF, START, start=(0,), colours=True))
    assert coloured == ["\x1b[0;31mred\x1b[0m \n", "plain\n"]
    with pytest.raises(FileExistsError):
        export.save(["x\n"], path)
