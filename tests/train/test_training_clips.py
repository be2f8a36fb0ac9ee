"""Which clips a run is trained on: split, labels, held-out subjects, share."""

from typing import Any

import numpy as np
import pytest

from fake import small_store, tiny_config
from kineme.errors import ConfigError, SplitError, StoreError
from kineme.recipes.base import RunConfig
from kineme.splits import get_split, validation_split
from kineme.store import SkeletonStore
from kineme.train.clips import clips_per_step, training_clips

STORE = small_store(num_clips=36)
SPLIT = "nucla-xview"
SUPERVISED = {"name": "supervised", "num_classes": 3, "hidden": 8}


def config_with(subset: dict[str, Any] | None = None, **changes: Any) -> RunConfig:
    return tiny_config(subset=subset or {}, **changes)


def with_labels(labels: np.ndarray) -> SkeletonStore:
    rows, clips = STORE.gather([]), STORE.clips.copy()
    clips["label"] = labels
    return SkeletonStore(rows.xyz, rows.present, clips, layout=STORE.layout, classes=STORE.classes)


def test_all_clips_or_the_training_side() -> None:
    assert training_clips(config_with(), STORE).tolist() == list(range(36))
    assert training_clips(config_with(split=SPLIT), STORE).tolist() == get_split(STORE, SPLIT)[0].tolist()


def test_supervised_training_takes_labelled_clips() -> None:
    labels = np.where(np.arange(36) % 2, STORE.labels, -1)
    assert training_clips(config_with(method=SUPERVISED), with_labels(labels)).tolist() == list(range(1, 36, 2))
    assert len(training_clips(config_with(), with_labels(labels))) == 36
    with pytest.raises(StoreError, match="takes labelled clips, and 0 of the 36 training clips"):
        training_clips(config_with(method=SUPERVISED), with_labels(np.full(36, -1)))


def test_a_balanced_share_has_every_class() -> None:
    clips = training_clips(config_with({"fraction": 0.25}), STORE)
    assert np.bincount(STORE.labels[clips]).tolist() == [3, 3, 3]
    assert training_clips(config_with({"fraction": 0.25, "seed": 1}), STORE).tolist() != clips.tolist()


def test_a_share_as_published_is_of_all_clips_together() -> None:
    clips = training_clips(config_with({"fraction": 0.25, "rule": "published"}), STORE)
    order = np.arange(36)
    np.random.RandomState(0).shuffle(order)
    assert clips.tolist() == sorted(order[:9])


def test_validation_subjects_are_held_out_before_the_share_is_drawn() -> None:
    kept, held_out = validation_split(STORE, np.arange(36), seed=3)
    clips = training_clips(config_with({"hold_out": True, "seed": 3}), STORE)
    assert clips.tolist() == kept.tolist()
    share = training_clips(config_with({"hold_out": True, "seed": 3, "fraction": 0.5}), STORE)
    assert set(share.tolist()) < set(kept.tolist())
    assert not set(share.tolist()) & set(held_out.tolist())


def test_nobody_to_hold_out() -> None:
    with pytest.raises(SplitError, match="carved by subject"):
        training_clips(config_with({"hold_out": True}), small_store(subjects=1))


@pytest.mark.parametrize(
    ("wanted", "clips", "processes", "expected"),
    [(64, 1000, 1, 64), (64, 50, 1, 50), (64, 1000, 4, 64), (64, 51, 2, 50), (2, 2, 2, 2)],
)
def test_batches_are_dealt_out_evenly(wanted: int, clips: int, processes: int, expected: int) -> None:
    assert clips_per_step(wanted, clips, processes) == expected


@pytest.mark.parametrize(("wanted", "clips", "processes"), [(9, 1000, 2), (8, 1, 2)])
def test_batches_that_cannot_be_dealt_out(wanted: int, clips: int, processes: int) -> None:
    with pytest.raises(ConfigError, match=f"{wanted} .* of {clips} training clips .* to {processes} devices"):
        clips_per_step(wanted, clips, processes)
