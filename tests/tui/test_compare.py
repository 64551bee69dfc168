"""What changed since the last good run: the line on the card, and the screen with all of it."""

from __future__ import annotations

from contextlib import closing

import pytest
from screens import app_on, text_of
from test_dashboard import until
from textual.pilot import Pilot
from wines import NOW, TOKEN, Store

from skafos_tui.store.database import connect_reader
from skafos_tui.store.home import Home
from skafos_tui.store.logs.format import format_line
from skafos_tui.text.tables import cell_width
from skafos_tui.tui import changes
from skafos_tui.tui.reading import DashboardReader
from skafos_tui.tui.screens.compare import CompareScreen
from skafos_tui.tui.widgets.document import Words, folded

SINCE = "since good run 1: parallelism 2 -> 3, features.py, requirements.txt"


async def test_the_view_of_a_failed_run_says_what_changed(store: Store) -> None:
    store.good_run(NOW - 9000)
    store.failed_run()
    app = app_on(store)
    async with app.run_test(size=(80, 24)):
        assert app.view.changed == SINCE


async def test_large_archives_are_compared_after_the_first_frame(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.good_run(NOW - 9000)
    store.failed_run()
    monkeypatch.setattr("skafos_tui.store.comparison.SMALL_ARCHIVE", 10)
    app = app_on(store)
    assert app.view.changed == "since good run 1: parallelism 2 -> 3, code"
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.view.changed == SINCE)


def test_only_a_failed_run_is_compared_and_only_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.good_run(NOW - 9000)
    reader = DashboardReader(TOKEN, "wine", home=Home(store.path.parent))
    with closing(connect_reader(store.path)) as connection:
        assert reader.read(connection, NOW).changed == ""
        store.failed_run()
        assert reader.read(connection, NOW).changed == SINCE
        monkeypatch.setattr(changes, "plain", lambda _text: pytest.fail("compared again"))
        assert reader.read(connection, NOW).changed == SINCE


async def shown(pilot: Pilot[None]) -> str:
    """The screen once it has been read."""
    await until(pilot, lambda: "reading …" not in text_of(pilot.app) and isinstance(pilot.app.screen, CompareScreen))
    return text_of(pilot.app)


async def test_the_screen_shows_every_difference(store: Store) -> None:
    store.good_run(NOW - 9000)
    store.failed_run()
    app = app_on(store)
    async with app.run_test(size=(100, 70)) as pilot:
        await pilot.press("D")
        text = await shown(pilot)
        assert " what changed: run 2 against good run 1 of Train forest" in text
        for line in (
            "parallelism 2 -> 3",
            "-ratio = 2",
            "+ratio = 3",
            "+pyarrow",
            "-    parallelism: 2",
            "features.py",
        ):
            assert line in text
        assert "1 -> 2" in text
        forest = next(line for line in text.splitlines() if line.startswith("   Train forest"))
        assert forest.split()[2:] == ["5:02", "5:02", "1:35"]


async def test_it_scrolls_and_goes_back(store: Store) -> None:
    store.good_run(NOW - 9000)
    store.failed_run()
    app = app_on(store)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.press("D")
        assert "in short" in await shown(pilot)
        await pilot.press("G")
        await pilot.pause()
        assert "in short" not in text_of(app) and "last lines" in text_of(app)
        await pilot.press("g", "g")
        await pilot.pause()
        assert "in short" in text_of(app)
        await pilot.press("q")
        await pilot.pause()
        assert app.screen is app.dashboard


async def test_the_last_lines_of_both_stand_there_safely(store: Store) -> None:
    store.good_run(NOW - 9000)
    store.failed_run()
    home = Home(store.path.parent)
    for run, said in ((1, "all good"), (2, "Killed \x1b]0;gotcha\x07here")):
        path = home.attempt_log(TOKEN, run, f"{run}-Train forest-1-1" if run == 2 else f"{run}-Train forest-2-1")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(format_line(int(NOW * 1e9), said.encode()))
    app = app_on(store)
    async with app.run_test(size=(100, 90)) as pilot:
        await pilot.press("D")
        text = await shown(pilot)
        assert "Killed here" in text and "all good" in text and "\x1b" not in text


async def test_without_a_good_run_it_says_so(store: Store) -> None:
    store.failed_run()
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("D")
        assert "there is no good run before this one" in await shown(pilot)


@pytest.mark.parametrize("width", [8, 20, 61])
def test_long_rows_go_on_in_the_next_line_and_lose_nothing(width: int) -> None:
    row = (Words("ab "), Words("wide 世界 " * 12), Words("end"))
    lines = list(folded(row, width))
    assert all(sum(cell_width(part.text) for part in line) <= width for line in lines)
    whole = "".join(part.text for number, line in enumerate(lines) for part in (line[1:] if number else line))
    assert whole == "".join(part.text for part in row)
