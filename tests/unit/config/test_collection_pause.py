"""Reading a config holds garbage collection back; however readings overlap, it goes on afterwards."""

from __future__ import annotations

import gc

from skafos_tui.config.reader import CollectionPause


def test_it_goes_on_with_the_last_reader() -> None:
    pause = CollectionPause()
    assert gc.isenabled()
    pause.__enter__()
    pause.__enter__()
    assert not gc.isenabled()
    pause.__exit__()
    assert not gc.isenabled(), "one reader still builds its nodes"
    pause.__exit__()
    assert gc.isenabled()


def test_where_it_was_off_it_stays_off() -> None:
    gc.disable()
    try:
        with CollectionPause():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
