"""The first job: it counts its own runs in the directory that stays."""

import os
from pathlib import Path

DATA = Path(os.environ["SKAFOS_DATA"])


def main() -> None:
    counter = DATA / "runs.txt"
    runs = int(counter.read_text()) + 1 if counter.exists() else 1
    temporary = counter.with_suffix(".tmp")
    temporary.write_text(str(runs))
    temporary.replace(counter)
    print(f"{os.environ['SKAFOS_PROJECT']}: run {runs}")


if __name__ == "__main__":
    main()
