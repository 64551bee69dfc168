"""Fits a line to the data by gradient descent and keeps it as the model."""

import csv
import json
import os
from pathlib import Path

DATA = Path(os.environ["SKAFOS_DATA"])
EPOCHS = int(os.environ.get("EPOCHS", "30"))
RATE = 0.02


def read_rows() -> list[tuple[float, float]]:
    with (DATA / "panel.csv").open(newline="") as file:
        return [(float(row["sun_hours"]), float(row["kwh"])) for row in csv.DictReader(file)]


def loss(rows: list[tuple[float, float]], slope: float, offset: float) -> float:
    return sum((slope * x + offset - y) ** 2 for x, y in rows) / len(rows)


def main() -> None:
    rows = read_rows()
    training, test = rows[: len(rows) * 4 // 5], rows[len(rows) * 4 // 5 :]
    slope = offset = 0.0
    for epoch in range(1, EPOCHS + 1):
        for x, y in training:
            error = slope * x + offset - y
            slope -= RATE * error * x / 50
            offset -= RATE * error
        if epoch % 5 == 0 or epoch == EPOCHS:
            print(f"epoch {epoch:3}  loss {loss(training, slope, offset):.4f}  test {loss(test, slope, offset):.4f}")
    temporary = DATA / "model.json.tmp"
    temporary.write_text(json.dumps({"slope": slope, "offset": offset}))
    temporary.replace(DATA / "model.json")
    print(f"model: kwh = {slope:.3f} * sun_hours + {offset:.3f}")


if __name__ == "__main__":
    main()
