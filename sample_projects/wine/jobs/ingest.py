"""Fetch the wines and keep them as one CSV file: 13 measurements and the cultivar of each."""

import csv

from handover import say, writing
from sklearn.datasets import load_wine


def main() -> None:
    wines = load_wine()
    with writing("wine.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*wines.feature_names, "cultivar"])
        for measurements, cultivar in zip(wines.data, wines.target, strict=True):
            table.writerow([*(float(value) for value in measurements), wines.target_names[cultivar]])
    say(f"{len(wines.data)} wines with {len(wines.feature_names)} measurements written to wine.csv")
    for name in wines.target_names:
        count = sum(wines.target_names[cultivar] == name for cultivar in wines.target)
        say(f"  {name}  {'#' * (count // 2)} {count}")


if __name__ == "__main__":
    main()
