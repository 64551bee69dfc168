"""The form of a job: every key with value, help and findings; what is typed goes into the text as one step of undo."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from config_support import CLEAN, CONFIG, INGEST, Editor, editor_on
from wines import NOW, Store, job_id

from skafos_tui.model.run import RunState, TaskState
from skafos_tui.tui.screens.config import ConfigScreen
from skafos_tui.tui.screens.form import FormScreen
from skafos_tui.tui.screens.form_ticks import TicksScreen

TIMED = CONFIG.replace("    name: Clean ", '    schedule: "0 9 * * *" # daily\n    name: Clean ')


@asynccontextmanager
async def form_on(store: Store, text: str = CONFIG, **options: Any) -> AsyncIterator[tuple[Editor, FormScreen]]:
    """The form of the job Clean."""
    async with editor_on(store, text, job=CLEAN, **options) as editor:
        await editor.checked()
        await editor.press("ctrl+o")
        screen = editor.pilot.app.screen
        assert isinstance(screen, FormScreen)
        await editor.until(lambda: screen.form is not None)
        await editor.pilot.pause()
        yield editor, screen


async def choose(editor: Editor, form: FormScreen, *path: str) -> None:
    """Go to a row."""
    assert form.form is not None
    at = next(number for number, each in enumerate(form.form.rows) if each.path == path)
    form.action_move(at - form.rows.at)
    await editor.pilot.pause()


async def fill(editor: Editor, form: FormScreen, value: str, *path: str) -> None:
    """Type a value into a row."""
    await choose(editor, form, *path)
    await editor.press("enter")
    form.input_line.value = ""
    await editor.type(value)
    await editor.press("enter")


def row(editor: Editor, label: str) -> str:
    return next(line for line in editor.shown().split("\n") if line[1:].startswith(label))


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (140, 40)])
async def test_the_form_shows_values_defaults_and_what_a_key_means(store: Store, size: tuple[int, int]) -> None:
    async with form_on(store, size=size) as (editor, form):
        await choose(editor, form, "dependencies")
        assert row(editor, "dependencies").split()[1:] == ["Ingest"]
        assert row(editor, "parallelism").split()[1:] == ["(1)"]
        assert "Ids of the jobs that must have succeeded before." in editor.shown()
        await choose(editor, form, "overlap")
        assert "One of skip, queue, replace, parallel." in editor.shown().replace("\n", "")


async def test_keys_move_and_the_chosen_row_stays_in_sight(store: Store) -> None:
    async with form_on(store, size=(80, 24)) as (editor, form):
        await editor.press("G")
        assert form.current is not None and form.current.path == ("enabled",)
        assert row(editor, "enabled").startswith("▌")
        await editor.press("k", "up")
        assert form.current.path == ("image",)
        await editor.press("g", "j")
        assert form.current.path == ("language",)
        assert row(editor, "language*").startswith("▌")


async def test_what_is_typed_goes_into_the_text_and_comes_back_with_one_step(store: Store) -> None:
    async with form_on(store) as (editor, form):
        await fill(editor, form, "Scrub it", "name")
        await editor.until(lambda: "Scrub it" in editor.text)
        assert editor.text == CONFIG.replace("name: Clean ", "name: Scrub it ")
        await editor.until(lambda: form.form is not None and form.form.row("name").value == "Scrub it")
        assert "Scrub it" in row(editor, "name*")
        await editor.press("ctrl+z")
        assert editor.text == CONFIG
        await editor.until(lambda: form.form is not None and form.form.row("name").value == "Clean")


async def test_escape_leaves_a_value_then_the_form(store: Store) -> None:
    async with form_on(store) as (editor, form):
        await choose(editor, form, "name")
        await editor.press("enter", "x", "q", "escape")
        assert editor.text == CONFIG and editor.pilot.app.screen is form
        await editor.press("escape")
        assert isinstance(editor.pilot.app.screen, ConfigScreen)


async def test_a_value_that_will_not_do_is_not_taken_and_says_why(store: Store) -> None:
    async with form_on(store) as (editor, form):
        await fill(editor, form, "0 9 * *", "schedule")
        assert "4 fields; a schedule has 5" in editor.shown()
        assert form.is_editing and editor.text == CONFIG


async def test_space_turns_through_the_few_values_and_delete_takes_the_key_away(store: Store) -> None:
    async with form_on(store) as (editor, form):
        await choose(editor, form, "overlap")
        await editor.press("space")
        await editor.until(lambda: "overlap: queue" in editor.text)
        await editor.until(lambda: form.form is not None and form.form.row("overlap").value == "queue")
        await editor.press("space")
        await editor.until(lambda: "overlap: replace" in editor.text)
        await editor.until(lambda: form.form is not None and form.form.row("overlap").value == "replace")
        await editor.press("delete")
        await editor.until(lambda: editor.text == CONFIG)


async def test_a_new_variable_gets_a_row_of_its_own(store: Store) -> None:
    async with form_on(store) as (editor, form):
        await fill(editor, form, "MODE=fast", "environment")
        await editor.until(lambda: form.form is not None and any(r.label == "environment.MODE" for r in form.form.rows))
        assert "    environment:\n      MODE: fast\n" in editor.text


async def test_dependencies_are_ticked_in_a_list_that_says_what_would_go_in_a_circle(store: Store) -> None:
    async with form_on(store) as (editor, form):
        await choose(editor, form, "dependencies")
        await editor.press("enter")
        await editor.until(lambda: isinstance(editor.pilot.app.screen, TicksScreen))
        await editor.pilot.pause()
        assert "[x] Ingest" in editor.shown()
        await editor.press("i", "n", "enter")
        await editor.until(lambda: "dependencies" not in editor.text)
        await editor.until(lambda: "[ ] Ingest" in editor.shown())
        await editor.press("enter")
        await editor.until(lambda: f'dependencies: ["{INGEST}"]' in editor.text)
        await editor.press("escape")
        assert editor.pilot.app.screen is form
    async with editor_on(store, job=INGEST) as editor:
        await editor.checked()
        await editor.press("ctrl+o")
        other = editor.pilot.app.screen
        assert isinstance(other, FormScreen)
        await editor.until(lambda: other.form is not None)
        await choose(editor, other, "dependencies")
        await editor.press("enter")
        await editor.until(lambda: "[ ] Clean  it waits for this one" in editor.shown())
        before = editor.text
        await editor.press("enter")
        await editor.pilot.pause(0.1)
        assert editor.text == before


async def test_changes_that_come_quickly_are_all_made(store: Store) -> None:
    async with form_on(store) as (editor, form):
        assert form.form is not None
        for key, value in (("overlap", "queue"), ("catchup", "all"), ("enabled", "false"), ("timeout", "5m")):
            form._change(form.form.row(key), value)
        words = ("overlap: queue", "catchup: all", "enabled: false", "timeout: 5m")
        await editor.until(lambda: all(word in editor.text for word in words))
        for _ in words:
            await editor.press("ctrl+z")
        assert editor.text == CONFIG


async def test_findings_stand_beside_their_keys(store: Store) -> None:
    text = CONFIG.replace("    name: Clean ", "    timeout: soon\n    name: Clean ")
    async with form_on(store, text, size=(140, 40)) as (editor, form):
        await editor.until(lambda: form.form is not None and form.form.row("timeout").findings)
        await editor.pilot.pause()
        assert "✗ `soon`" in row(editor, "timeout")


async def test_in_broken_yaml_the_form_shows_what_it_was_and_changes_nothing(store: Store) -> None:
    async with editor_on(store, job=CLEAN) as editor:
        await editor.checked()
        editor.go(14, 0)
        await editor.type("  x: [")
        await editor.checked()
        broken = editor.text
        editor.go(11, 0)
        await editor.press("ctrl+o")
        form = editor.pilot.app.screen
        assert isinstance(form, FormScreen)
        await editor.until(lambda: form.reason)
        assert "line 15 is no valid YAML; correct it first" in editor.line(0)
        assert row(editor, "entrypoint*").split()[1:] == ["sleep", "1"]
        await choose(editor, form, "name")
        await editor.press("enter")
        assert not form.is_editing and "no valid YAML" in editor.shown()
        await editor.press("space", "delete")
        assert editor.text == broken


async def test_a_read_only_screen_has_a_form_that_changes_nothing(store: Store) -> None:
    async with form_on(store, read_only=True) as (editor, form):
        assert "read only" in editor.line(0)
        await choose(editor, form, "name")
        await editor.press("enter", "delete")
        assert not form.is_editing and editor.text == CONFIG


# Schedule --------------------------------------------------------------------------------------------------------


async def test_the_next_fires_follow_what_is_typed(store: Store) -> None:
    async with form_on(store, TIMED) as (editor, form):
        await choose(editor, form, "schedule")
        await editor.until(lambda: "Wed 15 Nov 09:00  in 10 h" in editor.shown())
        await editor.press("enter")
        form.input_line.value = "30 10 * * *"
        await editor.until(lambda: "Wed 15 Nov 10:30  in 12 h" in editor.shown())
        assert editor.text == TIMED
        await editor.press("escape")
        await editor.until(lambda: "Wed 15 Nov 09:00  in 10 h" in editor.shown())


async def test_fires_are_shown_on_the_job_s_clock_and_on_this_machine_s(store: Store) -> None:
    text = TIMED.replace("    language", "    timezone: Asia/Tokyo\n    language")
    async with form_on(store, text) as (editor, form):
        await choose(editor, form, "schedule")
        await editor.until(lambda: "NEXT Clean  Asia/Tokyo" in editor.shown())
        assert "Wed 15 Nov 09:00  here 00:00  in 1 h" in editor.shown()


async def test_what_the_clocks_do_is_said_while_typing(store: Store) -> None:
    text = TIMED.replace("    language", "    timezone: Europe/Berlin\n    language")
    async with form_on(store, text) as (editor, form):
        await choose(editor, form, "schedule")
        await editor.press("enter")
        form.input_line.value = "30 2 * * *"
        await editor.until(lambda: "02:30 is skipped on 2024-03-31" in editor.shown())


async def test_a_predecessor_that_usually_still_runs_is_told(store: Store) -> None:
    # Ingest is Train forest here: its usual duration is 302 s.
    text = TIMED.replace(INGEST, job_id("Train forest")).replace(
        "    name: Ingest", '    schedule: "57 8 * * *"\n    name: Ingest'
    )
    run = store.run()
    store.set_task(run, "Train forest", TaskState.SUCCEEDED, NOW - 1000, NOW - 698)
    store.set_run(run, RunState.SUCCEEDED, NOW - 1000, NOW - 698)
    async with form_on(store, text) as (editor, form):
        await choose(editor, form, "schedule")
        await editor.until(lambda: "Ingest usually still runs, until 09:02: it waits" in editor.shown())
