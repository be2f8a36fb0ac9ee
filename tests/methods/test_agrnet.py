"""AgRNet's modes: what learns, from what, and when."""

import pytest
import torch
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders.agrnet import AgRNetEncoder, AgRNetEncoderConfig
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.methods import Progress
from kineme.methods.agrnet import AgRNet, AgRNetConfig, Mode

KINECT = Layout.get("kinect25")
SMALL = AgRNetEncoderConfig(width=16, heads=2, hidden=12)
EVEN, ODD = Progress(step=0, epoch=0.0, epochs=1), Progress(step=1, epoch=0.0, epochs=1)


def random_batch(num_clips: int = 3) -> ClipBatch:
    xyz = torch.randn(num_clips, 1, 50, 25, 3, generator=torch.Generator().manual_seed(0)).cumsum(dim=2) / 10
    clips = torch.arange(num_clips)
    present = torch.ones(num_clips, 1, 50, dtype=torch.bool)
    return ClipBatch(xyz, present, torch.full_like(clips, 50), clips, clips, KINECT)


def built(mode: Mode = "end2end", **changes: object) -> AgRNet:
    torch.manual_seed(0)
    return AgRNet(AgRNetConfig(mode=mode), AgRNetEncoder(SMALL.with_changes(**changes), KINECT, 50))


def taught(method: AgRNet, progress: Progress) -> set[str]:
    """Names of the weights that a step teaches, by their module."""
    draws = method.sample([random_batch()], torch.Generator().manual_seed(0))
    method.zero_grad(set_to_none=True)
    method.step([random_batch()], draws, progress).loss.backward()
    return {name for name, p in method.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    ("setting", "value"), [("pfm", True), ("pfm", False), ("aaga", False), ("adga", False), ("cell", "gru")]
)
def test_everything_learns_end_to_end(setting: str, value: object) -> None:
    method = built("end2end", **{setting: value})
    assert taught(method, EVEN) == {name for name, p in method.named_parameters() if p.requires_grad}


def test_targets_end_to_end_are_pooled_input() -> None:
    method = built()
    tokens, encoded = torch.randn(2, 50, 75), torch.randn(2, 13, 16)
    target = method.regeneration.target(tokens, encoded)
    assert torch.equal(target, F.adaptive_avg_pool1d(tokens.mT, 13).mT)


def test_detached_targets_are_features_that_are_not_followed() -> None:
    method = built("detached")
    encoded = torch.randn(2, 13, 16, requires_grad=True)
    target = method.regeneration.target(torch.randn(2, 50, 75), encoded)
    assert torch.equal(target, encoded)
    assert not target.requires_grad
    assert taught(method, EVEN) == {name for name, p in method.named_parameters() if p.requires_grad}


def test_streams_learn_in_turn_in_reference_mode() -> None:
    method = built("reference")
    for progress, learning, resting in ((EVEN, "temporal", "spatial"), (ODD, "spatial", "temporal")):
        names = taught(method, progress)
        assert names
        assert not any(resting in name for name in names)
        assert any(name.startswith(f"encoder.network.summaries.{learning}") for name in names)
        assert not any(name.startswith("encoder.network.streams") for name in names)


def test_reference_mode_shares_what_the_driver_shares() -> None:
    method = built("reference", share_streams=True)
    learned = sum(p.numel() for p in method.parameters() if p.requires_grad)
    width, state = 16, 12
    kernels = 2 * (width + state // 2) * state // 2 + 2 * 2 * (state + state // 2) * state // 2
    encoder = kernels + 3 * 2 * state // 2
    decoders = (width + state + 1) * (state + 3 * state)
    assert learned == encoder + decoders + (state + 1) * width


def test_attention_stays_as_it_is_in_reference_mode() -> None:
    method = built("reference").train()
    assert not any(module.training for module in method.encoder.network.streams.modules())
    assert method.training
    assert method.encoder.network.summaries.training
    assert not method.sample([random_batch()], torch.Generator())
    before = {name: value.clone() for name, value in method.encoder.network.streams.state_dict().items()}
    taught(method, EVEN)
    after = method.encoder.network.streams.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_draws_decide_which_keys_are_sampled() -> None:
    method, batch = built(dropout=0.0), random_batch()
    draws = [method.sample([batch], torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    shapes = {"temporal.0.0": (50, 20), "temporal.0.1": (25, 20), "spatial.0.0": (75, 25), "spatial.0.1": (38, 20)}
    assert {name: tuple(index.shape) for name, index in draws[0].items()} == shapes | {"spatial.0.2": (19, 15)}
    losses = [method.step([batch], each, EVEN).loss for each in draws]
    assert losses[0] == losses[1] != losses[2]


def test_losses_of_both_streams_are_logged() -> None:
    method = built().eval()
    output = method.step([random_batch()], {}, EVEN)
    assert output.loss == sum(output.logs.values())
    assert set(output.logs) == {"temporal", "spatial"}


def test_a_few_steps_lower_the_loss() -> None:
    method, batch = built(), random_batch(8)
    optimizer = torch.optim.Adam(method.parameters(), lr=3e-3)
    losses = []
    for step in range(20):
        draws = method.sample([batch], torch.Generator().manual_seed(step))
        loss = method.step([batch], draws, EVEN).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="not of STGCN"):
        AgRNet(AgRNetConfig(), STGCN(STGCNConfig(), KINECT, 50))
    with pytest.raises(ConfigError, match="no feature learns"):
        built("reference", pfm=False)
    with pytest.raises(ConfigError, match="share_streams"):
        built("end2end", share_streams=True)
