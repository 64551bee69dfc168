"""The short form of `make soak`: after some dozens of runs nothing is left behind and nothing grows without end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parent.parent / "soak" / "soak.py"


def test_sixty_runs_leave_nothing_behind() -> None:
    words = ["memory", "--runs", "60", "--growth", "0.2", "--json"]
    done = subprocess.run([sys.executable, str(SOAK), *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    table = json.loads(done.stdout)
    assert len(table) == 7
    assert [line for line in table if not line["holds"]] == []
    assert "Traceback" not in done.stderr, done.stderr
