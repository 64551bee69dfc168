"""Make the numbers the models learn from: three ratios more, a quarter of the wines put aside, one scale."""

import numpy as np
from handover import say, writing
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from table import read_wines

RATIOS = [
    ("flavanoids", "total_phenols"),
    ("color_intensity", "hue"),
    ("alcohol", "malic_acid"),
]
HELD_OUT_SHARE = 0.25
SEED = 7


def main() -> None:
    wines = read_wines()
    ratios = [wines.column(above) / wines.column(below) for above, below in RATIOS]
    names = [*wines.columns, *(f"{above} / {below}" for above, below in RATIOS)]
    features = np.column_stack([wines.measurements, *ratios])
    say(f"{len(wines.columns)} measurements and {len(RATIOS)} ratios: {', '.join(names[-len(RATIOS) :])}")

    train, held_out, train_cultivars, held_out_cultivars = train_test_split(
        features, wines.cultivars, test_size=HELD_OUT_SHARE, stratify=wines.cultivars, random_state=SEED
    )
    say(f"{len(train)} wines to learn from, {len(held_out)} held out until the evaluation")

    # Mean and spread come from the training wines alone: the held-out ones must stay unseen.
    scaler = StandardScaler().fit(train)
    with writing("features.npz") as path:
        np.savez(
            path,
            names=np.array(names),
            train=scaler.transform(train),
            train_cultivars=train_cultivars,
            held_out=scaler.transform(held_out),
            held_out_cultivars=held_out_cultivars,
        )
    say("scaled to mean 0 and spread 1, written to features.npz")


if __name__ == "__main__":
    main()
