"""What is said of a masked method's step, against the step itself and slow formulas; and that it can be drawn."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from PIL import Image, ImageSequence
from torch import Tensor

from fake import small_store
from kineme.clips import ClipBatch
from kineme.encoders.ball_transformer import BallTransformer
from kineme.encoders.skeleton_transformer import SkeletonTransformer
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.layout import Layout
from kineme.methods import Method, methods
from kineme.methods.hacm_criteria import joint_hierarchy
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.transforms.pipeline import eval_pipeline
from kineme.viz.masking import MaskedView, masked_views
from kineme.viz.masking_animation import masking_animation
from kineme.viz.masking_figure import masking_figure
from kineme.viz.masking_file import draw_masks
from kineme.viz.masking_rows import Paper, rows, turned
from small import encoder_for, small_pair

SEGMENT = 4
MASKED = [
    *(("mae", {"norm_target": norm}) for norm in ("token", "clip", "none")),
    ("mamp", {"norm_target": "none", "motion_stride": 3}),
    ("stjd_mp", {}),
    *(
        ("hacm", {"layout": layout, "ball_target": ball})
        for layout in ("aligned", "reference")
        for ball in (True, False)
    ),
]
each = pytest.mark.parametrize(("name", "settings"), MASKED)


def configured(name: str, settings: dict[str, Any], **prepare: object) -> RunConfig:
    """Small run of a method that hides about two thirds of the tokens."""
    plain = small_pair(name, encoder_for(name))
    share = {"keep_fraction": 0.3} if name == "hacm" else {"mask_ratio": 0.7}
    return plain.with_changes(
        method=plain.method.with_changes(**share, **settings), prepare=plain.prepare.with_changes(**prepare)
    )


def built(config: RunConfig, store: SkeletonStore) -> Method:
    return build_method(config, store.layout, store.channels)


def views_of(name: str, settings: dict[str, Any], **prepare: object) -> list[MaskedView]:
    """Views of two clips."""
    store, config = small_store(), configured(name, settings, **prepare)
    return masked_views(built(config, store), config, store, [0, 5])


def with_tokens(name: str, layout: Layout) -> np.ndarray:
    """(V,) bool."""
    pruned = small_pair("hacm", "ball_transformer").encoder.model_dump()["pruned"] if name == "hacm" else ()
    return np.array([joint not in pruned for joint in layout.joints])


def always_right(method: Method) -> Callable[..., object]:
    """The method's step with its targets as predictions."""
    step = method.step

    def run(*args: Any) -> object:
        output = step(*args)
        return replace(output, artefacts={**output.artefacts, "prediction": output.artefacts["target"]})

    return run


@each
def test_targets_in_the_unit_of_the_clips(name: str, settings: dict[str, Any]) -> None:
    """Undoing normalisation, ball and order of a perfect prediction gives the coordinates or motion themselves."""
    store, config = small_store(), configured(name, settings)
    method = built(config, store)
    with patch.object(method, "step", always_right(method)):
        view = masked_views(method, config, store, [3])[0]
    masking, there = view.masking, with_tokens(name, store.layout)
    stride = settings.get("motion_stride", 1)
    motion = np.zeros_like(view.poses)
    motion[:-stride] = view.poses[stride:] - view.poses[:-stride]
    expected = view.poses if name == "mae" else motion
    np.testing.assert_allclose(masking.target[:, there], expected[:, there], atol=2e-6)
    assert np.isnan(masking.target[:, ~there]).all()
    hidden = masking.hidden.repeat(SEGMENT, axis=0)
    np.testing.assert_allclose(masking.prediction[hidden], masking.target[hidden], atol=2e-6)
    assert np.isnan(masking.prediction[~hidden]).all()
    assert masking.error == 0
    assert masking.error_of_zeros > 0
    assert masking.frames_ahead == (0 if name == "mae" else stride)


@each
def test_visible_is_what_the_encoder_read(name: str, settings: dict[str, Any]) -> None:
    store, config = small_store(), configured(name, settings)
    method = built(config, store).eval()
    read: list[Tensor] = []
    encoder: Any = method.encoder
    encode = encoder.encode
    with patch.object(encoder, "encode", lambda tokens: (read.append(tokens), encode(tokens))[1]):
        views = masked_views(method, config, store, [0, 5])
    grid = all_tokens(encoder, eval_pipeline(config.prepare)(store.gather([0, 5]), torch.Generator()))
    there = with_tokens(name, store.layout)
    for n, view in enumerate(views):
        masking = view.masking
        assert not masking.visible[:, ~there].any()
        chosen = grid[n][torch.from_numpy(masking.visible[:, there])]
        np.testing.assert_allclose(by_rows(chosen), by_rows(read[0][n]), atol=1e-6)
        assert not masking.hidden[:, ~there].any()
        if settings.get("layout") == "reference":  # the loss of the authors' code looks elsewhere, as often
            assert masking.hidden.sum() == (~masking.visible[:, there]).sum()
        else:
            assert (masking.hidden == (~masking.visible & there)).all()


@torch.no_grad()
def all_tokens(encoder: BallTransformer | SkeletonTransformer, batch: ClipBatch) -> Tensor:
    """(N, S, V', D) everything that the encoder could read."""
    if isinstance(encoder, BallTransformer):
        return encoder.to_ball(encoder.tokens(encoder.sequences(batch)))
    return encoder.embed(encoder.segments(batch)).unflatten(1, (encoder.slots, -1))


def by_rows(tokens: Tensor) -> np.ndarray:
    """Rows in an order of their own."""
    rows = tokens.detach().numpy()
    return rows[np.lexsort(rows.round(4).T)]


def test_nothing_is_said_where_chance_decides() -> None:
    assert views_of("mae", {})[0].masking.maps == ()
    assert views_of("mamp", {"tau": 0.0})[0].masking.maps == ()
    assert [each.name for each in views_of("stjd_mp", {"tau": 0.0})[0].masking.maps] == ["joint density"]


def test_motion_intensity() -> None:
    view = views_of("mamp", {})[1]
    (scores,) = view.masking.maps
    slots = view.poses.reshape(-1, SEGMENT, *view.poses.shape[1:])
    change = np.abs(slots[1:] - slots[:-1]).mean(axis=(1, 3))
    np.testing.assert_allclose(scores.value, np.concatenate([change[:1], change]), atol=1e-6)
    assert (scores.marked == view.masking.visible).all()


def test_density_and_prime_joints() -> None:
    change, density = views_of("stjd_mp", {})[0].masking.maps
    assert (change.value[0] == 0).all()
    difference = np.abs(np.diff(density.value, axis=0))
    np.testing.assert_allclose(change.value[1:], difference, rtol=1e-5)
    assert (density.marked == (change.value > change.value.mean())).all()
    assert density.marked.any()


@pytest.mark.parametrize("layout", ["aligned", "reference"])
def test_criteria_of_both_halves(layout: str) -> None:
    """Scores stand at the tokens that were scored, whatever the order in which the method lists them."""
    store, config = small_store(), configured("hacm", {"layout": layout})
    method: Any = built(config, store).eval()
    (view,) = masked_views(method, config, store, [7])
    attention, hierarchy = view.masking.maps
    encoder, kept = method.encoder, with_tokens("hacm", store.layout)
    with torch.no_grad():
        sequences = encoder.sequences(eval_pipeline(config.prepare)(store.gather([7]), torch.Generator()))
        tokens = encoder.tokens(sequences)
        pruned = encoder.to_ball(encoder.pruned_tokens(sequences))[:, 1::2]
        expected = joint_hierarchy(encoder.to_ball(tokens)[:, 1::2], pruned, method.config.father_weight)
    np.testing.assert_allclose(attention.value[0::2][:, kept], method.temporal(tokens[:, 0::2])[0], rtol=1e-5)
    np.testing.assert_allclose(hierarchy.value[1::2][:, kept], expected[0], rtol=1e-5)
    assert np.isnan(attention.value[1::2]).all()
    assert np.isnan(hierarchy.value[0::2]).all()
    assert (attention.marked | hierarchy.marked == view.masking.visible).all()


def test_seed_decides_the_mask() -> None:
    store, config = small_store(), configured("mae", {})
    method = built(config, store)
    first, again, other = (masked_views(method, config, store, [0], seed=seed)[0] for seed in (3, 3, 4))
    assert (first.masking.visible == again.masking.visible).all()
    assert (first.masking.visible != other.masking.visible).any()


def test_one_view_per_body_that_is_there() -> None:
    alone, together = np.random.default_rng(0).normal(size=(1, 9, 20, 3)), np.ones((2, 9, 20, 3))
    store = SkeletonStore.from_arrays([alone, together], "kinect20")
    config = configured("mamp", {}, bodies=2)
    views = masked_views(built(config, store), config, store, [0, 1])
    assert [view.clip.split(", ")[-1] for view in views] == [store.ids[0], "body 1", "body 2"]


def test_other_streams_are_drawn_on_poses() -> None:
    """What the method reads are motions; what is drawn are bodies with the predicted change of them as arrows."""
    joints, motions = (views_of("mamp", {"norm_target": "none"}, stream=stream)[0] for stream in ("joint", "motion"))
    np.testing.assert_array_equal(motions.poses, joints.poses)
    velocity = np.diff(joints.poses, axis=0, append=joints.poses[-1:])
    np.testing.assert_allclose(motions.masking.target[:-1], np.diff(velocity, axis=0), atol=1e-6)
    assert "change of the motion stream" in titles(motions)
    assert "motion stream of hidden joints" in titles(views_of("mae", {}, stream="motion")[0])
    assert not views_of("mae", {}, stream="motion")[0].predicts_poses


def titles(view: MaskedView) -> str:
    return "\n".join(row.title for row in rows(Paper(view)))


def test_every_method_is_explained_or_refused() -> None:
    store, known = small_store(), {name for name, _ in MASKED}
    for name in set(methods.names()) - known:
        config = small_pair(name, encoder_for(name))
        with pytest.raises(ConfigError, match="hides no tokens"):
            masked_views(built(config, store), config, store, [0])


def test_clips_of_another_layout_are_refused() -> None:
    config, other = configured("mae", {}), SkeletonStore.from_arrays([np.ones((9, 25, 3))], "kinect25")
    with pytest.raises(LayoutMismatchError, match="20 joints"):
        masked_views(built(config, small_store()), config, other, [0])


def test_reconstruction_keeps_what_was_visible() -> None:
    view = views_of("mae", {"norm_target": "none"})[0]
    paper = Paper(view)
    visible = view.masking.visible.repeat(SEGMENT, axis=0)
    np.testing.assert_array_equal(paper.predicted()[visible], paper.points[visible])
    off = np.abs(paper.predicted() - paper.points).max(axis=-1)
    assert (off[~visible] > 0).all()


def test_untrained_networks_predict_nothing() -> None:
    view = views_of("mae", {})[0]
    assert "reconstruction" in titles(view)
    assert "reconstruction" not in titles(replace(view, trained=False))


@pytest.mark.parametrize(("layout", "up"), [("kinect20", 1), ("cmu31", 1), ("bandai21", 2)])
def test_turning_about_the_vertical(layout: str, up: int) -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    known = Layout.get(layout)
    quarter = turned(x, known, 90.0)
    right, depth = (axis for axis in range(3) if axis != "xyz".index(known.up[1]))
    np.testing.assert_allclose(quarter[:, right], x[:, depth], atol=1e-12)
    np.testing.assert_array_equal(quarter[:, "xyz".index(known.up[1])], x[:, "xyz".index(known.up[1])])
    np.testing.assert_allclose(np.linalg.norm(quarter, axis=1), np.linalg.norm(x, axis=1))


def test_flat_clips_have_one_side() -> None:
    with pytest.raises(ConfigError, match="leave --turn out"):
        turned(np.ones((17, 2)), Layout.get("coco17"), 30.0)


def drawn(views: Sequence[MaskedView], file: Path) -> np.ndarray:
    return imread(masking_figure(views, file, dpi=40))[..., :3]


@pytest.mark.parametrize("name", ["mae", "stjd_mp", "hacm"])
def test_pictures(name: str, tmp_path: Path) -> None:
    view = views_of(name, {})[0]
    picture, height = drawn([view], tmp_path / "one.png"), drawn([view, view], tmp_path / "two.png").shape[0]
    assert height == pytest.approx(2 * len(picture), abs=2)
    green = np.abs(picture - np.array([11, 110, 79]) / 255).max(axis=2) < 0.1
    assert green.any(axis=1).mean() > 0.1
    other = replace(view, masking=replace(view.masking, prediction=-view.masking.prediction))
    assert (drawn([other], tmp_path / "other.png") != picture).any()


@pytest.mark.parametrize("name", ["mae", "hacm"])
def test_animation_has_every_frame(name: str, tmp_path: Path) -> None:
    view = views_of(name, {})[0]
    there = np.arange(16) < 8
    file = masking_animation([replace(view, present=there)], tmp_path / "masks.gif", turn=30.0, dpi=40)
    with Image.open(file) as animation:
        frames = [np.asarray(frame.convert("L"), int) for frame in ImageSequence.Iterator(animation)]
    assert len(frames) == 8 + 1  # those without a body are one, shown for longer
    ink = [(frame < 200).sum() for frame in frames]
    assert min(ink[:8]) > 1.05 * ink[8]
    assert all((a != b).any() for a, b in pairwise(frames))


def test_vector_formats_and_others(tmp_path: Path) -> None:
    views = views_of("mae", {})
    assert draw_masks(views, tmp_path / "a.svg").read_text().startswith("<?xml")
    assert draw_masks(views, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    for file in ("a.mp4", "a"):
        with pytest.raises(ConfigError, match=r"ends in \.png, \.pdf, \.svg, an animation in \.gif"):
            draw_masks(views, tmp_path / file)
    with pytest.raises(ConfigError, match="nobody"):
        draw_masks([], tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_without_matplotlib_the_extra_is_named(tmp_path: Path, suffix: str) -> None:
    views = views_of("mae", {})
    with patch.dict("sys.modules", matplotlib=None), pytest.raises(ConfigError, match=r"pip install 'kineme\[viz\]'"):
        draw_masks(views, tmp_path / f"a.{suffix}")
