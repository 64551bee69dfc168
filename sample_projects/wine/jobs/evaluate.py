"""Choose the better model by its cross-validation, then measure both on the wines that were held out."""

from typing import Any

import joblib
import numpy as np
from handover import existing, read_json, read_shares, say, write_json, writing
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import confusion_matrix

SEED = 7


def best_forest(candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """The most accurate candidate; of equal ones the one with fewer trees."""
    return max(candidates, key=lambda candidate: (candidate["mean"], -candidate["settings"]["n_estimators"]))


def main() -> None:
    features = np.load(existing("features.npz", "Build features"))
    held_out, truth = features["held_out"], features["held_out_cultivars"]

    candidates = [candidate for share in read_shares("forest", "Train forest") for candidate in share]
    chosen = best_forest(candidates)
    say(f"best of {len(candidates)} forests: {chosen['settings']}")
    forest = RandomForestClassifier(**chosen["settings"], random_state=SEED)
    forest.fit(features["train"], features["train_cultivars"])

    network_score = read_json("network.json", "Train network")
    models = {
        "random forest": (forest, chosen),
        "neural network": (joblib.load(existing("network.joblib", "Train network")), network_score),
    }
    scores = {
        name: {"mean": score["mean"], "spread": score["spread"], "held_out": model.score(held_out, truth)}
        for name, (model, score) in models.items()
    }
    for name, score in scores.items():
        say(f"{name:<16}cross-validation {score['mean']:.3f}  held out {score['held_out']:.3f}")

    # Chosen without a look at the held-out wines, else their score would flatter the winner.
    best = max(scores, key=lambda name: scores[name]["mean"])
    model = models[best][0]
    classes = sorted(set(truth))
    shuffled = permutation_importance(model, held_out, truth, n_repeats=20, random_state=SEED)
    with writing("model.joblib") as path:
        joblib.dump(model, path)
    write_json(
        "evaluation.json",
        {
            "scores": scores,
            "best": best,
            "classes": classes,
            "confusion": confusion_matrix(truth, model.predict(held_out), labels=classes).tolist(),
            "importance": dict(zip(features["names"].tolist(), shuffled.importances_mean.tolist(), strict=True)),
        },
    )
    say(f"chosen: {best}, written to model.joblib")


if __name__ == "__main__":
    main()
