"""Search the best support vector machine: how strictly it separates (C), how far an image reaches (gamma)."""

import itertools
import time

import joblib
import numpy as np
from handover import existing, say, write_json, writing
from sklearn.svm import SVC

GRID = list(itertools.product([1, 5, 25], [0.02, 0.06, 0.2]))


def main() -> None:
    features = np.load(existing("features.npz", "Build features"))
    say(f"{'C':>4}  {'gamma':>5}  {'support vectors':>15}  {'unseen':>6}  {'seconds':>7}")
    best, best_accuracy = None, 0.0
    for strictness, reach in GRID:
        started = time.monotonic()
        machine = SVC(C=strictness, gamma=reach).fit(features["train"], features["train_truth"])
        accuracy = machine.score(features["judge"], features["judge_truth"])
        better = accuracy > best_accuracy
        say(
            f"{strictness:>4}  {reach:>5}  {machine.n_support_.sum():>15}  {accuracy:>6.3f}"
            f"  {time.monotonic() - started:>7.1f}{'  <- best so far' if better else ''}"
        )
        if better:
            best, best_accuracy = machine, accuracy
    with writing("svm.joblib") as path:
        joblib.dump(best, path)
    write_json("svm.json", {"accuracy": best_accuracy})
    say(f"best: {best}, written to svm.joblib")


if __name__ == "__main__":
    main()
