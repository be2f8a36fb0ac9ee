import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import load_npz, realdata_path
from fake import small_store
from kineme.datasets.base import read_list
from kineme.errors import SplitError, UnknownNameError
from kineme.layout import Layout
from kineme.splits import FAMILIES, SPLITS, Split, get_family, get_split, validation_split
from kineme.store import SkeletonStore, clip_dtype

# Performers of each NTU setup, from 1 on; each recorded 60 actions, twice, with three cameras.
NTU_PERFORMERS = """
1 2 3 4 5 6 7 8
3 7 8 9 10 11 12 13 14
1 2 7 8 15 16 17 18 19
3 7 8 20
4 10 13 15 16 17 18 21
1 7 8 15 16 17 19 22 23 24
1 7 8 15 16 17 18 19 25 26 27 28
1 7 8 15 19 25 29 30 31 32 33 34 35 36
7 8 15 16 17 19 25
7 8 13 15 16 17 18 19 21 25
1 2 7 8 15 16 17 18 19 25 27 28 38
7 8 15 16 17 18 19 25 27 28 37
7 8 15 16 17 18 19 25 27 28 37
7 8 15 17 19 25 27 37 39
7 8 15 16 17 19 25 37
7 8 19 21 25 39 40
3 7 8 9 15 16 17 20
8 41 42 43 44 45
8 41 42 46 47 48 49 50 51
8 41 43 44 52 53 54
55 56 57 58 59 60
61 62 63 64 65 66 67
55 56 57 58 59 60 61 62 63 64 65 66 67 68
57 60 61 62 63 64 67
55 56 58 59 65 66 68
8 41 44 49 50 51 69 70 71 72 74 75 76 77
6 8 11 41 43 44 78 79 80 81 82 83 84 85 86
8 41 42 43 46 48 70 73 87
6 8 41 43 44 48 49 51 67 74 75 80 88 89 90
8 11 41 43 44 48 67 75 76 81 85 88 91 92 93 94 95 96
6 8 41 42 43 44 51 67 82 85 96 97 98 99 100 101
8 41 43 44 67 102 103 104 105 106
"""


def store_of(**meta: np.ndarray) -> SkeletonStore:
    """A store of one-frame clips with the given numbers, built at once because there may be 100,000."""
    num_clips = len(next(iter(meta.values())))
    clips = np.zeros(num_clips, clip_dtype(8))
    for name, column in meta.items():
        clips[name] = column
    clips["id"] = np.arange(num_clips)
    empty = np.zeros((0, 25, 3), np.float32)
    return SkeletonStore(empty, np.zeros(0, bool), clips, layout=Layout.get("kinect25"))


def ntu_store(edition: str) -> SkeletonStore:
    """Every usable recording of an edition, by the numbers in its name."""
    missing, rows = set(read_list(f"data/{edition}_missing.txt")), []
    for setup, performers in enumerate(NTU_PERFORMERS.split("\n")[1:-1], start=1):
        if setup > 17 and edition == "ntu60":
            break
        for subject in map(int, performers.split()):
            for sample in range(360):
                camera, replication, action = sample % 3 + 1, sample // 3 % 2 + 1, sample // 6 + 1 + 60 * (setup > 17)
                name = f"S{setup:03d}C{camera:03d}P{subject:03d}R{replication:03d}A{action:03d}"
                if name not in missing:
                    rows.append((subject, camera, setup))
    subject, camera, setup = np.array(rows).T
    return store_of(subject=subject, camera=camera, setup=setup)


@pytest.mark.parametrize(
    ("edition", "counts"),
    [
        ("ntu60", {"xsub": (40_091, 16_487), "xview": (37_646, 18_932)}),
        ("ntu120", {"xsub": (63_026, 50_919), "xset": (54_468, 59_477)}),
    ],
)
def test_official_counts_of_ntu(edition: str, counts: dict[str, tuple[int, int]]) -> None:
    store = ntu_store(edition)
    for protocol, expected in counts.items():
        train, test = get_split(store, f"{edition}-{protocol}")
        assert (len(train), len(test)) == expected


@pytest.mark.realdata
def test_official_counts_of_nucla() -> None:
    data = load_npz(realdata_path("nucla.npz"))
    store = store_of(camera=data["view"], subject=data["subject"])
    counts = {name: tuple(map(len, get_split(store, name))) for name in SPLITS if name.startswith("nucla")}
    assert counts == {"nucla-xview": (1020, 464), "nucla-xview2": (980, 504), "nucla-xview1": (968, 516)}


BY_NUMBER = {name: split for name, split in SPLITS.items() if isinstance(split, Split)}


def numbers(split: str) -> st.SearchStrategy[list[int]]:
    """Lists of the split's numbers with both sides among them."""
    train, test = (st.sampled_from(side[:50]) for side in (BY_NUMBER[split].train, BY_NUMBER[split].test))
    return st.tuples(train, test, st.lists(train | test, max_size=20)).map(lambda drawn: [*drawn[:2], *drawn[2]])


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(BY_NUMBER)), st.data())
def test_sides_are_disjoint_cover_all_and_ignore_the_order(name: str, data: st.DataObject) -> None:
    values = np.array(data.draw(st.permutations(data.draw(numbers(name)))))
    field = BY_NUMBER[name].field
    train, test = get_split(store_of(**{field: values}), name)
    assert sorted([*train, *test]) == list(range(len(values)))
    assert all(value in BY_NUMBER[name].train for value in values[train].tolist())
    shuffle = np.random.default_rng(0).permutation(len(values))
    shuffled_train, _ = get_split(store_of(**{field: values[shuffle]}), name)
    assert sorted(shuffle[shuffled_train]) == train.tolist()


def test_unknown_split_names_near_misses() -> None:
    with pytest.raises(UnknownNameError, match="perhaps you meant ntu60-xsub"):
        get_split(store_of(subject=np.array([1, 3])), "ntu60-xsubject")


@pytest.mark.parametrize(("subjects", "problem"), [([1, 2], "no clip to test on"), ([3, 6], "no clip to train on")])
def test_empty_side_says_what_the_store_holds(subjects: list[int], problem: str) -> None:
    listed = ", ".join(map(str, subjects))
    with pytest.raises(SplitError, match=f"split ntu60-xsub: {problem}: the store holds subject {listed} only"):
        get_split(store_of(subject=np.array(subjects)), "ntu60-xsub")


@pytest.mark.parametrize(("subjects", "problem"), [([1, 3, 41], "subject 41,"), ([1, -1], r"-1, .*\(-1: unknown\)")])
def test_numbers_that_the_split_does_not_know(subjects: list[int], problem: str) -> None:
    with pytest.raises(SplitError, match=problem):
        get_split(store_of(subject=np.array(subjects)), "ntu60-xsub")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=2, max_size=40), st.floats(0.01, 0.99), st.integers(0, 5))
def test_validation_subjects_are_nobody_who_trains(subjects: list[int], fraction: float, seed: int) -> None:
    subject = np.array([0, 1, *subjects])
    train = np.flatnonzero(subject % 5 < 4)
    fit, val = validation_split(store_of(subject=subject), train, fraction=fraction, seed=seed)
    assert sorted([*fit, *val]) == train.tolist()
    assert set(subject[fit]).isdisjoint(subject[val])
    assert len(fit)
    assert len(val)
    wanted = fraction * len(set(subject[train]))
    assert abs(len(set(subject[val])) - wanted) <= 1
    backwards = validation_split(store_of(subject=subject), train[::-1], fraction=fraction, seed=seed)
    assert sorted(backwards[1]) == val.tolist()


def test_validation_depends_on_the_seed() -> None:
    store = store_of(subject=np.arange(40))
    held_out = {tuple(validation_split(store, np.arange(40), seed=seed)[1]) for seed in range(4)}
    assert len(held_out) == 4


@pytest.mark.parametrize(
    ("subjects", "problem"), [([7, 7], "no other than 7"), ([-1, 2, 3], "unknown subject"), ([], "no clip at all")]
)
def test_validation_needs_two_subjects(subjects: list[int], problem: str) -> None:
    with pytest.raises(SplitError, match=f"{problem}.*evaluate without a validation set"):
        validation_split(store_of(subject=np.array(subjects, int)), np.arange(len(subjects)))


def test_splits_that_came_with_the_data_come_first() -> None:
    store = small_store(num_clips=4)
    lists = {"nucla-xview": (["clip00003"], ["clip00000", "not here"]), "half": ([], ["clip00001"])}
    store = SkeletonStore(
        store.gather([0]).xyz, store.gather([0]).present, store.clips, layout=store.layout, splits=lists
    )
    train, test = get_split(store, "nucla-xview")
    assert (train.tolist(), test.tolist()) == ([3], [0])
    with pytest.raises(SplitError, match="split half of the store: 0 clips train and 1 test"):
        get_split(store, "half")
    with pytest.raises(UnknownNameError, match="perhaps you meant half"):
        get_split(store, "halv")


def test_a_listed_split_goes_by_rule_or_names_its_file() -> None:
    store = store_of(setup=np.array([2, 300]), camera=np.array([1, 2]))
    train, test = get_split(store, "pku1-xsub")
    assert (train.tolist(), test.tolist()) == ([0], [1])
    with pytest.raises(SplitError, match=r"split pku2-xsub: the store does not have it; put cross_subject_v2\.txt"):
        get_split(store, "pku2-xsub")


def test_every_cell_of_uwa3d_leaves_one_view_unused() -> None:
    store = store_of(camera=np.array([1, 2, 3, 4]))
    cells = [name for name in SPLITS if name.startswith("uwa3d")]
    assert len(cells) == 12
    train, test = get_split(store, "uwa3d-v14-v2")
    assert (train.tolist(), test.tolist()) == ([0, 3], [1])


def test_sbu_folds_test_every_pair_once() -> None:
    folds = [split for name, split in BY_NUMBER.items() if name.startswith("sbu")]
    assert sorted(pair for fold in folds for pair in fold.test) == list(range(1, 22))
    assert all(sorted([*fold.train, *fold.test]) == list(range(1, 22)) for fold in folds)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_of_known_splits(family: str) -> None:
    assert set(get_family(family)) <= set(SPLITS)
    assert len(get_family(family)) > 1
    assert all(split.startswith(f"{family}-") for split in get_family(family))


def test_an_unknown_family() -> None:
    with pytest.raises(UnknownNameError, match="unknown family of splits 'uwa'; perhaps you meant uwa3d"):
        get_family("uwa")
