"""Reads what all copies found and names the best."""

import json
import os
from pathlib import Path

DATA = Path(os.environ["SKAFOS_DATA"])


def main() -> None:
    instances = json.loads((DATA / "sweep-0.json").read_text())["of"]
    shares = [json.loads((DATA / f"sweep-{instance}.json").read_text()) for instance in range(instances)]
    results = sorted((result for share in shares for result in share["results"]), key=lambda r: r["error"])
    for result in results[:5]:
        print(f"bandwidth {result['bandwidth']:.4f}  error {result['error']:.5f}")
    print(f"best of {len(results)}: {results[0]['bandwidth']}")


if __name__ == "__main__":
    main()
