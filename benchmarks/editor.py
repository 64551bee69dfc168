"""The config editor on 1000 jobs, 6000 lines: an answer of completion (bar 5 ms), and the edits between two texts.

`python benchmarks/editor.py`; exit code 1 where the bar is missed. The floor is cutting the same text into lines.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

from skafos_tui.tui.editor.changes import edits_between
from skafos_tui.tui.editor.complete import Known, jobs_in, root_keys, suggestions
from skafos_tui.tui.editor.place import place_at

BAR_MS = 5.0
JOB = """  - job_id: {id:036}
    language: python
    name: Job {id}
    entrypoint: "x.py"
    schedule: "0 9 * * *"
    dependencies: []
"""


def times(action: Callable[[], object]) -> list[float]:
    """Milliseconds of 21 calls, the first one left out."""
    found = []
    for _ in range(22):
        begin = time.perf_counter()
        action()
        found.append((time.perf_counter() - begin) * 1000)
    return found[1:]


def main() -> int:
    """Measure; 1 where the bar is missed."""
    text = "name: x\njobs:\n" + "".join(JOB.format(id=number) for number in range(1000))
    lines = text.split("\n")
    lines[5000] = "    dependencies: ["

    def answer() -> object:
        return suggestions(place_at(lines, 5000, len(lines[5000])), Known(jobs_in(lines), root=root_keys(lines)))

    other = text.replace("name: Job 3\n", "name: Other\n").replace("name: Job 900\n", "name: Another\nmore: 1\n")
    floor, answers, edits = times(lambda: text.split("\n")), times(answer), times(lambda: edits_between(text, other))
    held = median(answers) <= BAR_MS
    print(
        f"completion at {len(lines)} lines: median {median(answers):.1f} ms, min {min(answers):.1f} (bar {BAR_MS:g}: "
        f"{'holds' if held else 'DOES NOT HOLD'}); floor, the lines of the text: {median(floor):.1f} ms"
    )
    print(f"the edits between two such texts: median {median(edits):.1f} ms, min {min(edits):.1f}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
