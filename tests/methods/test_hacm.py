"""HA-CM beyond what golden files prove: who is masked, what aligned means, and what settings do."""

import pytest
import torch

from kineme.clips import ClipBatch
from kineme.encoders.ball_transformer import BallTransformer, BallTransformerConfig
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.losses.cross_contrast import cross_contrast, similarity
from kineme.methods import Progress, StepInput
from kineme.methods.hacm import HACM, HACMConfig
from kineme.methods.hacm_criteria import TemporalAttention, joint_hierarchy, ranks
from kineme.methods.hacm_groups import decoder_source, even_then_odd, flat_scores, flat_tokens
from kineme.nn.poincare import to_ball
from kineme.transforms import CentreCrop
from ragged import ragged_store

KINECT = Layout.get("kinect25")
ENCODER = BallTransformerConfig(width=16, depth=1, heads=2, segment=4)
CONFIG = HACMConfig(decoder_width=16, decoder_depth=1, decoder_heads=2)
START = Progress(step=0, epoch=0.0, epochs=1)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def method_of(window: int = 16, **changes: object) -> HACM:
    torch.manual_seed(0)
    return HACM(CONFIG.with_changes(**changes), BallTransformer(ENCODER, KINECT, window))


def batch_of(window: int = 16) -> ClipBatch:
    clips = ragged_store(0, [(2, 30), (1, 9)], "kinect25").gather([0, 1])
    return CentreCrop(window, 2)(clips, torch.Generator())


def drawn_ranks(keep: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    assert keep < size
    generator = seeded()
    return (
        torch.rand(3, size, generator=generator).argsort(dim=1),
        torch.rand(3, size, generator=generator).argsort(dim=1),
    )


def test_high_scores_rather_stay_visible() -> None:
    score = torch.tensor([0.0] * 10 + [1.0] * 10).expand(4000, -1)
    first = ranks(score, 0.2, torch.rand(4000, 20, generator=seeded())) == 0
    share = first[:, 10:].sum() / 4000
    assert share.item() == pytest.approx(1 / (1 + torch.tensor(-5.0).exp().item()), abs=0.01)


def test_aligned_groups_are_where_they_were_scored() -> None:
    """Each visible token stands in the decoder at the place of its own slot and joint, mask tokens elsewhere."""
    tokens = torch.rand(3, 4, 5, 2)
    rank, keep = drawn_ranks(2, 10), 2
    groups = flat_tokens(*even_then_odd(tokens), "aligned")
    visible = torch.cat(
        [
            group.gather(1, r.argsort(dim=1)[:, :keep, None].expand(-1, -1, 2))
            for group, r in zip(groups, rank, strict=True)
        ],
        dim=1,
    )
    bank = torch.cat([visible, torch.full((3, 1, 2), -1.0)], dim=1)
    source = decoder_source(*rank, keep, "aligned")
    placed = bank.gather(1, source[..., None].expand(-1, -1, 2))
    natural = torch.cat([tokens[:, 0::2], tokens[:, 1::2]], dim=1).flatten(1, 2)
    shown = (torch.cat(rank, dim=1) < keep)[..., None]
    torch.testing.assert_close(placed, natural.where(shown, -1.0))


def test_reference_never_shows_odd_tokens_at_their_places() -> None:
    source = decoder_source(*drawn_ranks(2, 10), 2, "reference")
    assert (source[:, 10:] == 4).all(), "mask tokens only"
    assert (source[:, :10].sort(dim=1).values[:, :4] == torch.arange(4)).all(), "all visible ones among the even"


def test_layouts_differ_in_the_order_of_scores() -> None:
    even, odd = torch.rand(2, 3, 5), torch.rand(2, 3, 5)
    for ours, theirs in zip(flat_scores(even, odd, "aligned"), flat_scores(even, odd, "reference"), strict=True):
        assert torch.equal(ours.view(2, 3, 5), theirs.view(2, 5, 3).transpose(1, 2))


def test_attention_is_a_distribution_over_joints_or_slots() -> None:
    tokens = torch.randn(2, 6, 5, 8)
    over_joints = TemporalAttention(8).attention(tokens)
    over_slots = TemporalAttention(8, "slots").attention(tokens)
    assert over_joints.shape == over_slots.shape == (2, 5, 6, 6)
    torch.testing.assert_close(over_joints.sum(dim=1), torch.ones(2, 6, 6))
    torch.testing.assert_close(over_slots.sum(dim=3), torch.ones(2, 5, 6))


def test_hierarchy_scores_the_far_joint_highest() -> None:
    points = to_ball(0.1 * torch.randn(2, 3, 5, 8, generator=seeded()))
    points[:, :, 2] = to_ball(torch.full((8,), 1.0))
    pruned = torch.zeros(2, 3, 2, 8)
    assert (joint_hierarchy(points, pruned, 0.01).argmax(dim=2) == 2).all()
    assert (joint_hierarchy(points, pruned, 1.0) > joint_hierarchy(points, pruned, 0.0)).all()


def test_contrast_tells_sequences_apart() -> None:
    apart = 5 * torch.eye(4)
    assert cross_contrast(apart, apart) < 1e-6
    torch.testing.assert_close(similarity(torch.ones(4, 4), torch.ones(4, 4)), torch.full((4, 4), 0.25))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(similarity(apart + 0.1, apart), similarity(apart + 0.1, apart).float())


@pytest.mark.parametrize("layout", ["aligned", "reference"])
def test_step_shows_the_configured_share(layout: str) -> None:
    method = method_of(layout=layout)
    output = method(StepInput([batch_of()], seeded(), START))
    assert output.artefacts["masked"].shape == (4, 72)
    for half in output.artefacts["masked"].split(36, dim=1):
        assert (half == 0).sum(dim=1).tolist() == [3] * 4


def test_weights_and_terms_of_the_loss() -> None:
    plain = method_of()
    batch, draws = batch_of(), plain.sample([batch_of()], seeded())
    output = plain.step([batch], draws, START)
    weighted = method_of(contrast_weight=0.5, prediction_weight=2.0).step([batch], draws, START)
    expected = 0.5 * output.logs["contrast"] + 2 * output.logs["prediction"]
    torch.testing.assert_close(weighted.loss, expected)
    alone = method_of(contrast_terms=()).step([batch], draws, START)
    assert torch.equal(alone.loss, output.logs["prediction"])


def test_targets_are_motion() -> None:
    sequences = batch_of().xyz.flatten(0, 1)
    bent, flat = (method_of(ball_target=ball).raw_target(sequences) for ball in (True, False))
    motion = (sequences[:, 1:] - sequences[:, :-1])[:, :, method_of().encoder.kept]
    torch.testing.assert_close(flat[:, 0, :3], motion[:, 0, 0])
    torch.testing.assert_close(bent, to_ball(flat.unflatten(-1, (-1, 3))).flatten(-2))


def test_bf16_autocast() -> None:
    method = method_of()
    with torch.autocast("cpu", torch.bfloat16):
        loss = method(StepInput([batch_of()], seeded(), START)).loss
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    ("changes", "window", "problem"),
    [
        ({}, 20, "halves the slots; 20 frames are 5"),
        ({"keep_fraction": 0.01}, 16, "hides all of 36 tokens"),
        ({"decoder_heads": 3}, 16, "not a multiple of decoder_heads"),
    ],
)
def test_sizes_must_fit(changes: dict[str, object], window: int, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        method_of(window, **changes)


def test_other_encoders_are_declined() -> None:
    sizes = SkeletonTransformerConfig(width=16, depth=1, heads=2)
    with pytest.raises(ConfigError, match="masks tokens of a ball_transformer"):
        HACM(CONFIG, SkeletonTransformer(sizes, KINECT, 16))
