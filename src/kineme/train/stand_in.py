"""Clips that trainings are timed on: a store's, or wandering bodies that stand in for a recipe's dataset."""

from dataclasses import dataclass

import numpy as np

from kineme.datasets import Dataset, datasets
from kineme.recipes.base import RunConfig
from kineme.recipes.small import NUCLA, SMALL_DATA
from kineme.splits import get_split
from kineme.store import SkeletonStore
from kineme.train.clips import training_clips

_SIZES = {
    ("ntu60", "ntu60-xsub"): (40_091, 16_487),
    ("ntu60", "ntu60-xview"): (37_646, 18_932),
    ("ntu120", "ntu120-xsub"): (63_026, 50_919),
    ("ntu120", "ntu120-xset"): (54_468, 59_477),
    ("pku1", "pku1-xsub"): (18_841, 2_704),
    ("pku2", "pku2-xsub"): (5_332, 1_613),
    ("nucla", "nucla-xview"): (1_020, 464),
    ("utd_mhad", "odd-even-subjects"): (431, 430),
    ("msraction3d", "odd-even-subjects"): (292, 275),
    ("utkinect", "odd-even-subjects"): (100, 99),
    ("florence3d", "florence3d-half"): (107, 108),
    ("sbu", "sbu-fold1"): (227, 55),
    ("uestc", "uestc-xsub"): (11_360, 14_240),
    ("uestc", "uestc-xview1-v0"): (12_800, 11_200),
    ("uestc", "uestc-xview2-even"): (17_600, 6_400),
    ("uestc", "uestc-xview2-odd"): (6_400, 17_600),
    ("uestc", "uestc-arbitrary"): (24_000, 1_600),
}
"""Training and test clips of a dataset's splits."""
_UWA3D = (537, 269)  # about: two of four views, and one
_COMPACT = (1_020, 0)  # recipes for any store: as many as they were found on, none held back
_TWO_BODIES = {"ntu60": 0.2, "ntu120": 0.2, "pku1": 0.2, "pku2": 0.2, "sbu": 1.0}
"""Share of clips with two; one body is in all others."""

_STORED = 512  # clips that are made; each stands for several
_MEAN_FRAMES, _SHAPE, _SHORTEST, _LONGEST = 84, 4.0, 32, 300  # lengths in NTU RGB+D, roughly
_REST, _STEP = 0.3, 0.01  # metres: how far joints lie apart, and how far they move in a frame
_VIEWS = 3


@dataclass(frozen=True, eq=False)
class TimedClips:
    """Clips that trainings are timed on.

    Args:
        store: the clips.
        index: (N,) positions of the training clips, as many as there are in an epoch.
        test: clips of the test side, 0 where there is none.
        synthetic: whether they were made up.
    """

    store: SkeletonStore
    index: np.ndarray
    test: int
    synthetic: bool


def timed_clips(config: RunConfig, store: SkeletonStore | None = None, num_clips: int | None = None) -> TimedClips:
    """Clips to time a training on: the store's where their joints are those of the recipe's dataset.

    Args:
        config: the run.
        store: any; a recipe that names no split takes every layout.
        num_clips: N, clips in an epoch; as many as the split has by default.

    Raises:
        SplitError: the store cannot provide the split.
        StoreError: the method needs labels and the store has none.
    """
    if store is not None and (config.split is None or store.layout == dataset_of(config).layout):
        index = training_clips(config, store)
        test = 0 if config.split is None else len(get_split(store, config.split)[1])
        return TimedClips(store, _resized(index, num_clips), test, synthetic=False)
    train, test = split_sizes(config)
    made = wandering_store(dataset_of(config), min(train, _STORED))
    return TimedClips(made, _resized(np.arange(len(made)), num_clips or train), test, synthetic=True)


def dataset_of(config: RunConfig) -> Dataset:
    """The dataset that a recipe is made for; N-UCLA for one that takes any store."""
    by_recipe = (data.store for data in SMALL_DATA if config.recipe.endswith(f"-{data.name}"))
    name = next(by_recipe, (config.split or "").partition("-")[0])
    return datasets.get(name if name in datasets.names() else NUCLA.store)()


def split_sizes(config: RunConfig) -> tuple[int, int]:
    """Training and test clips of the recipe's split, as its dataset is distributed."""
    dataset = dataset_of(config)
    return _UWA3D if dataset.name == "uwa3d" else _SIZES.get((dataset.name, config.split or ""), _COMPACT)


def wandering_store(dataset: Dataset, num_clips: int, seed: int = 0) -> SkeletonStore:
    """Labelled clips of a dataset's shape: lengths of a gamma distribution, joints that walk at random.

    Labels change fastest, then cameras, then subjects, so that there are partners from other cameras.

    Args:
        dataset: joints, channels, classes and the share of clips with two bodies.
        num_clips: how many.
        seed: of everything random.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.gamma(_SHAPE, _MEAN_FRAMES / _SHAPE, num_clips).clip(_SHORTEST, _LONGEST).astype(int)
    bodies = 1 + (rng.random(num_clips) < _TWO_BODIES.get(dataset.name, 0.0))
    body = (dataset.layout.num_joints, dataset.channels)
    steps = rng.normal(scale=_STEP, size=(int((bodies * lengths).sum()), *body))
    walk = rng.normal(scale=_REST, size=body) + steps.cumsum(axis=0)
    cut = np.split(walk.astype(np.float32), (bodies * lengths).cumsum()[:-1])
    number, num_classes = np.arange(num_clips), len(dataset.classes)
    return SkeletonStore.from_arrays(
        [rows.reshape(m, -1, *body) for m, rows in zip(bodies, cut, strict=True)],
        dataset.layout,
        labels=(number % num_classes).tolist(),
        classes=dataset.classes,
        camera=(1 + number // num_classes % _VIEWS).tolist(),
        subject=(1 + number // num_classes // _VIEWS).tolist(),
    )


def _resized(index: np.ndarray, num_clips: int | None) -> np.ndarray:
    """So many positions, over and over where there are fewer."""
    return index if num_clips is None else np.resize(index, num_clips)
