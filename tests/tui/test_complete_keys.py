"""Completion under the fingers: a small list while one types, which takes Tab only."""

from __future__ import annotations

import pytest
from config_support import CLEAN, CONFIG, INGEST, Editor, editor_on
from textual.geometry import Offset, Size
from wines import Store

from skafos_tui.tui.editor.complete import Suggestion
from skafos_tui.tui.editor.complete_list import ROWS, CompletionList
from skafos_tui.tui.screens.config import ConfigScreen
from skafos_tui.tui.screens.dashboard import DashboardScreen


def listed(editor: Editor) -> list[str]:
    """What the list offers, as far as it is open."""
    shown = editor.screen.completion_list
    assert shown.display == bool(shown.suggestions)
    return [each.label for each in shown.suggestions]


async def typed(editor: Editor, text: str) -> None:
    """Type a word, key by key."""
    await editor.pilot.press(*text)
    await editor.pilot.pause()


async def at_end_of_clean(editor: Editor) -> None:
    """A new line at the end of the job Clean."""
    editor.go(13, 200)
    await editor.press("enter")
    assert editor.screen.buffer.cursor_location == (14, 4)


async def test_a_list_opens_at_the_cursor_while_one_types_and_narrows(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await at_end_of_clean(editor)
        assert listed(editor) == []
        await editor.press("t")
        assert listed(editor)[:2] == ["timezone", "timeout"]
        await editor.press("i", "m", "e", "o")
        assert listed(editor) == ["timeout"]
        lines = editor.shown().split("\n")
        row = next(number for number, line in enumerate(lines) if "Ends an attempt that runs longer." in line)
        assert lines[row].index("timeout") == lines[row - 1].index("timeo")


async def test_tab_takes_the_chosen_one_in_one_step_of_undo_and_goes_on_with_its_values(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await at_end_of_clean(editor)
        await typed(editor, "over")
        await editor.press("tab")
        assert editor.text.endswith("    overlap: ") or "    overlap: \n" in editor.text
        assert listed(editor) == ["skip", "queue", "replace", "parallel"]
        await editor.press("q", "tab")
        assert "    overlap: queue\n" in editor.text and listed(editor) == []
        await editor.press("ctrl+z")
        assert "    overlap: q\n" in editor.text


async def test_ctrl_space_opens_it_and_then_chooses_the_next(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await at_end_of_clean(editor)
        await editor.press("ctrl+@")
        keys = listed(editor)
        assert keys[:3] == ["schedule", "resources", "parallelism"]
        await editor.press("ctrl+space", "tab")
        assert "    resources:\n      \n" in editor.text
        assert editor.screen.buffer.cursor_location == (15, 6)


async def test_enter_and_arrows_stay_the_editor_s(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await at_end_of_clean(editor)
        await typed(editor, "ti")
        assert listed(editor)
        await editor.press("enter")
        assert editor.screen.buffer.document.get_line(14) == "    ti"
        assert editor.screen.buffer.cursor_location == (15, 4) and listed(editor) == []
        await typed(editor, "ti")
        assert listed(editor)
        await editor.press("up")
        assert editor.screen.buffer.cursor_location[0] == 14 and listed(editor) == []


async def test_escape_closes_the_list_before_it_leaves(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await at_end_of_clean(editor)
        await editor.press("t", "escape")
        assert listed(editor) == [] and isinstance(editor.pilot.app.screen, ConfigScreen)
        await editor.press("escape")
        assert isinstance(editor.pilot.app.screen, DashboardScreen)


async def test_the_list_goes_where_the_keys_go_elsewhere(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await at_end_of_clean(editor)
        await editor.press("t", "ctrl+f")
        assert listed(editor) == []
        await editor.press("escape", "i")
        assert listed(editor)
        await editor.press("f1")
        assert listed(editor) == []


async def test_tab_without_a_list_is_two_blanks(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        editor.go(0, 0)
        await editor.press("tab")
        assert editor.text.startswith("  # wine")


async def test_a_job_is_named_and_its_id_written_also_in_broken_yaml(store: Store) -> None:
    text = CONFIG.replace(f'["{INGEST}"]', "[").replace("name: wine", "name: wine: no")
    async with editor_on(store, text) as editor:
        editor.go(13, 200)
        await typed(editor, "Ing")
        assert listed(editor) == ["Ingest"]
        await editor.press("tab")
        assert editor.screen.buffer.document.get_line(13) == f'    dependencies: ["{INGEST}"'


async def test_files_of_the_project_are_offered_as_entrypoints(store: Store) -> None:
    (store.path.parent / "clean.py").write_text("")
    async with editor_on(store) as editor:
        await editor.until(lambda: editor.screen._files == ("clean.py",))
        editor.go(12, 200)
        for _ in range(len("sleep 1")):
            await editor.press("backspace")
        await typed(editor, "cl")
        assert listed(editor) == ["clean.py"]


async def test_nothing_to_complete_is_said_and_read_only_completes_nothing(store: Store) -> None:
    async with editor_on(store) as editor:
        editor.go(0, 6)
        await editor.press("ctrl+@")
        assert listed(editor) == [] and "nothing to complete here" in editor.shown()
    async with editor_on(store, read_only=True) as editor:
        editor.go(0, 0)
        await editor.press("ctrl+@", "t")
        assert listed(editor) == []


async def test_what_is_typed_quickly_keeps_the_list(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await at_end_of_clean(editor)
        await editor.pilot.press(*"sched")
        await editor.pilot.pause()
        assert listed(editor) == ["schedule"]
        await editor.pilot.press(*"zzz")
        await editor.pilot.pause()
        assert listed(editor) == []


async def test_what_is_pasted_opens_no_list(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await at_end_of_clean(editor)
        await editor.type("time")
        assert "    time\n" in editor.text and listed(editor) == []


async def test_a_click_takes_a_suggestion(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await at_end_of_clean(editor)
        await editor.press("t")
        await editor.pilot.click(CompletionList, offset=(2, 1))
        await editor.pilot.pause()
        assert "    timeout: \n" in editor.text
        assert editor.screen.buffer.has_focus


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (140, 40)])
async def test_the_list_stays_on_the_screen(store: Store, size: tuple[int, int]) -> None:
    text = "\n".join(f"# {number}" for number in range(60)) + "\n" + " " * 20 + "x: "
    async with editor_on(store, text, size=size) as editor:
        editor.go(60, 200)
        suggestions = tuple(Suggestion(f"a-rather-long-label-{n}", "help " * 20, "x") for n in range(40))
        shown = editor.screen.completion_list
        shown.offer(suggestions, editor.screen.buffer.cursor_screen_offset, editor.screen.size)
        await editor.pilot.pause()
        x, y, width, height = shown.region
        assert height == ROWS and x >= 0 and x + width <= size[0] and y >= 0 and y + height <= size[1]
        assert not y <= editor.screen.buffer.cursor_screen_offset.y < y + height
        for _ in range(39):
            shown.choose_next()
        await editor.pilot.pause()
        assert "label-39" in editor.shown()
        shown.choose_next()
        assert shown.chosen == 0


async def test_names_from_the_file_can_not_control_the_terminal(store: Store) -> None:
    async with editor_on(store) as editor:
        evil = (Suggestion("a\x1b]0;x\x07b", "h\x9b31m\u202e", "x"),)
        editor.screen.completion_list.offer(evil, Offset(5, 5), Size(100, 30))
        await editor.pilot.pause()
        assert all(character.isprintable() or character == "\n" for character in editor.shown())
        assert "\u202e" not in editor.shown()
