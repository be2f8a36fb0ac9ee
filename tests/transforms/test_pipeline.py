"""Pipelines built from their descriptions."""

import pytest
import torch

from kineme.errors import ConfigError
from kineme.transforms import Augmentation, Preparation, RandomMirror, RandomScale, eval_pipeline, train_pipeline
from ragged import ragged_store

STORE = ragged_store(0, [(2, 40), (1, 7), (3, 90)])
CLIPS = STORE.gather([2, 0, 1, 0])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_shapes_and_bookkeeping() -> None:
    batch = train_pipeline(Preparation(window=16, bodies=2), Augmentation())(CLIPS, seeded(0))
    assert batch.xyz.shape == (4, 2, 16, 20, 3)
    assert batch.xyz.dtype == torch.float32
    assert batch.present.shape == (4, 2, 16)
    assert batch.index.tolist() == [2, 0, 1, 0]
    assert not batch.present[2, 1].any()


def test_training_is_random_and_replayable() -> None:
    pipeline = train_pipeline(Preparation(window=16), Augmentation(mirror=0.5, scale=0.1))
    assert torch.equal(pipeline(CLIPS, seeded(1)).xyz, pipeline(CLIPS, seeded(1)).xyz)
    assert not torch.equal(pipeline(CLIPS, seeded(1)).xyz, pipeline(CLIPS, seeded(2)).xyz)


def test_evaluation_is_not_random() -> None:
    pipeline = eval_pipeline(Preparation(window=16, stream="bone_motion"))
    assert torch.equal(pipeline(CLIPS, seeded(1)).xyz, pipeline(CLIPS, seeded(2)).xyz)


def test_only_what_is_asked_for_is_done() -> None:
    plain = train_pipeline(Preparation(centre=False), Augmentation(rotation=(0, 0, 0)))
    assert (plain.ragged, plain.dense) == ((), ())
    rich = train_pipeline(Preparation(), Augmentation(rotation=(0, 0, 0), mirror=0.5, scale=0.2))
    assert [type(transform) for transform in rich.dense] == [RandomMirror, RandomScale]


def test_centre_removes_the_place_in_the_room() -> None:
    prepare = Preparation(window=8, test_keep=1.0)
    shifted = ragged_store(0, [(2, 40), (1, 7), (3, 90)])
    shifted._xyz[shifted._present] += 3.0
    ours, same = (eval_pipeline(prepare)(store.gather([0, 1, 2]), seeded(0)).xyz for store in (STORE, shifted))
    torch.testing.assert_close(ours, same, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"window": 0}, "window"),
        ({"bodies": 0}, "bodies"),
        ({"stream": "bones"}, "stream"),
        ({"test_keep": 1.5}, "keep"),
    ],
)
def test_preparation_bounds(settings: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        Preparation.parse(settings)


@pytest.mark.parametrize("settings", [{"keep": (0, 1)}, {"keep": (0.5, 2)}, {"mirror": -0.1}, {"scale": 1.0}])
def test_augmentation_bounds(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Augmentation.parse(settings)
