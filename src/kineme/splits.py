"""Who trains and who tests: the official protocols as data, and a validation set carved out of the training side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from kineme.errors import SplitError, UnknownNameError
from kineme.store import SkeletonStore


@dataclass(frozen=True)
class Split:
    """A protocol that divides clips by one of their numbers.

    Args:
        field: ``subject``, ``camera`` or ``setup``.
        train: numbers that train.
        test: numbers that test.
        unused: numbers on neither side.
    """

    field: str
    train: Sequence[int]
    test: Sequence[int]
    unused: Sequence[int] = ()

    def __call__(self, store: SkeletonStore) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the training and of the test clips; see `get_split`."""
        values = store.clips[self.field]
        here = np.unique(values).tolist()
        foreign = [value for value in here if not any(value in side for side in (self.train, self.test, self.unused))]
        if foreign:
            raise SplitError(
                f"the store holds clips of {self.field} {_listing(foreign)}, of which the split knows nothing"
                f"{' (-1: unknown)' if -1 in foreign else ''}; choose a split made for this dataset"
            )
        members = ([value for value in here if value in side] for side in (self.train, self.test))
        train, test = (np.flatnonzero(np.isin(values, side)) for side in members)
        for side, name in ((train, "train on"), (test, "test on")):
            if not len(side):
                raise SplitError(f"no clip to {name}: the store holds {self.field} {_listing(here)} only")
        return train, test


@dataclass(frozen=True)
class ListedSplit:
    """A protocol whose authors give two lists of clips in a file beside the data.

    Preparation copies the lists into the store, and `get_split` reads them there.

    Args:
        file: name of the file in the download.
        rule: the same split by a number of the clips, for stores that were prepared without the file.
    """

    file: str
    rule: Split | None = None

    def __call__(self, store: SkeletonStore) -> tuple[np.ndarray, np.ndarray]:
        """Positions by the rule; see `get_split`."""
        if self.rule is None:
            raise SplitError(
                f"the store does not have it; put {self.file} of the download beside the raw files and prepare again"
            )
        return self.rule(store)


_NTU60_TRAIN = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
_NTU120_TRAIN = (
    *_NTU60_TRAIN,
    *(45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89),
    *(91, 92, 93, 94, 95, 97, 98, 100, 103),
)


_PKU1_TEST = tuple(range(291, 335))
_UESTC_TRAIN = (
    *(1, 2, 6, 12, 13, 16, 21, 24, 28, 29, 30, 31, 33, 35, 39, 41, 42, 45, 47, 50, 52, 54, 55, 57, 59, 61, 63),
    *(64, 67, 69, 70, 71, 73, 77, 81, 84, 86, 87, 88, 90, 91, 93, 96, 99, 102, 103, 104, 107, 108, 112, 113),
)
_SBU_FOLDS = ((1, 9, 15, 19), (5, 7, 10, 16), (2, 3, 20, 21), (4, 6, 8, 11), (12, 13, 14, 17, 18))


def _without(numbers: Iterable[int], *left_out: int) -> tuple[int, ...]:
    return tuple(number for number in numbers if number not in left_out)


def _others(train: Sequence[int], last: int) -> tuple[int, ...]:
    return _without(range(1, last + 1), *train)


def _pairs_of_views(dataset: str, num_views: int) -> dict[str, Split]:
    """Every pair of views to train on with every other view to test on: ``<dataset>-v12-v3`` and so on."""
    views = range(1, num_views + 1)
    return {
        f"{dataset}-v{one}{two}-v{test}": Split("camera", (one, two), (test,), _without(views, one, two, test))
        for one, two in combinations(views, 2)
        for test in _without(views, one, two)
    }


SPLITS: dict[str, Split | ListedSplit] = {
    # Shahroudy et al. 2016 and Liu et al. 2020; 40 and 106 performers, 3 cameras, 32 setups.
    "ntu60-xsub": Split("subject", _NTU60_TRAIN, _others(_NTU60_TRAIN, 40)),
    "ntu60-xview": Split("camera", (2, 3), (1,)),
    "ntu120-xsub": Split("subject", _NTU120_TRAIN, _others(_NTU120_TRAIN, 106)),
    "ntu120-xset": Split("setup", range(2, 33, 2), range(1, 33, 2)),
    # Wang et al. 2014: the third view is the usual test; the other two folds are named by their test view.
    "nucla-xview": Split("camera", (1, 2), (3,)),
    "nucla-xview2": Split("camera", (1, 3), (2,)),
    "nucla-xview1": Split("camera", (2, 3), (1,)),
    # Liu et al. 2017, arXiv:1703.07475; phase I goes by recordings (`setup`), phase II is only given as a list.
    "pku1-xsub": ListedSplit("cross-subject.txt", Split("setup", _others(_PKU1_TEST, 364), _PKU1_TEST)),
    "pku1-xview": ListedSplit("cross-view.txt", Split("camera", (1, 3), (2,))),
    "pku2-xsub": ListedSplit("cross_subject_v2.txt"),
    "pku2-xview": ListedSplit("cross_view_v2.txt", Split("camera", (1, 3), (2,))),
    # Rahmani et al. 2016: two views train, each of the other two tests.
    **_pairs_of_views("uwa3d", 4),
    # Ji et al. 2018, as two public code bases read it; views 0 to 7 are fixed, 8 moves.
    "uestc-xsub": Split("subject", _UESTC_TRAIN, _others(_UESTC_TRAIN, 118)),
    **{f"uestc-xview1-v{view}": Split("camera", (view,), _without(range(8), view), (8,)) for view in range(8)},
    "uestc-xview2-even": Split("camera", (0, 2, 4, 6), (1, 3, 5, 7), (8,)),
    "uestc-xview2-odd": Split("camera", (1, 3, 5, 7), (0, 2, 4, 6), (8,)),
    "uestc-arbitrary": Split("camera", range(8), (8,)),
    # Yun et al. 2012: five folds of pairs of people (`setup`: the pairs in order of their folders).
    **{
        f"sbu-fold{fold}": Split("setup", _without(range(1, 22), *pairs), pairs)
        for fold, pairs in enumerate(_SBU_FOLDS, start=1)
    },
    # Seidenari et al. 2013: leave one actor out; the halves are what many papers use instead.
    **{f"florence3d-actor{actor}": Split("subject", _without(range(1, 11), actor), (actor,)) for actor in range(1, 11)},
    "florence3d-half": Split("subject", range(1, 6), range(6, 11)),
    # Yan et al. 2018: the two halves of the download, by its two label files.
    "kinetics": ListedSplit("kinetics_train_label.json and kinetics_val_label.json"),
    # The usual rule of small datasets (UTD-MHAD, MSR Action3D, UTKinect): every other subject.
    "odd-even-subjects": Split("subject", range(1, 10**9, 2), range(0, 10**9, 2)),
}
"""Every split by name."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "nucla": ("nucla-xview", "nucla-xview2", "nucla-xview1"),
    "uwa3d": tuple(_pairs_of_views("uwa3d", 4)),
    "uestc-xview1": tuple(f"uestc-xview1-v{view}" for view in range(8)),
    "uestc-xview2": ("uestc-xview2-even", "uestc-xview2-odd"),
    "sbu": tuple(f"sbu-fold{fold}" for fold in range(1, len(_SBU_FOLDS) + 1)),
    "florence3d": tuple(f"florence3d-actor{actor}" for actor in range(1, 11)),
}
"""Splits of one dataset whose accuracies are reported together, with their mean."""


def get_family(name: str) -> tuple[str, ...]:
    """Names of the splits of a family, in order.

    Raises:
        UnknownNameError: no such family.
    """
    if name not in FAMILIES:
        raise UnknownNameError("family of splits", name, FAMILIES)
    return FAMILIES[name]


def get_split(store: SkeletonStore, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the clips that train and of those that test.

    Args:
        store: clips with the number (subject, camera, setup) that the split goes by, or with lists of its own.
        name: a key of `SPLITS`, such as ``ntu60-xsub``, or of the store's own splits, which come first.

    Returns:
        (N_train,) and (N_test,) int64, each ascending and no clip in both.

    Raises:
        UnknownNameError: no such split.
        SplitError: one side would be empty, or the store holds numbers that the split does not assign.
    """
    if name in store.splits:
        return _listed(store, name)
    if name not in SPLITS:
        raise UnknownNameError("split", name, {**SPLITS, **store.splits})
    try:
        return SPLITS[name](store)
    except SplitError as error:
        raise SplitError(f"split {name}: {error}") from None


def validation_split(
    store: SkeletonStore, train_idx: np.ndarray, *, fraction: float = 0.2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Divide training clips once more, by subject, to choose settings without looking at the test side.

    Args:
        store: clips with subjects.
        train_idx: (N,) positions of the training clips.
        fraction: share of the training subjects to hold out; at least one is, and at least one is left.
        seed: which subjects; the same ones whatever the order of the clips.

    Returns:
        Positions to fit on and positions to validate on, in the order of ``train_idx``.

    Raises:
        SplitError: fewer than two subjects are known among these clips.
    """
    subject = store.clips["subject"][train_idx]
    subjects = np.unique(subject)
    if len(subjects) < 2 or -1 in subjects:
        only = f"no other than {subjects[0]}" if len(subjects) else "no clip at all"
        found = "clips of unknown subject" if -1 in subjects else only
        raise SplitError(
            f"a validation set is carved by subject, which takes two or more; the training clips hold {found}. "
            f"Give the clips subject numbers when importing them, or evaluate without a validation set"
        )
    num_held_out = min(max(round(fraction * len(subjects)), 1), len(subjects) - 1)
    held_out = np.random.default_rng(seed).permutation(subjects)[:num_held_out]
    in_val = np.isin(subject, held_out)
    return train_idx[~in_val], train_idx[in_val]


def _listed(store: SkeletonStore, name: str) -> tuple[np.ndarray, np.ndarray]:
    train, test = (np.flatnonzero(np.isin(store.ids, list(side))) for side in store.splits[name])
    if not len(train) or not len(test):
        raise SplitError(f"split {name} of the store: {len(train)} clips train and {len(test)} test")
    return train, test


def _listing(values: list[int]) -> str:
    shown = ", ".join(str(value) for value in values[:8])
    return shown + (f" and {len(values) - 8} more" if len(values) > 8 else "")
