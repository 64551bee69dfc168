"""The config editor: the text, what is wrong with it and where, and the way back to the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.signal import Signal

from skafos_tui.model.diagnostic import Severity
from skafos_tui.text.sgr import plain
from skafos_tui.tui.command import Command, Fact, Where
from skafos_tui.tui.editor.checker import Checked, Checker
from skafos_tui.tui.editor.config_text import ConfigText, is_text_key
from skafos_tui.tui.editor.findings import (
    SYNTAX,
    JobSpan,
    Placed,
    counted,
    job_at,
    moved_spans,
    placed,
    worst_of,
)
from skafos_tui.tui.screens.config_find import FindLine
from skafos_tui.tui.screens.config_lines import BannerLine, StateLine, TitleFacts, TitleLine
from skafos_tui.tui.screens.job_menu_commands import ConfigJobs
from skafos_tui.tui.widgets.footer import Footer

if TYPE_CHECKING:
    from skafos_tui.config.reader import ReadResult
    from skafos_tui.tui.app import SkafosApp
    from skafos_tui.tui.opened import Opened

WIDE, MEDIUM = 180, 100
TALL = 24
SYNTAX_S = 0.4
"""So long after the last key a text that is no YAML is called so, unless the cursor leaves its line before."""


class ConfigScreen(ConfigJobs):
    """One config under the fingers.

    `buffer` is the text, `result` what the last YAML in it said (its `text` is the one it was read from), `newest` what
    the newest reading says, broken or not. `checked` is published with the newest reading, `cursor_moved` with the
    cursor's place. What stands beside the text is mounted in `#beside`.
    """

    CSS_PATH = "config.tcss"

    class Answered(Message):
        """The validation has answered."""

        def __init__(self, checked: Checked) -> None:
            super().__init__()
            self.checked = checked

    def __init__(self, opened: Opened, path: Path, job_id: str | None = None, *, read_only: bool = False) -> None:
        super().__init__()
        self.opened = opened
        self.path = path
        self.buffer = ConfigText(read_only=read_only)
        self.title_line = TitleLine(id="title")
        self.state_line = StateLine(id="state")
        self.banner = BannerLine(id="banner")
        self.find_line = FindLine(self.buffer)
        self.result: ReadResult | None = None
        self.newest: ReadResult | None = None
        self.checked: Signal[ReadResult] = Signal(self, "checked")
        self.cursor_moved: Signal[tuple[int, int]] = Signal(self, "cursor moved")
        self._spans: tuple[JobSpan, ...] = ()
        self._begin_at = job_id
        self._checker = Checker(str(path.parent), lambda checked: self.post_message(self.Answered(checked)))
        self._checked_revision = -1
        self._waiting: list[Callable[[ReadResult], None]] = []
        self._edited_at = 0.0
        self._edited_row = 0
        self._broken: tuple[Placed, ...] = ()

    def compose(self) -> ComposeResult:
        yield self.title_line
        yield self.banner
        with Container(id="work"):
            yield self.buffer
            yield Container(id="beside")
        yield self.find_line
        yield self.state_line
        yield Footer()

    def on_mount(self) -> None:
        self.buffer.movers.append(self._lines_moved)
        self.buffer.takers.append(self._key_typed)
        self._checker.start()
        self.buffer.focus()
        self.begin_files()
        self.begin_jobs()
        self.describe()

    def on_unmount(self) -> None:
        self.end_files()
        self._checker.stop()

    def on_resize(self, event: events.Resize) -> None:
        work = self.query_one("#work")
        work.set_class(event.size.width < MEDIUM, "-stacked")
        work.set_class(event.size.height < TALL, "-short")
        self.query_one("#beside").set_class(event.size.width >= WIDE, "-wide")

    def restyle(self) -> None:
        super().restyle()
        self.buffer.restyle()

    # For what stands beside the text

    @property
    def spans(self) -> tuple[JobSpan, ...]:
        """The rows of the jobs, as far as they are known now."""
        return self._spans

    def job_at_cursor(self) -> str | None:
        """The id of the job that the cursor is in."""
        return job_at(self._spans, self.buffer.cursor_location[0])

    def go_to_job(self, job_id: str) -> None:
        """Put the cursor on a job's first line; where it isn't in the text nothing moves."""
        for span in self._spans:
            if span.job_id == job_id:
                self.buffer.go_near_top(span.start)

    @property
    def syntax_error(self) -> str:
        """Why the text is no YAML, in words; empty where it is."""
        newest = self.newest
        found = [item for item in newest.diagnostics if item.code == SYNTAX] if newest is not None else []
        return plain(found[0].message) if found else ""

    def when_checked(self, then: Callable[[ReadResult], None]) -> None:
        """Call this with what the text says now: at once, or as soon as that is known."""
        if self.newest is not None and self._checked_revision == self.buffer.revision:
            then(self.newest)
        else:
            self._waiting.append(then)
            self._checker.hurry()

    # Commands

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.CONFIG})

    def facts(self) -> frozenset[Fact]:
        known = {
            Fact.FINDINGS: bool(self.buffer.marks),
            Fact.FIX: any(item.finding.fix for item in self.here()) and not self.buffer.read_only,
            Fact.APART: self.buffer.is_mounted and self._is_open and self.is_apart and self.disk is not None,
            Fact.SAVED: self.buffer.is_mounted and self.can_unsave,
        }
        return frozenset({fact for fact, is_so in known.items() if is_so} | self.job_facts())

    def typed(self, key: str) -> bool:
        """Keys are the find line's while it is open."""
        return not self.find_line.has_focus_within and super().typed(key)

    def commands(self) -> list[Command]:
        """What works now, with the keys that are no text here."""
        found = (self._with_keys(command) for command in super().commands())
        return [command for command in found if command.id != "save" or not self.buffer.read_only]

    def _with_keys(self, command: Command) -> Command:
        keys = tuple(key for key in command.keys if not is_text_key(key, read_only=self.buffer.read_only))
        return replace(command, keys=keys or ("",))

    def update_footer(self) -> None:
        shown = [command for command in self.commands() if command.in_footer and command.keys[0]]
        shown.sort(key=lambda command: (command.id != "save", command.in_footer))
        for footer in self.query(Footer):
            footer.show(tuple(shown), self._remark)

    def do_leave(self) -> None:
        self.do_back()

    def do_back(self) -> None:
        is_kept = self.is_dirty and not self.buffer.read_only
        super().do_back()
        if is_kept:
            self.skafos.tell("not saved, but kept as a draft: e goes on with it")

    def do_go_config(self) -> None:
        self.buffer.go_to_row(0)

    def do_copy(self) -> None:
        marked = self.buffer.selected_text
        if marked:
            self.skafos.copy_to_clipboard(marked)
            self.tell("copied")
        else:
            self.tell("nothing is marked; ctrl+q quits, Esc leaves the editor")

    def do_find_text(self) -> None:
        self.find_line.open()

    def do_finding_next(self) -> None:
        """To the next finding below the cursor, after the last one to the first."""
        marks = sorted(self.buffer.marks, key=lambda item: (item.row, item.start))
        at = self.buffer.cursor_location
        found = next((item for item in marks if (item.row, item.start) > at), marks[0] if marks else None)
        if found is not None:
            self.buffer.go_to_row(found.row, found.start)

    def do_fix(self) -> None:
        self.when_checked(lambda _: self._take_fix())

    def _take_fix(self) -> None:
        fix = next((item.finding.fix for item in self.here() if item.finding.fix is not None), None)
        if fix is None or self.buffer.read_only:
            self.tell("no fix is offered here")
            return
        self.buffer.apply(fix.edits)
        self.tell(f"{plain(fix.title)}: done; ctrl+z takes it back")

    # What happens

    def loaded(self, spans: tuple[JobSpan, ...]) -> None:
        self._spans = spans
        if self._begin_at is not None:
            self.go_to_job(self._begin_at)
        self._checker.ask(self.buffer.revision, self.buffer.text, pause_s=0.0)

    def on_text_area_changed(self) -> None:
        self._edited_at, self._edited_row = time.monotonic(), self.buffer.cursor_location[0]
        self._checker.ask(self.buffer.revision, self.buffer.text)
        if self._waiting:
            self._checker.hurry()
        self.text_changed()
        self.describe()

    def on_text_area_selection_changed(self) -> None:
        if self._broken and self.buffer.cursor_location[0] != self._edited_row:
            self._show_broken()
        self.cursor_moved.publish(self.buffer.cursor_location)
        self.describe()

    def on_config_screen_answered(self, message: Answered) -> None:
        """Show what the newest text says; of older ones nothing."""
        checked = message.checked
        if checked.revision != self.buffer.revision:
            return
        self._checked_revision, self.newest = checked.revision, checked.result
        if checked.spans is not None:
            self.result, self._spans = checked.result, checked.spans
        marks = placed(checked.result.diagnostics)
        if any(item.finding.code == SYNTAX for item in marks):
            self._broken = marks
            rest = self._edited_at + SYNTAX_S - time.monotonic()
            if rest <= 0 or self.buffer.cursor_location[0] != self._edited_row:
                self._show_broken()
            else:
                self.set_timer(rest, self._show_broken)
        else:
            self._broken = ()
            self.buffer.show_findings(marks)
        self.checked.publish(checked.result)
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then(checked.result)
        self.describe()

    def _show_broken(self) -> None:
        """Say that the text is no YAML, if it still is none; the other findings stay, as old ones."""
        if self._broken and self._checked_revision == self.buffer.revision:
            old = tuple(replace(item, is_old=True) for item in self.buffer.marks if item.finding.code != SYNTAX)
            self.buffer.show_findings((*self._broken, *old))
            self._broken = ()
            self.describe()

    def _key_typed(self, _event: events.Key) -> bool:
        """A key ends what was remarked; it isn't taken."""
        if self._remark:
            self._remark = ""
            self.update_footer()
        return False

    def _lines_moved(self, top: tuple[int, int], bottom: tuple[int, int], new_end: tuple[int, int]) -> None:
        if not top[0] == bottom[0] == new_end[0]:
            self._spans = moved_spans(self._spans, top, bottom, new_end)

    def here(self) -> list[Placed]:
        """The findings in the cursor's line, the worst first."""
        found = self.buffer.findings_in(self.buffer.cursor_location[0])
        worst = worst_of(found)
        return sorted(found, key=lambda item: item is not worst)

    def describe(self) -> None:
        row, column = self.buffer.cursor_location
        marks = self.buffer.marks
        errors = any(item.finding.severity is Severity.ERROR and not item.is_old for item in marks)
        facts = TitleFacts(self.opened.name, self.path.name, self._state(), counted(marks), errors, row + 1, column + 1)
        self.title_line.show(facts)
        self.state_line.show(tuple(self.here()), can_fix=not self.buffer.read_only)
        self.describe_beside()
        self.update_footer()

    def _state(self) -> str:
        if self.is_saving:
            return "saving"
        if self.is_dirty:
            return "modified"
        if self.outcome is not None:
            return self.outcome.words.partition(":")[0]
        return "read only" if self.buffer.read_only else ""


def open_config(app: SkafosApp, job_id: str | None = None) -> str:
    """Open the editor at a job, or at the top; why not, where it can't be."""
    opened = app.opened
    if opened is None or opened.config is None:
        return "there is no metis.config.yml to edit"
    app.push_screen(ConfigScreen(opened, opened.config, job_id, read_only=app.read_only))
    return ""
