"""A chart of 140x8 cells (bar 2 ms), and what comes before it: a long series brought to the width.

The floor is building as many plain strings of as many characters. All times are of the processor.
"""

from __future__ import annotations

import random
import sys

from common import machine
from graphs import RUNS, measure, plain_strings, show

from skafos_tui.text.charts import VALUES, draw_chart, resample

WIDTH, HEIGHT = 140, 8
LONG = 512


def main() -> int:
    """Print the figures; 0 where the bar holds, else 1."""
    print(machine())
    chance = random.Random(1)
    values = [chance.random() for _ in range(VALUES * WIDTH)]
    series = [chance.random() for _ in range(LONG)]
    drawn, brought, floor = measure(
        RUNS,
        lambda: draw_chart(values, WIDTH, HEIGHT, 1.0),
        lambda: resample(series, VALUES * WIDTH),
        lambda: plain_strings(HEIGHT, WIDTH),
    )
    held = show(f"chart {WIDTH}x{HEIGHT}", drawn, floor, 2)
    show(f"  {LONG} values brought to {VALUES * WIDTH}", brought, floor)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
