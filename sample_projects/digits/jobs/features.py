"""Make what the models learn from: the images in three parts, and the training part shifted four ways."""

import numpy as np
from drawing import BRIGHTEST, SIDE
from handover import existing, say, writing
from sklearn.model_selection import train_test_split

SEED = 7
SHIFTS = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]


def shifted(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """All images moved by whole pixels; what comes in at the edge is empty, what leaves is gone."""
    squares = images.reshape(-1, SIDE, SIDE)
    margin = np.pad(squares, ((0, 0), (1, 1), (1, 1)))
    moved = margin[:, 1 - down : 1 - down + SIDE, 1 - right : 1 - right + SIDE]
    return moved.reshape(-1, SIDE * SIDE)


def main() -> None:
    digits = np.load(existing("digits.npz", "Ingest"))
    images, truth = digits["images"] / BRIGHTEST, digits["truth"]

    # Split first, shift after: a shifted copy of a training image must not turn up among those that judge.
    train, rest, train_truth, rest_truth = train_test_split(
        images, truth, test_size=0.4, stratify=truth, random_state=SEED
    )
    judge, held_out, judge_truth, held_out_truth = train_test_split(
        rest, rest_truth, test_size=0.5, stratify=rest_truth, random_state=SEED
    )
    say(f"{len(train)} images to learn from, {len(judge)} to choose by, {len(held_out)} held out")

    more = np.concatenate([shifted(train, down, right) for down, right in SHIFTS])
    more_truth = np.tile(train_truth, len(SHIFTS))
    say(f"shifted by one pixel up, down, left, right: {len(more)} images to learn from")
    with writing("features.npz") as path:
        np.savez(
            path,
            train=more,
            train_truth=more_truth,
            judge=judge,
            judge_truth=judge_truth,
            held_out=held_out,
            held_out_truth=held_out_truth,
        )
    say("written to features.npz")


if __name__ == "__main__":
    main()
