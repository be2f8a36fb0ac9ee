"""Schedules, decay rules and small parts of the masked recipe against numbers from the authors' code."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import golden_cases, load_npz
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.infer.official import our_name
from kineme.layout import Layout
from kineme.methods.mae import MAE, MAEConfig
from kineme.methods.supervised import Supervised, SupervisedConfig
from kineme.nn.tokens import resize_time_table
from kineme.nn.transformer import DropPath, drop_path
from kineme.semi import reference_subset
from kineme.train.config import TrainConfig
from kineme.train.optim import build_optimizer, cosine_lr

Arrays = dict[str, np.ndarray]


@pytest.fixture(params=golden_cases("masked/recipe*.npz"))
def golden(request: pytest.FixtureRequest) -> Arrays:
    path: Path = request.param
    return load_npz(path)


def matches(golden: Arrays, pattern: str) -> Iterator[tuple[str, ...]]:
    """Groups of every key that matches; at least one does."""
    found = [match.groups() for key in golden if (match := re.fullmatch(pattern, key))]
    assert found, pattern
    yield from found


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array)


def small_encoder(depth: int, drop_path: float = 0.0) -> SkeletonTransformer:
    config = SkeletonTransformerConfig(width=8, depth=depth, heads=2, drop_path=drop_path)
    return SkeletonTransformer(config, Layout.get("kinect25"), window=8)


def num_blocks(names: np.ndarray, prefix: str = "") -> int:
    blocks = [re.match(rf"{prefix}blocks\.(\d+)\.", name) for name in names.tolist()]
    return 1 + max(int(match.group(1)) for match in blocks if match)


@pytest.mark.parametrize(
    ("schedule", "settings"),
    [
        ("pretrain", {"peak": 1e-3, "minimum": 5e-4, "warmup": 20, "epochs": 400}),
        ("finetune", {"peak": 3e-4, "minimum": 1e-5, "warmup": 5, "epochs": 100}),
        ("linprobe", {"peak": 0.1, "minimum": 0.0, "warmup": 0, "epochs": 100}),
    ],
)
def test_learning_rates(golden: Arrays, schedule: str, settings: dict[str, float]) -> None:
    ours = np.array([cosine_lr(float(epoch), **settings) for epoch in golden[f"f64/lr_{schedule}_epoch"]])
    expected = golden[f"f64/lr_{schedule}_value"]
    np.testing.assert_allclose(np.stack([ours, ours * 0.8**3], axis=1), expected, rtol=1e-9, atol=1e-18)


def test_fine_tuning_groups(golden: Arrays) -> None:
    """Layer-wise decay and weight decay of every parameter, from the optimiser itself."""
    names = golden["out/lrd_names"].tolist()
    encoder = small_encoder(num_blocks(golden["out/lrd_names"]))
    method = Supervised(SupervisedConfig(num_classes=4, hidden=8), encoder)
    parameters = dict(method.named_parameters())
    assert {our_name(name) for name in names} == set(parameters)
    for whole, fraction in matches(golden, r"f64/lrd_(\d+)p(\d+)_scale"):
        groups = build_optimizer(method, TrainConfig(layer_decay=float(f"{whole}.{fraction}"))).param_groups
        group_of = {id(parameter): group for group in groups for parameter in group["params"]}
        ours = [group_of[id(parameters[our_name(name)])] for name in names]
        key = f"f64/lrd_{whole}p{fraction}"
        np.testing.assert_allclose([group["lr_scale"] for group in ours], golden[f"{key}_scale"], rtol=1e-9)
        np.testing.assert_allclose([group["weight_decay"] for group in ours], golden[f"{key}_wd"], rtol=1e-9)


def test_pretraining_weight_decay(golden: Arrays) -> None:
    names = golden["out/pretrain_wd_names"]
    config = MAEConfig(decoder_width=8, decoder_heads=2, decoder_depth=num_blocks(names, "decoder_"))
    method = MAE(config, small_encoder(num_blocks(names)))
    groups = build_optimizer(method, TrainConfig()).param_groups
    decay = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    ours = {name: decay[id(parameter)] for name, parameter in method.named_parameters()}
    expected = {our_name(name): value for name, value in zip(names, golden["f64/pretrain_wd"], strict=True)}
    assert ours == pytest.approx(expected, rel=1e-9)


def test_semi_supervised_subsets(golden: Arrays) -> None:
    for num, fraction, seed in matches(golden, r"out/semi_n(\d+)_r([\d.]+)_s(\d+)"):
        ours = reference_subset(int(num), float(fraction), int(seed))
        np.testing.assert_array_equal(ours, golden[f"out/semi_n{num}_r{fraction}_s{seed}"])


def test_position_tables_are_resized(golden: Arrays) -> None:
    for before, after in matches(golden, r"in/temp_embed_(\d+)_(\d+)"):
        ours = resize_time_table(tensor(golden[f"in/temp_embed_{before}_{after}"]), int(after))
        np.testing.assert_allclose(ours.numpy(), golden[f"out/temp_embed_{before}_{after}"], rtol=1e-4, atol=1e-5)


def test_stochastic_depth(golden: Arrays) -> None:
    branch, uniform = tensor(golden["in/droppath_x"]), tensor(golden["rng/droppath_u"])
    nothing, rate = torch.zeros_like(branch), golden["cfg/droppath_p"].item()
    ours = drop_path(nothing, rate, uniform.flatten(), lambda kept: kept, branch)
    np.testing.assert_allclose(ours.numpy(), golden["out/droppath_y"], rtol=1e-4, atol=1e-5)


def test_stochastic_depth_grows_over_blocks(golden: Arrays) -> None:
    for depth, rate in matches(golden, r"f64/dpr_depth(\d+)_rate([\d.]+)"):
        encoder = small_encoder(int(depth), drop_path=float(rate))
        ours = [module.rate for module in encoder.modules() if isinstance(module, DropPath)]
        np.testing.assert_allclose(ours, golden[f"f64/dpr_depth{depth}_rate{rate}"], rtol=1e-9)


def test_label_smoothing(golden: Arrays) -> None:
    logits, target = tensor(golden["in/ls_logits"]), tensor(golden["in/ls_target"]).long()
    ours = F.cross_entropy(logits, target, label_smoothing=0.1)
    np.testing.assert_allclose(ours.numpy(), golden["out/ls_loss"], rtol=1e-4, atol=1e-5)
