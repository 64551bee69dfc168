"""Applies the model to new values and writes what it expects."""

import csv
import json
import os
from pathlib import Path

DATA = Path(os.environ["SKAFOS_DATA"])
SUN_HOURS = (1, 4, 8, 12)


def main() -> None:
    model = json.loads((DATA / "model.json").read_text())
    temporary = DATA / "scores.csv.tmp"
    with temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("sun_hours", "kwh"))
        for sun in SUN_HOURS:
            kwh = model["slope"] * sun + model["offset"]
            writer.writerow((sun, round(kwh, 2)))
            print(f"{sun:2} h of sun: {kwh:5.2f} kWh")
    temporary.replace(DATA / "scores.csv")


if __name__ == "__main__":
    main()
