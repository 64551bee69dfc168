"""Look at every image before anything is trained on it; unsound data ends the pipeline here."""

import sys

import numpy as np
from drawing import BRIGHTEST, SIDE
from handover import existing, say

SMALLEST_CLASS_SHARE = 0.05


def problems_of(images: np.ndarray, truth: np.ndarray) -> list[str]:
    """Everything that speaks against training on these images, in words."""
    problems = []
    if images.shape != (len(truth), SIDE * SIDE):
        return [f"{images.shape} values for {len(truth)} digits"]
    if not np.isfinite(images).all() or images.min() < 0 or images.max() > BRIGHTEST:
        problems.append(f"values outside of 0 to {BRIGHTEST}")
    blank = (images.max(axis=1) == images.min(axis=1)).sum()
    if blank:
        problems.append(f"{blank} images show nothing")
    repeated = len(images) - len(np.unique(images, axis=0))
    if repeated:
        problems.append(f"{repeated} images stand there twice")
    for digit in range(10):
        count = (truth == digit).sum()
        if count < SMALLEST_CLASS_SHARE * len(truth):
            problems.append(f"digit {digit}: only {count} of {len(truth)} images")
    return problems


def main() -> None:
    digits = np.load(existing("digits.npz", "Ingest"))
    images, truth = digits["images"], digits["truth"]
    say("digit  images  mean ink")
    for digit in range(10):
        chosen = images[truth == digit]
        ink = chosen.mean()
        say(f"{digit:>5}  {len(chosen):>6}  {ink:>8.2f} {'#' * round(4 * ink)}")
    problems = problems_of(images, truth)
    for problem in problems:
        say(f"PROBLEM  {problem}")
    if problems:
        sys.exit(f"{len(problems)} problems: nothing will be trained on this data")
    say(f"sound: {len(truth)} images, none blank, none twice")


if __name__ == "__main__":
    main()
