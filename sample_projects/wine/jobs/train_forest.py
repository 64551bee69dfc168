"""Search the best random forest; each parallel instance tries its own share of the settings."""

import itertools
import time

import numpy as np
from handover import INSTANCE, INSTANCES, existing, own_share, say, write_share
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

GRID = [
    {"n_estimators": trees, "max_depth": depth, "max_features": features}
    for trees, depth, features in itertools.product([50, 100, 200], [2, 4, None], ["sqrt", 0.6])
]
FOLDS = 5
SEED = 7


def main() -> None:
    features = np.load(existing("features.npz", "Build features"))
    settings_to_try = own_share(GRID)
    share = f"{len(settings_to_try)} of {len(GRID)} settings"
    say(f"instance {INSTANCE + 1} of {INSTANCES}: {share}, {FOLDS} folds each")
    say(f"{'trees':>5}  {'depth':>5}  {'features':>8}  {'accuracy':>16}  {'seconds':>7}")

    candidates = []
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    for settings in settings_to_try:
        started = time.monotonic()
        forest = RandomForestClassifier(**settings, random_state=SEED)
        scores = cross_val_score(forest, features["train"], features["train_cultivars"], cv=folds)
        candidates.append({"settings": settings, "mean": scores.mean(), "spread": scores.std()})
        trees, depth, share_of_features = settings.values()
        say(
            f"{trees:>5}  {depth or 'any':>5}  {share_of_features:>8}"
            f"  {scores.mean():>8.3f} ± {scores.std():.3f}  {time.monotonic() - started:>7.1f}"
        )
    write_share("forest", candidates)
    if candidates:
        say(f"best of this share: {max(candidate['mean'] for candidate in candidates):.3f}")


if __name__ == "__main__":
    main()
