"""Clips that trainings are timed on: the store's, or made up in the shape of the recipe's dataset."""

import numpy as np
import pytest

from fake import small_store, tiny_config
from kineme.datasets import datasets
from kineme.errors import StoreError
from kineme.recipes.base import recipe_config, recipes
from kineme.splits import get_split
from kineme.train.stand_in import dataset_of, split_sizes, timed_clips, wandering_store

STORE = small_store()


def test_clips_of_the_store_or_made_up() -> None:
    real = timed_clips(recipe_config("mamp-nucla"), STORE)
    np.testing.assert_array_equal(real.index, get_split(STORE, "nucla-xview")[0])
    assert (real.synthetic, real.test) == (False, 6)
    other = timed_clips(recipe_config("mamp-ntu60-xsub"), STORE)
    assert (other.synthetic, len(other.index), other.test) == (True, 40_091, 16_487)
    assert other.store.layout.name == "kinect25"
    assert len(timed_clips(tiny_config(), STORE, num_clips=100).index) == 100
    assert len(timed_clips(recipe_config("mamp-ntu60-xsub"), num_clips=50).index) == 50
    with pytest.raises(StoreError, match="labelled clips"):
        timed_clips(recipe_config("supervised-stgcn-compact"), small_store(labelled=False))


@pytest.mark.parametrize(
    ("recipe", "dataset"),
    [("danet-utd-mhad", "utd_mhad"), ("mamp-compact", "nucla"), ("hacm-pku2-xsub", "pku2"), ("mae-sbu", "sbu")],
)
def test_dataset_of_a_recipe(recipe: str, dataset: str) -> None:
    assert dataset_of(recipe_config(recipe)).name == dataset


def test_every_split_of_a_recipe_has_its_size() -> None:
    missing = [
        name
        for name in recipes.names()
        if (config := recipe_config(name)).split is not None and split_sizes(config)[1] == 0 and name != "mamp-demo"
    ]
    assert not missing


def test_wandering_bodies() -> None:
    store = wandering_store(datasets.get("ntu60")(), 512)
    bodies, lengths = store.clips["bodies"], store.clips["length"]
    assert set(bodies.tolist()) == {1, 2}
    assert np.mean(bodies == 2) == pytest.approx(0.2, abs=0.06)
    assert lengths.mean() == pytest.approx(84, rel=0.1)
    assert (lengths.min() >= 32, lengths.max() <= 300) == (True, True)
    assert sorted(set(store.labels.tolist())) == list(range(60))
    clip = store[0].xyz[0]
    assert 0 < np.abs(np.diff(clip, axis=0)).mean() < 0.1 * np.abs(clip - clip.mean(axis=1, keepdims=True)).mean()
