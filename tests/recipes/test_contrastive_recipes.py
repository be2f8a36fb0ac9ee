"""Recipes of the contrastive family: how their runs are fine-tuned."""

from pathlib import Path

import pytest
import torch

from fake import small_store
from kineme.evaluate.finetune import Training, finetune
from kineme.methods.momentum_contrast import MomentumConfig
from kineme.methods.supervised import Supervised, SupervisedConfig
from kineme.nn.heads import PlainHead
from kineme.recipes.base import fine_tuning, recipe_config, recipes
from kineme.recipes.compact_contrastive import PLAIN
from kineme.train.build import build_method
from kineme.train.loop import fit
from kineme.train.optim import build_optimizer
from kineme.train.run_dir import RunDir
from kineme.transforms.pipeline import TrainViews, eval_pipeline
from ragged import ragged_store
from small import small_run

PUBLISHED = ("ntu60-", "ntu120-", "pku1-", "pku2-")
NAMES = [
    name
    for name in recipes.names()
    if isinstance(recipe_config(name).method, MomentumConfig) and name.partition("-")[2].startswith(PUBLISHED)
]
STORE = small_store(num_clips=36)


@pytest.mark.parametrize("name", NAMES)
def test_fine_tuning_of_the_family(name: str) -> None:
    config = fine_tuning(recipe_config(name), "runs/mine")
    method, train = config.method, config.train
    assert isinstance(method, SupervisedConfig)
    assert (method.head, method.label_smoothing) == ("plain", 0)
    assert (train.optimizer, train.lr, train.momentum, train.nesterov) == ("sgd", 0.1, 0.9, True)
    assert (train.weight_decay, train.decay_all, train.layer_decay) == (1e-4, True, 1)
    assert (train.batch_size, train.epochs, train.warmup_epochs) == (128, 80, 0)
    assert train.steps == ((9, 49) if config.split == "ntu60-xview" else (29, 49))
    assert config.subset.rule == "balanced"


@pytest.mark.parametrize("name", NAMES)
def test_fine_tuning_sees_clips_as_evaluation_does(name: str) -> None:
    config = fine_tuning(recipe_config(name), "runs/mine")
    clips = ragged_store(0, [(1, 80), (2, 9), (1, 50)], "kinect25").gather([0, 1, 2])
    views = TrainViews(config.prepare, config.augment, share_crop=config.share_crop)
    (seen,) = views(clips, torch.Generator().manual_seed(1))
    expected = eval_pipeline(config.prepare)(clips, torch.Generator())
    assert torch.equal(seen.xyz, expected.xyz)
    assert torch.equal(seen.present, expected.present)


def test_other_families_fine_tune_under_the_view_they_pretrain_under() -> None:
    config = recipe_config("mamp-ntu60-xsub")
    assert config.finetune.augment is None
    assert fine_tuning(config, "runs/mine").augment == config.augment[:1]


def test_everything_learns_and_decays() -> None:
    config = small_run(fine_tuning(recipe_config("aimclr-ntu60-xsub"), "runs/mine"))
    method = build_method(config, STORE.layout, STORE.channels)
    (group,) = build_optimizer(method, config.train).param_groups
    assert len(group["params"]) == len(list(method.parameters()))
    assert (group["weight_decay"], group["nesterov"], group["momentum"]) == (1e-4, True, 0.9)


def test_a_run_is_fine_tuned_with_some_of_the_labels(tmp_path: Path) -> None:
    config = small_run(recipe_config("aimclr-ntu60-xsub")).with_changes(split="nucla-xview")
    pretrained = fit(config, STORE, tmp_path / "run", accelerator="cpu")
    tuned = fine_tuning(config, str(pretrained.path))
    tuned = tuned.with_changes(
        train=tuned.train.with_changes(epochs=2, batch_size=8), subset=tuned.subset.with_changes(fraction=0.5)
    )
    result = finetune(tuned, STORE, tmp_path / "semi", controls=False, training=Training(accelerator="cpu"))
    assert (result.protocol, result.counts.train) == ("semi50@1", 12)
    method = RunDir.open(tmp_path / "semi" / "seed-0").load_method()
    assert isinstance(method, Supervised)
    assert isinstance(method.head, PlainHead)
    before = pretrained.load_method().encoder.state_dict()
    after = method.encoder.state_dict()
    assert before.keys() == after.keys()
    moved = [
        name for name, value in before.items() if value.is_floating_point() and not torch.equal(value, after[name])
    ]
    assert len(moved) > len(before) / 2, "the encoder learns too"


@pytest.mark.parametrize("method", ["skeletonclr", "crosclr", "aimclr", "actclr", "stjd_cl"])
def test_compact_recipes_fine_tune_under_their_mildest_view(method: str) -> None:
    config = recipe_config(f"{method}-compact")
    assert fine_tuning(config, "runs/mine").augment == (config.mildest,) == (PLAIN,)
