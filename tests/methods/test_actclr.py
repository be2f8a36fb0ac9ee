"""Both forms of ActCLR: what their options do, what they start from, and what batches they take."""

from collections.abc import Callable, Mapping
from typing import Literal

import pytest
import torch
from torch import Tensor

from kineme.clips import ClipBatch
from kineme.encoders.ball_transformer import BallTransformer, BallTransformerConfig
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.errors import ConfigError
from kineme.infer.start import load_start
from kineme.layout import Layout
from kineme.methods import Method, Progress
from kineme.methods.actclr import ActCLR, ActCLRConfig, at_slots, mean_clip
from kineme.methods.actclr_paper import ActCLRPaper, ActCLRPaperConfig
from kineme.methods.aimclr import AimCLR, AimCLRConfig
from kineme.nn.actionlet import to_frames
from kineme.transforms.base import Draws
from ragged import ragged_store

LAYOUT = Layout.get("kinect25")
WINDOW, SMALL = 16, {"features": 8, "queue_size": 32}
EARLY, LATE = (Progress(step=0, epoch=epoch, epochs=350) for epoch in (198.9, 199.0))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def encoder() -> STGCN:
    torch.manual_seed(0)
    return STGCN(STGCNConfig(hidden_channels=4, width=16, dropout=0.0), LAYOUT, WINDOW)


Build = Callable[[], ActCLR | ActCLRPaper]


def view(seed: int, count: int = 5) -> ClipBatch:
    return ragged_store(seed, [(2, WINDOW)] * count, LAYOUT.name, absent=0.0).gather(range(count)).pad()


def views(count: int = 5) -> list[ClipBatch]:
    """Strong, normal, plain and the key's: each of other clips, so that no two are mistaken for each other."""
    return [view(seed, count) for seed in range(4)]


def actclr(**changes: object) -> ActCLR:
    return ActCLR(ActCLRConfig.parse(SMALL | changes), encoder()).eval()


def paper(**changes: object) -> ActCLRPaper:
    return ActCLRPaper(ActCLRPaperConfig.parse(SMALL | changes), encoder()).eval()


def loss(method: Method, draws: Draws, progress: Progress = EARLY) -> Tensor:
    return method.step(views(), draws, progress).loss.detach()


# --- as in the authors' code -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "used"), [("wide", EARLY), ("narrow", LATE)])
def test_the_first_mix_narrows_with_time(name: str, used: Progress) -> None:
    method = actclr()
    draws = {**method.sample(views(), seeded()), f"{name}.branch": torch.tensor(0.1)}
    others = {**draws, f"{name}.branch": torch.tensor(0.9)}
    for progress in (EARLY, LATE):
        is_same = torch.equal(loss(method, draws, progress), loss(method, others, progress))
        assert is_same == (progress is not used)


@pytest.mark.parametrize(
    ("settings", "is_styled"), [({}, True), ({"keep_style": False}, False), ({"stream": "bone"}, False)]
)
def test_the_last_mix_keeps_the_style_as_published(settings: Mapping[str, object], is_styled: bool) -> None:
    method = actclr(**settings)
    plain = views()[2]
    draws = {**method.sample(views(), seeded()), "adain.shift": torch.tensor(1)}
    others = {**draws, "adain.shift": torch.tensor(2)}
    shown = torch.ones(5, 2, 4, 25)
    styled, last = zip(*(method.mixed(plain, each, EARLY, shown) for each in (draws, others)), strict=True)
    assert not torch.equal(styled[0].xyz, styled[1].xyz)
    assert torch.equal(last[0].xyz, last[1].xyz) != is_styled


def test_outside_its_actionlet_a_clip_is_mixed() -> None:
    method, plain = actclr(), views()[2]
    draws = method.sample(views(), seeded())
    nowhere, _ = method.mixed(plain, draws, EARLY, torch.zeros(5, 2, 4, 25))
    everywhere, _ = method.mixed(plain, draws, EARLY, torch.ones(5, 2, 4, 25))
    styled = method.adain.apply(plain, {"shift": draws["adain.shift"]})
    assert torch.equal(everywhere.xyz, styled.xyz)
    assert not torch.equal(nowhere.xyz, styled.xyz)


def test_a_key_is_of_the_clip_and_of_its_actionlet() -> None:
    clips = view(3)
    plain, both, focused = (actclr(focus=focus) for focus in (0.0, 0.5, 1.0))
    anchor = plain.static_anchor(mean_clip(clips))
    torch.testing.assert_close(plain.focused_key(clips, anchor), plain.key(clips))
    whole, middle, part = (method.focused_key(clips, anchor) for method in (plain, both, focused))
    has_actionlet = part.norm(dim=1) > 0
    assert has_actionlet.any()
    nearness = (whole * part).sum(1)[has_actionlet]
    assert ((whole * middle).sum(1)[has_actionlet] > nearness).all()
    assert ((middle * part).sum(1)[has_actionlet] > nearness).all()


def test_a_mixed_key_lies_between_those_of_both_clips() -> None:
    method, plain = actclr(), views()[2]
    draws = {**method.sample(views(), seeded()), "last.branch": torch.tensor(0.1), "last.weight": torch.tensor(0.25)}
    key = torch.eye(8)[:5]
    mixed = method.mixed_key(key, plain, draws, torch.zeros(5, 2, 4, 25))
    partner = key.roll(-int(draws["last.shift"]), 0)
    expected = torch.nn.functional.normalize(0.75 * key + 0.25 * partner, dim=1)
    torch.testing.assert_close(mixed, expected, rtol=1e-4, atol=1e-4)


def test_weights_along_features() -> None:
    weight, key = torch.arange(1.0, 9.0), torch.ones(8, 8)
    method = actclr(weights_along="features")
    assert torch.equal((method.along(weight, key) * key)[0], weight)
    assert torch.equal((actclr().along(weight, key) * key)[:, 0], weight)
    with pytest.raises(ConfigError, match="wants as many clips in a process as"):
        loss(method, method.sample(views(), seeded()))


def test_cells_of_slots() -> None:
    cells = torch.arange(50)[:, None]
    assert at_slots(cells, 13).flatten().tolist() == list(range(0, 50, 4))
    assert at_slots(cells[:10], 6).flatten().tolist() == [0, 2, 4, 6, 8, 9]


def test_mean_of_a_batch() -> None:
    clips = view(0)
    mean = mean_clip(clips)
    assert len(mean) == 1
    assert mean.length.shape == mean.label.shape == mean.index.shape == (1,)
    torch.testing.assert_close(mean.xyz[0], clips.xyz.mean(0))


# --- as in the paper ---------------------------------------------------------------------------------------------


def still(method: ActCLRPaper, clips: ClipBatch) -> dict[str, Tensor]:
    """Draws that change nothing, but for the style and what happens outside of an actionlet."""
    draws = dict(method.sample([clips], seeded()))
    eye = torch.eye(3).expand(len(clips), 3, 3)
    nothing = {
        "crop.start": torch.zeros_like(draws["crop.start"]),
        "shear.matrix": eye,
        "swap.swapped": torch.zeros_like(draws["swap.swapped"]),
        "rotation.angles": torch.zeros_like(draws["rotation.angles"]),
        "noise.noise": torch.zeros_like(draws["noise.noise"]),
        "blur.sigma": torch.zeros_like(draws["blur.sigma"]),
        "axis.axis": torch.full_like(draws["axis.axis"], -1),
        "reverse.reversed": torch.zeros_like(draws["reverse.reversed"]),
    }
    assert nothing.keys() <= draws.keys()
    return draws | nothing


def one_cell(joint: str, frame: int) -> Tensor:
    share = torch.zeros(5, 2, WINDOW, 25)
    share[:, :, frame, LAYOUT.index(joint)] = 1
    return share


@pytest.mark.parametrize(
    ("change", "joint", "frame"),
    [
        ({}, "left_wrist", 3),
        ({"swap.swapped": torch.ones(5, dtype=torch.bool)}, "right_wrist", 3),
        ({"reverse.reversed": torch.ones(5, dtype=torch.bool)}, "left_wrist", WINDOW - 4),
        ({"crop.start": torch.full((5,), 2)}, "left_wrist", 1),
    ],
    ids=["still", "swapped", "reversed", "cropped"],
)
def test_an_actionlet_moves_along_with_its_clip(change: dict[str, Tensor], joint: str, frame: int) -> None:
    method, clips = paper(), view(0)
    draws = still(method, clips) | change
    # Noise of one everywhere outside, and no mix: what differs is exactly the outside.
    draws |= {"strong_noise.noise": torch.ones_like(clips.xyz), "mix.parts": torch.zeros(5, dtype=torch.bool)}
    draws["mix.branch"] = torch.tensor(0.9)
    inside = method.transformed(clips, draws, torch.ones(5, 2, WINDOW, 25)).xyz
    shown = method.transformed(clips, draws, one_cell("left_wrist", 3)).xyz
    same = (shown - inside).abs().amax(dim=-1) < 0.5
    assert torch.equal(same, one_cell(joint, frame).bool())


def test_the_average_grows_in_training_alone() -> None:
    method, clips = paper(), view(0)
    draws = method.sample([clips], seeded())
    method.step([clips], draws, EARLY)
    assert not method.average.count.any()
    method.train().step([clips], draws, EARLY)
    assert (method.average.count == 10).all()
    torch.testing.assert_close(method.average.mean, clips.xyz.mean((0, 1)))


def test_the_map_of_the_paper_reaches_one() -> None:
    method, clips = paper(), view(0)
    method.average.add(view(1))
    key, actionlet = method.focused_key(clips)
    torch.testing.assert_close(actionlet.amax(dim=(1, 2, 3)), torch.ones(5))
    assert (actionlet < 0.9).any()
    torch.testing.assert_close(key.norm(dim=1), torch.ones(5))
    assert to_frames(actionlet, WINDOW).shape == clips.xyz.shape[:-1]


# --- both --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [actclr, paper])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_small_batches(build: Build, count: int) -> None:
    method = build().train()
    few = views(count)[-method.num_views :]
    output = method.step(few, method.sample(few, seeded()), EARLY)
    assert output.loss.isfinite()
    assert method.queue.place == count


@pytest.mark.parametrize("build", [actclr, paper])
def test_every_parameter_learns_under_autocast(build: Build) -> None:
    method = build().train()
    some = views()[-method.num_views :]
    with torch.autocast("cpu", torch.bfloat16):
        loss = method.step(some, method.sample(some, seeded()), EARLY).loss
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(parameter.grad is not None for parameter in method.parameters() if parameter.requires_grad)


@pytest.mark.parametrize("build", [actclr, paper])
def test_views_are_precise_under_autocast(build: Build) -> None:
    method = build()
    read: list[Tensor] = []
    features = method.encoder.features
    method.encoder.features = lambda batch: (read.append(batch.xyz), features(batch))[1]
    some = views()[-method.num_views :]
    draws = method.sample(some, seeded())
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            method.step(some, draws, EARLY)
    plain, rounded = read[: len(read) // 2], read[len(read) // 2 :]
    assert all(xyz.dtype == torch.float32 for xyz in rounded)
    # Maps come of the encoder and do differ a little; most of the coordinates must not.
    share = torch.stack([(a == b).float().mean() for a, b in zip(plain, rounded, strict=True)])
    assert (share > 0.2).all()


@pytest.mark.parametrize("build", [actclr, paper])
@pytest.mark.parametrize("scope", ["all_matching", "encoder"])
def test_both_encoders_start_from_the_query_encoder(build: Build, scope: Literal["all_matching", "encoder"]) -> None:
    torch.manual_seed(1)
    method, stage_one = build(), AimCLR(AimCLRConfig.parse(SMALL | {"independent_key_init": True}), encoder())
    torch.nn.init.ones_(stage_one.projector.get_parameter("0.weight"))
    queue = method.queue.keys.clone()
    load_start(method, stage_one.state_dict(), scope)
    for name, value in stage_one.encoder.state_dict().items():
        assert torch.equal(method.encoder.state_dict()[name], value), name
        assert torch.equal(method.key_encoder.state_dict()[name], value), name
    for name, value in method.projector.state_dict().items():
        assert torch.equal(method.key_projector.state_dict()[name], value)
    is_taken = torch.equal(method.projector.state_dict()["0.weight"], stage_one.projector.state_dict()["0.weight"])
    assert is_taken == (scope == "all_matching")
    assert torch.equal(method.queue.keys, queue)
    assert method.queue.place == 0


@pytest.mark.parametrize("kind", [(ActCLR, ActCLRConfig), (ActCLRPaper, ActCLRPaperConfig)])
def test_an_encoder_without_some_joints_is_declined(kind: tuple[type, type]) -> None:
    method, config = kind
    ball = BallTransformer(BallTransformerConfig(width=16, depth=1, heads=2), LAYOUT, window=12)
    with pytest.raises(ConfigError, match="needs an encoder with features of all 25 joints"):
        method(config(), ball)
