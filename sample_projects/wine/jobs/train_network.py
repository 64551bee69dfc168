"""Train a small neural network, epoch by epoch: per fold for an honest score, then on all wines."""

import os

import joblib
import numpy as np
from handover import existing, say, write_json, writing
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

EPOCHS = int(os.environ.get("EPOCHS", "40"))
LINES_PER_FOLD = 8
FOLDS = 5
SEED = 7


def new_network() -> MLPClassifier:
    """A network that has learned nothing yet."""
    return MLPClassifier(hidden_layer_sizes=(16,), batch_size=16, learning_rate_init=0.003, random_state=SEED)


def train_fold(number: int, train: np.ndarray, cultivars: np.ndarray, learn: np.ndarray, judge: np.ndarray) -> float:
    """Train on the wines `learn`, a line now and then; the accuracy on the wines `judge`, 0 to 1."""
    network = new_network()
    classes = np.unique(cultivars)
    for epoch in range(1, EPOCHS + 1):
        network.partial_fit(train[learn], cultivars[learn], classes=classes)
        if epoch % max(1, EPOCHS // LINES_PER_FOLD) == 0 or epoch == EPOCHS:
            accuracy = network.score(train[judge], cultivars[judge])
            say(f"fold {number}/{FOLDS}  epoch {epoch:>3}/{EPOCHS}  loss {network.loss_:.4f}  accuracy {accuracy:.3f}")
    return float(network.score(train[judge], cultivars[judge]))


def main() -> None:
    features = np.load(existing("features.npz", "Build features"))
    train, cultivars = features["train"], features["train_cultivars"]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    scores = [
        train_fold(number, train, cultivars, learn, judge)
        for number, (learn, judge) in enumerate(folds.split(train, cultivars), start=1)
    ]
    say(f"accuracy over {FOLDS} folds: {np.mean(scores):.3f} ± {np.std(scores):.3f}")

    network = new_network()
    for _ in range(EPOCHS):
        network.partial_fit(train, cultivars, classes=np.unique(cultivars))
    with writing("network.joblib") as path:
        joblib.dump(network, path)
    write_json("network.json", {"epochs": EPOCHS, "mean": np.mean(scores), "spread": np.std(scores)})
    say(f"trained on all {len(train)} training wines, written to network.joblib")


if __name__ == "__main__":
    main()
