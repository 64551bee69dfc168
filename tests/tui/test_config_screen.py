"""The config editor under keys: typing, findings and their fixes, finding, and what it looks like."""

from __future__ import annotations

import time

import pytest
from config_support import CLEAN, CONFIG, INGEST, editor_on
from screens import app_on, text_of
from wines import Store

from skafos_tui.model.diagnostic import Edit
from skafos_tui.tui.screens.config import ConfigScreen
from skafos_tui.tui.screens.dashboard import DashboardScreen
from skafos_tui.tui.screens.help import HelpScreen

BAD = CONFIG.replace("    language: python\n    name: Clean", "    lnguage: python\n    name: Clean")


async def test_e_opens_it_at_the_selected_job_and_escape_leaves(store: Store) -> None:
    async with editor_on(store) as editor:
        await editor.press("escape")
        assert isinstance(editor.pilot.app.screen, DashboardScreen)
        await editor.press("e")
        screen = editor.pilot.app.screen
        assert isinstance(screen, ConfigScreen)


async def test_it_opens_at_the_line_of_a_job(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        assert editor.screen.buffer.cursor_location == (9, 0)
        assert editor.screen.job_at_cursor() == CLEAN
    async with editor_on(store) as editor:
        assert editor.screen.buffer.cursor_location == (0, 0)
        assert editor.screen.job_at_cursor() is None


async def test_g_c_opens_it_at_the_top_and_without_a_file_says_so(store: Store) -> None:
    app = app_on(store, control=None)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("g", "c")
        await pilot.pause()
        assert isinstance(app.screen, DashboardScreen)
        assert "no metis.config.yml" in text_of(app)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (140, 40), (220, 60)])
async def test_every_size_shows_text_numbers_and_where_the_cursor_is(store: Store, size: tuple[int, int]) -> None:
    async with editor_on(store, size=size) as editor:
        shown = editor.shown().split("\n")
        assert shown[0].startswith(" CONFIG wine  metis.config.yml") and shown[0].endswith("1:1")
        assert shown[1].startswith("  1 # wine") and shown[5].startswith("  5   - job_id: 20d1")
        assert "F1 help" in editor.line(-1) and "? help" not in editor.line(-1)


async def test_what_is_typed_is_there_at_once(store: Store) -> None:
    async with editor_on(store) as editor:
        editor.go(2, 10)
        await editor.press("s", "space", "colon", "question_mark", "q", "h")
        assert editor.text.split("\n")[2] == "name: wines :?qh"
        assert "name: wines :?qh" in editor.shown()
        assert "modified" in editor.line(0)


async def test_a_key_is_painted_before_anything_is_validated(store: Store) -> None:
    from textual.widgets import TextArea

    async with editor_on(store, CONFIG + "".join(f"# {number}\n" for number in range(6000))) as editor:
        await editor.checked()
        assert isinstance(editor.screen.buffer, TextArea)
        for _ in range(20):
            await editor.pilot.press("x")
        assert editor.screen._checked_revision < editor.screen.buffer.revision


async def test_enter_keeps_the_indent_goes_deeper_and_aligns(store: Store) -> None:
    async with editor_on(store, "jobs:") as editor:
        editor.go(0, 5)
        await editor.type("\n- job_id: a\nresources:\nlimits:\ncpu: 1")
        assert editor.text == "jobs:\n  - job_id: a\n    resources:\n      limits:\n        cpu: 1"
        await editor.press("home", "enter")
        assert editor.text.endswith("\n        \n        cpu: 1")


async def test_tab_is_two_blanks_and_indents_marked_lines(store: Store) -> None:
    async with editor_on(store, "a:\nb: 1\nc: 2\n") as editor:
        editor.go(1)
        await editor.press("tab")
        assert editor.text == "a:\n  b: 1\nc: 2\n"
        await editor.press("home", "home", "shift+down", "shift+end", "tab")
        assert editor.text == "a:\n    b: 1\n  c: 2\n"
        await editor.press("shift+tab", "shift+tab")
        assert editor.text == "a:\nb: 1\nc: 2\n"
        await editor.press("ctrl+z", "ctrl+z", "ctrl+z", "ctrl+z")
        assert editor.text == "a:\nb: 1\nc: 2\n"


async def test_undo_and_redo_are_one_stack_for_typing_and_edits(store: Store) -> None:
    async with editor_on(store) as editor:
        buffer = editor.screen.buffer
        editor.go(2, 10)
        await editor.type("s")
        at = editor.text.index("Clean")
        end = editor.text.index("# the second")
        buffer.apply([Edit(0, 6, "# Wine"), Edit(at, at + 5, "Cleaning"), Edit(end, end, "# ")])
        await editor.type("!")
        assert buffer.cursor_location == (2, 12)
        changed = editor.text
        assert changed.startswith("# Wine\n") and "name: wines!\n" in changed and "name: Cleaning   # # the" in changed
        await editor.press("ctrl+z")
        assert editor.text == changed.replace("wines!", "wines")
        await editor.press("ctrl+z")
        assert editor.text == CONFIG.replace("name: wine\n", "name: wines\n")
        await editor.press("ctrl+z")
        assert editor.text == CONFIG
        await editor.press("ctrl+y", "ctrl+y", "ctrl+y")
        assert editor.text == changed


async def test_new_lines_break_as_the_file_does(store: Store) -> None:
    async with editor_on(store, b"a: 1\r\nb: 2\r\nc: 3\nd: 4") as editor:
        editor.go(0, 4)
        await editor.type("\nx: 9")
        assert editor.text == "a: 1\r\nx: 9\r\nb: 2\r\nc: 3\nd: 4"


async def test_a_finding_stands_in_the_gutter_and_is_said_in_its_line(store: Store) -> None:
    async with editor_on(store, BAD) as editor:
        await editor.checked()
        assert editor.line(11).startswith("✗11     lnguage: python")
        assert "1 error" in editor.line(0)
        assert "lnguage" not in editor.line(-3)
        await editor.press("ctrl+g")
        assert editor.screen.buffer.cursor_location[0] == 10
        editor.go(10)
        await editor.pilot.pause()
        assert "✗" in editor.line(-3) and "ctrl+t: " in editor.line(-3) + editor.line(-2)


async def test_ctrl_t_takes_the_fix_and_ctrl_z_takes_it_back(store: Store) -> None:
    async with editor_on(store, BAD) as editor:
        editor.go(10)
        await editor.checked()
        await editor.press("ctrl+t")
        await editor.until(lambda: editor.text == CONFIG)
        await editor.checked()
        assert not editor.screen.buffer.marks
        await editor.press("ctrl+z")
        assert editor.text == BAD


async def test_a_fix_asked_for_right_after_a_key_is_that_of_the_new_text(store: Store) -> None:
    async with editor_on(store, BAD) as editor:
        await editor.checked()
        editor.go(0, 0)
        await editor.pilot.press("enter", "enter", "pagedown", "up", "up", "up", "up", "up", "end")
        editor.go(12)
        await editor.pilot.press("ctrl+t")
        await editor.until(lambda: editor.text == "\n\n" + CONFIG)


async def test_f8_goes_from_finding_to_finding_and_around(store: Store) -> None:
    text = BAD.replace("name: wine", "nme: wine")
    async with editor_on(store, text) as editor:
        await editor.checked()
        places = []
        for _ in range(3):
            await editor.press("f8")
            places.append(editor.screen.buffer.cursor_location)
        assert places == [(2, 0), (10, 4), (2, 0)]


async def test_findings_move_with_their_lines_before_the_next_validation(store: Store) -> None:
    async with editor_on(store, BAD) as editor:
        await editor.checked()
        editor.go(0, 0)
        await editor.pilot.press("enter", "enter")
        await editor.pilot.pause()
        assert {item.row for item in editor.screen.buffer.marks} == {12}


async def test_stale_answers_are_dropped(store: Store) -> None:
    async with editor_on(store, BAD) as editor:
        await editor.checked()
        old = editor.screen.newest
        assert old is not None
        editor.go(0, 0)
        await editor.pilot.press("x")
        from skafos_tui.tui.editor.checker import Checked

        editor.screen.post_message(ConfigScreen.Answered(Checked(editor.screen.buffer.revision - 1, old, ())))
        await editor.pilot.pause()
        assert editor.screen.newest is old and editor.screen._checked_revision < editor.screen.buffer.revision


async def test_broken_yaml_is_said_after_a_while_and_the_others_stay_dimmed(store: Store) -> None:
    async with editor_on(store, BAD) as editor:
        await editor.checked()
        marks = editor.screen.buffer.marks
        editor.go(2, 6)
        await editor.pilot.press("quotation_mark")
        began = time.monotonic()
        await editor.checked()
        if time.monotonic() - began < 0.25:
            assert all(item.finding.code != "yaml-syntax" for item in editor.screen.buffer.marks)
        await editor.until(lambda: any(item.finding.code == "yaml-syntax" for item in editor.screen.buffer.marks))
        assert time.monotonic() - began >= 0.3
        found = editor.screen.buffer.marks
        assert sum(item.finding.code == "yaml-syntax" for item in found) == 1
        assert sum(item.is_old for item in found) == len(marks)
        assert editor.screen.result is not None and editor.screen.result.text == BAD
        assert editor.screen.syntax_error
        await editor.press("backspace")
        await editor.checked()
        assert [item.is_old for item in editor.screen.buffer.marks] == [False] * len(marks)


async def test_broken_yaml_is_said_at_once_when_the_cursor_leaves_its_line(store: Store) -> None:
    async with editor_on(store) as editor:
        editor.go(2, 6)
        await editor.pilot.press("quotation_mark")
        editor.screen._edited_at += 60  # as if the key had just been typed, however slow the machine is
        await editor.checked()
        assert not editor.screen.buffer.marks
        await editor.press("down")
        assert [item.finding.code for item in editor.screen.buffer.marks] == ["yaml-syntax"]


async def test_find_marks_the_place_and_goes_on(store: Store) -> None:
    async with editor_on(store) as editor:
        await editor.press("ctrl+f")
        await editor.type("SLEEP")
        assert editor.screen.buffer.selected_text == "sleep"
        assert "1 of 2" in editor.shown()
        first = editor.screen.buffer.cursor_location
        await editor.press("enter")
        assert "2 of 2" in editor.shown() and editor.screen.buffer.cursor_location > first
        await editor.press("ctrl+f")
        assert editor.screen.buffer.cursor_location == first
        await editor.type("y")
        assert "not found" in editor.shown()
        await editor.press("left", "right", "escape")
        assert isinstance(editor.pilot.app.screen, ConfigScreen)
        await editor.type("x")
        assert "x" in editor.text.split("\n")[first[0]]


async def test_help_says_which_keys_are_commands_and_not_letters(store: Store) -> None:
    async with editor_on(store) as editor:
        await editor.press("f1")
        assert isinstance(editor.pilot.app.screen, HelpScreen)
        shown = editor.shown()
        assert "ctrl+s" in shown and "ctrl+t" not in shown
        await editor.press("escape")
        await editor.type("?q:")
        assert editor.text.startswith("?q:# wine")


async def test_copy_takes_what_is_marked(store: Store) -> None:
    async with editor_on(store) as editor:
        await editor.press("shift+end", "ctrl+c")
        assert editor.pilot.app.clipboard == "# wine"
        await editor.press("down", "ctrl+v")
        assert "# wine" in editor.text.split("\n")[1]


async def test_a_read_only_screen_looks_and_types_nothing(store: Store) -> None:
    async with editor_on(store, BAD, read_only=True) as editor:
        await editor.checked()
        editor.go(10)
        await editor.press("x", "enter", "tab", "backspace", "ctrl+t", "ctrl+v", "ctrl+s", "ctrl+x")
        assert editor.text == BAD == editor.on_disk
        assert "read only" in editor.line(0) and "ctrl+s" not in editor.line(-1)
        await editor.press("q")
        assert isinstance(editor.pilot.app.screen, DashboardScreen)


async def test_what_could_control_the_terminal_is_drawn_as_signs(store: Store) -> None:
    async with editor_on(store, "a: \x1b]0;title\x07 \u202eb\nc: 1\n") as editor:
        shown = editor.shown()
        assert "\x1b" not in shown and "\u202e" not in shown and "]0;title" in shown
        assert editor.text == "a: \x1b]0;title\x07 \u202eb\nc: 1\n"


async def test_jobs_are_known_under_the_cursor_while_typing(store: Store) -> None:
    async with editor_on(store) as editor:
        await editor.checked()
        editor.go(0, 0)
        await editor.pilot.press("enter", "enter")
        editor.go(8)
        assert editor.screen.job_at_cursor() == INGEST
        editor.go(11)
        assert editor.screen.job_at_cursor() == CLEAN


async def test_a_job_far_down_stands_near_the_top_and_the_way_to_save_is_named(store: Store) -> None:
    long = CONFIG + "".join(
        f"\n  - job_id: 00000000-0000-4000-8000-0000000000{n:02}\n    language: python\n    name: J{n}\n"
        f"    entrypoint: sleep {n}\n"
        for n in range(20)
    )
    async with editor_on(store, long, job="00000000-0000-4000-8000-000000000007", size=(80, 24)) as editor:
        await editor.pilot.pause()
        lines = editor.shown().splitlines()
        assert "job_id: 00000000-0000-4000-8000-000000000007" in lines[3]
        assert lines[-1].startswith(" ctrl+s save ")
        assert sum("sleep" in line for line in lines) >= 3
