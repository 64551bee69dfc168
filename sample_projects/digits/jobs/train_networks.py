"""Train networks that differ only in their random start; each parallel instance trains its share."""

import os

import joblib
import numpy as np
from handover import INSTANCE, INSTANCES, existing, own_share, say, write_share, writing
from sklearn.neural_network import MLPClassifier

SEEDS = [1, 2, 3, 4, 5, 6]
HIDDEN = 128
EPOCHS = int(os.environ.get("EPOCHS", "15"))


def train(seed: int, features: np.lib.npyio.NpzFile) -> MLPClassifier:
    """One trained network; a line for each epoch."""
    images, truth = features["train"], features["train_truth"]
    judge, judge_truth = features["judge"], features["judge_truth"]
    network = MLPClassifier((HIDDEN,), batch_size=32, learning_rate_init=0.003, random_state=seed)
    for epoch in range(1, EPOCHS + 1):
        network.partial_fit(images, truth, classes=np.arange(10))
        say(
            f"network {seed}  epoch {epoch:>2}/{EPOCHS}  loss {network.loss_:.4f}"
            f"  learned {network.score(images, truth):.3f}  unseen {network.score(judge, judge_truth):.3f}"
        )
    return network


def main() -> None:
    features = np.load(existing("features.npz", "Build features"))
    seeds = own_share(SEEDS)
    mine = ", ".join(map(str, seeds)) or "none"
    say(f"instance {INSTANCE + 1} of {INSTANCES}: networks {mine} of {len(SEEDS)}")
    trained = []
    for seed in seeds:
        network = train(seed, features)
        name = f"network-seed{seed}.joblib"
        with writing(name) as path:
            joblib.dump(network, path)
        trained.append({"file": name, "accuracy": network.score(features["judge"], features["judge_truth"])})
        say(f"network {seed} written to {name}")
    write_share("networks", trained)


if __name__ == "__main__":
    main()
