"""Leakage guard: test clips that weights were trained on, found by their ids whatever the store.

A store of NTU RGB+D 120 holds the recordings of NTU RGB+D 60 under the same ids; test clips of one can be training
clips of the other.
"""

import logging

import numpy as np

from kineme.evaluate.sides import Sides
from kineme.train.run_dir import RunDir
from kineme.train.trained_clips import clip_hashes

logger = logging.getLogger(__name__)


def count_seen(sides: Sides, *runs: RunDir) -> int | None:
    """Number of test clips that the weights of any of some runs were trained on; a run with such clips is announced
    by a logged warning.

    Returns:
        None where none is known, but not all clips of all runs are: of imported weights, or runs of earlier versions.

    Raises:
        RunError: a run's record of its clips is damaged.
    """
    hashes = clip_hashes(sides.store.ids[sides.test])
    seen, complete = np.zeros(len(hashes), bool), True
    for run in runs:
        clips = run.trained_clips()
        own, before = np.isin(hashes, clips.own), np.isin(hashes, clips.before)
        for what, marked in (
            (own_training(run), own),
            (f"weights that {run.path} started from were trained on", before),
        ):
            if marked.any():
                logger.warning("%s; this is no result on unseen clips", seen_text(what, sides, marked))
        seen, complete = seen | own | before, complete and clips.complete
    return int(seen.sum()) if complete or seen.any() else None


def own_clips(sides: Sides, run: RunDir) -> np.ndarray:
    """(Q,) bool, test clips that a run itself was trained on, without what it started from.

    Raises:
        RunError: the run's record of its clips is damaged.
    """
    return np.isin(clip_hashes(sides.store.ids[sides.test]), run.trained_clips().own)


def own_training(run: RunDir) -> str:
    """What a run was trained on, before the number of test clips among it."""
    return f"{run.path} was trained on {run.config.split or 'all clips'}, which has"


def seen_text(what: str, sides: Sides, seen: np.ndarray) -> str:
    """How many of the test clips are marked in (Q,) bool, and one of them."""
    example = sides.store.ids[sides.test[seen]][0]
    return f"{what} {seen.sum()} of the {len(seen)} test clips of {sides.split}, such as {example}"
