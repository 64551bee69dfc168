"""Say in a few lines what came out."""

from typing import Any

from handover import read_json, say

MISTAKES_SHOWN = 3


def say_scores(evaluation: dict[str, Any]) -> None:
    """A row for each model; the chosen one is marked."""
    say(f"{'model':<24}{'unseen':>8}{'held out':>10}")
    for name, score in evaluation["scores"].items():
        mark = "  <- chosen" if name == evaluation["best"] else ""
        say(f"{name:<24}{score['unseen']:>8.3f}{score['held_out']:>10.3f}{mark}")


def say_confusion(confusion: list[list[int]]) -> None:
    """What the chosen model took the held-out digits for."""
    say("true, taken for" + "".join(f"{digit:>4}" for digit in range(10)))
    for digit, row in enumerate(confusion):
        say(f"{digit:>15}" + "".join(f"{count or '.':>4}" for count in row))


def main() -> None:
    evaluation = read_json("evaluation.json", "Evaluate")
    confusion = evaluation["confusion"]
    say_scores(evaluation)
    say()
    say_confusion(confusion)
    say()
    commonest = read_json("mistakes.json", "Draw mistakes")[:MISTAKES_SHOWN]
    if commonest:
        pairs = (f"{true} as {taken} ({count}x)" for true, taken, count in commonest)
        say(f"Commonest mistakes: {', '.join(pairs)}")
    right = sum(confusion[digit][digit] for digit in range(10))
    total = sum(sum(row) for row in confusion)
    result = f"{right} of {total} held-out digits right ({100 * right / total:.1f} %)"
    say(f"Best model: {evaluation['best']}, {result}")


if __name__ == "__main__":
    main()
