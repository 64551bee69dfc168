"""What of a log pane can be taken elsewhere: the clipboard, a file, a pager, an editor."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from textual.app import SuspendNotSupported

from skafos_tui.text.sgr import plain
from skafos_tui.tui.widgets.log.export import edit, editor_start, page, save, text_lines, text_of
from skafos_tui.tui.widgets.log.rows import LogRows
from skafos_tui.tui.widgets.log.when import Times

COPY_LIMIT = 1_000_000
"""Characters that are copied at most: terminals drop what is much larger."""


class Handing(LogRows):
    """The part of the pane that gives lines away."""

    def do_yank(self) -> None:
        """Copy the marked lines, else the current one, through the terminal."""
        text = self.copied()
        if not text:
            self.say("nothing to copy")
            return
        self.app.copy_to_clipboard(text[:COPY_LIMIT])
        lines = text.count("\n") + 1
        cut = f", the first {COPY_LIMIT:,} characters" if len(text) > COPY_LIMIT else ""
        self.say(f"copied {lines:,} line{'s' if lines > 1 else ''}{cut}")

    def copied(self) -> str:
        """The text that is copied, as it is shown, without gutter and colours."""
        view = self.reading.view
        marked = [place for place in (self.reading.place_of(*key) for key in self.marks) if place is not None]
        if not marked:
            current = self.current()
            return "" if current is None else text_of(view.line(current))
        # Places know the lines before them, so their ordinals are the order on the screen.
        marked.sort(key=lambda place: (sum(place.cut), place.source))
        return "\n".join(text_of(view.line(place)) for place in marked)

    def suggested_path(self) -> str:
        """A file in the home directory, named for what is shown."""
        source = self.reading.attempts[0].source if len(self.reading.attempts) == 1 else None
        if source is None:
            run = self.reading.attempts[0].source.run if self.reading.attempts else 0
            name = f"run-{run}"
        else:
            job = re.sub(r"[^\w.-]+", "-", plain(source.job)).strip("-.") or "job"
            name = f"{job}-run-{source.run}-{source.instance}-{source.attempt}"
        return f"~/{name}{'-filtered' if self.reading.filtered else ''}.log"

    def save_to(self, text: str) -> None:
        """Save what is shown, filtered as it is, as text; in the background. Raises ValueError while it can't."""
        if not text:
            return
        if self.reading.searching:
            raise ValueError("the filter is still searching: save when it has ended")
        path = Path(text).expanduser()
        if path.exists():
            raise ValueError(f"{path} is there already: another name, please")
        lines = self._lines_to_give(all_lines=True)

        def work() -> None:
            try:
                count = save(lines(), path)
            except OSError as error:
                self.say(f"not saved: {path}: {error.strerror}")
            else:
                self.say(f"saved {count:,} lines to {path}")

        self.run_worker(work, thread=True, exit_on_error=False, group="log-save")

    def do_pager(self) -> None:
        """Show all in `$PAGER`."""
        self._hand_over(page, self._lines_to_give(all_lines=True, colours=True), "PAGER")

    def do_editor(self) -> None:
        """Open a copy in `$EDITOR`."""
        self._hand_over(edit, self._lines_to_give(all_lines=False), "EDITOR")

    def _lines_to_give(self, *, all_lines: bool, colours: bool = False) -> Callable[[], Iterable[str]]:
        view = self.reading.snapshot()
        current = self.current()
        start = view.start() if all_lines else editor_start(view, current)
        labels, started = list(self.reading.labels), self.how.started_ns
        times = Times.OFF if self.how.bare else self.how.times
        if self.how.bare:
            labels = [""] * len(labels)
        return lambda: text_lines(view, labels, times, started, start=start, colours=colours)

    def _hand_over(
        self, tool: Callable[[Iterable[str], Mapping[str, str]], int], lines: Callable[[], Iterable[str]], name: str
    ) -> None:
        try:
            with self.app.suspend():
                code = tool(lines(), os.environ)
        except SuspendNotSupported:
            self.say("this terminal can't be handed over")
        except (OSError, ValueError) as error:
            self.say(f"${name} can't be started: {error}")
        else:
            if code:
                self.say(f"${name} ended with exit code {code}")
        self.refresh()
