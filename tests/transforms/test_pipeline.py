"""Pipelines built from their descriptions."""

import pytest
import torch

from kineme.errors import ConfigError
from kineme.recipes.contrastive_views import BASE, STRONG, actclr_views, contrastive_preparation
from kineme.transforms import (
    Augmentation,
    AxisMask,
    BoneRescale,
    CropReflect,
    GaussianBlur,
    GaussianNoise,
    MainRotation,
    PointDropout,
    Preparation,
    RandomMirror,
    RandomRotation,
    RandomScale,
    Shear,
    Stretch,
    Swap,
    TemporalFlip,
    TrainViews,
    eval_pipeline,
    train_pipeline,
)
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


def test_augmentations_come_in_the_fields_order() -> None:
    everything = STRONG.with_changes(mirror=0.5, rotation=(0.3, 0, 0), scale=0.1, temporal_flip=0.5, dropout=0.5)
    assert [type(transform) for transform in train_pipeline(Preparation(), everything).dense] == [
        RandomMirror,
        RandomRotation,
        RandomScale,
        CropReflect,
        Shear,
        Swap,
        MainRotation,
        GaussianNoise,
        GaussianBlur,
        AxisMask,
        TemporalFlip,
        PointDropout,
        Stretch,
        BoneRescale,
    ]


def test_settings_reach_their_augmentations() -> None:
    names = {"noise_std": 0.2, "noise": 0.3, "blur": 0.4, "blur_normalise": True, "dropout": 0.6, "dropout_rate": 0.7}
    shear, noise, blur, dropout = train_pipeline(
        Preparation(), Augmentation(rotation=(0, 0, 0), shear=0.1, shear_keep_root=True).with_changes(**names)
    ).dense
    assert (vars(shear), vars(noise)) == (
        {"amplitude": 0.1, "keep_root": True},
        {"std": 0.2, "probability": 0.3},
    )
    assert (vars(blur), vars(dropout)) == (
        {"probability": 0.4, "normalise": True, "sigma": (0.1, 2.0)},
        {"rate": 0.7, "probability": 0.6},
    )


def test_settings_of_older_runs_load() -> None:
    prepare = {"window": 40, "bodies": 1, "centre": True, "yaw": True, "stream": "joint", "test_keep": 1.0}
    augment = {"keep": [0.5, 1.0], "min_frames": 8, "rotation": [0, 0.5, 0], "mirror": 0.5, "scale": 0.1}
    old = train_pipeline(Preparation.parse(prepare), Augmentation.parse(augment))
    assert [type(transform) for transform in old.dense] == [RandomMirror, RandomRotation, RandomScale]


def test_views_of_whole_clips_share_their_preparation() -> None:
    prepare = contrastive_preparation()
    views = TrainViews(prepare, actclr_views())(CLIPS, seeded(0))
    assert [view.xyz.shape for view in views] == [(4, 2, 50, 20, 3)] * 4
    assert len({view.xyz.sum().item() for view in views}) == 4, "each view is drawn on its own"
    plain = Augmentation(keep=(1.0, 1.0), rotation=(0, 0, 0))
    clean, sheared = TrainViews(prepare, [plain, BASE])(CLIPS, seeded(0))
    assert torch.equal(clean.xyz, eval_pipeline(prepare)(CLIPS, seeded(0)).xyz)
    assert not torch.equal(clean.xyz, sheared.xyz)


@pytest.mark.parametrize("keep", [(0.5, 1.0), (1.0, 1.0)])
def test_views_of_parts_are_cropped_apart(keep: tuple[float, float]) -> None:
    """One view of a part is enough: they are what a pipeline of its own makes of each."""
    prepare, augments = Preparation(window=16), [Augmentation(keep=keep), Augmentation(keep=(0.2, 0.5), min_frames=1)]
    first, second = TrainViews(prepare, augments)(CLIPS, seeded(0))
    generator = seeded(0)
    assert torch.equal(first.xyz, train_pipeline(prepare, augments[0])(CLIPS, generator).xyz)
    assert torch.equal(second.xyz, train_pipeline(prepare, augments[1])(CLIPS, generator).xyz)


@pytest.mark.parametrize("keep", [(0.5, 1.0), (1.0, 1.0)])
def test_views_may_share_their_crop(keep: tuple[float, float]) -> None:
    """All views show the same frames, those of the first view's crop; all else is drawn apart."""
    prepare = Preparation(window=30, stream="motion")
    first = Augmentation(keep=keep, min_frames=1, rotation=(0, 0, 0), reflect=3)
    plain, sheared, same = TrainViews(
        prepare, [first, first.with_changes(shear=0.5), first.with_changes(reflect=6)], share_crop=True
    )(CLIPS, seeded(0))
    assert torch.equal(plain.xyz, train_pipeline(prepare, first)(CLIPS, seeded(0)).xyz)
    assert torch.equal(plain.xyz, same.xyz)
    assert not torch.equal(plain.xyz, sheared.xyz)
    assert torch.equal(plain.present, sheared.present)
    _, apart = TrainViews(prepare, [first, first])(CLIPS, seeded(0))
    assert not torch.equal(plain.xyz, apart.xyz)


@pytest.mark.parametrize("share_crop", [False, True])
def test_further_views_may_show_partners(share_crop: bool) -> None:
    """A partner that is the clip itself changes nothing but draws; with a shared crop it is the same part of it."""
    prepare, augment = Preparation(window=16), Augmentation(keep=(0.2, 0.9), min_frames=1, rotation=(0, 0, 0))
    make_views = TrainViews(prepare, [augment, augment], share_crop=share_crop)
    partners = STORE.gather([1, 2, 0, 0])
    first, second = make_views(CLIPS, seeded(0), partners)
    assert torch.equal(first.xyz, make_views(CLIPS, seeded(0))[0].xyz)
    assert first.index.tolist() == CLIPS.index.tolist()
    assert second.index.tolist() == partners.index.tolist()
    assert torch.equal(first.xyz[3], second.xyz[3]) == share_crop
    assert not torch.equal(first.xyz[0], second.xyz[0])


def test_motion_is_that_of_the_augmented_clip() -> None:
    prepare = contrastive_preparation()
    joint, motion = (
        train_pipeline(prepare.with_changes(stream=stream), STRONG)(CLIPS, seeded(5)).xyz
        for stream in ("joint", "motion")
    )
    assert torch.equal(motion[:, :, :-1], joint[:, :, 1:] - joint[:, :, :-1])


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
