"""The config editor: the text, what is wrong with it and where, and the way back to the disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.signal import Signal

from skafos_tui.tui.command import Fact, Where
from skafos_tui.tui.editor.checker import Checked, Checker
from skafos_tui.tui.editor.config_text import ConfigText
from skafos_tui.tui.editor.findings import JobSpan, Placed, counted, job_at, moved_spans, placed, worst_of
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.screens.config_lines import BannerLine, StateLine, TitleFacts, TitleLine
from skafos_tui.tui.widgets.footer import Footer

if TYPE_CHECKING:
    from skafos_tui.config.reader import ReadResult
    from skafos_tui.tui.app import SkafosApp
    from skafos_tui.tui.opened import Opened

WIDE, MEDIUM = 180, 100


class ConfigScreen(CommandScreen):
    """One config under the fingers.

    `buffer` is the text, `result` what the last YAML in it says (its `text` is the one it was read from), `newest` what
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
        self.result: ReadResult | None = None
        self.newest: ReadResult | None = None
        self.checked: Signal[ReadResult] = Signal(self, "checked")
        self.cursor_moved: Signal[tuple[int, int]] = Signal(self, "cursor moved")
        self._spans: tuple[JobSpan, ...] = ()
        self._begin_at = job_id
        self._checker = Checker(str(path.parent), lambda checked: self.post_message(self.Answered(checked)))
        self._checked_revision = -1

    def compose(self) -> ComposeResult:
        yield self.title_line
        yield self.banner
        with Container(id="work"):
            yield self.buffer
            yield Container(id="beside")
        yield self.state_line
        yield Footer()

    def on_mount(self) -> None:
        self.buffer.movers.append(self._lines_moved)
        self._checker.start()
        self.buffer.focus()
        self.buffer.load(self.path.read_text(encoding="utf-8"))
        self._check(pause_s=0.0)
        self.update_footer()

    def on_unmount(self) -> None:
        self._checker.stop()

    def on_resize(self, event: events.Resize) -> None:
        self.query_one("#work").set_class(event.size.width < MEDIUM, "-stacked")
        self.query_one("#beside").set_class(event.size.width >= WIDE, "-wide")

    def job_at_cursor(self) -> str | None:
        """The id of the job that the cursor is in."""
        return job_at(self._spans, self.buffer.cursor_location[0])

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.CONFIG})

    def facts(self) -> frozenset[Fact]:
        known = {
            Fact.FINDINGS: bool(self.buffer.marks),
            Fact.FIX: any(item.finding.fix for item in self._here()),
        }
        return frozenset(fact for fact, is_so in known.items() if is_so)

    def on_text_area_changed(self) -> None:
        self._check()
        self._describe()

    def on_text_area_selection_changed(self) -> None:
        self.cursor_moved.publish(self.buffer.cursor_location)
        self._describe()

    def on_config_screen_answered(self, message: Answered) -> None:
        """Show what the newest text says; of older ones nothing."""
        checked = message.checked
        if checked.revision != self.buffer.revision:
            return
        self._checked_revision = checked.revision
        self.newest = checked.result
        if checked.spans is not None:
            self.result, self._spans = checked.result, checked.spans
        self.buffer.show_findings(placed(checked.result.diagnostics))
        self.checked.publish(checked.result)
        self._describe()

    def do_save(self) -> None:
        self.tell("not yet")

    do_finding_next = do_fix = do_find_text = do_merge = do_unsave = do_save

    def do_leave(self) -> None:
        self.do_back()

    def _lines_moved(self, top: tuple[int, int], bottom: tuple[int, int], new_end: tuple[int, int]) -> None:
        self._spans = moved_spans(self._spans, top, bottom, new_end)

    def _check(self, **options: float) -> None:
        self._checker.ask(self.buffer.revision, self.buffer.text, **options)

    def _here(self) -> list[Placed]:
        found = self.buffer.findings_in(self.buffer.cursor_location[0])
        worst = worst_of(found)
        return sorted(found, key=lambda item: item is not worst)

    def _describe(self) -> None:
        row, column = self.buffer.cursor_location
        marks = self.buffer.marks
        errors = any(item.finding.severity == "error" and not item.is_old for item in marks)
        name, file = self.opened.name, self.path.name
        self.title_line.show(TitleFacts(name, file, "", counted(marks), errors, row + 1, column + 1))
        self.state_line.show(tuple(self._here()), can_fix=not self.buffer.read_only)
        self.update_footer()


def open_config(app: SkafosApp, job_id: str | None = None) -> str:
    """Open the editor at a job, or at the top; why not, where it can't be."""
    opened = app.opened
    if opened is None or opened.config is None:
        return "there is no metis.config.yml to edit"
    app.push_screen(ConfigScreen(opened, opened.config, job_id, read_only=app.read_only))
    return ""
