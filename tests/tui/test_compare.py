"""What changed since the last good run: the line on the card, and the screen with all of it."""

from __future__ import annotations

from contextlib import closing

import pytest
from screens import app_on
from test_dashboard import until
from wines import NOW, TOKEN, Store

from skafos_tui.store.database import connect_reader
from skafos_tui.store.home import Home
from skafos_tui.tui import changes
from skafos_tui.tui.reading import DashboardReader

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
