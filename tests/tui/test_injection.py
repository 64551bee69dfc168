"""Text from jobs can never control the terminal: 200 nasty samples in all that the screen shows, by bytes."""

from __future__ import annotations

import itertools
import os
import re
import sys
from pathlib import Path

import pytest
from terminals import Pty
from wines import NOW, TOKEN, Store

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store.home import Home
from skafos_tui.store.logs.format import NANOSECONDS, format_line

MARK = "PWNED"
BODIES = (
    f"0;{MARK}",
    f"52;c;{MARK}",
    f"8;;http://{MARK}",
    f"2;{MARK}",
    f"777;notify;{MARK}",
    f"1337;File={MARK}",
    "11;?",
)
ENDS = ("\x07", "\x1b\\", "\x9c", "")
STRINGS = [f"{begin}{body}{end}" for begin in ("\x1b]", "\x9d") for body, end in itertools.product(BODIES, ENDS)]
OTHER_STRINGS = [
    f"{begin}{MARK}{end}"
    for begin in ("\x1bP", "\x90", "\x1b_", "\x9f", "\x1b^", "\x9e", "\x1bX", "\x98", "\x1bk")
    for end in ENDS
]
FINALS = (
    "2J",
    "H",
    "6n",
    "5n",
    "c",
    ">c",
    "=c",
    "?1049l",
    "?1049h",
    "?25h",
    "?2004l",
    "?1000h",
    "?47l",
    "21t",
    "22;2t",
    "8;1;1t",
)
MORE_FINALS = (
    "3J",
    "1;1r",
    "s",
    "u",
    ">31u",
    "<u",
    "!p",
    "?5h",
    "4h",
    "100B",
    "100L",
    "100S",
    "i",
    "5i",
    "$p",
    "0q",
    '1"q',
    "999;999H",
)
CONTROLS = [f"{begin}{final}" for begin in ("\x1b[", "\x9b") for final in (*FINALS, *MORE_FINALS)]
SHORT = [
    "\x1bc",
    "\x1b#8",
    "\x1b(0",
    "\x1b)0",
    "\x1b7\x1b8",
    "\x1bD",
    "\x1bM",
    "\x1bE",
    "\x1bH",
    "\x1b=",
    "\x1b>",
    "\x1bN",
    "\x1bO",
]
BYTES = [
    "\x0e",
    "\x0f",
    "\x07",
    "\x08" * 40,
    "\x0b",
    "\x0c",
    "\x00",
    "\x7f",
    "\x05",
    "\x1b",
    "\x1b\x1b",
    "\x84\x85\x88\x8d",
    "\x1b[\x1b[31",
]
SIGNS = [
    "\u202e",
    "\u2066",
    "\u200f",
    "\u2028",
    "\u061c",
    "\ufeff",
    "\u200b" * 5,
    "\U000e0041",
    "[red]",
    "[/]",
    "[link=x]",
    "e\u0301" * 3,
]
SAMPLES = [*STRINGS, *OTHER_STRINGS, *CONTROLS, *SHORT, *BYTES, *SIGNS, "\x1b[31mred\x1b[0m", "\x1b[38;5;1;4:3mline"]

OURS = re.compile(
    r"\x1b(?:"
    r"\[[\d;:]*m|\[\d*(?:;\d*)?H|\[\?(?:1049|1000|1003|1015|1006|1016|25|1004|2004|2026|2048|7)[hl]"
    r"|\[\?(?:2026|2048)\$p|\[>\d+u|\[<u|\[6n|\[22;2t|\[23;2t|\]22;(?:default|text|pointer)\x07"
    r")"
)
"""All that the screen itself says to a terminal here."""
HARMFUL = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u206f\u061c]")
OPEN = """
import sys
from pathlib import Path
from skafos_tui.store.home import Home
from skafos_tui.tui.opened import Opened
from skafos_tui.tui.opening import screen_of
place = Path(sys.argv[1])
opened = Opened(Home(place), sys.argv[2], sys.argv[3], place, None)
screen_of(opened, None, read_only=True).run()
"""
WAYS = [
    "",
    "G",
    "gg",
    "jjjj",
    "o",
    "v",
    "v",
    "2",
    "2",
    "3",
    "3",
    "G",
    "gg",
    "/PWNED\r",
    "n",
    "\x1b",
    "&PWNED\r",
    "\x1b",
    "b",
    "w",
    "A",
    "L",
]
MORE_WAYS = [
    "d",
    "q",
    "D",
    "q",
    "4",
    "4",
    "5",
    "5",
    "?",
    "q",
    ":PWNED",
    "\x1b",
    "gh",
    "q",
    "gp",
    "q",
    "[",
    "[",
    ".",
    "[",
    "3",
    "G",
]


def filled(store: Store) -> None:
    """Samples in names, errors, reasons, evidence, steps and logs; 600 lines, so that each of them is drawn."""
    # The store of the tests names files after jobs; the engine does not.
    store.pipeline = {
        f"{number} {sample}".replace("/", "").replace("\0", ""): () for number, sample in enumerate(SAMPLES[::9])
    }
    names = list(store.pipeline)
    store.deploy(code={f"a{sample}.py".replace("/", "").replace("\x00", ""): sample for sample in SAMPLES[::15]})
    for run_number, state in enumerate((RunState.FAILED, RunState.FAILED, RunState.RUNNING)):
        run_id = store.run(deployment=store.deploy())
        for number, name in enumerate(names):
            sample = SAMPLES[(number * 7 + run_number) % len(SAMPLES)]
            verdict = Verdict(VerdictKind.COULD_NOT_START, None, f"no {sample} such {sample}")
            store.attempt(run_id, name, NOW - 100, NOW - 50, verdict=verdict)
            store.set_task(run_id, name, TaskState.FAILED, NOW - 100, NOW - 50, verdict=verdict, reason=sample)
            write_log(store, run_id, f"{run_id}-{name}-0-1")
        queued = names[-1]
        store.set_task(run_id, queued, TaskState.QUEUED, reason=f"needs {SAMPLES[3]}")
        ended = NOW - 50 if state.finished else None
        store.set_run(run_id, state, NOW - 100, ended)
    store.step(store.deploy(ready=False), f"pip: {SAMPLES[0]}{SAMPLES[60]}")


def write_log(store: Store, run_id: int, attempt: str) -> None:
    """All samples as lines of a log, as the engine writes them."""
    path = Home(store.path.parent).attempt_log(TOKEN, run_id, attempt)
    path.parent.mkdir(parents=True, exist_ok=True)
    at = int(NOW - 90) * NANOSECONDS
    lines = [
        format_line(at + number, f"line {number} {sample} {MARK} end".encode()) for number, sample in enumerate(SAMPLES)
    ]
    path.write_bytes(b"".join(lines))


def test_there_are_200_samples() -> None:
    assert len(set(SAMPLES)) >= 200


@pytest.mark.parametrize("size", [(80, 24), (220, 60)])
def test_no_control_sequence_of_a_job_gets_out(store: Store, size: tuple[int, int]) -> None:
    filled(store)
    kept = ("PATH", "HOME", "PYTHONPATH", "VIRTUAL_ENV")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "EDITOR": "true", "PAGER": "true", "ESCDELAY": "25"}
    words = [sys.executable, "-c", OPEN, str(store.path.parent), TOKEN, "wine"]
    terminal = Pty(words, environment, directory=Path(store.path.parent), size=size)
    try:
        terminal.wait("JOBS")
        for keys in (*WAYS, *MORE_WAYS):
            terminal.type(keys)
            terminal.wait_quiet(0.06)
        terminal.type("\x11")
        assert terminal.end() == 0, terminal.text[-2000:]
        sent = terminal.sent
    finally:
        terminal.close()
    assert sent.count(MARK) > 100, "the tour has seen the samples"
    rest = OURS.sub("", sent)
    found = re.search("\x1b.{0,40}", rest)
    assert found is None, repr(rest[max(0, found.start() - 400) : found.end() + 100])
    harm = HARMFUL.search(rest)
    assert harm is None, repr(rest[harm.start() - 60 : harm.end() + 20])
