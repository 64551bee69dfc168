"""Beside the config's text: findings, the next fires of the job at the cursor, and what a save would change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from config_support import CLEAN, CONFIG, INGEST, Editor, editor_on
from rich.style import Style
from wines import NOW, TOKEN, Store

from skafos_tui.config.plan import plan_of
from skafos_tui.config.reader import parse_config
from skafos_tui.model.project import Job, Project
from skafos_tui.store import projects, schedules
from skafos_tui.store.home import Home
from skafos_tui.tui.widgets.beside import Beside, Row, fire_lines, fires_of, together, wrap
from skafos_tui.tui.widgets.beside_facts import StoreFacts, fire_facts, plan_facts, plan_words

TIMED = CONFIG.replace("    name: Clean ", '    schedule: "0 9 * * *" # daily\n    name: Clean ')
BAD = CONFIG.replace("    language: python\n    name: Clean", "    lnguage: python\n    name: Clean")


def project(text: str) -> Project:
    found = parse_config(text).project
    assert found is not None
    return found


def deployed(store: Store, text: str) -> None:
    """Make this the active deployment."""
    with store.batch():
        connection = store._batch
        assert connection is not None
        number = projects.insert_deployment(
            connection, project=TOKEN, config=text, config_digest="d", code_digest="x", missing={}, now=NOW
        )
        projects.deployment_ready(connection, number, {}, "", NOW)
        projects.set_active(connection, TOKEN, number)


def beside(editor: Editor) -> str:
    """What stands beside the text."""
    x, y, width, height = editor.screen.query_one(Beside).region
    lines = editor.shown().split("\n")[y : y + height]
    return "\n".join(line[x : x + width].rstrip() for line in lines)


async def looked_up(editor: Editor, words: str) -> None:
    await editor.until(lambda: words in beside(editor))


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (220, 60)])
async def test_findings_fires_and_plan_stand_beside_the_text(store: Store, size: tuple[int, int]) -> None:
    deployed(store, CONFIG)
    async with editor_on(store, TIMED, job=CLEAN, size=size) as editor:
        await looked_up(editor, "PLAN ~1 job, 1 schedule moves")
        assert "FINDINGS none" in beside(editor)
        assert "NEXT Clean  UTC" in beside(editor)
        assert "Wed 15 Nov 09:00  in 10 h" in beside(editor)
        if size[0] > 80:
            assert "~ Clean  schedule none -> 0 9 * * *" in beside(editor)


async def test_every_validation_renews_the_plan(store: Store) -> None:
    deployed(store, CONFIG)
    async with editor_on(store, size=(140, 40)) as editor:
        await looked_up(editor, "PLAN nothing changes")
        editor.go(12, 200)
        await editor.type("0")
        await looked_up(editor, "~ Clean  entrypoint sleep 1 -> sleep\n   10")
        editor.go(13, 200)
        await editor.type("\nx: [")
        await looked_up(editor, "PLAN not applied: 1 error")


async def test_without_a_deployment_a_save_is_only_checked(store: Store) -> None:
    store.write(lambda connection: projects.set_active(connection, TOKEN, None))
    async with editor_on(store, size=(140, 40)) as editor:
        await looked_up(editor, "PLAN nothing is deployed: a save is")


async def test_fires_follow_the_job_at_the_cursor(store: Store) -> None:
    async with editor_on(store, TIMED, size=(140, 40)) as editor:
        await looked_up(editor, "NEXT no job at the cursor")
        editor.go(11)
        await looked_up(editor, "NEXT Clean  UTC")
        editor.go(5)
        await looked_up(editor, "NEXT Ingest: no schedule")


async def test_findings_are_listed_with_their_lines_and_a_click_goes_there(store: Store) -> None:
    async with editor_on(store, BAD, size=(140, 40)) as editor:
        await looked_up(editor, "11 missing-key")
        assert "11 unknown-key" in beside(editor)
        lines = beside(editor).split("\n")
        row = next(number for number, line in enumerate(lines) if "unknown-key" in line)
        await editor.pilot.click(Beside, offset=(10, row))
        await editor.pilot.pause()
        assert editor.screen.buffer.cursor_location[0] == 10 and editor.screen.buffer.has_focus


async def test_findings_move_with_their_lines_at_once(store: Store) -> None:
    async with editor_on(store, BAD, size=(140, 40)) as editor:
        await looked_up(editor, "11 missing-key")
        editor.go(0, 0)
        await editor.press("enter")
        assert "12 missing-key" in beside(editor)


async def test_a_job_in_a_config_with_errors_has_the_fires_it_had(store: Store) -> None:
    async with editor_on(store, TIMED, job=CLEAN, size=(140, 40)) as editor:
        await looked_up(editor, "NEXT Clean  UTC")
        editor.go(10, 200)
        await editor.type("3")
        await looked_up(editor, "bad-language")
        assert "Wed 15 Nov 09:00" in beside(editor)
    async with editor_on(store, BAD, job=CLEAN, size=(140, 40)) as editor:
        await looked_up(editor, "not known while the config has")


async def test_distances_are_drawn_only_when_they_read_otherwise(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [NOW]
    async with editor_on(store, TIMED, job=CLEAN, size=(140, 40), now=lambda: clock[0]) as editor:
        await looked_up(editor, "Wed 15 Nov 09:00  in 10 h")
        drawn: list[int] = []
        monkeypatch.setattr(editor.screen.beside, "refresh", lambda *_a, **_o: drawn.append(1))
        clock[0] += 60
        editor.screen.beside.tick()
        assert drawn == []
        monkeypatch.undo()
        clock[0] += 3600
        editor.screen._minute()
        await looked_up(editor, "Wed 15 Nov 09:00  in 9 h")
        clock[0] += 10 * 3600
        editor.screen._minute()
        await editor.until(lambda: "Wed 15" not in beside(editor))
        assert "Thu 16 Nov 09:00  in 23 h" in beside(editor)


# Facts -----------------------------------------------------------------------------------------------------------


def test_a_plan_is_said_in_counts() -> None:
    old = project(CONFIG)
    moved = project(TIMED)
    now = datetime.fromtimestamp(NOW, UTC)
    assert plan_words(plan_of(old, old, now)) == "nothing changes"
    assert plan_words(plan_of(old, moved, now)) == "~1 job, 1 schedule moves"
    assert plan_words(plan_of(None, moved, now)) == "+2 jobs, 1 schedule moves"
    assert plan_words(plan_of(moved, replace(old, jobs=old.jobs[:1], image="x"), now)) == (
        "-1 job, the project, 1 schedule moves"
    )


def test_the_plan_is_against_what_is_active_and_read_once(store: Store) -> None:
    facts = StoreFacts(Home(store.path.parent).state_database, TOKEN)
    first = facts.standing()
    assert first.project is not None and len(first.project.jobs) == 9
    assert facts.standing().project is first.project
    deployed(store, CONFIG)
    assert facts.standing().project == project(CONFIG)
    assert plan_facts(facts.standing(), project(CONFIG), 0, NOW).words == "nothing changes"
    assert plan_facts(facts.standing(), None, 2, NOW).problem == "not applied: 2 errors"


def test_a_store_that_is_not_there_says_nothing(store: Store) -> None:
    facts = StoreFacts(store.path.with_name("none.db"), TOKEN)
    assert facts.standing().project is None and facts.usual(["x"]) == {}


def job_of(text: str, job_id: str = CLEAN) -> tuple[Project, Job]:
    whole = project(text)
    return whole, whole.job(job_id)


def test_a_paused_or_disabled_schedule_says_so(store: Store) -> None:
    deployed(store, TIMED)
    store.write(lambda connection: schedules.pause(connection, TOKEN, CLEAN, NOW))
    facts = StoreFacts(store.path, TOKEN)
    lines = fire_lines(fire_facts(*job_of(TIMED), facts, NOW), NOW)
    assert lines[0][0] == "its schedule is paused" and lines[1][0] == "Wed 15 Nov 09:00  in 10 h"
    off = TIMED.replace("    name: Clean", "    enabled: false\n    name: Clean")
    assert "disabled" in fire_lines(fire_facts(*job_of(off), facts, NOW), NOW)[0][0]


def test_a_job_without_a_schedule_says_what_starts_it(store: Store) -> None:
    facts = StoreFacts(store.path, TOKEN)
    assert fires_of(fire_facts(*job_of(CONFIG), facts, NOW)) == "Clean: no schedule: starts after Ingest"
    assert fires_of(fire_facts(*job_of(CONFIG, INGEST), facts, NOW)) == "Ingest: no schedule"


# Lines -----------------------------------------------------------------------------------------------------------


def test_parts_share_the_rows_and_say_what_has_no_room() -> None:
    parts = [[Row(((f"{name}{n}", Style()),)) for n in range(rows)] for name, rows in (("a", 2), ("b", 9), ("c", 20))]

    def shown(height: int) -> list[str]:
        rows = together(parts, height, Style())
        assert len(rows) <= height
        return ["".join(text for text, _ in row.pieces) for row in rows]

    assert len(shown(40)) == 33 and shown(40)[2] == ""
    assert shown(20)[:3] == ["a0", "a1", "b0"] and shown(20)[-1] == "   … 12 more lines"
    assert shown(6) == ["a0", "a1", "b0", "b1", "c0", "c1"]
    assert shown(3) == ["a0", "b0", "c0"]


def test_texts_are_wrapped_at_blanks_and_harmless() -> None:
    assert wrap("one two three", 7, 3) == ["one two", "three"]
    assert wrap("one two three four", 7, 2) == ["one two", "three …"]
    assert wrap("abcdefghij", 5, 2) == ["abcd…"]
    assert wrap("a\x1b[31mb\u202ec", 9, 1)[0].isprintable()
