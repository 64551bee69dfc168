"""What reaches the terminal, byte by byte: nothing of a job's, nothing left over, on terminals of every kind."""

from __future__ import annotations

import re
import signal
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from system import Person
from terminals import LIGHT, SEQUENCE, SKAFOS, Pty, wait_until

CRASHING = "from skafos_tui.tui.screens.base import CommandScreen as C; C.do_help = lambda screen: 1 / 0; "
CRASHING_THREAD = "from skafos_tui.tui.engine_watch import EngineWatch as E; E._look = lambda watch: 1 / 0; "
ENTRY = "from skafos_tui.cli.main import entry; entry()"


@pytest.fixture
def quiet(person: Person) -> Person:
    """A person with a project that was never run; nobody starts an engine for them."""
    person.job("Fetch", "print('fetched')\n")
    person.environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    for name in ("TMUX", "COLORTERM", "NO_COLOR"):
        person.environment.pop(name, None)
    return person


@pytest.fixture
def opened() -> Iterator[list[Pty]]:
    """The terminals of a test, closed at its end."""
    found: list[Pty] = []
    yield found
    for terminal in found:
        terminal.close()


def open_pty(person: Person, opened: list[Pty], *words: str, background: str = "", code: str = "", **more: str) -> Pty:
    """`skafos --read-only` on a terminal of its own, or this Python code in its place."""
    command = [sys.executable, "-c", code] if code else list(SKAFOS)
    environment = {**person.environment, **more}
    found = Pty([*command, "--read-only", *words], environment, directory=person.project, background=background)
    opened.append(found)
    return found


def is_as_before(terminal: Pty) -> bool:
    """Whether the terminal is as it was: modes taken back, attributes restored."""
    on = {mode: at for at, mode in enumerate(re.findall(r"\x1b\[\?(\d+)h", terminal.sent))}
    off = set(re.findall(r"\x1b\[\?(\d+)l", terminal.sent))
    left = {mode for mode in on if mode not in off and mode not in ("25", "7")}
    return not left and terminal.sent.rfind("\x1b[?25h") > terminal.sent.rfind("\x1b[?25l")


def test_q_gives_the_terminal_back_as_it_was(quiet: Person, opened: list[Pty]) -> None:
    terminal = open_pty(quiet, opened)
    terminal.wait("no runs yet")
    terminal.wait_quiet()
    terminal.type("q")
    assert terminal.end() == 0
    assert is_as_before(terminal)
    assert terminal.attributes() == terminal.attributes_before


def test_errors_kept_in_a_file_leave_the_screen_where_it_is(quiet: Person, opened: list[Pty], tmp_path: Path) -> None:
    kept = tmp_path / "errors"
    script = f"import os; os.dup2(os.open({str(kept)!r}, os.O_WRONLY | os.O_CREAT), 2); "
    terminal = open_pty(quiet, opened, code=script + ENTRY)
    terminal.wait("no runs yet")
    terminal.type("q")
    assert terminal.end() == 0
    assert kept.read_text() == ""


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 129)])
def test_signals_end_it_quickly(quiet: Person, opened: list[Pty], sent: signal.Signals, code: int) -> None:
    terminal = open_pty(quiet, opened)
    terminal.wait("no runs yet")
    terminal.process.send_signal(sent)
    assert terminal.end(3) == code
    if sent is signal.SIGTERM:
        assert is_as_before(terminal)
        assert terminal.attributes() == terminal.attributes_before


def test_it_ends_when_its_terminal_goes(quiet: Person, opened: list[Pty]) -> None:
    terminal = open_pty(quiet, opened)
    terminal.wait("no runs yet")
    terminal.hang_up()
    assert terminal.end(3) == 129


def test_a_crash_leaves_one_line_a_report_and_a_good_terminal(quiet: Person, opened: list[Pty]) -> None:
    terminal = open_pty(quiet, opened, code=CRASHING + ENTRY)
    terminal.wait("no runs yet")
    terminal.type("?")
    assert terminal.end() == 1
    assert is_as_before(terminal)
    said = terminal.text[terminal.text.rindex("skafos: the screen broke off") :]
    assert len(said.strip().splitlines()) == 1 and "Traceback" not in terminal.text
    found = re.search(r"jobs go on; the report is (\S+): ZeroDivisionError: division by zero", said)
    assert found is not None
    report = Path(found[1])
    assert "in perform" in report.read_text() and report.stat().st_mode & 0o077 == 0


def test_a_thread_that_breaks_ends_the_screen_too(quiet: Person, opened: list[Pty]) -> None:
    terminal = open_pty(quiet, opened, code=CRASHING_THREAD + ENTRY)
    assert terminal.end() == 1
    assert "skafos: the screen broke off, jobs go on" in terminal.text
    assert is_as_before(terminal)


def test_bytes_that_are_no_text_are_no_crash(quiet: Person, opened: list[Pty]) -> None:
    terminal = open_pty(quiet, opened)
    terminal.wait("no runs yet")
    terminal.type("\udcff\udcfe".encode("utf-8", "surrogateescape").decode("latin-1"))
    import os

    os.write(terminal._controller, b"\xff\xfe\xc3(\x1b[99;99;99;99~\x1b]0;x")
    time.sleep(0.2)
    terminal.type("?")
    terminal.wait("To the first row.")


def test_a_light_terminal_gets_the_light_colours_in_the_first_frame(quiet: Person, opened: list[Pty]) -> None:
    terminal = open_pty(quiet, opened, background=LIGHT, COLORTERM="truecolor")
    terminal.wait("no runs yet")
    assert "48;2;250;250;250" in terminal.sent and "48;2;16;18;22" not in terminal.sent


def test_a_late_answer_changes_the_colours_and_types_nothing(quiet: Person, opened: list[Pty]) -> None:
    terminal = open_pty(quiet, opened, COLORTERM="truecolor")
    terminal.wait("no runs yet")
    assert "48;2;250;250;250" not in terminal.sent
    terminal.type(LIGHT)
    wait_until(lambda: "48;2;250;250;250" in terminal.sent, lambda: terminal.text)
    # `r` would have begun a sequence, `:` opened the palette.
    assert "a command or a job" not in terminal.text


@pytest.mark.parametrize(
    ("variables", "glyph", "colours"),
    [
        ({"TERM": "xterm"}, "●", r"\x1b\[[\d;]*\b9?\d\b"),
        ({"TERM": "xterm-256color"}, "●", r"38;5;\d+"),
        ({"TERM": "tmux-256color", "TMUX": "/x,1,0"}, "●", r"38;5;\d+"),
        ({"TERM": "screen"}, "●", ""),
        ({"TERM": "linux"}, "", ""),
        ({"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "", ""),
        ({"NO_COLOR": "1"}, "●", ""),
    ],
    ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_terminals_of_every_kind_are_shown_what_they_can(
    quiet: Person, opened: list[Pty], variables: dict[str, str], glyph: str, colours: str
) -> None:
    terminal = open_pty(quiet, opened, **variables)
    terminal.wait("no runs yet")
    terminal.wait("help")
    if glyph:
        assert glyph in terminal.text
    else:
        assert terminal.text.isascii()
    if colours:
        assert re.search(colours, terminal.sent)
    if variables.get("TERM") != "xterm-256color" or "NO_COLOR" in variables:
        assert "38;2;" not in terminal.sent


def test_escape_waits_25_ms_only(quiet: Person, opened: list[Pty]) -> None:
    told = "print('waits', sys.modules['textual.constants'].ESCAPE_DELAY, file=sys.__stderr__, flush=True)"
    later = f"import sys, threading; t = threading.Timer(2, lambda: {told}); t.daemon = True; t.start(); "
    terminal = open_pty(quiet, opened, code=later + ENTRY)
    terminal.wait("waits 0.025")


def test_nothing_is_written_while_nothing_happens(quiet: Person, opened: list[Pty]) -> None:
    terminal = open_pty(quiet, opened)
    terminal.wait("help")
    terminal.wait_quiet(0.6)
    before = len(terminal.sent)
    time.sleep(2.5)
    assert len(terminal.sent) == before


def test_a_run_that_fails_rings_and_names_itself_in_the_title_until_the_end(person: Person, opened: list[Pty]) -> None:
    person.environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    person.job("Break", entrypoint="sh -c 'exit 3'")
    terminal = open_pty(person, opened)
    terminal.wait("no runs yet")
    person.start()
    wait_until(lambda: "\x1b]2;✗ test: run 1 failed\x07" in terminal.sent, lambda: terminal.text[-800:])
    sent = SEQUENCE.sub("", terminal.sent)
    assert "\x07" in sent
    terminal.type("q")
    terminal.end()
    assert terminal.sent.index("\x1b[22;2t") < terminal.sent.index("\x1b]2;") < terminal.sent.index("\x1b[23;2t")
    assert terminal.attributes()[3] & termios.ECHO  # type: ignore[operator]
