"""The config editor and the disk: saving, drafts, and other programs that write the same file."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from config_support import CLEAN, CONFIG, INGEST, Editor, Engine, editor_on
from wines import TOKEN, Store

from skafos_tui.model.run import ActivationKind, ActivationState
from skafos_tui.store import activations, projects
from skafos_tui.store.home import Home
from skafos_tui.tui.editor.journal import Draft, Journal
from skafos_tui.tui.screens.config_merge import MergeScreen
from skafos_tui.tui.screens.dashboard import DashboardScreen
from skafos_tui.tui.screens.question import QuestionScreen

WITHOUT_CLEAN = CONFIG[: CONFIG.index(f"\n  - job_id: {CLEAN}")]


@pytest.fixture
def idle(store: Store) -> Store:
    """The store with nothing deployed."""
    store.write(lambda connection: projects.set_active(connection, TOKEN, None))
    return store


def deployed(store: Store, text: str = CONFIG) -> Store:
    """The store with this config active."""

    def write(connection) -> None:
        made = projects.insert_deployment(
            connection, project=TOKEN, config=text, config_digest="x", code_digest="y", missing={}, now=1.0
        )
        projects.deployment_ready(connection, made, {}, "", 2.0)
        projects.set_active(connection, TOKEN, made)

    store.write(write)
    return store


def takes_up(store: Store, file: Path, state: ActivationState = ActivationState.ACTIVE, error: str = "") -> Engine:
    """An engine that does this with what it finds on the disk when it is woken."""

    def act() -> None:
        store.write(
            lambda connection: activations.insert_activation(
                connection,
                project=TOKEN,
                kind=ActivationKind.RELOAD,
                state=state,
                deployment=2,
                previous=2,
                request_id="reload/1",
                now=3.0,
                config_digest=hashlib.sha256(file.read_bytes()).hexdigest(),
                plan=json.dumps({}),
                error=error,
            )
        )

    return Engine(on_wake=act)


async def save(editor: Editor) -> None:
    await editor.press("ctrl+s")
    await editor.until(lambda: not editor.screen.is_saving)
    await editor.pilot.pause()


def is_asked(editor: Editor) -> bool:
    return isinstance(editor.pilot.app.screen, QuestionScreen)


# Saving


async def test_a_save_without_deployment_writes_and_checks(idle: Store) -> None:
    async with editor_on(idle) as editor:
        editor.go(2, 10)
        await editor.type("s")
        await save(editor)
        await editor.until(lambda: "nothing is deployed" in editor.line(-1))
        assert editor.on_disk == editor.text == CONFIG.replace("name: wine\n", "name: wines\n")
        assert editor.engine.woken == 0 and "modified" not in editor.line(0)
        await save(editor)
        assert "nothing to save" in editor.line(-1)


async def test_a_save_keeps_marks_line_breaks_tabs_and_a_missing_last_one(idle: Store) -> None:
    data = b"\xef\xbb\xbfproject_token: x\r\nname: wine\t\njobs: []\r# end"
    async with editor_on(idle, data) as editor:
        editor.go(1, 10)
        await editor.type("s\nx: 1")
        await save(editor)
        await editor.until(lambda: editor.file.read_bytes() != data)
        assert editor.file.read_bytes() == data.replace(b"wine\t", b"wines\r\nx: 1\t")


async def test_an_invalid_config_is_saved_and_said_not_to_be_applied(store: Store) -> None:
    async with editor_on(store, CONFIG) as editor:
        editor.go(6, 4)
        await editor.type("x")
        await save(editor)
        await editor.until(lambda: "not applied" in editor.line(-1))
        assert "saved; not applied: 1 error" in editor.line(-1)
        assert "xname: Ingest" in editor.on_disk and editor.engine.woken == 0


async def test_a_valid_config_is_applied_where_a_deployment_is_active(store: Store) -> None:
    deployed(store)
    engine = takes_up(store, store.path.parent / "metis.config.yml")
    async with editor_on(store, engine=engine) as editor:
        editor.go(2, 10)
        await editor.type("s")
        await save(editor)
        await editor.until(lambda: "applied: deployment" in editor.line(-1))
        assert engine.woken == 1
        assert "deployment 2 is active" in editor.line(-1) and "ctrl+l undoes the save" in editor.line(-1)
        assert "applied" in editor.line(0)


@pytest.mark.parametrize(
    ("refusal", "state", "said"),
    [
        ("the engine could not be started", None, "not applied: the engine could not be started"),
        ("", ActivationState.FAILED, "not applied: no such image"),
    ],
)
async def test_what_keeps_a_save_from_being_applied_is_said(
    store: Store, refusal: str, state: ActivationState | None, said: str
) -> None:
    deployed(store)
    engine = takes_up(store, store.path.parent / "metis.config.yml", state or ActivationState.ACTIVE, "no such image")
    engine.refusal = refusal
    async with editor_on(store, engine=engine) as editor:
        editor.go(2, 10)
        await editor.type("s")
        await save(editor)
        await editor.until(lambda: said in editor.line(-1))
        assert editor.on_disk == editor.text


async def test_a_job_that_goes_is_asked_about_before_anything_is_written(store: Store) -> None:
    deployed(store)
    async with editor_on(store) as editor:
        editor.go(8)
        await editor.press("shift+down", "shift+down", "shift+down", "shift+down", "shift+down", "shift+down", "delete")
        assert editor.text == WITHOUT_CLEAN
        await editor.press("ctrl+s")
        await editor.until(lambda: is_asked(editor))
        assert "Clean goes." in editor.shown() and editor.on_disk == CONFIG
        await editor.pilot.pause(0.35)
        await editor.press("enter")
        assert not is_asked(editor) and editor.on_disk == CONFIG
        assert "not saved; your text is kept" in editor.line(-1)
        await editor.press("ctrl+s")
        await editor.until(lambda: is_asked(editor))
        await editor.pilot.pause(0.35)
        await editor.press("y")
        await editor.until(lambda: editor.on_disk == WITHOUT_CLEAN)


async def test_a_schedule_that_starts_to_fire_is_asked_about_where_something_is_deployed(store: Store) -> None:
    deployed(store)
    async with editor_on(store) as editor:
        editor.go(7, 23)
        await editor.type('\nschedule: "0 9 * * *"')
        await editor.press("ctrl+s")
        await editor.until(lambda: is_asked(editor))
        assert "Ingest starts to fire" in editor.shown()


async def test_without_deployment_a_schedule_is_not_asked_about(idle: Store) -> None:
    async with editor_on(idle) as editor:
        editor.go(7, 23)
        await editor.type('\nschedule: "0 9 * * *"')
        await save(editor)
        await editor.until(lambda: "schedule:" in editor.on_disk)


async def test_a_save_is_undone_by_one_key_on_disk_too(idle: Store) -> None:
    async with editor_on(idle) as editor:
        editor.go(2, 10)
        await editor.type("s")
        await save(editor)
        await editor.until(lambda: "wines" in editor.on_disk)
        await editor.until(lambda: "ctrl+l undoes" in editor.line(-1))
        await editor.press("ctrl+l")
        await editor.until(lambda: editor.on_disk == CONFIG)
        assert editor.text == CONFIG
        await editor.until(lambda: "the file is as before" in editor.line(-1))
        await editor.press("ctrl+z")
        assert "wines" in editor.text


async def test_a_file_that_cant_be_written_is_said_and_the_text_stays(
    idle: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skafos_tui.config.editing.save_text", refuse)
    async with editor_on(idle) as editor:
        await editor.type("#")
        await save(editor)
        await editor.until(lambda: "can't be written" in editor.line(-1))
        assert "No space left" in editor.line(-1) and "modified" in editor.line(0)
        assert editor.on_disk == CONFIG


# Other programs


async def test_a_clean_text_follows_the_disk_and_keeps_cursor_and_undo(idle: Store) -> None:
    async with editor_on(idle) as editor:
        editor.go(6, 14)
        await editor.type("s")
        await save(editor)
        theirs = editor.text.replace("# wine\n", "# wine\n# more\n").replace("# the second", "# 2nd")
        editor.written_by_another(theirs)
        await editor.until(lambda: editor.text == theirs)
        assert editor.screen.buffer.cursor_location == (7, 15)
        assert "another program" in editor.line(-1) and "modified" not in editor.line(0)
        await editor.press("ctrl+z")
        await editor.press("ctrl+z")
        assert editor.text == CONFIG


async def test_a_changed_file_under_typing_keeps_the_save_back_until_both_are_merged(idle: Store) -> None:
    async with editor_on(idle) as editor:
        editor.go(6, 16)
        await editor.type("s")
        editor.written_by_another(CONFIG.replace("# the second", "# 2nd"))
        await editor.until(lambda: "changed on disk" in editor.line(1))
        await editor.press("ctrl+s")
        assert "not saved" in editor.line(-1) and "Ingests" not in editor.on_disk
        await editor.press("ctrl+r")
        both = CONFIG.replace("# the second", "# 2nd").replace("name: Ingest", "name: Ingests")
        await editor.until(lambda: editor.text == both)
        assert "changed on disk" not in editor.line(1)
        await save(editor)
        await editor.until(lambda: editor.on_disk == both)
        await editor.press("ctrl+z")
        assert editor.text == CONFIG.replace("name: Ingest", "name: Ingests")


@pytest.mark.parametrize(("key", "taken"), [("m", "Ingests"), ("t", "Loading")])
async def test_lines_that_both_changed_are_for_a_person(idle: Store, key: str, taken: str) -> None:
    async with editor_on(idle) as editor:
        editor.go(6, 16)
        await editor.type("s")
        editor.written_by_another(CONFIG.replace("name: Ingest", "name: Loading").replace("# the second", "# 2nd"))
        await editor.until(lambda: "changed on disk" in editor.line(1))
        await editor.press("ctrl+r")
        await editor.until(lambda: isinstance(editor.pilot.app.screen, MergeScreen))
        shown = editor.shown()
        assert "name: Ingests" in shown and "name: Loading" in shown
        await editor.press("escape")
        assert "Ingests" in editor.text and "changed on disk" in editor.line(1)
        await editor.press("ctrl+r")
        await editor.until(lambda: isinstance(editor.pilot.app.screen, MergeScreen))
        await editor.press(key)
        await editor.until(lambda: "# 2nd" in editor.text)
        assert f"name: {taken}\n" in editor.text
        await save(editor)
        await editor.until(lambda: editor.on_disk == editor.text)


async def test_a_file_changed_in_the_moment_of_the_save_is_not_overwritten(idle: Store) -> None:
    async with editor_on(idle) as editor:
        await editor.type("#")
        theirs = CONFIG + "# theirs\n"
        editor.screen._watch._ended.set()  # nobody has noticed yet
        editor.written_by_another(theirs)
        await save(editor)
        await editor.until(lambda: "not saved" in editor.line(-1))
        assert editor.on_disk == theirs and editor.text == "#" + CONFIG


async def test_a_removed_file_is_said_and_its_return_taken_up(idle: Store) -> None:
    async with editor_on(idle) as editor:
        await editor.type("#")
        editor.file.unlink()
        await editor.until(lambda: "gone from the disk" in editor.line(1))
        await editor.press("ctrl+s")
        assert "not saved" in editor.line(-1) and not editor.file.exists()
        editor.written_by_another(CONFIG)
        await editor.until(lambda: "gone" not in editor.line(1))
        await save(editor)
        await editor.until(lambda: editor.on_disk == "#" + CONFIG)


# Drafts


def left_behind(store: Store, base: str, text: str) -> None:
    """A draft of an editor that is no more."""
    journal = Journal(Home(store.path.parent), store.path.parent / "metis.config.yml")
    journal.open()
    journal.write(Draft("x", base, text, 1_700_000_000.0))
    journal.close()


def drafts(store: Store) -> list[Path]:
    return list((store.path.parent / "drafts").glob("*.json"))


async def test_what_was_typed_is_kept_without_a_save_and_found_again(idle: Store) -> None:
    async with editor_on(idle) as editor:
        await editor.type("#")
        await editor.press("escape")
        assert isinstance(editor.pilot.app.screen, DashboardScreen)
        assert "kept as a draft" in editor.line(-1)
        await editor.until(lambda: drafts(idle))
        await editor.press("e")
        await editor.until(lambda: "draft of " in editor.line(-1))
        screen = editor.pilot.app.screen
        assert screen.buffer.text == "#" + CONFIG
        await editor.press("ctrl+z")
        assert screen.buffer.text == CONFIG and editor.on_disk == CONFIG


async def test_it_is_written_down_within_two_seconds(idle: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skafos_tui.tui.screens.config_files.JOURNAL_S", 0.2)
    async with editor_on(idle) as editor:
        await editor.type("#")
        await editor.until(lambda: drafts(idle))
        assert json.loads(drafts(idle)[0].read_text())["text"] == "#" + CONFIG
        await editor.press("ctrl+z")
        await editor.until(lambda: not drafts(idle))


async def test_a_save_ends_the_draft(idle: Store) -> None:
    async with editor_on(idle) as editor:
        await editor.type("#")
        editor.screen.keep()
        assert drafts(idle)
        await save(editor)
        await editor.until(lambda: not drafts(idle))


async def test_a_draft_over_a_file_that_has_changed_is_merged(idle: Store) -> None:
    left_behind(idle, CONFIG, CONFIG.replace("name: Ingest", "name: Ingests"))
    async with editor_on(idle, CONFIG.replace("# the second", "# 2nd")) as editor:
        assert "changed on disk" in editor.line(1) and "Ingests" in editor.text
        await editor.press("ctrl+r")
        await editor.until(lambda: "# 2nd" in editor.text)
        await save(editor)
        await editor.until(lambda: "Ingests" in editor.on_disk and "# 2nd" in editor.on_disk)


async def test_a_draft_over_a_changed_file_taken_back_leaves_the_files_text(idle: Store) -> None:
    left_behind(idle, CONFIG, CONFIG.replace("name: Ingest", "name: Ingests"))
    disk = CONFIG.replace("# the second", "# 2nd")
    async with editor_on(idle, disk) as editor:
        await editor.press("ctrl+z")
        assert editor.text == disk
        assert "changed on disk" not in editor.line(1) and "modified" not in editor.line(0)


async def test_a_read_only_screen_leaves_drafts_alone(idle: Store) -> None:
    left_behind(idle, CONFIG, "#" + CONFIG)
    async with editor_on(idle, read_only=True) as editor:
        assert editor.text == CONFIG
    assert drafts(idle)


@pytest.mark.parametrize(("data", "said"), [(b"a: \xff\n", "not in UTF-8"), (b"x: 1\n" * 250_000, "larger than")])
async def test_what_is_no_text_can_be_looked_at_only(idle: Store, data: bytes, said: str) -> None:
    async with editor_on(idle, data) as editor:
        await editor.until(lambda: said in editor.line(1))
        await editor.press("x", "ctrl+s")
        assert editor.file.read_bytes() == data and editor.screen.buffer.read_only


async def test_a_file_that_cant_be_read_is_said(idle: Store) -> None:
    os.mkfifo(idle.path.parent / "metis.config.yml")
    async with editor_on(idle, None, size=(160, 30)) as editor:
        await editor.until(lambda: "is not a regular file" in editor.line(1))
        await editor.press("x", "ctrl+s", "escape")
        assert isinstance(editor.pilot.app.screen, DashboardScreen)


async def test_ids_stay_whoever_typed_them(idle: Store) -> None:
    async with editor_on(idle) as editor:
        editor.go(4, 20)
        await editor.press("delete", "1")
        changed = editor.text
        assert INGEST not in changed.split("\n")[4]
        await editor.press("ctrl+s")
        await editor.until(lambda: is_asked(editor) or editor.on_disk == changed)
        assert editor.on_disk == CONFIG or "dependenc" in str(editor.screen.newest)
