"""AgRNet's network on series that are no skeletons."""

import pytest
import torch

from kineme.encoders.agrnet import AgRNetEncoderConfig
from kineme.errors import ConfigError
from kineme.series import AgRNetSeries, Task

SMALL = AgRNetEncoderConfig(width=16, heads=2, hidden=8)


@pytest.mark.parametrize("channels", [1, 3, 12])
@pytest.mark.parametrize(
    ("task", "shape"), [("forecast", (4, 5, "C")), ("classify", (4, 3)), ("features", (4, "R"))], ids=str
)
def test_every_task_learns(channels: int, task: Task, shape: tuple[object, ...]) -> None:
    model = AgRNetSeries(channels, 40, task, horizon=5, num_classes=3, config=SMALL)
    series = torch.randn(4, 40, channels)
    streams = 2 if channels >= SMALL.shortest else 1
    made = model(series)
    assert made.shape == tuple({"C": channels, "R": 8 * streams}.get(str(size), size) for size in shape)
    targets = {"forecast": torch.randn(4, 5, channels), "classify": torch.tensor([0, 1, 2, 0]), "features": None}
    model.loss(series, targets[task]).backward()
    untaught = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not untaught


def test_features_are_the_same_from_call_to_call_in_evaluation() -> None:
    model = AgRNetSeries(6, 40, config=SMALL).eval()
    series = torch.randn(4, 40, 6)
    first = model(series)
    assert torch.equal(first, model(series))
    torch.testing.assert_close(model(series[1:2]), first[1:2])


@pytest.mark.parametrize(("task", "target"), [("features", torch.zeros(2)), ("forecast", None)], ids=["none", "some"])
def test_targets_must_fit_the_task(task: Task, target: torch.Tensor | None) -> None:
    with pytest.raises(ConfigError, match="target"):
        AgRNetSeries(3, 40, task, config=SMALL).loss(torch.zeros(2, 40, 3), target)


def test_other_lengths_and_channels() -> None:
    with pytest.raises(ConfigError, match=r"expected series of \(length, channels\) \(40, 3\), found \(39, 3\)"):
        AgRNetSeries(3, 40, config=SMALL)(torch.zeros(2, 39, 3))
    with pytest.raises(ConfigError, match="at least 5 tokens"):
        AgRNetSeries(3, 4, config=SMALL)
    with pytest.raises(ConfigError, match="mask_padding"):
        AgRNetSeries(3, 40, config=SMALL.with_changes(mask_padding=True))
