"""The log in the dashboard: whose it is, where it stands, what its keys do, and that nothing in it controls anything.

The pane's own pictures stand in goldens, as those of the whole screen do (`test_goldens`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from screens import app_on, text_of
from textual.pilot import Pilot
from wines import NOW, TOKEN, Store, epochs

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store.home import Home
from skafos_tui.store.logs.writer import LogWriter
from skafos_tui.tui.app import SkafosApp
from skafos_tui.tui.widgets.log.pane import LogPane

GOLDENS = Path(__file__).parent / "goldens"
SIZE = (80, 24)
BAD = Verdict(VerdictKind.EXITED, 3, "ended with exit 3")


class Screen:
    """The app on a store, with its log."""

    def __init__(self, pilot: Pilot[Any], app: SkafosApp) -> None:
        self.pilot = pilot
        self.app = app

    @property
    def log(self) -> LogPane:
        """The pane, once it is there."""
        assert self.app.dashboard is not None and self.app.dashboard.logs is not None
        return self.app.dashboard.logs

    def rows(self) -> list[str]:
        """What the pane shows, its title first."""
        return [self.log.render_line(y).text.rstrip() for y in range(self.log.size.height)]

    def texts(self) -> list[str]:
        """The rows with something in them, without times and marks."""
        return [row[10:] for row in self.rows()[1:] if row]

    def footer(self) -> str:
        """The last line of the screen."""
        return text_of(self.app).splitlines()[-1]

    async def press(self, *keys: str) -> None:
        """Press keys and let the screen settle."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text and end it with Enter."""
        await self.press(*("space" if character == " " else character for character in text), "enter")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what another thread or process brings."""
        for _ in range(500):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it never came:\n" + "\n".join(self.rows()))


@asynccontextmanager
async def shown(store: Store, size: tuple[int, int] = SIZE, *, zoomed: bool = False) -> AsyncIterator[Screen]:
    """The screen on a store, with the keys on the log and the log alone if it is zoomed."""
    app = app_on(store)
    async with app.run_test(size=size) as pilot:
        screen = Screen(pilot, app)
        await screen.until(lambda: app.dashboard is not None and app.dashboard.logs is not None)
        await pilot.pause()
        if zoomed:
            await screen.press("3", "3")
        yield screen


def retried(store: Store) -> int:
    """A run in which a job has failed twice and is tried a third time."""
    run_id = store.run()
    for number in (1, 2):
        begin = NOW - 100 + 30 * number
        store.attempt(run_id, "Ingest", begin, begin + 10, number=number, verdict=BAD)
        store.log(run_id, "Ingest", [(begin + 1, f"try {number}"), (begin + 9, "!no route to host")], number=number)
    store.attempt(run_id, "Ingest", NOW - 5, number=3)
    store.log(run_id, "Ingest", [(NOW - 4, "try 3")], number=3)
    store.set_task(run_id, "Ingest", TaskState.RUNNING, NOW - 70)
    store.set_run(run_id, RunState.RUNNING, NOW - 71)
    return run_id


async def running(screen: Screen) -> None:
    """Three instances, two of them at work."""


async def failed(screen: Screen) -> None:
    """The end of the instance that failed."""


async def instance(screen: Screen) -> None:
    """One of three alone."""
    await screen.press("i", "i")


async def all_jobs(screen: Screen) -> None:
    """Everything by time."""
    await screen.press("A")


async def filtered(screen: Screen) -> None:
    """Only what matches."""
    await screen.press("&")
    await screen.type("epoch .5/")
    await screen.until(lambda: not screen.log.reading.searching)


async def found(screen: Screen) -> None:
    """At a hit."""
    await screen.press("/")
    await screen.type("epoch 21/")
    await screen.until(lambda: screen.log.cursor is not None and not screen.log.reading.finding)


async def asking(screen: Screen) -> None:
    """A time is typed."""
    await screen.press("@", "2", "2", ":")


async def wrapped(screen: Screen) -> None:
    """Long lines go on in the next row; times count from the start."""
    await screen.press("w", "t")


SCENES: dict[Callable[[Screen], Any], Callable[[Store], object]] = {
    running: Store.running_run,
    failed: Store.failed_run,
    instance: Store.running_run,
    all_jobs: Store.running_run,
    filtered: Store.running_run,
    found: Store.running_run,
    asking: Store.running_run,
    wrapped: Store.failed_run,
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_the_log_is_drawn_as_agreed(scene: Callable[[Screen], Any], store: Store) -> None:
    SCENES[scene](store)
    async with shown(store, (60, 16), zoomed=True) as screen:
        await scene(screen)
        await screen.pilot.pause()
        text = "\n".join(screen.rows()) + "\n"
    golden = GOLDENS / f"log-{scene.__name__}.txt"
    if os.environ.get("SKAFOS_GOLDENS") == "renew":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


async def test_after_a_failure_the_log_stands_at_the_end_of_what_failed(store: Store) -> None:
    store.failed_run()
    async with shown(store) as screen:
        assert screen.rows()[0].startswith(" 3 LOG Train forest  #1  attempt 1  ended 21:35:20")
        assert screen.rows()[-2] == "!21:35:19 Killed"
        assert "engine: Train forest #1 failed, out of memory: limit 2.0Gi" in screen.rows()[-1]


async def test_what_is_printed_comes_and_the_next_attempt_takes_its_place(store: Store) -> None:
    run_id = retried(store)
    async with shown(store) as screen:
        assert screen.texts()[-1] == "try 3"
        store.log(run_id, "Ingest", [(NOW - 3, "got it")], number=3)
        await screen.until(lambda: screen.texts()[-1] == "got it")
        store.attempt(run_id, "Ingest", NOW - 1, number=4)
        store.log(run_id, "Ingest", [(NOW, "try 4")], number=4)
        await screen.until(lambda: screen.texts()[-1] == "try 4")
        assert "attempt 4  following" in screen.rows()[0]


async def test_attempts_are_gone_through(store: Store) -> None:
    retried(store)
    async with shown(store) as screen:
        await screen.press("enter", "p")
        assert "attempt 2" in screen.rows()[0]
        assert "no route to host" in screen.texts()
        await screen.press("p", "p")
        assert "attempt 1" in screen.rows()[0]
        assert screen.footer() == " no older attempt"
        await screen.press("P", "P")
        assert "attempt 3  following" in screen.rows()[0]


async def test_what_the_engine_did_stands_among_the_lines(store: Store) -> None:
    retried(store)
    async with shown(store, zoomed=True) as screen:
        assert screen.texts() == [
            "engine: Ingest started",
            "engine: Ingest failed, exit 3, 0:10",
            "engine: Ingest started, attempt 2",
            "engine: Ingest failed, exit 3, 0:10",
            "engine: Ingest started, attempt 3",
            "try 3",
        ]


async def test_jobs_that_never_ran_say_why_in_the_log_of_all(store: Store) -> None:
    store.failed_run()
    async with shown(store, zoomed=True) as screen:
        await screen.press("A")
        assert screen.rows()[0].startswith("▌3 LOG all jobs")
        assert [text.strip() for text in screen.texts()[-3:]] == [
            f"engine: {name} did not run: Train forest failed" for name in ("Evaluate", "Score", "Report")
        ]


async def test_another_job_another_log_and_another_run_begins_at_its_end(store: Store) -> None:
    first = store.good_run(NOW - 9000)
    store.log(first, "Ingest", [(NOW - 8999, "long ago")])
    run_id = retried(store)
    store.log(run_id, "Ingest", epochs(NOW - 3, 400), number=3)
    async with shown(store) as screen:
        await screen.press("enter", "g", "g")
        assert not screen.log.following
        await screen.press("escape", "down")
        await screen.until(lambda: "no log yet" in screen.rows()[0])
        await screen.press("up")
        assert screen.log.following
        await screen.press("left_square_bracket")
        await screen.until(lambda: "long ago" in screen.texts())


async def test_moving_up_stays_there_and_counts_what_comes(store: Store) -> None:
    run_id = store.running_run()
    async with shown(store) as screen:
        await screen.press("enter", "ctrl+u")
        before = screen.rows()[1:]
        store.log(run_id, "Train forest", [(NOW + n / 100, "more") for n in range(1234)], instance=1)
        await screen.until(lambda: "paused  +1,234 lines" in screen.rows()[0])
        assert screen.rows()[1:] == before
        await screen.press("G")
        assert screen.texts()[-1] == "#1 more"


async def test_lost_lines_are_a_visible_gap(store: Store) -> None:
    run_id = store.running_run()
    writer = LogWriter(store.log(run_id, "Train forest", [], instance=1))
    writer.append_gap("the daemon was killed")
    writer.close(sync=False)
    async with shown(store) as screen:
        assert "#1 --- the daemon was killed ---" in screen.texts()


async def test_while_the_image_is_made_its_output_is_the_log(store: Store) -> None:
    deployment = store.deploy(ready=False)
    run_id = store.run(deployment=deployment)
    path = Home(store.path.parent).build_log(TOKEN, deployment)
    path.parent.mkdir(parents=True)
    lines = store.log(run_id, "scratch", [(NOW, "Collecting pandas")])
    path.write_bytes(lines.read_bytes())
    async with shown(store) as screen:
        assert screen.rows()[0].startswith(" 3 LOG image  following")
        assert screen.texts() == ["Collecting pandas"]


async def test_back_ends_the_search_then_the_filter_then_marks_then_zoom_then_leaves(store: Store) -> None:
    store.running_run()
    async with shown(store, zoomed=True) as screen:
        await screen.press("k", "m", "&")
        await screen.type("epoch")
        await screen.until(lambda: not screen.log.reading.searching)
        await screen.press("/")
        await screen.type("loss")
        log, dashboard = screen.log, screen.app.dashboard
        assert dashboard is not None

        def state() -> tuple[bool, bool, bool, bool, str]:
            reading = log.reading
            return reading.find is not None, reading.filtered, bool(log.marks), dashboard.zoomed, dashboard.at

        seen = [state()]
        for key in ("escape", "q", "h", "left", "escape"):
            await screen.press(key)
            seen.append(state())
    assert seen == [
        (True, True, True, True, "log"),
        (False, True, True, True, "log"),
        (False, False, True, True, "log"),
        (False, False, False, True, "log"),
        (False, False, False, False, "log"),
        (False, False, False, False, "jobs"),
    ]


async def test_while_a_line_is_typed_all_keys_are_its_own(store: Store) -> None:
    store.running_run()
    async with shown(store) as screen:
        await screen.press("enter", "/", *"q1zxAg", "tab")
        assert screen.log.takes_keys
        assert screen.rows()[-1] == "find: q1zxAg"
        assert screen.footer() == " Enter takes it, Esc leaves it"
        await screen.press("escape")
        assert not screen.log.takes_keys
        assert "/ find" in screen.footer()


async def test_the_footer_names_attempts_and_instances_only_where_there_are_some(store: Store) -> None:
    store.running_run()
    async with shown(store, (200, 40)) as screen:
        await screen.press("enter")
        assert "i instance" in screen.footer() and "attempt" not in screen.footer()
        await screen.press("escape", "home", "enter")
        assert "instance" not in screen.footer()


async def test_a_pane_that_is_not_seen_reads_nothing(store: Store) -> None:
    store.running_run()
    async with shown(store, (58, 20)) as screen:
        assert screen.log.reading.attempts == []
        await screen.press("3")
        assert len(screen.log.reading.attempts) == 3


async def test_a_log_that_is_quiet_is_not_drawn(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.running_run()
    async with shown(store) as screen:
        frames: list[str] = []
        monkeypatch.setattr(screen.app.pacer, "offer", lambda _frame, source="": frames.append(source))
        polls = screen.log.reading.refresh
        looked: list[bool] = []
        monkeypatch.setattr(screen.log.reading, "refresh", lambda **options: looked.append(polls(**options)))
        await screen.until(lambda: len(looked) > 3)
        assert "log" not in frames


NASTY = (
    "\x1b]0;owned\x07\x1b]52;c;aGk=\x07\x1b[2J\x1b[?1049l\x1b[6n\x1bP0;1|17-ab\x1b\\\x9b31m\x85\u202egnol\x08\x7f"
    "\x1b[31mred\x1b[0m \x1b]8;;http:x\x1b\\link\x1b]8;;\x1b\\ [bold]no markup[-bold] \x1b[38;5;999m\x1b["
)


async def test_nothing_in_a_log_a_name_or_evidence_reaches_the_terminal(store: Store) -> None:
    store.pipeline = {NASTY: ()}
    run_id = store.run(deployment=store.deploy())
    store.attempt(run_id, NASTY, NOW - 9, NOW - 1, verdict=Verdict(VerdictKind.COULD_NOT_START, None, NASTY))
    store.log(run_id, NASTY, [(NOW - 5, NASTY), (NOW - 4, f"\0 10%\r{NASTY}\r")])
    async with shown(store, (300, 12), zoomed=True) as screen:
        assert "could not start" in "".join(screen.texts())
        for keys in ("A", "w", "/", "escape", "b"):
            await screen.press(keys)
            segments = [segment for y in range(screen.log.size.height) for segment in screen.log.render_line(y)]
            assert all(segment.text.isprintable() and segment.control is None for segment in segments)
            assert "[bold]no markup" in "".join(segment.text for segment in segments)


async def test_enter_shows_the_current_line_whole(store: Store) -> None:
    run_id = store.running_run()
    said = '{"loss": 0.25, "note": "\\u001b[2J\\u009b2J\\u202eclear", "tail": "' + "x" * 200 + '"}'
    store.log(run_id, "Train forest", [(NOW - 1, said)], instance=1)
    async with shown(store) as screen:
        await screen.press("enter", "enter")
        lines = text_of(screen.app).splitlines()
        assert lines[0] == " a line of Train forest #1  attempt 1"
        assert "   time    2023-11-14 22:13:19+0000   6:23 since the start of the run" in lines
        assert '     "loss": 0.25,' in lines
        assert r'     "note": "\u001b[2Jclear",' in lines
        assert sum(line.count("x") for line in lines) > 400
        await screen.press("q")
        assert screen.app.screen is screen.app.dashboard


async def test_a_screen_that_opens_on_the_log_types_into_it(store: Store) -> None:
    store.running_run()
    app = app_on(store)
    async with app.run_test(size=SIZE) as pilot:
        assert app.dashboard is not None
        app.dashboard.do_focus_log()
        screen = Screen(pilot, app)
        await screen.until(lambda: app.dashboard is not None and app.dashboard.logs is not None)
        await screen.press("/", "1", "2")
        assert screen.rows()[-1] == "find: 12"


async def test_a_line_is_clicked_on_and_a_double_click_shows_it_whole(store: Store) -> None:
    store.running_run()
    async with shown(store) as screen:
        log = screen.log
        row = screen.rows()[3]
        await screen.pilot.click(log, offset=(20, 3))
        assert screen.app.dashboard is not None and screen.app.dashboard.at == "log"
        assert screen.rows()[3] == row.replace(" #", "▌#", 1)
        await screen.pilot.click(log, offset=(20, 3), times=2)
        await screen.pilot.pause()
        assert text_of(screen.app).startswith(" a line of Train forest")


async def test_find_leads_into_the_log_from_wherever_the_keys_are(store: Store) -> None:
    store.failed_run()
    async with shown(store) as screen:
        # Typed at once, as people do: no letter of it may be a command of what was there before.
        await screen.pilot.press("/", *"forest")
        await screen.until(lambda: screen.log.prompt is not None and screen.log.prompt.text == "forest")
        assert screen.app.dashboard is not None
        assert (screen.app.screen, screen.app.dashboard.at) == (screen.app.dashboard, "log")
