"""Fetch the images and keep them as one file: 64 values from 0 to 16 for each, and the digit it shows."""

import numpy as np
from drawing import side_by_side
from handover import say, writing
from sklearn.datasets import load_digits


def main() -> None:
    digits = load_digits()
    with writing("digits.npz") as path:
        np.savez(path, images=digits.data, truth=digits.target)
    say(f"{len(digits.data)} images written to digits.npz; the first ten:")
    for line in [*side_by_side(digits.data[:5]), "", *side_by_side(digits.data[5:10])]:
        say(line)


if __name__ == "__main__":
    main()
