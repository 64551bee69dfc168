"""The log pane shows any part of any logs, follows them, finds in them, and lets nothing in them control a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from log_support import START, LogApp, append, append_gap, attempt, numbered, universal_time
from textual.events import MouseScrollDown, Paste
from textual.pilot import Pilot

from skafos_tui.store.logs.format import NANOSECONDS
from skafos_tui.tui.widgets.log.shown import LogEvent, Shown

SIZE = (60, 11)


async def type_in(pilot: Pilot[None], text: str) -> None:
    for character in text[:3]:
        await pilot.press("space" if character == " " else character)
    if text[3:]:  # each key takes a while; what is pasted comes as quickly whatever its length
        pilot.app.screen.post_message(Paste(text[3:]))
        await pilot.pause()
    await pilot.press("enter")


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from universal_time(monkeypatch)


async def test_the_end_is_shown_and_followed_as_it_grows(tmp_path: Path) -> None:
    app = LogApp()
    path = tmp_path / "a.log"
    async with app.run_test(size=SIZE):
        app.pane.set_shown(numbered(path, 5000, live=True))
        shown = app.screen_text()
        assert shown[0].split("  ")[:3] == ["▌3 LOG Train", "attempt 1", "following"]
        assert shown[0].endswith("  5,000 lines")
        assert [row.split()[-1] for row in shown[1:]] == [str(n) for n in range(4990, 5000)]
        append(path, [(6000, "newest")])
        await app.until(lambda: "newest" in app.screen_text()[-1])
        assert app.screen_text()[0].endswith("5,001 lines")


async def test_moving_up_pauses_and_tells_what_came(tmp_path: Path) -> None:
    app = LogApp()
    path = tmp_path / "a.log"
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(numbered(path, 100, live=True))
        app.pane.do_page_up()
        await pilot.pause()
        before = app.screen_text()[1:]
        append(path, [(200 + n, "more") for n in range(1234)])
        await app.until(lambda: "paused  +1,234 lines" in app.screen_text()[0])
        assert app.screen_text()[1:] == before
        assert app.followed == [False]
        app.pane.do_bottom()
        await pilot.pause()
        assert app.followed == [False, True]
        assert app.screen_text()[-1].endswith("more")


async def test_every_move_shows_the_lines_it_should(tmp_path: Path) -> None:
    app = LogApp()
    async with app.run_test(size=SIZE):
        app.pane.set_shown(numbered(tmp_path / "a.log", 100))

        def numbers() -> list[int]:
            return [int(row.split()[-1]) for row in app.screen_text()[1:]]

        app.pane.do_top()
        assert numbers() == list(range(10))
        assert app.screen_text()[0].endswith("line 1 of 100")
        app.pane.do_up()
        assert numbers() == list(range(10))
        app.pane.do_page_down()
        assert numbers() == list(range(5, 15))
        for _ in range(12):
            app.pane.do_down()
        assert numbers() == list(range(8, 18))
        for _ in range(30):
            app.pane.do_page_down()
        assert numbers() == list(range(90, 100))
        app.pane.do_page_up()
        assert numbers() == list(range(85, 95))


async def test_wrapped_and_resized_the_line_at_the_top_stays(tmp_path: Path) -> None:
    app = LogApp()
    path = tmp_path / "a.log"
    append(path, [(n, f"line {n} " + "word " * 30) for n in range(50)])
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(Shown((attempt(path),), started_ns=START, job_id="train"))
        app.pane.do_top()
        app.pane.do_page_down()
        first = app.screen_text()[1]
        assert "line 5 word" in first
        app.pane.do_log_wrap()
        assert app.screen_text()[1] == first
        assert app.screen_text()[2].startswith(" " * 9 + "▌d word")
        assert len([row for row in app.screen_text() if "line " in row[10:16]]) == 3
        await pilot.resize_terminal(100, 11)
        assert "line 5 word" in app.screen_text()[1]
        assert "line 6 word" in app.screen_text()[3]
        app.pane.do_bottom()
        assert [row for row in app.screen_text() if "line 49" in row]
        app.pane.do_log_wrap()
        app.pane.do_log_right()
        assert app.screen_text()[-1][10:].startswith("ord word") or "word" in app.screen_text()[-1]
        assert "line 49" not in app.screen_text()[-1]


async def test_what_is_looked_for_is_reversed_and_gone_to(tmp_path: Path) -> None:
    app = LogApp()
    path = tmp_path / "a.log"
    append(path, [(n, f"line {n}" + (" NEEDLE here" if n % 1000 == 7 else "")) for n in range(5000)])
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(Shown((attempt(path),), started_ns=START, job_id="train"))
        app.pane.do_find()
        await type_in(pilot, "needle")

        def at(number: int) -> bool:
            return app.pane.cursor is not None and app.pane.cursor.number == number

        await app.until(lambda: at(4007))
        row = next(y for y in range(1, 11) if "4007" in app.pane.render_line(y).text)
        reversed_text = [s.text for s in app.pane.render_line(row) if s.style is not None and s.style.reverse]
        assert reversed_text == ["NEEDLE"]
        app.pane.do_find_previous()
        await app.until(lambda: at(3007))
        app.pane.do_find_next()
        await app.until(lambda: at(4007))
        await app.until(lambda: not app.pane.reading.finding)
        app.pane.do_find_next()
        await pilot.pause()
        assert app.said[-1] == "no 'needle' below"
        assert app.pane.close_one()
        assert not app.pane.close_one()


async def test_only_what_matches_is_shown_also_of_what_comes(tmp_path: Path) -> None:
    app = LogApp()
    path = tmp_path / "a.log"
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(numbered(path, 3000, live=True))
        app.pane.do_only()
        await type_in(pilot, "99$")
        await app.until(lambda: "30 of 3,000 lines" in app.screen_text()[0] and not app.pane.reading.searching)
        assert [row.split()[-1] for row in app.screen_text()[1:]] == [str(n) for n in range(2099, 3000, 100)]
        append(path, [(4000, "line 3099"), (4001, "line 4000")])
        await app.until(lambda: "31 of 3,002" in app.screen_text()[0])
        assert app.screen_text()[-1].endswith("line 3099")
        app.pane.do_only()
        await pilot.press("ctrl+u")
        await pilot.press("enter")
        assert app.screen_text()[-1].endswith("line 4000")


async def test_a_pattern_that_is_none_is_said_and_can_be_mended(tmp_path: Path) -> None:
    app = LogApp()
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(numbered(tmp_path / "a.log", 30))
        app.pane.do_find()
        await type_in(pilot, "(9")
        assert app.said[-1].startswith("not a regular expression: '(9'")
        assert app.screen_text()[-1] == "find: (9"
        await pilot.press("left", "backspace", "enter")
        await app.until(lambda: app.pane.cursor is not None)
        assert not app.pane.takes_keys


async def test_levels_are_marks_and_can_be_all_that_is_shown(tmp_path: Path) -> None:
    app = LogApp()
    path = tmp_path / "a.log"
    append(path, [(0, "fine, 0 errors"), (1, "WARNING: low"), (2, "ValueError: no"), (3, "fine")])
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(Shown((attempt(path),), started_ns=START, job_id="train"))
        assert [row[0] for row in app.screen_text()[1:5]] == [" ", "~", "!", " "]
        app.pane.do_log_level()
        await app.until(lambda: "2 of 4 lines" in app.screen_text()[0])
        app.pane.do_log_level()
        await app.until(lambda: "1 of 4 lines" in app.screen_text()[0])
        assert "ValueError" in app.screen_text()[1]
        app.pane.do_log_level()
        await pilot.pause()
        assert app.screen_text()[0].endswith(" 4 lines")


def many(tmp_path: Path) -> Shown:
    paths = [tmp_path / f"{name}.log" for name in ("t0", "t1", "old", "clean")]
    append(paths[0], [(10, "zero a"), (12, "zero b")])
    append(paths[1], [(11, "one a"), (13, "one b")])
    append(paths[2], [(5, "old attempt")])
    append(paths[3], [(1, "cleaning")])
    append_gap(paths[3], "the daemon was killed")
    attempts = (
        attempt(paths[2], instance=1, number=1),
        attempt(paths[0], instance=0),
        attempt(paths[1], instance=1, number=2),
        attempt(paths[3], "Clean"),
    )
    event = LogEvent(START + 12 * NANOSECONDS + 1, "Train #0 finished, exit 0", "train")
    return Shown(attempts, (event,), START, "train")


async def test_instances_attempts_jobs_events_and_gaps_are_told_apart(tmp_path: Path) -> None:
    app = LogApp()
    async with app.run_test(size=(70, 11)) as pilot:
        app.pane.set_shown(many(tmp_path))
        pane = app.pane

        def texts() -> list[str]:
            return [row[10:] for row in app.screen_text()[1:] if row]

        assert app.screen_text()[0].startswith("▌3 LOG Train  #0 #1  attempt 1/2")
        newest = ["#0 zero a", "#1 one a", "#0 zero b", "   engine: Train #0 finished, exit 0", "#1 one b"]
        assert texts() == newest
        pane.do_log_instance()
        assert texts() == ["zero a", "zero b", "engine: Train #0 finished, exit 0"]
        pane.do_log_instance()
        pane.do_log_instance()
        assert texts() == newest
        pane.do_log_older_attempt()
        assert "attempt 1" in app.screen_text()[0]
        assert texts()[:2] == ["#1 old attempt", "#0 zero a"]
        pane.do_log_older_attempt()
        await pilot.pause()
        assert app.said == ["no older attempt"]
        pane.do_log_newer_attempt()
        assert texts() == newest
        pane.do_log_all_jobs()
        assert texts() == [
            "Clean     cleaning",
            "Clean     --- the daemon was killed ---",
            "Train#1/1 old attempt",
            "Train#0/1 zero a",
            "Train#1/2 one a",
            "Train#0/1 zero b",
            "          engine: Train #0 finished, exit 0",
            "Train#1/2 one b",
        ]


async def test_times_are_by_the_clock_since_the_start_or_off_and_bare_is_text_alone(tmp_path: Path) -> None:
    app = LogApp()
    async with app.run_test(size=SIZE):
        app.pane.set_shown(numbered(tmp_path / "a.log", 62))
        assert app.screen_text()[-1] == " 14:14:21 line 61"
        app.pane.do_log_times()
        assert app.screen_text()[-1] == "     1:01 line 61"
        app.pane.do_log_times()
        assert app.screen_text()[-1] == "  line 61"
        app.pane.do_log_bare()
        assert app.screen_text()[-1] == "line 61"


async def test_a_time_can_be_gone_to(tmp_path: Path) -> None:
    app = LogApp()
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(numbered(tmp_path / "a.log", 5000))
        for typed, line in (("14:20", 400), ("+1:00", 60), ("-10s", 4989), ("2026-09-21 14:20:01+00:00", 401)):
            app.pane.do_log_time()
            await type_in(pilot, typed)
            assert app.pane.cursor is not None
            assert app.pane.cursor.number == line, typed
        app.pane.do_log_time()
        await type_in(pilot, "soon")
        assert app.said[-1].startswith("not a time: 'soon'")


async def test_marked_lines_are_copied_in_their_order_else_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = LogApp()
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(numbered(tmp_path / "a.log", 100))
        app.pane.do_yank()
        app.pane.do_up()
        app.pane.do_log_mark()
        app.pane.do_top()
        app.pane.do_log_mark()
        app.pane.do_log_mark()
        assert app.screen_text()[1] == " 14:13:20*line 0"
        app.pane.do_yank()
        await pilot.pause()
        assert copied == ["line 99", "line 0\nline 1\nline 98"]
        assert app.said == ["copied 1 line", "copied 3 lines"]


async def test_what_is_shown_is_saved_and_nothing_is_overwritten(tmp_path: Path) -> None:
    app = LogApp()
    target = tmp_path / "out.txt"
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(numbered(tmp_path / "a.log", 300))
        app.pane.do_only()
        await type_in(pilot, "5$")
        await app.until(lambda: not app.pane.reading.searching)
        app.pane.do_save()
        await pilot.press("ctrl+u")
        await type_in(pilot, str(target))
        await app.until(lambda: f"saved 30 lines to {target}" in app.said)
        assert target.read_text().splitlines()[:2] == ["14:13:25 line 5", "14:13:35 line 15"]
        app.pane.do_save()
        await pilot.press("ctrl+u")
        await type_in(pilot, str(target))
        assert app.said[-1] == f"{target} is there already: another name, please"
        assert app.pane.takes_keys
        await pilot.press("escape")


async def test_another_run_of_the_list_keeps_the_line_another_job_begins_at_its_end(tmp_path: Path) -> None:
    app = LogApp()
    shown = many(tmp_path)
    long = numbered(tmp_path / "long.log", 500).attempts[0]
    more = Shown((long,), (), START, "train")
    async with app.run_test(size=SIZE):
        app.pane.set_shown(more)
        app.pane.do_top()
        app.pane.do_page_down()
        row = app.screen_text()[1]
        app.pane.set_shown(Shown((long, *shown.attempts[3:]), (), START, "train"))
        assert app.screen_text()[1] == row
        app.pane.set_shown(Shown((long, attempt(shown.attempts[0].path, instance=1)), (), START, "train"))
        assert app.screen_text()[1].endswith("line 5")
        app.pane.set_shown(Shown(shown.attempts, (), START, "clean"))
        assert app.pane.following
        assert "cleaning" in app.screen_text()[1]


async def test_nothing_is_looked_at_where_nothing_can_come_or_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = LogApp()
    looks: list[bool] = []
    async with app.run_test(size=SIZE) as pilot:
        monkeypatch.setattr(app.pane, "poll", lambda: looks.append(True))
        shown = numbered(tmp_path / "a.log", 20)
        app.pane.set_shown(shown)
        await pilot.pause(0.4)
        assert not looks
        app.pane.set_shown(Shown((attempt(tmp_path / "a.log", live=True),), started_ns=START, job_id="train"))
        await app.until(lambda: len(looks) > 2)
        app.pane.display = False
        await pilot.pause()
        looks.clear()
        await pilot.pause(0.4)
        assert not looks
        app.pane.display = True
        await app.until(lambda: len(looks) > 2)


async def test_the_mouse_chooses_a_line_and_the_wheel_moves(tmp_path: Path) -> None:
    app = LogApp()
    async with app.run_test(size=SIZE) as pilot:
        app.pane.set_shown(numbered(tmp_path / "a.log", 100))
        await pilot.click(app.pane, offset=(20, 3))
        assert app.screen_text()[3] == " 14:14:52▌line 92"
        app.pane.do_top()
        await pilot._post_mouse_events([MouseScrollDown], app.pane, offset=(5, 5), button=0)
        assert app.screen_text()[1].endswith("line 3")
