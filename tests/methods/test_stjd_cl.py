"""How STJD-CL behaves: what is prime, who learns from which loss, what the query sees."""

import logging
from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize

from kineme.clips import ClipBatch
from kineme.encoders.ball_transformer import BallTransformer, BallTransformerConfig
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.methods import Progress
from kineme.methods.stjd_cl import STJDCL, STJDCLConfig
from kineme.nn.prime_pooling import mix_cells, prime_pooling, resize_mask

LAYOUT = Layout.get("kinect25")
WINDOW = 16
START = Progress(step=0, epoch=0.0, epochs=1)
JOINTS = {"density_space": "coordinate", "density": {"h_init": 0.25}}
STILL = {"grad": "none"}


def built(**changes: object) -> STJDCL:
    """A small method whose networks differ from the keys', as in the midst of training."""
    torch.manual_seed(0)
    encoder = STGCN(STGCNConfig(hidden_channels=4, width=16), LAYOUT, WINDOW)
    settings = {"features": 8, "queue_size": 32, "independent_key_init": True}
    return STJDCL(STJDCLConfig.parse(settings | changes), encoder)


def clips(*present: tuple[bool, bool], seed: int = 0) -> ClipBatch:
    """Two bodies per clip that walk at random where present."""
    seen = torch.tensor(present)[:, :, None].expand(-1, -1, WINDOW)
    steps = torch.randn(*seen.shape, LAYOUT.num_joints, 3, generator=seeded(seed)) * 0.1
    number = torch.arange(len(seen))
    return ClipBatch(steps.cumsum(2) * seen[..., None, None], seen, number, number, number, LAYOUT)


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def views_of(*present: tuple[bool, bool]) -> list[ClipBatch]:
    return [clips(*present, seed=seed) for seed in range(3)]


def unswapped(views: list[ClipBatch]) -> dict[str, Tensor]:
    return {"swapped": torch.zeros(len(views[0]), dtype=torch.bool)}


def one_clip(batch: ClipBatch, i: int) -> ClipBatch:
    return replace(batch, **{key: value[i : i + 1] for key, value in vars(batch).items() if isinstance(value, Tensor)})


def taught(method: STJDCL, loss: Tensor) -> set[str]:
    """Parts of the method that a loss has a gradient for."""
    for parameter in method.parameters():
        parameter.grad = None
    if loss.requires_grad:
        loss.backward()
    return {name.split(".")[0] for name, p in method.named_parameters() if p.grad is not None and p.grad.any()}


def both_losses(method: STJDCL) -> tuple[Tensor, Tensor]:
    """Contrast and reverse contrast of a step."""
    strong, normal, key_view = views_of((True, True), (True, False), (True, True))
    features = method.key_features(key_view)
    mask = method.detect(key_view, features)
    query = method.query(method.encoder.features(method.mixed(strong, normal, mask.detach())))
    return method.losses(query, *method.keys(features, mask), mask.flatten(1).any(dim=1))


@pytest.mark.parametrize(
    ("changes", "contrast", "reverse"),
    [
        ({}, {"encoder", "projector", "density"}, {"density"}),
        ({"prime": STILL}, {"encoder", "projector"}, set()),
        ({"density": {"trainable": False}}, {"encoder", "projector"}, set()),
        ({"rcl_anchor": "zq"}, {"encoder", "projector", "density"}, {"encoder", "projector", "density"}),
        ({"rcl_anchor": "zq", "prime": STILL}, {"encoder", "projector"}, {"encoder", "projector"}),
        ({"rcl_type": "margin", "rcl_margin": -1}, {"encoder", "projector", "density"}, {"density"}),
        ({"rcl_type": "hard_negative", "prime": STILL}, {"encoder", "projector"}, {"encoder", "projector"}),
        ({"grad_from": ("reverse",)}, {"encoder", "projector"}, {"density"}),
        ({"grad_from": ("contrast",)}, {"encoder", "projector", "density"}, set()),
        ({"separate_gp": True}, {"encoder", "projector", "density"}, {"density"}),
        ({"objective": "actclr_kl"}, {"encoder", "projector", "density"}, {"density"}),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set) else str(value),
)
def test_who_learns_from_which_loss(changes: dict[str, object], contrast: set[str], reverse: set[str]) -> None:
    """Never the keys' networks, and from the reverse contrast the encoder only where the query is the anchor."""
    method = built(**changes)
    assert taught(method, both_losses(method)[0]) == contrast
    assert taught(method, both_losses(method)[1]) == reverse


@pytest.mark.parametrize("grad", ["ste", "soft"])
def test_bandwidths_learn(grad: str) -> None:
    method = built(prime={"grad": grad})
    taught(method, both_losses(method)[1])
    gradient = method.density.raw_bandwidth.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert (gradient != 0).float().mean() > 0.9


def test_density_learns_apart() -> None:
    method = built(density_lr=0.3)
    rates = {name: method.own_rate(name) for name, _ in method.named_parameters()}
    assert {name for name, rate in rates.items() if rate is not None} == {"density.raw_bandwidth"}
    assert rates["density.raw_bandwidth"] == 0.3


def moving(way: Tensor, *joints: str) -> ClipBatch:
    """One clip in double precision; joints move along a way (T, C), the others stand still, far from each other."""
    xyz = 20.0 * torch.arange(LAYOUT.num_joints, dtype=torch.float64)[:, None].expand(-1, 3).repeat(WINDOW, 1, 1)
    xyz[:, list(LAYOUT.indices(joints))] += way[:, None]
    alone = torch.stack([xyz, 0 * xyz])[None]
    return replace(one_clip(clips((True, False)), 0), xyz=alone)


def slots_of(method: STJDCL, view: ClipBatch) -> Tensor:
    """Prime joints (S, V) of the first body."""
    method.double().eval()
    return method.detect(view, method.key_features(view))[0, 0]


def test_a_hand_that_comes_to_a_still_head_makes_it_prime() -> None:
    head, hand, foot = LAYOUT.indices(("head", "right_hand", "left_foot"))
    view = moving(torch.zeros(WINDOW, 3, dtype=torch.float64))
    view.xyz[0, 0, :, hand] = view.xyz[0, 0, :, head]
    view.xyz[0, 0, :, hand, 0] += torch.linspace(1.2, 0.1, WINDOW)
    prime = slots_of(built(**JOINTS), view)
    assert prime[-1, [head, hand]].all()
    assert not prime[0].any()
    assert not prime[:, foot].any()


def test_a_body_that_moves_as_a_whole_has_no_prime_joint() -> None:
    way = torch.linspace(0, 2, WINDOW, dtype=torch.float64)[:, None].expand(-1, 3)
    assert not slots_of(built(**JOINTS), moving(way, *LAYOUT.joints)).any()


def test_clips_do_not_matter_to_each_other() -> None:
    method = built().double().eval()
    views = [view.with_xyz(view.xyz.double()) for view in views_of((True, True), (True, False), (False, False))]
    whole = method.step(views, unswapped(views), START).artefacts
    alone = [
        method.step([one_clip(view, i) for view in views], {"swapped": torch.tensor([False])}, START).artefacts
        for i in range(3)
    ]
    assert torch.equal(whole["prime"], torch.cat([each["prime"] for each in alone]))
    torch.testing.assert_close(whole["query_view"], torch.cat([each["query_view"] for each in alone]))


def test_autocast_changes_no_mask() -> None:
    method, view = built(), clips((True, True), (True, False))
    features = method.key_features(view)
    plain = method.detect(view, features)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(method.detect(view, features), plain)


@pytest.mark.parametrize("space", ["feature", "coordinate"])
def test_absence_is_told_by_presence(space: str) -> None:
    """Noise may stand where nobody is: it makes no joint prime."""
    view = clips((True, True), (True, True))
    absent = replace(view, present=torch.tensor([[True, False], [False, False]])[:, :, None].expand(-1, -1, WINDOW))
    changes = JOINTS | {"density_space": space}
    method = built(**changes)
    mask = method.detect(absent, method.key_features(absent))
    assert torch.equal(mask.flatten(2).any(dim=2), torch.tensor([[True, False], [False, False]]))
    method = built(**changes, presence_gate=False)
    assert method.detect(absent, method.key_features(absent)).flatten(2).any(dim=2).all()


def test_clips_without_prime_joints_are_left_out_of_the_reverse_contrast() -> None:
    method = built(rcl_weight=0.5)
    query, prime, nonprime = (normalize(torch.randn(3, 8), dim=1) for _ in range(3))
    per_clip = method.reverse(query, prime, nonprime, method.queue.keys)
    some = torch.tensor([True, False, True])
    torch.testing.assert_close(method.losses(query, prime, nonprime, some)[1], per_clip[[0, 2]].mean())
    assert method.losses(query, prime, nonprime, ~some & some)[1] == 0
    views = views_of((False, False), (False, False))
    output = method.step(views, unswapped(views), START)
    assert output.logs["reverse"] == 0
    assert torch.equal(output.loss.detach(), output.logs["contrast"])


@pytest.mark.parametrize("source", ["key", "query"])
def test_query_keeps_the_prime_joints_of_its_mild_view(source: str) -> None:
    method, views = built(mask_from=source).eval(), views_of((True, True), (True, False))
    strong, normal, key_view = views
    seen = key_view if source == "key" else normal
    mask = resize_mask(method.detect(seen, method.key_features(seen)), WINDOW)
    query_view = method.step(views, unswapped(views), START).artefacts["query_view"]
    assert torch.equal(query_view, mix_cells(normal.xyz, strong.xyz, mask))
    assert torch.equal(query_view[mask == 1], normal.xyz[mask == 1])
    assert torch.equal(query_view[mask == 0], strong.xyz[mask == 0])


def test_left_and_right_change_places_with_the_mask() -> None:
    """To exchange sides of both views and of the mask is to exchange those of their mixture."""
    method, views = built().eval(), views_of((True, True), (True, False), (True, True))
    plain = method.step(views, unswapped(views), START).artefacts["query_view"]
    which = torch.tensor([True, False, True])
    query_view = method.step(views, {"swapped": which}, START).artefacts["query_view"]
    assert torch.equal(query_view[which], plain[which][:, :, :, list(LAYOUT.mirror)])
    assert torch.equal(query_view[~which], plain[~which])


def test_share_of_exchanged_clips() -> None:
    method, views = built(swap=0.25), [clips(*[(True, False)] * 400)] * 3
    assert 60 < method.sample(views, seeded(0))["swapped"].sum() < 140


def test_keys_of_prime_joints_fill_the_queue() -> None:
    method, views = built(momentum=1.0), views_of((True, True), (True, False), (True, True))
    torch.manual_seed(1)
    features = method.key_features(views[2])
    prime, _ = method.keys(features, method.detect(views[2], features))
    torch.manual_seed(1)
    method.step(views, unswapped(views), START)
    assert torch.equal(method.queue.keys[:3], prime.detach())
    assert method.queue.place == 3


@pytest.mark.parametrize("dropout", [False, True])
def test_keys_are_dropped_from_if_asked(dropout: bool) -> None:
    """The encoder that learns drops features in either case."""
    method, view = built(key_dropout=dropout), clips((True, True))
    for encoder, drops in ((method.key_encoder, dropout), (method.encoder, True)):
        assert torch.equal(encoder.features(view), encoder.features(view)) == (not drops)


def test_share_of_all_joints_in_the_key() -> None:
    features = torch.randn(3, 2, 4, LAYOUT.num_joints, 16, generator=seeded(0))
    mask = (torch.rand(features.shape[:-1], generator=seeded(1)) < 0.3).float()
    method, wholly, partly = built(), built(key_global_mix=1.0), built(key_global_mix=0.25)
    project, (prime, _) = method.key_projector, prime_pooling(features, mask)
    whole = project(features.mean(dim=(1, 2, 3)))
    torch.testing.assert_close(wholly.keys(features, mask)[0], normalize(whole))
    mixed = 0.75 * project(prime.mean(dim=1)) + 0.25 * whole
    torch.testing.assert_close(partly.keys(features, mask)[0], normalize(mixed))
    assert not torch.allclose(normalize(mixed), normalize(whole), atol=1e-3)


def test_a_projector_for_the_other_joints() -> None:
    method = built(separate_gp=True, momentum=0.5)
    key, first = (method.state_dict()[f"{name}_projector.0.weight"].clone() for name in ("key", "nonprime"))
    assert not torch.equal(first, key)
    method.follow()
    now, leader = method.state_dict()["nonprime_projector.0.weight"], method.state_dict()["projector.0.weight"]
    torch.testing.assert_close(now, (first + leader) / 2)
    assert built().nonprime_projector is None


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"prime": STILL}, "reverse contrast is a constant"),
        ({"density": {"trainable": False}, "rcl_type": "margin"}, "reverse contrast is a constant"),
        ({"grad_from": ("contrast",)}, "reverse contrast is a constant"),
        ({"separate_gp": True, "independent_key_init": False}, "two projectors that stay alike"),
        ({"density": {"channel_reduce": "prod", "proj_channels": 64}}, "product over 64 channels"),
    ],
    ids=str,
)
def test_useless_settings_are_remarked(
    changes: dict[str, object], remark: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        built(**changes)
    assert [remark in message for message in caplog.messages] == [True]


@pytest.mark.parametrize(
    "changes",
    [{}, {"prime": STILL, "rcl_anchor": "zq"}, {"prime": STILL, "rcl_type": "hard_negative"}, {"separate_gp": True}],
    ids=str,
)
def test_useful_settings_are_not(changes: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    built(**changes)
    assert not caplog.messages


def test_every_joint_needs_a_feature() -> None:
    sizes = BallTransformerConfig(width=16, depth=1, heads=2, segment=4)
    with pytest.raises(ConfigError, match="features of 18 of 25 joints"):
        STJDCL(STJDCLConfig(), BallTransformer(sizes, LAYOUT, WINDOW))
