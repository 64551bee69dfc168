"""Look at every column before anything is trained on it; unsound data ends the pipeline here."""

import sys

import numpy as np
from handover import say
from table import Wines, read_wines

SMALLEST_CLASS_SHARE = 0.15


def problems_of(wines: Wines) -> list[str]:
    """Everything that speaks against training on these wines, in words."""
    problems = []
    for name in wines.columns:
        values = wines.column(name)
        if not np.isfinite(values).all():
            problems.append(f"{name}: {(~np.isfinite(values)).sum()} values are missing")
        elif (values < 0).any():
            problems.append(f"{name}: a negative amount")
        elif values.min() == values.max():
            problems.append(f"{name}: the same value for all wines")
    for cultivar, count in zip(*np.unique(wines.cultivars, return_counts=True), strict=True):
        if count < SMALLEST_CLASS_SHARE * len(wines.cultivars):
            problems.append(f"{cultivar}: only {count} of {len(wines.cultivars)} wines")
    repeated = len(wines.measurements) - len(np.unique(wines.measurements, axis=0))
    if repeated:
        problems.append(f"{repeated} wines stand there twice")
    return problems


def main() -> None:
    wines = read_wines()
    say(f"{'column':<30}{'lowest':>10}{'mean':>10}{'highest':>10}")
    for name in wines.columns:
        values = wines.column(name)
        say(f"{name:<30}{values.min():>10.2f}{values.mean():>10.2f}{values.max():>10.2f}")
    problems = problems_of(wines)
    for problem in problems:
        say(f"PROBLEM  {problem}")
    if problems:
        sys.exit(f"{len(problems)} problems: nothing will be trained on this data")
    say(f"sound: {len(wines.columns)} columns, {len(wines.cultivars)} wines, none missing, none twice")


if __name__ == "__main__":
    main()
