"""Tries this copy's share of the parameters: which bandwidth smooths a noisy curve best?"""

import json
import math
import os
import random
from pathlib import Path

DATA = Path(os.environ["SKAFOS_DATA"])
INSTANCE = int(os.environ["SKAFOS_INSTANCE"])
INSTANCES = int(os.environ["SKAFOS_INSTANCES"])
BANDWIDTHS = [round(0.02 * 1.25**step, 4) for step in range(20)]
POINTS = 200


def curve(x: float) -> float:
    return math.sin(6 * x) + 0.5 * math.cos(17 * x)


def error_of(bandwidth: float, samples: list[tuple[float, float]]) -> float:
    """How far the smoothed samples are from the curve behind them."""
    total = 0.0
    for x, _ in samples:
        weights = [math.exp(-(((x - other) / bandwidth) ** 2) / 2) for other, _ in samples]
        smoothed = sum(w * y for w, (_, y) in zip(weights, samples)) / sum(weights)
        total += (smoothed - curve(x)) ** 2
    return total / len(samples)


def main() -> None:
    source = random.Random(7)  # the same samples in every copy
    samples = [(i / POINTS, curve(i / POINTS) + source.gauss(0, 0.4)) for i in range(POINTS)]
    results = []
    for bandwidth in BANDWIDTHS[INSTANCE::INSTANCES]:
        results.append({"bandwidth": bandwidth, "error": error_of(bandwidth, samples)})
        print(f"bandwidth {bandwidth:.4f}  error {results[-1]['error']:.5f}")
    temporary = DATA / f"sweep-{INSTANCE}.json.tmp"
    temporary.write_text(json.dumps({"of": INSTANCES, "results": results}))
    temporary.replace(DATA / f"sweep-{INSTANCE}.json")


if __name__ == "__main__":
    main()
