"""One reading of a config: its text, the questions it may ask, and the findings it collects."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from skafos_tui.config.files import FileLookup, Machine
from skafos_tui.config.nodes import QUOTED, SCALAR, Node
from skafos_tui.config.places import Places, shown
from skafos_tui.config.quantities import MAX_CPU, MAX_MEMORY, BadValue
from skafos_tui.model.diagnostic import Diagnostic, Edit, Fix, Severity

UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z")
_HEX = frozenset("0123456789abcdefABCDEF")
_OPENING = "“”„‟«‘’‚"
_CLOSING = "“”„‟»‘’‚"


def is_token(text: str) -> bool:
    """Whether a text is a project token: 24 hex characters, old ones 32 (SPEC 2)."""
    return len(text) in (24, 32) and _HEX.issuperset(text)


def random_id() -> str:
    """A new job id: a random UUID."""
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def random_token() -> str:
    """A new project token: 24 hex characters."""
    return os.urandom(12).hex()


class Options(NamedTuple):
    """What a reading may know besides the text; None: not checked."""

    files: FileLookup | None = None
    machine: Machine | None = None
    max_cpu: float = MAX_CPU
    max_memory: int = MAX_MEMORY
    new_id: Callable[[], str] = random_id
    new_token: Callable[[], str] = random_token


class Finding(NamedTuple):
    """A finding by offsets of the composed text; it becomes a Diagnostic at the end."""

    severity: Severity
    code: str
    message: str
    start: int
    end: int
    job_id: str | None
    fix: Fix | None


class Reading:
    """Collects findings; `text` is what was composed (no byte-order mark, placeholders masked)."""

    def __init__(self, text: str, options: Options, placeholders: tuple[tuple[int, int], ...] = ()) -> None:
        self.text = text
        self.options = options
        self.findings: list[Finding] = []
        self.job_id: str | None = None
        self._placeholders = placeholders
        self._places: Places | None = None
        self._editable = (0, len(text))

    @property
    def places(self) -> Places:
        """Lines and columns of the composed text; made when first asked for."""
        if self._places is None:
            self._places = Places(self.text)
        return self._places

    @contextmanager
    def within(self, node: Node, job_id: str | None) -> Iterator[None]:
        """Findings made inside belong to this job, and their fixes touch nothing outside its text."""
        before = self.enter(node, job_id)
        try:
            yield
        finally:
            self.leave(before)

    def enter(self, node: Node, job_id: str | None) -> tuple[str | None, tuple[int, int]]:
        """Begin what `within` does, for the many; the answer goes to `leave`."""
        before = self.job_id, self._editable
        self.job_id, self._editable = job_id, (node.start, node.end)
        return before

    def leave(self, before: tuple[str | None, tuple[int, int]]) -> None:
        """End what `enter` began."""
        self.job_id, self._editable = before

    @contextmanager
    def aside(self) -> Iterator[list[Finding]]:
        """Findings made inside go to the list given, not to the result: a look ahead."""
        kept, self.findings = self.findings, []
        try:
            yield self.findings
        finally:
            self.findings = kept

    def add(self, severity: Severity, code: str, message: str, start: int, end: int, fix: Fix | None = None) -> None:
        """Add a finding; nothing is said about what a placeholder left open."""
        if self._placeholders and code != "template-placeholder" and self.is_placeholder(start, end):
            return
        if fix is not None and not self._can_edit(fix):
            fix = None
        self.findings.append(Finding(severity, code, message, start, end, self.job_id, fix))

    def error(self, code: str, message: str, node: Node, fix: Fix | None = None) -> None:
        """Add an error about a node."""
        self.add(Severity.ERROR, code, message, node.start, node.end, fix)

    def warning(self, code: str, message: str, node: Node, fix: Fix | None = None) -> None:
        """Add a warning about a node."""
        self.add(Severity.WARNING, code, message, node.start, node.end, fix)

    def is_placeholder(self, start: int, end: int) -> bool:
        """Whether a template placeholder lies in this part of the text."""
        return any(first < end and start < last for first, last in self._placeholders)

    def _can_edit(self, fix: Fix) -> bool:
        low, high = self._editable
        # A line belongs to its job with its comment and its line break.
        high = self.places.next_line(max(low, high - 1))
        return all(low <= edit.start and edit.end <= high for edit in fix.edits)

    # Scalars in the text ------------------------------------------------------------------------------

    def base(self, node: Node) -> int | None:
        """Where a scalar's text begins, if it stands in the file as it is; None with escapes, folds or an alias."""
        if node.style == "alias":
            return None
        start, end = (node.start + 1, node.end - 1) if node.style in QUOTED else (node.start, node.end)
        return start if self.text[start:end] == node.text else None

    def replacement(self, node: Node, text: str, title: str) -> Fix | None:
        """The fix that puts `text` in the place of a scalar's, with the quotes it has; `text` needs no escapes."""
        if node.kind != SCALAR or node.style not in ("", *QUOTED):
            return None
        quote = node.style
        return Fix(title, (Edit(node.start, node.end, f"{quote}{text}{quote}"),))

    def bad_value(
        self, node: Node, bad: BadValue, accepts: Callable[[str], object] | None = None, *, numeric: bool = False
    ) -> None:
        """Add the error of a value that won't do, at its exact place, with the fix where one text is meant."""
        start, end, fix = node.start, node.end, None
        base = self.base(node)
        if base is not None and node.text and (bad.start or bad.end is not None):
            start = base + bad.start
            end = base + (len(node.text) if bad.end is None else bad.end)
        if bad.better is not None:
            fix = self.replacement(node, bad.better, f"Write `{bad.better}`")
        elif accepts is not None:
            fix = self.straight_quotes(node, accepts, numeric=numeric)
        self.add(Severity.ERROR, bad.code, bad.message, start, end, fix)

    def straight_quotes(self, node: Node, accepts: Callable[[str], object], *, numeric: bool = False) -> Fix | None:
        """The fix that replaces typographic quotes around a plain scalar, if what they enclose is accepted."""
        inner = inside_smart_quotes(node)
        if inner is None or '"' in inner or "\\" in inner or self.base(node) is None:
            return None
        try:
            accepts(inner)
        except BadValue:
            return None
        written = inner if numeric else f'"{inner}"'
        return Fix("Replace the typographic quotes", (Edit(node.start, node.end, written),))

    # The end -------------------------------------------------------------------------------------------

    def diagnostics(self, whole_text: str) -> tuple[Diagnostic, ...]:
        """The findings in the order of their places, each once, at places of the whole text of the file."""
        if not self.findings:
            return ()
        shift = len(whole_text) - len(self.text)
        places = Places(whole_text)
        seen: set[tuple[str, int, str]] = set()
        found = []
        for item in sorted(self.findings, key=lambda each: (each.start, each.end, each.severity != Severity.ERROR)):
            identity = (item.code, item.start, item.message)
            if identity not in seen:
                seen.add(identity)
                found.append(_diagnostic(item, places, shift))
        return tuple(found)


def _diagnostic(item: Finding, places: Places, shift: int) -> Diagnostic:
    line, column = places.line_column(item.start + shift)
    line_end = places.line_start(item.start + shift) + len(places.line_text(item.start + shift))
    width = max(1, min(item.end + shift, line_end) - (item.start + shift))
    fix = item.fix
    if fix is not None:
        edits = sorted(fix.edits, key=lambda edit: (edit.start, edit.end))
        moved = tuple(Edit(e.start + shift, e.end + shift, e.replacement) for e in edits)
        fix = Fix(fix.title, moved, fix.changes_meaning)
    message = shown(item.message)
    return Diagnostic(item.severity, item.code, message, line, column, column + width, item.job_id, fix)


def inside_smart_quotes(node: Node) -> str | None:
    """What stands between the typographic quotes around a plain scalar; None where there are none."""
    text = node.text
    if node.style != "" or len(text) < 3 or text[0] not in _OPENING or text[-1] not in _CLOSING:
        return None
    return text[1:-1]
