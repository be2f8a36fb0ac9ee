"""What a protocol predicted for each test clip, kept beside its result."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from kineme.errors import RunError
from kineme.evaluate.protocols import Candidates, protocols
from kineme.evaluate.sides import Sides
from kineme.train.run_dir import write_atomically

FOLDER = "predictions"


@dataclass(frozen=True, eq=False)
class ClipPredictions:
    """Predictions of ``last`` for Q test clips, of R repeats of a training; R is 1 but for repeated fine-tuning.

    Args:
        source: where they are from, for messages.
        split: whose test clips.
        classes: (K,) names.
        ids: (Q,) clip ids, each once.
        labels: (Q,) int64 classes.
        predictions: (R, Q) int64 predicted classes.
        scores: (Q, K) float32, the higher, the likelier the class; None where the protocol has none.
    """

    source: str
    split: str
    classes: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    scores: np.ndarray | None

    @property
    def correct(self) -> np.ndarray:
        """(Q,) float64 share of the repeats that classify each clip rightly."""
        return (self.predictions == self.labels).mean(axis=0)

    @classmethod
    def load(cls, file: Path) -> "ClipPredictions":
        """Predictions in a file.

        Raises:
            RunError: no such file, or another kind.
        """
        try:
            with np.load(file) as content:
                arrays = {name: content[name] for name in ("classes", "ids", "labels", "predictions")}
                scores = content.get("scores")
                return cls(str(file), str(content["split"]), **arrays, scores=scores)
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise RunError(f"{file}: no readable predictions ({error}); evaluate the run again") from error


def save_predictions(result: Path, sides: Sides, *repeats: Candidates) -> Path:
    """Write what one or more trainings predicted by default, under the name of their result's file.

    Args:
        result: file of the result, ``results/linear.json``; predictions go to ``predictions/linear.npz``.
        sides: of the test clips.
        repeats: R candidates.

    Returns:
        The file, with the arrays of `ClipPredictions`.
    """
    arrays: dict[str, Any] = {
        "split": np.array(sides.split),
        "classes": np.array(sides.store.classes),
        "ids": sides.store.ids[sides.test],
        "labels": sides.test_labels.numpy(),
        "predictions": np.stack([each.predictions[each.default].numpy() for each in repeats]),
    }
    scores = repeats[0].scores
    if len(repeats) == 1 and scores is not None:
        arrays["scores"] = scores.float().numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    file = result.parents[1] / FOLDER / f"{result.stem}.npz"
    file.parent.mkdir(exist_ok=True)
    write_atomically(file, buffer.getvalue())
    return file


def find_predictions(run: Path, protocol: str, split: str | None = None) -> Path:
    """File of a run's predictions; those of fine-tunings lie a folder deeper.

    Args:
        run: the folder.
        protocol: "linear", "knn", "finetune"…
        split: whose test clips; the run's own where None.

    Raises:
        RunError: no such predictions, with those that are there; or they are damaged.
    """
    files = {file.stem: file for pattern in ("*/", "") for file in sorted(run.glob(f"{pattern}{FOLDER}/*.npz"))}
    wanted = (protocol,) if split is None else (f"{protocol}-{split}", protocol)
    for name in wanted:
        if name in files and (split is None or ClipPredictions.load(files[name]).split == split):
            return files[name]
    there = f"; there are predictions of {', '.join(sorted(files))}" if files else ""
    how = f"eval {protocol if protocol in protocols.names() else 'linear'}"
    raise RunError(f"{run}: no predictions of {wanted[0]}{there}; make some with: kineme {how} {run} --store STORE")
