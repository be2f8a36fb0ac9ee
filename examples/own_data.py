"""Your own arrays, from memory to a measured result: python examples/own_data.py

Put in place of `my_recordings` whatever reads your files. Pretraining needs coordinates and a layout; labels are used
to measure only, subject numbers to keep the people of the test apart.
"""

from pathlib import Path

import numpy as np
import tyro

from kineme.evaluate.evaluate import evaluate
from kineme.recipes.base import recipe_config
from kineme.store import SkeletonStore
from kineme.synthetic import synthetic_store
from kineme.train.loop import fit


def my_recordings(subjects: int) -> tuple[list[np.ndarray], list[str], list[int]]:
    """Arrays (M, T, V, C) in metres with NaN where a body is absent, and a class name and a subject for each."""
    made_up = synthetic_store(num_subjects=subjects)
    clips = [made_up[i] for i in range(len(made_up))]
    arrays = [np.where(clip.present[..., None, None], clip.xyz, np.nan) for clip in clips]
    return arrays, [made_up.classes[k] for k in made_up.labels], made_up.clips["subject"].tolist()


def main(out: Path = Path("runs/own-data"), subjects: int = 8, epochs: int = 50) -> None:
    """Make a store, pretrain on its clips without labels, and measure.

    Args:
        out: folder of the store and the run; must not exist.
        subjects: how many people there are recordings of.
        epochs: length of the pretraining.
    """
    arrays, labels, subject = my_recordings(subjects)
    store = SkeletonStore.from_arrays(arrays, "kinect25", labels=labels, subject=subject, fps=30).save(out / "store")

    config = recipe_config("mamp-compact")
    config = config.with_changes(
        split="odd-even-subjects",
        train=config.train.with_changes(epochs=epochs),
    )
    run = fit(config, store, out / "run")

    result = evaluate(run, store, "linear")
    untrained, plain = result.untrained, result.coordinate_1nn
    assert untrained is not None
    assert plain is not None
    print(f"pretrained       {result.metrics.last.accuracy:.1%}")
    print(f"untrained twin   {untrained.last.accuracy:.1%}")
    print(f"coordinate 1-NN  {plain.accuracy:.1%}")


if __name__ == "__main__":
    tyro.cli(main)
