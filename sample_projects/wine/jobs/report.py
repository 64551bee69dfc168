"""Say in a few lines what came out."""

from typing import Any

from handover import read_json, say

MEASUREMENTS_SHOWN = 5


def say_scores(evaluation: dict[str, Any]) -> None:
    """A row for each model; the chosen one is marked."""
    say(f"{'model':<18}{'cross-validation':>18}{'held out':>10}")
    for name, score in evaluation["scores"].items():
        mark = "  <- chosen" if name == evaluation["best"] else ""
        validated = f"{score['mean']:.3f} ± {score['spread']:.3f}"
        say(f"{name:<18}{validated:>18}{score['held_out']:>10.3f}{mark}")


def say_confusion(evaluation: dict[str, Any]) -> None:
    """What the chosen model took the held-out wines for."""
    classes = evaluation["classes"]
    say(f"{'true, taken for':<18}" + "".join(f"{name:>10}" for name in classes))
    for name, row in zip(classes, evaluation["confusion"], strict=True):
        say(f"{name:<18}" + "".join(f"{count or '.':>10}" for count in row))


def say_importance(evaluation: dict[str, Any]) -> None:
    """How much accuracy is lost when one measurement is shuffled."""
    say("what it looks at (accuracy lost without it)")
    ranked = sorted(evaluation["importance"].items(), key=lambda item: -item[1])
    for name, loss in ranked[:MEASUREMENTS_SHOWN]:
        if loss > 0:
            say(f"  {name:<30}{loss:.3f} {'#' * max(1, round(loss * 200))}")


def main() -> None:
    evaluation = read_json("evaluation.json", "Evaluate")
    say_scores(evaluation)
    say()
    say_confusion(evaluation)
    say()
    say_importance(evaluation)
    say()
    confusion = evaluation["confusion"]
    right = sum(confusion[place][place] for place in range(len(confusion)))
    total = sum(sum(row) for row in confusion)
    result = f"{right} of {total} held-out wines right ({100 * right / total:.1f} %)"
    say(f"Best model: {evaluation['best']}, {result}")


if __name__ == "__main__":
    main()
