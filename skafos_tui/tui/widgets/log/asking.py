"""What is asked for in a line that is typed: what to find or to show only, a time to go to, a file to save to."""

from __future__ import annotations

from functools import partial

from textual import events

from skafos_tui.store.logs.finder import Term
from skafos_tui.store.logs.pattern import PatternError
from skafos_tui.tui.widgets.log.handing import Handing
from skafos_tui.tui.widgets.log.levels import Level
from skafos_tui.tui.widgets.log.moving import Moving
from skafos_tui.tui.widgets.log.prompt import Asked, Prompt
from skafos_tui.tui.widgets.log.reading import compiled, term_of
from skafos_tui.tui.widgets.log.when import parse_time


class Asking(Handing, Moving):
    """The part of the pane in which a line is typed; all keys are its own meanwhile."""

    @property
    def takes_keys(self) -> bool:
        """Whether a line is being typed."""
        return self.prompt is not None

    def on_key(self, event: events.Key) -> None:
        """While a line is typed the keys go there."""
        prompt = self.prompt
        if prompt is None:
            return
        event.stop()
        event.prevent_default()
        if event.key in ("escape", "ctrl+c"):
            self._ask(None)
        elif event.key == "enter":
            self._answer(prompt)
        elif prompt.press(event.key):
            self.refresh()
        elif event.character is not None and event.is_printable:
            prompt.type(event.character)
            self.refresh()

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted goes into the line that is typed."""
        if self.prompt is not None:
            event.stop()
            self.prompt.type(event.text)
            self.refresh()

    def do_find(self) -> None:
        """Ask what to find."""
        self._ask(Prompt(Asked.FIND))

    def do_only(self) -> None:
        """Ask what to show only; an empty answer shows everything again."""
        only = self.reading.only
        self._ask(Prompt(Asked.ONLY, "" if only is None else only.pattern))

    def do_log_time(self) -> None:
        """Ask for a time to go to."""
        self._ask(Prompt(Asked.TIME))

    def do_save(self) -> None:
        """Ask for a file to save the shown lines to."""
        self._ask(Prompt(Asked.SAVE, self.suggested_path()))

    def do_log_level(self) -> None:
        """All lines, warnings and errors, errors only."""
        self._only(self.reading.only, Level((self.reading.level + 1) % len(Level)))

    def _ask(self, prompt: Prompt | None) -> None:
        self._put(prompt)
        if prompt is not None and prompt.asked in (Asked.FIND, Asked.ONLY):
            self.reading.expect_search()
        else:
            self.reading.expect_nothing()

    def _put(self, prompt: Prompt | None) -> None:
        self.prompt = prompt
        if prompt is not None and not self.has_focus:
            self.focus()  # where the palette or another pane has asked for it
        self.say("" if prompt is None else "Enter takes it, Esc leaves it")
        self._draw_as()

    def _answer(self, prompt: Prompt) -> None:
        text = prompt.text.strip() if prompt.asked in (Asked.TIME, Asked.SAVE) else prompt.text
        answers = {
            Asked.FIND: partial(self._find, text),
            Asked.ONLY: partial(self._only_text, text),
            Asked.TIME: partial(self._go_to_time, text),
            Asked.SAVE: partial(self.save_to, text),
        }
        self._put(None)
        try:
            answers[prompt.asked]()
        except (PatternError, ValueError) as error:
            self._ask(prompt)
            self.say(str(error))
        else:
            self.reading.expect_nothing()

    def _find(self, text: str | None) -> None:
        term = term_of(text) if text else None
        self.reading.set_find(term, self.viewport.top)
        self._pending = None
        self._draw_as(pattern=compiled(term))
        if term is not None:
            # What one looks for in a log that runs stands above; else it is what comes next.
            self._jump(forward=not self.following)

    def _only_text(self, text: str) -> None:
        self._only(term_of(text) if text else None, self.reading.level)

    def _only(self, only: Term | None, level: Level) -> None:
        self.reading.set_only(only, level, self.viewport.top)
        self.viewport.change(self.reading.view)
        self._pending = None
        self._redraw()

    def _go_to_time(self, text: str) -> None:
        view = self.reading.view
        spans = [(source.time(0), source.time(source.count() - 1)) for source in view.sources if source.count()]
        if not text or not spans:
            return
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        wanted = parse_time(text, first_ns=first, last_ns=last, started_ns=self.reading.shown.started_ns or first)
        self._set_following(False)
        cut = view.at_time(wanted)
        self.cursor = next(view.forward(cut), None) or next(view.backward(cut), None)
        self.viewport.go_to(cut)
        self._redraw()
