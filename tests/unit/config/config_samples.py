"""What the tests of the config share: a whole config to break, short forms of findings, the promise of a fix."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import Any

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.reader import ReadResult, parse_config
from skafos_tui.model.diagnostic import Diagnostic, Severity

TOKEN = "06a16549a3e19a93faff2cc3"
TRAIN = "20d19311-146b-4cd8-ac39-270515e6b77b"
SCORE = "b039a0b0-9ec5-40fa-b014-262e9cb04087"
NEW_TOKEN = "f" * 24

GOOD = f"""\
# what we run
project_token: {TOKEN}   # ours
name: my-project
jobs:
  - job_id: {TRAIN}
    language: python
    name: Train
    entrypoint: "train.py"

  - job_id: {SCORE}
    language: python
    name: Score       # after Train
    entrypoint: "score.py"
    dependencies: ["{TRAIN}"]
"""


def new_ids() -> Any:
    """A generator of ids that tests can foresee."""
    numbers = count(1)
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012d}"


def read(text: str | bytes, **options: Any) -> ReadResult:
    """Read a config with foreseeable new ids and tokens."""
    return parse_config(text, **{"new_id": new_ids(), "new_token": lambda: NEW_TOKEN, **options})


def broken(old: str, new: str, text: str = GOOD) -> str:
    """The good config with one thing changed."""
    assert old in text
    return text.replace(old, new, 1)


def train(*lines: str) -> str:
    """The good config with further lines in the job Train."""
    return broken('    entrypoint: "train.py"\n', '    entrypoint: "train.py"\n' + "".join(f"    {x}\n" for x in lines))


def top(*lines: str) -> str:
    """The good config with further lines at the top level."""
    return broken("jobs:\n", "".join(f"{line}\n" for line in lines) + "jobs:\n")


def brief(item: Diagnostic) -> str:
    """A finding as `line:column-end severity[code]`, with `fix` behind it where there is one."""
    place = f"{item.line}:{item.column}-{item.end_column}"
    return f"{place} {item.severity}[{item.code}]" + (" fix" if item.fix else "")


def codes(result: ReadResult) -> list[str]:
    """The codes of the findings, in order."""
    return [item.code for item in result.diagnostics]


def under(text: str, item: Diagnostic) -> str:
    """The text a finding points at."""
    return text.splitlines()[item.line - 1][item.column - 1 : item.end_column - 1]


def errors(result: ReadResult) -> Counter[str]:
    """How often each code stands among the errors."""
    return Counter(item.code for item in result.diagnostics if item.severity is Severity.ERROR)


def assert_fixes_hold(result: ReadResult, **options: Any) -> None:
    """Every fix offered, taken alone, takes its finding away and brings no new error.

    What is no YAML hides everything else: after its fix the rest is seen for the first time.
    """
    before = Counter((item.code, item.message) for item in result.diagnostics)
    for item in result.diagnostics:
        if item.fix is None:
            continue
        after = read(apply_edits(result.text, item.fix.edits), **options)
        new = errors(after) - errors(result)
        assert not new or item.code == "yaml-syntax", (item, new, after.text)
        found = Counter((other.code, other.message) for other in after.diagnostics)
        assert found[item.code, item.message] < before[item.code, item.message], (item, after.text)
