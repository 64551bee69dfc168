"""Search over 1 GB of logs against the tool's own time on the same files (DESIGN 8): at most 1.5 times as long.

`python benchmarks/search.py [--size MIB] [--rounds N]`; exit code 1 where a bar is missed. The floor is the faster of
`rg` and `grep` with its defaults and the same pattern, its output thrown away.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from skafos_tui.store.logs.format import NANOSECONDS, stamp
from skafos_tui.store.logs.plan import Tool
from skafos_tui.store.logs.search import search, tools_here

BARRED = ("a rare word", "a regex", "a regex without a literal")
PATTERNS = {
    "a rare word": "needle-in-a-haystack",
    "a regex": r"user=\d{5} took \d+ms$",
    "a regex without a literal": r"[A-Z]{3}-\d{7}",
    "alternatives": "haystack-needle|in-a-haystack|order DEF",
    "whatever the case": "(?i)NEEDLE-in-A-haystack",
}
BAR_RATIO = 1.5
BAR_FIRST_S = 0.3
FILES = 16


def make_logs(directory: Path, megabytes: int) -> list[Path]:
    """Log files of ordinary lines, the newest first, with a few hits in the newest and in an old one."""
    choice = random.Random(20)
    words = ["".join(choice.choices("abcdefghijklmnopqrstuvwxyz", k=choice.randint(3, 9))) for _ in range(4000)]
    bodies = [" ".join(choice.choices(words, k=9)) for _ in range(50_000)]
    files = []
    now = 1_790_000_000 * NANOSECONDS
    for number in range(FILES):
        path = directory / f"attempt-{number}.log"
        files.append(path)
        with path.open("wb") as file:
            size = 0
            while size < megabytes * 1024 * 1024 // FILES:
                lines = []
                for _ in range(5000):
                    now += 123_457
                    lines.append(b"%s stdout F step %d %s\n" % (stamp(now), now % 9973, choice.choice(bodies).encode()))
                size += file.write(b"".join(lines))
            if number in (2, FILES - 1):
                for text in ("the needle-in-a-haystack", "user=12345 took 17ms", "order ABC-1234567"):
                    file.write(b"%s stderr F %s\n" % (stamp(now), text.encode()))
    return files[::-1]


def seconds(command: list[str]) -> float:
    """How long a command takes."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def floor_command(tool: Tool, pattern: str, files: list[Path]) -> list[str]:
    """The tool as a person would call it on the same files."""
    plain = not set(pattern) & set("\\(|{?")
    options = ["-P"] if tool is Tool.GREP and not plain else []
    return [tool.value, "-a", *options, "-e", pattern, *map(str, files)]


def measure(name: str, pattern: str, files: list[Path], rounds: int) -> bool:
    """Print the figures of one pattern; whether the bars are kept."""
    tools = [tool for tool in (Tool.RIPGREP, Tool.GREP) if shutil.which(tool.value)]
    floors: dict[Tool, list[float]] = {tool: [] for tool in tools}
    ours: list[float] = []
    first: list[float] = []
    count = 0
    tool_taken = Tool.PYTHON
    for _ in range(rounds):
        for tool in tools:
            floors[tool].append(seconds(floor_command(tool, pattern, files)))
        started = time.perf_counter()
        with search(files, pattern) as hits:
            tool_taken = hits.plan.tool
            next(hits)
            first.append(time.perf_counter() - started)
            count = 1 + sum(1 for _ in hits)
        ours.append(time.perf_counter() - started)
    figure, first_hit = statistics.median(ours), statistics.median(first)
    by_tool = {tool: statistics.median(times) for tool, times in floors.items()}
    tool = min(by_tool, key=lambda key: by_tool[key])
    ratio = figure / by_tool[tool]
    print(
        f"{name:26} {tool_taken:5} figure {figure:.3f} s  floor {by_tool[tool]:.3f} s ({tool})"
        f"  ratio {ratio:.2f} (bar {BAR_RATIO})"
        f"  first hit {first_hit * 1000:.0f} ms (bar {BAR_FIRST_S * 1000:.0f})  {count} hits"
    )
    return name not in BARRED or (ratio <= BAR_RATIO and first_hit <= BAR_FIRST_S and count == 2)


def main() -> int:
    """Make the logs, measure, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024, help="MiB of logs (default: 1024)")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if tools_here() == (Tool.PYTHON,):
        print("neither rg nor grep is here: there is no floor")
        return 1
    with tempfile.TemporaryDirectory(prefix="skafos-search-") as directory:
        files = make_logs(Path(directory), arguments.size)
        total = sum(path.stat().st_size for path in files)
        print(f"{total / 1e9:.2f} GB in {len(files)} files")
        kept = [measure(name, pattern, files, arguments.rounds) for name, pattern in PATTERNS.items()]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
