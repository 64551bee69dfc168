"""The editor's side to the disk: opening, drafts, saving, and what other programs do to the file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from skafos_tui.config.editing import EditConflict
from skafos_tui.config.reader import ConfigUnreadable
from skafos_tui.model.diagnostic import Severity
from skafos_tui.text.sgr import plain
from skafos_tui.tui.editor.changes import Merge, edits_between, merge
from skafos_tui.tui.editor.disk import Content, DiskWatch, read_content
from skafos_tui.tui.editor.findings import JobSpan
from skafos_tui.tui.editor.journal import Draft, Journal
from skafos_tui.tui.editor.saving import Outcome, Standing, follow, questions, standing, wake, write
from skafos_tui.tui.editor.spans import job_spans
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.screens.config_lines import BannerLine

if TYPE_CHECKING:
    from skafos_tui.config.reader import ReadResult
    from skafos_tui.tui.editor.config_text import ConfigText
    from skafos_tui.tui.opened import Opened

JOURNAL_S = 2.0
"""So often what was typed is written down."""
GROUP = "config"
MEETS = "changed on disk by another program: ctrl+r brings both together, then it can be saved"
SAVED, TAKEN_BACK = "saved", "the file is as before"
"""How what became of a save begins, and of one that was taken back."""
GONE = "the file is gone from the disk: put it back to save; your text is kept"


@dataclass(frozen=True, slots=True)
class Read:
    """What opening found: the file, where its jobs are, and a draft that was left."""

    content: Content
    spans: tuple[JobSpan, ...]
    draft: Draft | None


class ConfigFiles(CommandScreen):
    """What a config screen does with files. `base` is what its text was made from; `disk` what the file holds now.

    They differ where another program has changed the file under unsaved typing; `disk` is None where it is gone.
    """

    path: Path
    opened: Opened
    buffer: ConfigText
    banner: BannerLine

    class Opening(Message):
        """The file has been read, or can't be: then `problem` says why."""

        def __init__(self, read: Read | None, problem: str = "") -> None:
            super().__init__()
            self.read = read
            self.problem = problem

    class DiskChanged(Message):
        """Another program has written the file, or removed it."""

        def __init__(self, content: Content | None) -> None:
            super().__init__()
            self.content = content

    class Asked(Message):
        """What a save would do is known: questions, or none."""

        def __init__(self, text: str, before: Standing, asked: Sequence[str]) -> None:
            super().__init__()
            self.text = text
            self.before = before
            self.asked = tuple(asked)

    class Written(Message):
        """The file was written; `problem` says why where it was not."""

        def __init__(self, text: str, before: Standing, data: bytes = b"", problem: str = "") -> None:
            super().__init__()
            self.text = text
            self.before = before
            self.data = data
            self.problem = problem

    class Followed(Message):
        """The engine has got on with a save, of which `data` were the bytes."""

        def __init__(self, data: bytes, outcome: Outcome) -> None:
            super().__init__()
            self.data = data
            self.outcome = outcome

    class Merged(Message):
        """Both changes of the file are brought together, for the text of this revision."""

        def __init__(self, merged: Merge, revision: int, disk: Content) -> None:
            super().__init__()
            self.merged = merged
            self.revision = revision
            self.disk = disk

    def begin_files(self) -> None:
        """Open the file in a thread."""
        self.base = Content(b"", "")
        self.disk: Content | None = self.base
        self.outcome: Outcome | None = None
        self.is_saving = False
        self._takes_back = False
        self._before_save: Content | None = None
        self._is_open = False
        self._journal: Journal | None = None
        self._journal_timer: Timer | None = None
        self._watch = DiskWatch(self.path, self._tell_disk)
        self._in_thread(self._open)

    def _tell_disk(self, content: Content | None) -> None:
        self.post_message(self.DiskChanged(content))

    def end_files(self) -> None:
        """Keep what isn't saved, and look at the disk no more."""
        self.keep()
        self._watch.stop()
        if self._journal is not None:
            self._journal.close()

    @property
    def is_dirty(self) -> bool:
        """Whether the text is not what was last read or saved."""
        return self._is_open and self.buffer.text != self.base.text

    @property
    def is_apart(self) -> bool:
        """Whether the disk holds something else than what the text was made from."""
        return self.disk is None or self.disk.data != self.base.data

    @property
    def can_unsave(self) -> bool:
        """Whether there is a save to take back."""
        return self._before_save is not None

    # For the screen to say

    def loaded(self, spans: tuple[JobSpan, ...]) -> None:
        """The text is there."""

    def when_checked(self, then: Callable[[ReadResult], None]) -> None:
        """Call this with what the text says now, once that is known."""
        raise NotImplementedError

    def describe(self) -> None:
        """Say how things stand."""

    # Opening

    def _open(self) -> None:
        try:
            content = read_content(self.path)
        except ConfigUnreadable as error:
            self.post_message(self.Opening(None, error.message))
            return
        draft = None
        if not self.buffer.read_only and not content.trouble:
            journal = Journal(self.opened.home, self.path)
            try:
                draft = journal.open()
            except OSError as error:
                self.post_message(self.Opening(None, f"no drafts can be kept: {error.strerror}"))
            self._journal = journal
        self.post_message(self.Opening(Read(content, job_spans(content.text) or (), draft)))

    def on_config_files_opening(self, message: Opening) -> None:
        """Show the file, with the draft that was left over it."""
        read = message.read
        if read is None:
            self.banner.show(plain(message.problem))
            self.buffer.read_only = self.buffer.read_only or not self._is_open
            return
        content, draft = read.content, read.draft
        self.base = self.disk = content
        self.buffer.load(content.text)
        self._is_open = True
        self._watch.start(content.data)
        if content.trouble:
            self.buffer.read_only = True
            self.banner.show(f"{self.path.name} is {content.trouble}")
        self.loaded(read.spans)
        if draft is not None and draft.text != content.text:
            self.buffer.apply(edits_between(content.text, draft.text))
            if draft.base != content.text:
                # The file has changed since: the draft was made from another one.
                self.base = Content(b"", draft.base)
                self._say_apart()
            self.tell(f"draft of {_clock(draft.at, time.time())} restored, ctrl+z brings the file's text back")
        self.describe()

    # Drafts

    def text_changed(self) -> None:
        """The text is another: it will be written down, and what was said of the last save is over."""
        if not self._is_open:
            return
        if self.is_dirty:
            self.outcome = None
        if self.is_apart and self.disk is not None and self.buffer.text == self.disk.text:
            self._adopt(self.disk)
        if self._journal is not None and self._journal_timer is None:
            self._journal_timer = self.set_timer(JOURNAL_S, self._write_draft)

    def _write_draft(self) -> None:
        self._journal_timer = None
        draft = self._draft()
        self._in_thread(lambda: self._keep(draft))

    def keep(self) -> None:
        """Write down what isn't saved, now."""
        if self._is_open and self._journal is not None:
            self._keep(self._draft())

    def _draft(self) -> Draft:
        return Draft(str(self.path), self.base.text, self.buffer.text, time.time())

    def _keep(self, draft: Draft) -> None:
        """Write a draft down, or that there is none; in whatever thread."""
        assert self._journal is not None
        try:
            if draft.text == draft.base:
                self._journal.clear(draft.at)
            else:
                self._journal.write(draft)
        except OSError as error:
            self.post_message(self.Opening(None, f"no drafts can be kept: {error.strerror}"))

    # Saving

    def do_save(self) -> None:
        if self.is_saving or not self._is_open:
            return
        self._takes_back = False
        if self.buffer.read_only:
            self.tell("read only: there is nothing to save")
            return
        if self.is_apart:
            self.tell("not saved: " + (GONE if self.disk is None else MEETS))
        elif not self.is_dirty:
            self.tell("nothing to save: the file holds this text")
        else:
            self.is_saving = True
            self.describe()
            self.when_checked(self._ask)

    def _ask(self, result: ReadResult) -> None:
        self._in_thread(lambda: self._find_questions(result))

    def _find_questions(self, result: ReadResult) -> None:
        """What a person has to be asked before this is written; in a thread."""
        from skafos_tui.config.reader import parse_config

        before = standing(self.opened.home.state_database, self.opened.token)
        is_deployed = before.config is not None
        old = parse_config(before.config if before.config is not None else self.base.text).project
        asked = questions(old, result.project, datetime.now(UTC), is_deployed=is_deployed)
        self.post_message(self.Asked(result.text, before, asked))

    def on_config_files_asked(self, message: Asked) -> None:
        """Ask, where there is something to ask, and write."""

        def answered(key: str | None) -> None:
            if key:
                self._in_thread(lambda: self._write(message.text, message.before))
            else:
                self.is_saving = False
                self.tell("not saved; your text is kept")
                self.describe()

        if not message.asked:
            answered("y")
            return
        from skafos_tui.tui.screens.question import QuestionScreen

        words = "\n".join(plain(line) for line in message.asked)
        self.skafos.push_screen(QuestionScreen(f"{words}\n\nSave?"), answered)

    def _write(self, text: str, before: Standing) -> None:
        """Write the file if it holds what it held; in a thread."""
        problem, data = "", b""
        try:
            data = self._watch.save(lambda: write(self.path, text, self.base.data))
        except EditConflict as error:
            problem = error.message
            self._watch.look()
        except OSError as error:
            problem = f"{self.path.name} can't be written: {error.strerror or error}"
        self.post_message(self.Written(text, before, data, problem))

    def on_config_files_written(self, message: Written) -> None:
        """Say what became of the save, and let the engine take it up where something is deployed."""
        self.is_saving = False
        if message.problem:
            self.tell(f"not saved: {plain(message.problem)}")
            self.describe()
            return
        self._before_save = self.base
        self.base = self.disk = Content(message.data, message.text)
        self._write_draft()
        self.when_checked(lambda result: self._apply(result, message))

    def _apply(self, result: ReadResult, message: Written) -> None:
        errors = sum(item.severity is Severity.ERROR for item in result.diagnostics)
        if result.text == message.text and result.project is None:
            self._say(Outcome(f"saved; not applied: {errors} {'error' if errors == 1 else 'errors'}", is_good=False))
        elif message.before.config is None:
            self._say(Outcome("saved and checked; nothing is deployed"))
        else:
            self._say(Outcome("saved; being applied", is_final=False))
            self._in_thread(lambda: self._follow(message))

    def _follow(self, message: Written) -> None:
        """See to it that an engine takes the save up, and tell what it does; in a thread."""

        def told(outcome: Outcome) -> None:
            self.post_message(self.Followed(message.data, outcome))

        def is_over() -> bool:
            return self.base.data != message.data or not self.is_attached

        problem = wake(self.skafos.control)
        if problem:
            told(Outcome(f"saved; not applied: {problem}", is_good=False))
            return
        database, token = self.opened.home.state_database, self.opened.token
        follow(database, token, message.before, message.data, told, is_over)

    def on_config_files_followed(self, message: Followed) -> None:
        """The engine has got on with the last save."""
        if message.data == self.base.data:
            self._say(message.outcome)

    def _say(self, outcome: Outcome) -> None:
        words = plain(outcome.words)
        if self._takes_back and words.startswith(SAVED):
            words = TAKEN_BACK + words.removeprefix(SAVED)
        outcome = replace(outcome, words=words)
        self.outcome = None if self.is_dirty else outcome
        way_back = "ctrl+l undoes that" if self._takes_back else "ctrl+l undoes the save"
        self.tell(f"{words}   {way_back}" if outcome.is_final else words)
        self.describe()

    def do_unsave(self) -> None:
        """The text before the last save, saved again; the text that was saved is one step of undo away."""
        before = self._before_save
        if before is not None and not self.is_saving:
            self.buffer.apply(edits_between(self.buffer.text, before.text))
            self.do_save()
            self._takes_back = True

    # What other programs do

    def on_config_files_disk_changed(self, message: DiskChanged) -> None:
        """Take over what doesn't touch unsaved typing; else say so."""
        content = message.content
        if not self._is_open or (content is not None and content.data == self.base.data and not self.is_apart):
            return
        self.disk = content
        if content is None:
            self.banner.show(GONE)
        elif content.trouble:
            self.banner.show(f"{self.path.name} is now {content.trouble}; your text is kept")
        elif content.text == self.buffer.text or content.data == self.base.data:
            self._adopt(content)
        elif self.is_dirty:
            self._say_apart()
        else:
            edits = edits_between(self.base.text, content.text)
            self.base = content
            self.buffer.apply(edits)
            self._adopt(content)
            self.tell("another program has changed the file: your text is that of the file now")
        self.describe()

    def _adopt(self, content: Content) -> None:
        """The text is made from what the disk holds."""
        self.base = self.disk = content
        self.banner.show("")

    def _say_apart(self) -> None:
        self.banner.show(MEETS)

    def do_merge(self) -> None:
        disk = self.disk
        if disk is None or disk.trouble or not self.is_apart:
            return
        base, mine, revision = self.base.text, self.buffer.text, self.buffer.revision
        self._in_thread(lambda: self.post_message(self.Merged(merge(base, mine, disk.text), revision, disk)))

    def on_config_files_merged(self, message: Merged) -> None:
        """Take what is settled; what both changed is settled hunk by hunk."""
        if message.disk is not self.disk:
            self.do_merge()
            return

        def settled(choices: tuple[bool, ...] | None) -> None:
            if choices is None:
                self.tell("not merged; nothing has changed")
            elif message.revision != self.buffer.revision or message.disk is not self.disk:
                self.do_merge()
            else:
                self._take_merge(message.merged.text(choices), message.disk)

        if not message.merged.hunks:
            settled(())
            return
        from skafos_tui.tui.screens.config_merge import MergeScreen

        self.skafos.push_screen(MergeScreen(message.merged.hunks), settled)

    def _take_merge(self, text: str, disk: Content) -> None:
        self.buffer.apply(edits_between(self.buffer.text, text))
        self._adopt(disk)
        self.tell("both changes are in your text now; ctrl+s saves it, ctrl+z takes the merge back")
        self.describe()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What a thread failed at is said: the text is still there."""
        if event.state is WorkerState.ERROR and event.worker.group == GROUP:
            self.is_saving = False
            self.tell(f"that failed, your text is kept: {plain(str(event.worker.error))}")

    def _in_thread(self, work: Callable[[], object]) -> None:
        self.run_worker(work, thread=True, group=GROUP, exit_on_error=False)


def _clock(at: float, now: float) -> str:
    """`03:12`, with the day where it was another one."""
    then, today = time.localtime(at), time.localtime(now)
    return time.strftime("%H:%M" if then[:3] == today[:3] else "%Y-%m-%d %H:%M", then)
