"""What changed since the last good run, in full: words first, then the differences themselves."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from skafos_tui.config.plan import field_words
from skafos_tui.config.plan_values import FieldChange
from skafos_tui.model.run import Run
from skafos_tui.store.code import CodeUnreadable, code_texts
from skafos_tui.store.comparison import Changed, Differences, JobTimes, changes_since_good, job_times, secret_needles
from skafos_tui.store.home import Home
from skafos_tui.store.logs.masking import mask
from skafos_tui.store.logs.reader import LogFile
from skafos_tui.store.runs import attempts_of, get_run
from skafos_tui.text.durations import clock
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import pad
from skafos_tui.tui.screens.text import TextScreen
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.document import Row, Words, heading, says, sections

LAST_LINES = 8
MOST_ROWS = 4000
"""Rows of differences; what is more is said."""
MUCH_LONGER = 1.5
Mask = Callable[[str], str]


class CompareScreen(TextScreen):
    """A run beside the last one in which its job (the first that failed) was good."""

    def __init__(self, run_id: int, job_id: str | None = None) -> None:
        super().__init__(f"what changed in run {run_id}")
        self._run_id = run_id
        self._job_id = job_id

    def read(self, home: Home, connection: sqlite3.Connection) -> tuple[str, Sequence[Row]]:
        run = get_run(connection, self._run_id)
        found = None if run is None else changes_since_good(connection, home, run, self._job_id)
        if run is None or found is None:
            return self.heading.text, [says("there is no good run before this one", Role.IDLE)]
        needles = secret_needles(connection, run.project)

        def masked(text: str) -> str:
            return mask(text.encode(errors="replace"), needles).decode(errors="replace")

        return _title(connection, found), all_rows(home, connection, found, masked)


def all_rows(home: Home, connection: sqlite3.Connection, found: Changed, masked: Mask) -> list[Row]:
    """Everything that differs; blocking."""
    old, new = found.deployments
    return sections(
        [heading("in short"), *(says(plain(word)) for word in found.words() or ["nothing changed"])],
        fields_rows("parameters", found.parameters),
        config_rows(found, masked),
        code_rows(home, found, masked),
        fields_rows("packages", found.packages),
        fields_rows("images", found.images),
        [heading("deployments"), says(f"{old.number} -> {new.number}" if old.id != new.id else f"{new.number}, both")],
        _times(job_times(connection, found.run, found.good)),
        _last_lines(home, connection, found.run, found.job_id, "now"),
        _last_lines(home, connection, found.good, found.job_id, "then"),
    )


def _title(connection: sqlite3.Connection, found: Changed) -> str:
    query = "SELECT name FROM tasks WHERE run_id = ? AND job_id = ?"
    row = connection.execute(query, (found.run.id, found.job_id)).fetchone()
    of = f" of {plain(row['name'])}" if row is not None else ""
    return f"what changed: run {found.run.id} against good run {found.good.id}{of}"


def fields_rows(title: str, changes: Iterable[FieldChange]) -> list[Row]:
    """A section with values before and after; nothing where there are none."""
    rows = [says(plain(field_words(change))) for change in changes]
    return [heading(title), *rows] if rows else []


def config_rows(found: Differences, masked: Mask) -> list[Row]:
    """The plan in words, then the difference of the texts; nothing where they are the same."""
    old, new = found.deployments
    if old.config == new.config:
        return []
    words = [says(plain(line)) for line in found.plan.lines()] if not found.plan.empty else [says("comments only")]
    return [heading("config"), *words, *diff_rows(masked(old.config), masked(new.config))]


def code_rows(home: Home, found: Differences, masked: Mask) -> list[Row]:
    """The files that differ, each with its difference."""
    if found.code is None:
        return [heading("code"), says(f"differs; {found.code_problem or 'it was not compared'}", Role.WARN)]
    if not found.code.paths:
        return []
    try:
        before, after = (
            code_texts(home.code(each.project, each.code_digest), frozenset(found.code.paths))
            for each in found.deployments
        )
    except CodeUnreadable as error:
        return [heading("code"), says(str(error), Role.WARN)]
    rows: list[Row] = [heading("code")]
    for path in found.code.paths:
        rows += _file_rows(path, before.get(path, ""), after.get(path, ""), found, masked)
        if len(rows) > MOST_ROWS:
            return [*rows[:MOST_ROWS], says("more differs than is shown here", Role.WARN)]
    return rows


def _file_rows(path: str, old: str | None, new: str | None, found: Differences, masked: Mask) -> list[Row]:
    code = found.code
    assert code is not None
    word = "new" if path in code.added else "gone" if path in code.removed else "changed"
    title: Row = (Words("  "), Words(plain(path), None, True), Words(f"  {word}", Role.IDLE))
    if old is None or new is None:
        return [title, says("not a text, or a long one", Role.IDLE)]
    if old == new:
        return [title, says("may be executed now, or no more", Role.IDLE)]
    return [title, *diff_rows(masked(old), masked(new))]


def diff_rows(old: str, new: str) -> list[Row]:
    """The unified difference of two texts, as safe rows."""
    rows: list[Row] = []
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), n=2, lineterm=""):
        if line.startswith(("---", "+++")) and len(rows) < 2 and not line[3:].strip():
            continue
        role = {"+": Role.OK, "-": Role.BAD, "@": Role.IDLE}.get(line[:1])
        rows.append((Words("    "), Words(plain(line), role)))
    return rows


def _times(times: Sequence[JobTimes]) -> list[Row]:
    if not times:
        return []
    width = max(len("job"), *(len(plain(each.name)) for each in times))
    head = f"{pad('job', width)}  {'usual':>8} {'then':>8} {'now':>8}"
    rows: list[Row] = [heading("durations"), says(head, Role.IDLE)]
    for each in times:
        row = f"{pad(plain(each.name), width)}  {clock(each.usual_s):>8} {clock(each.good_s):>8} "
        longer = each.now_s is not None and each.usual_s is not None and each.now_s > MUCH_LONGER * each.usual_s
        rows.append((Words(f"  {row}"), Words(f"{clock(each.now_s):>8}", Role.WARN if longer else None, longer)))
    return rows


def _last_lines(home: Home, connection: sqlite3.Connection, run: Run, job_id: str | None, when: str) -> list[Row]:
    """The end of the log of the job's attempt that failed, else of its last one."""
    attempts = [attempt for attempt in attempts_of(connection, run.id) if attempt.job_id == job_id]
    if not attempts:
        return []
    bad = [attempt for attempt in attempts if attempt.verdict is not None and not attempt.verdict.succeeded]
    chosen = (bad or attempts)[-1]
    lines = LogFile(home.attempt_log(run.project, run.id, chosen.name)).tail(LAST_LINES)
    if not lines:
        return []
    which = f"run {run.id}, #{chosen.instance} attempt {chosen.number}"
    return [heading(f"last lines {when}", which), *(says(plain(line.text.decode(errors="replace"))) for line in lines)]
