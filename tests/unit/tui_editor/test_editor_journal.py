"""Drafts outlive whatever ends the editor, and no editor takes another's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from skafos_tui.store.home import Home
from skafos_tui.tui.editor.journal import Draft, Journal

WRITER = """
import sys, time
from pathlib import Path
from skafos_tui.store.home import Home
from skafos_tui.tui.editor.journal import Draft, Journal
journal = Journal(Home(Path(sys.argv[1])), Path(sys.argv[2]))
journal.open()
number = 0
while True:
    number += 1
    journal.write(Draft(sys.argv[2], "base", f"{number} " * 2000, number))
    print(number, flush=True)
"""


def draft(text: str, at: float = 1.0) -> Draft:
    return Draft("metis.config.yml", "base\r\n", text, at)


def test_a_draft_is_found_again_by_the_next_editor(tmp_path: Path) -> None:
    home, config = Home(tmp_path), tmp_path / "metis.config.yml"
    first = Journal(home, config)
    assert first.open() is None
    first.write(draft("a: é\r\n"))
    first.close()
    assert Journal(home, config).open() == draft("a: é\r\n")
    assert Journal(home, tmp_path / "other.yml").open() is None


def test_only_its_owner_can_read_a_draft(tmp_path: Path) -> None:
    journal = Journal(Home(tmp_path), tmp_path / "metis.config.yml")
    journal.open()
    journal.write(draft("a"))
    assert (tmp_path / "drafts").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "drafts").iterdir()} == {0o600}


def test_two_editors_of_one_file_keep_their_own_drafts(tmp_path: Path) -> None:
    home, config = Home(tmp_path), tmp_path / "metis.config.yml"
    one, other = Journal(home, config), Journal(home, config)
    assert one.open() is None
    one.write(draft("one"))
    assert other.open() is None
    other.write(draft("other"))
    other.close()
    assert Journal(home, config).open() == draft("other")
    one.close()
    later = Journal(home, config)
    assert later.open() == draft("one")


def test_a_cleared_draft_is_gone_and_an_older_one_does_not_come_back(tmp_path: Path) -> None:
    home, config = Home(tmp_path), tmp_path / "metis.config.yml"
    journal = Journal(home, config)
    journal.open()
    journal.write(draft("a", 1.0))
    journal.clear(2.0)
    journal.write(draft("late", 1.5))
    journal.close()
    assert Journal(home, config).open() is None


def test_half_a_file_is_no_draft(tmp_path: Path) -> None:
    home, config = Home(tmp_path), tmp_path / "metis.config.yml"
    journal = Journal(home, config)
    journal.open()
    journal.write(draft("a"))
    journal.close()
    (file,) = (tmp_path / "drafts").glob("*.json")
    file.write_text(file.read_text()[:20])
    assert Journal(home, config).open() is None


def test_killed_at_any_moment_a_whole_draft_is_there(tmp_path: Path) -> None:
    home, config = Home(tmp_path), tmp_path / "metis.config.yml"
    for _ in range(3):
        arguments = [sys.executable, "-c", WRITER, str(tmp_path), str(config)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            written = [int(writer.stdout.readline()) for _ in range(4)][-1]
            os.kill(writer.pid, signal.SIGKILL)
        journal = Journal(home, config)
        found = journal.open()
        assert found is not None
        number = int(found.text.split()[0])
        assert number >= written and found.text == f"{number} " * 2000
        journal.close()
