"""Adds one measurement to the database: the load and the free space this job sees."""

import os
import shutil
import sqlite3
from datetime import datetime, timezone
from pathlib import Path

DATA = Path(os.environ["SKAFOS_DATA"])


def main() -> None:
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    load = os.getloadavg()[0]
    free = shutil.disk_usage(DATA).free / 2**30
    database = sqlite3.connect(DATA / "measurements.db")
    with database:
        database.execute("CREATE TABLE IF NOT EXISTS measurements (at TEXT PRIMARY KEY, load REAL, free_gib REAL)")
        database.execute("INSERT OR REPLACE INTO measurements VALUES (?, ?, ?)", (at, load, free))
    database.close()
    print(f"{at}  load {load:.2f}  free {free:.1f} GiB")


if __name__ == "__main__":
    main()
