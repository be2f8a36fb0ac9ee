"""What every method on every encoder must do, whichever are registered."""

from dataclasses import replace

import pytest
import torch

from kineme.clips import ClipBatch
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.methods import Method, Progress, StepInput
from kineme.recipes.base import RunConfig
from kineme.train.build import build_method
from kineme.transforms.pipeline import train_pipeline
from ragged import ragged_store
from small import pairs, small_pair

START = Progress(step=0, epoch=0.0, epochs=1)
EXTENTS = [(1, 40), (2, 9), (1, 1), (1, 70)]


@pytest.fixture(params=pairs(), ids="-".join)
def config(request: pytest.FixtureRequest) -> RunConfig:
    """A small run of one method on one encoder that it accepts."""
    return small_pair(*request.param)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def views_of(config: RunConfig, layout: str = "kinect20", channels: int = 3) -> list[ClipBatch]:
    clips = ragged_store(0, EXTENTS, layout, channels).gather(range(len(EXTENTS)))
    clips = replace(clips, label=torch.arange(len(EXTENTS)))
    return [train_pipeline(config.prepare, augment)(clips, seeded(i)) for i, augment in enumerate(config.augment)]


def built(config: RunConfig) -> Method:
    return build_method(config, Layout.get("kinect20"), 3)


def test_step_teaches_every_parameter(config: RunConfig) -> None:
    method, views = built(config), views_of(config)
    output = method(StepInput(views, seeded(0), START))
    assert output.loss.shape == ()
    assert output.loss.isfinite()
    output.loss.backward()
    untaught = [name for name, p in method.named_parameters() if p.requires_grad and p.grad is None]
    assert not untaught
    method.after_step(START)


def test_draws_decide_the_step(config: RunConfig) -> None:
    method, views = built(config).eval(), views_of(config)
    draws, again, others = (method.sample(views, seeded(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(draws[key], again[key]) for key in draws)
    assert not draws or any(not torch.equal(draws[key], others[key]) for key in draws)
    first, second = (method.step(views, draws, START).loss for _ in range(2))
    assert torch.equal(first, second)


def test_step_leaves_its_input_alone(config: RunConfig) -> None:
    views = views_of(config)
    before = [view.xyz.clone() for view in views]
    built(config)(StepInput(views, seeded(0), START))
    assert all(torch.equal(view.xyz, xyz) for view, xyz in zip(views, before, strict=True))


def test_logs_and_artefacts_hold_no_graph(config: RunConfig) -> None:
    output = built(config)(StepInput(views_of(config), seeded(0), START))
    assert all(value.numel() == 1 for value in output.logs.values())
    assert not any(value.requires_grad for value in [*output.logs.values(), *output.artefacts.values()])


def test_bf16_autocast(config: RunConfig) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        loss = built(config)(StepInput(views_of(config), seeded(0), START)).loss
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    loss.backward()


def test_features(config: RunConfig) -> None:
    method = built(config).eval()
    (batch, *_) = views_of(config)
    with torch.inference_mode():
        features = method.encoder.features(batch)
        one = method.encoder.features(views_of_one(batch, 3))
    assert features.shape[:2] == (len(EXTENTS), config.prepare.bodies)
    assert features.ndim == 5
    assert features.isfinite().all()
    torch.testing.assert_close(one[0], features[3], rtol=1e-4, atol=1e-5)


def views_of_one(batch: ClipBatch, i: int) -> ClipBatch:
    part = slice(i, i + 1)
    return ClipBatch(
        batch.xyz[part], batch.present[part], batch.length[part], batch.index[part], batch.label[part], batch.layout
    )


def test_weights_depend_on_the_seed_alone(config: RunConfig) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = built(config).state_dict()
    assert torch.equal(torch.get_rng_state(), state), "building disturbed torch's own generator"
    torch.manual_seed(2)
    second = built(config).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = built(config.with_changes(train=config.train.with_changes(seed=1))).state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_state_dict_round_trip(config: RunConfig) -> None:
    method = built(config)
    twin = built(config.with_changes(train=config.train.with_changes(seed=1)))
    twin.load_state_dict(method.state_dict())
    views = views_of(config)
    losses = [net.eval()(StepInput(views, seeded(0), START)).loss for net in (method, twin)]
    assert torch.equal(*losses)


@pytest.mark.parametrize("layout", Layout.names())
def test_every_layout(config: RunConfig, layout: str) -> None:
    channels = 2 if Layout.get(layout).unit == "image" else 3
    method = build_method(config, Layout.get(layout), channels)
    views = views_of(config, layout, channels) if channels == 3 else flat_views(config, layout)
    assert method(StepInput(views, seeded(0), START)).loss.isfinite()


def flat_views(config: RunConfig, layout: str) -> list[ClipBatch]:
    """Views in the picture plane, where the default rotation in space does not apply."""
    still = tuple(augment.with_changes(rotation=(0, 0, 0)) for augment in config.augment)
    return views_of(config.with_changes(augment=still), layout, channels=2)


def test_the_number_of_views_must_fit(config: RunConfig) -> None:
    more = config.with_changes(augment=config.augment * 2)
    with pytest.raises(ConfigError, match=f"{config.method.name} wants .* views?, the run describes"):
        built(more)
