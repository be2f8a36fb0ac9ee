"""Optimiser and schedule."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.layout import Layout
from kineme.methods.stjd_cl import STJDCL, STJDCLConfig
from kineme.methods.supervised import Supervised, SupervisedConfig
from kineme.train.config import TrainConfig
from kineme.train.optim import build_optimizer, cosine_lr, learning_rate, lr_scale, set_lr


def test_schedule_rises_then_falls() -> None:
    rates = [cosine_lr(epoch / 10, peak=1.0, minimum=0.2, warmup=5, epochs=50) for epoch in range(501)]
    assert rates[0] == 0
    assert rates[25] == pytest.approx(0.5)
    assert max(rates) == rates[50] == 1
    assert rates[-1] == pytest.approx(0.2)
    assert all(later <= earlier for earlier, later in pairwise(rates[50:]))


def test_no_warmup_starts_at_the_peak() -> None:
    assert cosine_lr(0, peak=1.0, minimum=0.0, warmup=0, epochs=10) == 1


def test_warmup_of_a_short_run_is_the_whole_run() -> None:
    optimizer = build_optimizer(nn.Linear(2, 2), TrainConfig(epochs=4))
    assert set_lr(optimizer, TrainConfig(epochs=4, warmup_epochs=20, lr=1.0), epoch=3) == pytest.approx(0.75)


def test_set_lr_sets_every_group() -> None:
    config = TrainConfig(epochs=10, warmup_epochs=2, lr=1.0)
    optimizer = build_optimizer(nn.Linear(2, 2), config)
    assert set_lr(optimizer, config, epoch=1) == 0.5
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]


def test_decay_spares_biases_norms_and_the_frozen() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    network[0].requires_grad_(False)
    spared, decayed = build_optimizer(network, TrainConfig(weight_decay=0.1)).param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0)
    assert [parameter.shape for parameter in decayed["params"]] == [torch.Size([2, 4])]
    assert [parameter.shape for parameter in spared["params"]] == [torch.Size([4]), torch.Size([4]), torch.Size([2])]


def test_layers_from_the_bottom_up() -> None:
    config = SkeletonTransformerConfig(width=8, depth=12, heads=2)
    encoder = SkeletonTransformer(config, Layout.get("kinect20"), window=8)
    names = ["tokeniser.weight", "positions.time", "blocks.0.norm1.bias", "blocks.11.mlp.fc1.weight", "norm.weight"]
    assert [encoder.level(name) for name in names] == [0, 0, 1, 12, 13]
    model = nn.ModuleDict({"head": nn.Linear(2, 2)})
    model.encoder = encoder
    assert lr_scale(model, "head.weight", decay=0.5) == 1
    assert lr_scale(model, "encoder.norm.weight", decay=0.5) == 1
    assert lr_scale(model, "encoder.blocks.11.norm1.bias", decay=0.5) == 0.5


def test_layer_decay_slows_the_lower_levels() -> None:
    config = TrainConfig(epochs=10, warmup_epochs=0, lr=1.0, layer_decay=0.5)
    encoder = SkeletonTransformer(
        SkeletonTransformerConfig(width=8, depth=1, heads=2), Layout.get("kinect20"), window=8
    )
    optimizer = build_optimizer(Supervised(SupervisedConfig(num_classes=2, hidden=4), encoder), config)
    assert set_lr(optimizer, config, epoch=0) == 1
    assert {group["lr"] for group in optimizer.param_groups} == {0.25, 0.5, 1.0}


def test_gradient_descent_decays_everything_if_asked() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    config = TrainConfig(optimizer="sgd", momentum=0.8, nesterov=True, weight_decay=0.1, decay_all=True)
    optimizer = build_optimizer(network, config)
    assert isinstance(optimizer, torch.optim.SGD)
    (group,) = optimizer.param_groups
    assert (group["weight_decay"], group["momentum"], group["nesterov"]) == (0.1, 0.8, True)
    assert len(group["params"]) == 4


def test_parts_that_learn_apart() -> None:
    encoder = SkeletonTransformer(
        SkeletonTransformerConfig(width=8, depth=1, heads=2), Layout.get("kinect20"), window=8
    )
    config = TrainConfig(optimizer="sgd", lr=1.0, warmup_epochs=0, weight_decay=0.1, decay_all=True)
    method = STJDCL(STJDCLConfig(features=4, queue_size=8, density_lr=0.3), encoder)
    optimizer = build_optimizer(method, config)
    set_lr(optimizer, config, epoch=0)
    rest, density = optimizer.param_groups
    assert (density["weight_decay"], density["lr"]) == (0, 0.3)
    assert density["params"] == [method.density.raw_bandwidth]
    assert (rest["weight_decay"], rest["lr"]) == (0.1, 1)


def test_rate_in_steps_after_a_warm_up() -> None:
    config = TrainConfig(schedule="steps", steps=(4, 6), warmup_epochs=2, lr=1.0, epochs=10)
    rates = [learning_rate(config, epoch) for epoch in (0, 1, 2, 3.9, 4, 6)]
    assert rates == pytest.approx([0, 0.5, 1, 1, 0.1, 0.01])
