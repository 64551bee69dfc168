"""The screen on terminals of every kind: what is sent fits what they show."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from screens import app_on, text_of
from wines import Store

from skafos_tui.tui.app import SkafosApp


def _segments(app: SkafosApp) -> list[Segment]:
    return [segment for strip in app.screen._compositor.render_strips() for segment in strip]


async def test_no_color_sends_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    store.failed_run()
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "out of memory" in text_of(app)
        styles = [segment.style for segment in _segments(app) if segment.style is not None]
        assert all(style.color is None or style.color.is_default for style in styles)
        assert all(style.bgcolor is None or style.bgcolor.is_default for style in styles)


@pytest.mark.parametrize("term", ["xterm", "linux", "screen"])
async def test_sixteen_colours_are_the_terminals_own(term: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("COLORTERM")
    store.failed_run()
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = text_of(app)
        assert text.isascii() == (term == "linux")
        found = {segment.style.color for segment in _segments(app) if segment.style and segment.style.color}
        assert all(colour.triplet is None for colour in found)
        assert {colour.name for colour in found} >= {"bright_green", "bright_red"}
