"""Prints what was measured, day by day."""

import os
import sqlite3
from pathlib import Path

DATA = Path(os.environ["SKAFOS_DATA"])
DAYS = """
    SELECT substr(at, 1, 10) AS day, count(*), avg(load), max(load), min(free_gib)
    FROM measurements GROUP BY day ORDER BY day DESC LIMIT 7
"""


def main() -> None:
    path = DATA / "measurements.db"
    if not path.exists():
        print("nothing measured yet: skafos run Measure")
        return
    database = sqlite3.connect(path)
    print("day         count  load mean   max  free GiB")
    for day, count, mean, highest, free in database.execute(DAYS):
        print(f"{day}  {count:5}  {mean:9.2f}  {highest:4.2f}  {free:8.1f}")
    database.close()


if __name__ == "__main__":
    main()
