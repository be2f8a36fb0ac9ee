"""Features are a function of weights and clips, and extracting them changes nothing."""

from pathlib import Path
from typing import ClassVar, get_args

import numpy as np
import pytest
import torch

from fake import small_store, tiny_config
from kineme.clips import ClipBatch
from kineme.encoders import Encoder, EncoderConfig
from kineme.errors import RunError
from kineme.evaluate.bank import FeatureBank, extract
from kineme.evaluate.config import FeatureConfig
from kineme.evaluate.pooling import pools
from kineme.layout import Layout
from kineme.train.build import build_method
from kineme.transforms.pipeline import Augmentation, Preparation

PREPARE = Preparation(window=16, bodies=1)


class CoordinatesConfig(EncoderConfig):
    name: str = "coordinates"


class Coordinates(Encoder):
    """Coordinates themselves, two frames per slot; in training mode it adds noise."""

    Config: ClassVar = CoordinatesConfig

    def __init__(self) -> None:
        super().__init__(CoordinatesConfig(), Layout.get("kinect20"), 16, 3)
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.frozen = torch.nn.Dropout(0.5).eval()

    def features(self, batch: ClipBatch) -> torch.Tensor:
        B, M, T, V, C = batch.xyz.shape
        x = self.frozen(batch.xyz) + self.training * torch.rand(1)
        return x.view(B, M, T // 2, 2, V, C).mean(dim=3) * self.weight


def test_pooling_takes_the_mean_or_keeps_joints() -> None:
    features = torch.randn(2, 2, 3, 5, 7)
    torch.testing.assert_close(pools["mean"](features), features.mean((1, 2, 3)))
    by_joint = pools["joint"](features).view(2, 5, 7)
    torch.testing.assert_close(by_joint[1, 4], features[1, :, :, 4].mean((0, 1)))


def test_every_pooling_can_be_configured() -> None:
    assert set(get_args(FeatureConfig.model_fields["pool"].annotation)) == set(pools)


def test_batches_do_not_matter_and_views_do() -> None:
    store, encoder, index = small_store(), Coordinates(), np.array([5, 0, 7, 3, 2])
    one = extract(encoder, store, index, PREPARE, FeatureConfig(), batch_size=5)
    many = extract(
        encoder, store, index, PREPARE, FeatureConfig(), augment=Augmentation(), views=3, batch_size=2, seed=1
    )
    assert one.shape == (1, 5, 3)
    assert one.dtype == torch.float32
    torch.testing.assert_close(many[0], one[0])
    assert not torch.allclose(many[1], many[0])
    assert not torch.allclose(many[1], many[2])


def test_views_depend_on_the_seed_alone() -> None:
    store, encoder, index = small_store(), Coordinates(), np.arange(6)

    def views(seed: int) -> torch.Tensor:
        return extract(encoder, store, index, PREPARE, FeatureConfig(), augment=Augmentation(), views=2, seed=seed)

    torch.testing.assert_close(views(3), views(3), rtol=0, atol=0)
    assert not torch.equal(views(3), views(4))


def test_encoder_is_left_as_it_was() -> None:
    store, config = small_store(), tiny_config()
    encoder = build_method(config, store.layout, store.channels).encoder.train()
    encoder.get_submodule("norm").eval()
    modes = [module.training for module in encoder.modules()]
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    features = extract(encoder, store, np.arange(len(store)), config.prepare, config.features)
    assert [module.training for module in encoder.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert all(parameter.grad is None for parameter in encoder.parameters())
    features.sum().requires_grad_()  # an ordinary tensor, not one of inference mode


def test_mode_is_restored_after_a_failure() -> None:
    encoder = Coordinates().train()
    with pytest.raises(RuntimeError):
        extract(encoder, small_store(), np.arange(3), Preparation(window=15, bodies=1), FeatureConfig())
    assert encoder.training


def test_progress_counts_every_clip_of_every_view() -> None:
    told: list[tuple[int, int]] = []
    extract(
        Coordinates(),
        small_store(),
        np.arange(5),
        PREPARE,
        FeatureConfig(),
        views=2,
        batch_size=2,
        on_clips=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 10) for done in (2, 4, 5, 7, 9, 10)]


def test_bank_survives_the_disk(tmp_path: Path) -> None:
    store, index = small_store(), np.array([4, 1, 9])
    bank = FeatureBank.of(torch.randn(2, 3, 4), store, index)
    bank.save(tmp_path / "deep" / "bank.safetensors", key="k")
    back = FeatureBank.load(tmp_path / "deep" / "bank.safetensors")
    assert FeatureBank.key(tmp_path / "deep" / "bank.safetensors") == "k"
    assert torch.equal(back.views, bank.views)
    assert torch.equal(back.labels, torch.from_numpy(store.labels[index].astype(np.int64)))
    assert torch.equal(back.subjects, bank.subjects)
    assert back.ids.tolist() == store.ids[index].tolist()
    assert back.classes == store.classes


def test_what_is_no_bank_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "bank.safetensors"
    assert FeatureBank.key(file) is None
    file.write_bytes(b"something else")
    assert FeatureBank.key(file) is None
    with pytest.raises(RunError, match="not a feature bank"):
        FeatureBank.load(file)
