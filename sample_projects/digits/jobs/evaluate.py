"""Choose the better model by the images to choose by, then measure both on those that were held out."""

import joblib
import numpy as np
from handover import existing, read_json, read_shares, say, write_json, writing
from sklearn.metrics import accuracy_score, confusion_matrix


def main() -> None:
    features = np.load(existing("features.npz", "Build features"))
    judge, judge_truth = features["judge"], features["judge_truth"]
    held_out, truth = features["held_out"], features["held_out_truth"]

    trained = [entry for share in read_shares("networks", "Train networks") for entry in share]
    networks = [joblib.load(existing(entry["file"], "Train networks")) for entry in trained]
    for entry in trained:
        say(f"{entry['file']:<22}unseen {entry['accuracy']:.3f}")
    svm = joblib.load(existing("svm.joblib", "Train SVM"))

    def ask_all(images: np.ndarray) -> np.ndarray:
        """The digit that the networks find likeliest together."""
        return np.mean([network.predict_proba(images) for network in networks], axis=0).argmax(axis=1)

    ensemble = f"{len(networks)} networks together"
    scores = {
        ensemble: {
            "unseen": accuracy_score(judge_truth, ask_all(judge)),
            "held_out": accuracy_score(truth, ask_all(held_out)),
        },
        "SVM": {
            "unseen": read_json("svm.json", "Train SVM")["accuracy"],
            "held_out": svm.score(held_out, truth),
        },
    }
    for name, score in scores.items():
        say(f"{name:<22}unseen {score['unseen']:.3f}  held out {score['held_out']:.3f}")

    best = max(scores, key=lambda name: scores[name]["unseen"])
    answers = ask_all(held_out) if best == ensemble else svm.predict(held_out)
    with writing("answers.npz") as path:
        np.savez(path, images=held_out, truth=truth, answers=answers)
    write_json(
        "evaluation.json",
        {"scores": scores, "best": best, "confusion": confusion_matrix(truth, answers).tolist()},
    )
    say(f"chosen: {best}, its answers written to answers.npz")


if __name__ == "__main__":
    main()
