"""What plain coordinates achieve on small real data, under every official protocol; nothing is trained.

    python -m benchmarks.controls --data ../shared/realdata

Prints the Markdown table of docs/small-data.md.
"""

import argparse
from pathlib import Path
from statistics import mean

from kineme.evaluate.controls import coordinate_scores
from kineme.evaluate.result import Score
from kineme.evaluate.sides import labelled_sides
from kineme.importers.npz import load_ragged_npz

PROTOCOLS = {
    "nucla.npz": ("kinect20", {name: (name,) for name in ("nucla-xview", "nucla-xview2", "nucla-xview1")}),
    "utd_mhad.npz": ("utd20", {"odd-even-subjects": ("odd-even-subjects",)}),
    "msraction3d.npz": ("msr20", {"odd-even-subjects": ("odd-even-subjects",)}),
    "utkinect.npz": ("kinect20", {"odd-even-subjects": ("odd-even-subjects",)}),
    "florence3d.npz": (
        "florence15",
        {
            "florence3d-half": ("florence3d-half",),
            "florence3d-actor1 to -actor10": tuple(f"florence3d-actor{actor}" for actor in range(1, 11)),
        },
    ),
    "sbu_interaction.npz": ("sbu15", {"sbu-fold1 to -fold5": tuple(f"sbu-fold{fold}" for fold in range(1, 6))}),
    "jhmdb14_gt2d.npz": ("jhmdb15", {"own (split 1)": ("own",)}),
}
"""File to its layout, and to protocols: a name, and the splits whose mean is reported."""


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the .npz files")
    data = parser.parse_args().data
    print("| data | clips | protocol | train | test | 1-NN | PCA-200 + logistic regression |\n|" + " --- |" * 7)
    for file, (layout, named_splits) in PROTOCOLS.items():
        store = load_ragged_npz(data / file, layout)
        for name, splits in named_splits.items():
            sides = [labelled_sides(store, split, seed=0) for split in splits]
            scores = [list(coordinate_scores(side).values()) for side in sides]
            sizes = (spread([len(side.train) for side in sides]), spread([len(side.test) for side in sides]))
            cells = (file.removesuffix(".npz"), f"{len(store):,}", name, *sizes, *map(cell, zip(*scores, strict=True)))
            print(f"| {' | '.join(cells)} |", flush=True)


def spread(values: list[int]) -> str:
    """One number, or the smallest and the largest."""
    return f"{min(values)}" if min(values) == max(values) else f"{min(values)} to {max(values)}"


def cell(scores: tuple[Score, ...]) -> str:
    """Accuracy with the half width of its interval, or the mean over folds."""
    value = 100 * mean(score.accuracy for score in scores)
    return f"{value:.1f} (± {50 * (scores[0].high - scores[0].low):.1f})" if len(scores) == 1 else f"{value:.1f}"


if __name__ == "__main__":
    main()
