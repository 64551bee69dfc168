"""Writes the data the others work on: here hours of sun and the yield of a solar panel, made up with noise."""

import csv
import os
import random
from pathlib import Path

DATA = Path(os.environ["SKAFOS_DATA"])
ROWS = 500


def main() -> None:
    source = random.Random(7)
    rows = []
    for _ in range(ROWS):
        sun = source.uniform(0, 14)
        rows.append((round(sun, 2), round(0.8 * sun + 1.5 + source.gauss(0, 0.6), 3)))
    temporary = DATA / "panel.csv.tmp"
    with temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("sun_hours", "kwh"))
        writer.writerows(rows)
    temporary.replace(DATA / "panel.csv")  # whoever reads it never sees half a file
    print(f"wrote {len(rows)} rows")


if __name__ == "__main__":
    main()
