"""New, renamed, copied and deleted jobs: asked in a small window, written as one step of undo."""

from __future__ import annotations

import pytest
from config_support import CLEAN, CONFIG, INGEST, Editor, editor_on
from wines import Store

from skafos_tui.tui.screens import question
from skafos_tui.tui.screens.config import ConfigScreen
from skafos_tui.tui.screens.job_menu import FieldsScreen, JobMenu, delete_question, ids_of
from skafos_tui.tui.screens.question import QuestionScreen


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are taken at once."""
    monkeypatch.setattr(question, "DEAF_S", 0.0)


async def menu(editor: Editor, key: str, row: int) -> None:
    """Choose from the menu of the job in a row."""
    await editor.checked()
    editor.go(row)
    await editor.press("ctrl+n")
    assert isinstance(editor.pilot.app.screen, JobMenu)
    await editor.press(key)


async def test_the_menu_says_what_can_be_done_with_the_job_at_the_cursor(store: Store) -> None:
    async with editor_on(store) as editor:
        await editor.checked()
        await editor.press("ctrl+n")
        assert "no job at the cursor" in editor.shown() and "[n] new job" in editor.shown()
        assert "delete" not in editor.shown()
        await editor.press("x")
        assert isinstance(editor.pilot.app.screen, JobMenu)
        await editor.press("escape")
        editor.go(11)
        await editor.press("ctrl+n")
        assert "Clean" in editor.shown() and "[x] delete" in editor.shown()


async def test_a_new_job_comes_after_the_one_at_the_cursor_and_its_script_is_made_on_yes_only(store: Store) -> None:
    async with editor_on(store) as editor:
        await menu(editor, "n", 5)
        assert "New job" in editor.shown() and "starts after" in editor.shown()
        await editor.type("Fit it")
        assert "fit_it.py" in editor.shown()
        await editor.press("enter")
        await editor.until(lambda: isinstance(editor.pilot.app.screen, QuestionScreen))
        lines = editor.text.split("\n")
        assert lines[8] == "" and lines[9].startswith("  - job_id: ")
        assert lines[10:13] == ["    language: python", "    name: Fit it", '    entrypoint: "fit_it.py"'] or (
            lines[10:13] == ["    language: python", "    name: Fit it", "    entrypoint: fit_it.py"]
        )
        assert lines[13] == f'    dependencies: ["{INGEST}"]'
        assert [line for line in CONFIG.split("\n") if line not in lines] == []
        script = store.path.parent / "fit_it.py"
        assert not script.exists() and "fit_it.py isn't there yet" in editor.shown()
        await editor.press("y")
        await editor.until(lambda: "is new: write there" in editor.shown())
        assert script.read_text() == "# Fit it\n\nprint('Fit it', flush=True)\n"
        assert editor.screen.buffer.cursor_location[0] == 9
        await editor.press("ctrl+z")
        assert editor.text == CONFIG


async def test_a_script_that_is_not_wanted_is_not_made(store: Store) -> None:
    async with editor_on(store) as editor:
        await menu(editor, "n", 5)
        await editor.type("A")
        await editor.press("enter")
        await editor.until(lambda: isinstance(editor.pilot.app.screen, QuestionScreen))
        await editor.press("enter")
        assert isinstance(editor.pilot.app.screen, ConfigScreen)
        assert not (store.path.parent / "a.py").exists() and "name: A\n" in editor.text


async def test_a_command_as_entrypoint_asks_for_no_script(store: Store) -> None:
    async with editor_on(store) as editor:
        await menu(editor, "n", 5)
        await editor.press("A", "tab")
        await editor.type("sleep 5")
        await editor.press("enter")
        await editor.until(lambda: "sleep 5" in editor.text)
        await editor.checked()
        assert isinstance(editor.pilot.app.screen, ConfigScreen)


async def test_a_name_that_is_taken_or_missing_is_said(store: Store) -> None:
    async with editor_on(store) as editor:
        await menu(editor, "n", 5)
        await editor.press("enter")
        assert "a job needs a name" in editor.shown()
        await editor.type("Clean")
        await editor.press("enter")
        assert "there is a job Clean already" in editor.shown()
        assert isinstance(editor.pilot.app.screen, FieldsScreen) and editor.text == CONFIG


async def test_what_a_new_job_starts_after_is_typed_over(store: Store) -> None:
    async with editor_on(store) as editor:
        await menu(editor, "n", 5)
        await editor.type("Fit")
        await editor.press("tab", "tab", "ctrl+u")
        await editor.type("Ingest, Cleen")
        await editor.press("enter")
        assert "there is no job Cleen to start after" in editor.shown() and editor.text == CONFIG
        await editor.press("ctrl+u", "enter")
        await editor.until(lambda: "name: Fit" in editor.text)
        assert editor.text.count("dependencies") == 1


def test_names_of_jobs_become_their_ids() -> None:
    jobs = [("a", "Clean"), ("b", "Train, then test"), ("c", "Clean")]
    assert ids_of("", jobs) == ((), "")
    assert ids_of(" Clean ,Clean,", jobs) == (("a",), "")
    assert ids_of("Train, then test", jobs) == (("b",), "")
    assert ids_of("Train", jobs) == ((), "there is no job Train to start after")


async def test_a_job_is_renamed(store: Store) -> None:
    async with editor_on(store) as editor:
        await menu(editor, "r", 5)
        assert "Rename Ingest" in editor.shown()
        await editor.type("Fit")
        await editor.press("enter")
        await editor.until(lambda: editor.text == CONFIG.replace("name: Ingest", "name: Fit"))
        await editor.pilot.pause()
        assert "Ingest is called Fit now" in editor.shown()


async def test_a_copy_has_its_own_id_and_a_free_name(store: Store) -> None:
    async with editor_on(store) as editor:
        await menu(editor, "d", 11)
        await editor.press("enter")
        await editor.until(lambda: editor.text.count("name: Clean copy   # the second") == 1)
        assert editor.text.count(CLEAN) == 1 and editor.text.startswith(CONFIG)
        assert editor.screen.buffer.cursor_location[0] == 15
        await editor.checked()
        assert not editor.screen.buffer.marks


async def test_deleting_says_who_depends_on_it_and_asks(store: Store) -> None:
    async with editor_on(store) as editor:
        await menu(editor, "x", 5)
        await editor.until(lambda: "Delete Ingest from the config?" in editor.shown())
        assert "Clean depends on it" in editor.shown()
        await editor.press("enter")
        assert editor.text == CONFIG
        await menu(editor, "x", 5)
        await editor.until(lambda: isinstance(editor.pilot.app.screen, QuestionScreen))
        await editor.press("y")
        await editor.until(lambda: editor.text != CONFIG)
        assert INGEST not in editor.text and "dependencies" not in editor.text
        await editor.checked()
        assert not editor.screen.buffer.marks
        await editor.press("ctrl+z")
        assert editor.text == CONFIG


async def test_dependents_keep_their_dependency_if_that_is_the_answer(store: Store) -> None:
    async with editor_on(store) as editor:
        await menu(editor, "x", 5)
        await editor.until(lambda: isinstance(editor.pilot.app.screen, QuestionScreen))
        await editor.press("k")
        await editor.until(lambda: editor.text != CONFIG)
        assert f'dependencies: ["{INGEST}"]' in editor.text and "name: Ingest" not in editor.text


async def test_broken_yaml_says_so_and_stays(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await editor.checked()
        editor.go(13, 200)
        await editor.type("\nx: [")
        before = editor.text
        for key in "nrdx":
            await menu(editor, key, 11)
            assert isinstance(editor.pilot.app.screen, ConfigScreen)
            assert "no valid YAML" in editor.shown()
        assert editor.text == before


async def test_a_read_only_screen_has_none_of_it(store: Store) -> None:
    async with editor_on(store, job=CLEAN, read_only=True) as editor:
        await editor.press("ctrl+n")
        assert isinstance(editor.pilot.app.screen, ConfigScreen)
        assert not {"job.new", "job.delete", "complete"} & {command.id for command in editor.screen.commands()}
        assert "form" in {command.id for command in editor.screen.commands()} or editor.screen.job_at_cursor() is None


def test_the_question_names_a_few_and_counts_the_rest() -> None:
    assert delete_question("A", []) == "Delete A from the config?"
    assert "B, C depend on it" in delete_question("A", ["B", "C"])
    assert "and 8 more depend" in delete_question("A", [f"job {n}" for n in range(20)])
    assert "\x1b" not in delete_question("\x1b[31m", ["\x1b]0;x\x07"])
