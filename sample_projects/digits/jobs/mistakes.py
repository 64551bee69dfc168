"""Draw the held-out images that the chosen model got wrong: would you have known?"""

import argparse
from collections import Counter

import numpy as np
from drawing import BRIGHTEST, side_by_side
from handover import existing, say, write_json

IMAGES_IN_A_ROW = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shown", type=int, default=6, help="how many images to draw")
    shown = parser.parse_args().shown

    results = np.load(existing("answers.npz", "Evaluate"))
    images, truth, answers = results["images"] * BRIGHTEST, results["truth"], results["answers"]
    wrong = np.flatnonzero(truth != answers)
    say(f"{len(wrong)} of {len(truth)} held-out images taken for another digit")
    for start in range(0, min(shown, len(wrong)), IMAGES_IN_A_ROW):
        row = wrong[start : min(start + IMAGES_IN_A_ROW, shown)]
        say()
        say("   ".join(f"{f'{truth[i]} as {answers[i]}':<8}" for i in row).rstrip())
        for line in side_by_side([images[i] for i in row]):
            say(line)
    pairs = Counter((int(truth[i]), int(answers[i])) for i in wrong)
    write_json("mistakes.json", [[*pair, count] for pair, count in pairs.most_common()])


if __name__ == "__main__":
    main()
