"""Mixes of skeletons against the authors' code, and what their draws decide."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.transforms.base import Draws
from kineme.transforms.mix import CHUNK, SkeletonMix, mixed_cells
from ragged import ragged_store

LAYOUT = Layout.get("kinect25")
CUT, RESIZE, BLEND = 0.9, 0.4, 0.1
PUBLISHED_FIRST_JOINTS = (0, 8, 4, 16, 12)
"""A joint of each part, in the order of the authors' list."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clips_of(count: int = 4, frames: int = 24, layout: str = "kinect25", absent: float = 0.0) -> ClipBatch:
    return ragged_store(0, [(2, frames)] * count, layout, absent=absent).gather(range(count)).pad()


def draws_of(branch: float, parts: tuple[int, ...] = (1,), start: int = 1, chunks: int = 2) -> Draws:
    chosen = torch.zeros(5, dtype=torch.bool)
    chosen[list(parts)] = True
    numbers = {"shift": 1, "start": start, "chunks": chunks}
    return {
        **{name: torch.tensor(value) for name, value in numbers.items()},
        "parts": chosen,
        "branch": torch.tensor(branch),
        "weight": torch.tensor(0.25),
    }


def joints_of(*parts: int) -> list[int]:
    indices = list(LAYOUT.part_indices.values())
    return [joint for part in parts for joint in indices[part]]


def their_draws(arrays: dict[str, np.ndarray], name: str) -> Draws:
    """Draws of one mix of a golden file."""

    def drawn(key: str) -> Tensor:
        return torch.from_numpy(np.array(arrays[f"in/draw/{name}/{key}"])).squeeze()

    parts = list(LAYOUT.part_indices.values())
    published = [next(i for i, part in enumerate(parts) if first in part) for first in PUBLISHED_FIRST_JOINTS]
    chosen = torch.zeros(len(parts), dtype=torch.bool)
    chosen[[published[i] for i in arrays[f"in/draw/{name}/part_ids"]]] = True
    is_blend = f"in/draw/{name}/lambda" in arrays
    return {
        "parts": chosen,
        "shift": drawn("shift"),
        "chunks": drawn("num_chunks"),
        "start": drawn("start_chunk"),
        "branch": drawn("branch_u"),
        "weight": drawn("lambda") if is_blend else torch.zeros((), dtype=torch.float64),
    }


@pytest.mark.parametrize("path", golden_cases("contrastive/07_actclr_ops*.npz"))
def test_matches_the_authors(path: Path) -> None:
    arrays = load_npz(path)
    xyz = torch.from_numpy(arrays["in/x"]).permute(0, 4, 2, 3, 1).double()
    zero = torch.zeros(len(xyz), dtype=torch.int64)
    clips = ClipBatch(xyz, torch.ones(xyz.shape[:3], dtype=torch.bool), zero, zero, zero, LAYOUT)
    names = [key.split("/")[1] for key in arrays if key.endswith("/act_map")]
    assert names
    for name in names:
        draws = their_draws(arrays, name)
        ours = SkeletonMix().apply(clips, draws).xyz.permute(0, 4, 2, 3, 1)
        np.testing.assert_allclose(ours.numpy(), arrays[f"out/{name}/result"], 1e-9, 1e-9, err_msg=name)
        for cells, of in zip(mixed_cells(LAYOUT, xyz.shape[2], draws), ("_partner", "_self"), strict=True):
            mask = f"out/{name}/mask"
            expected = arrays[mask if mask in arrays else mask + of]
            np.testing.assert_allclose(cells[::CHUNK].numpy(), expected, 1e-6, err_msg=name)


def test_cut_takes_a_window_of_some_joints() -> None:
    clips = clips_of()
    mixed = SkeletonMix().apply(clips, draws_of(CUT)).xyz
    expected = clips.xyz.clone()
    expected[:, :, 4:12, joints_of(1)] = clips.xyz.roll(-1, 0)[:, :, 4:12, joints_of(1)]
    assert torch.equal(mixed, expected)


def test_resize_shows_twice_as_many_first_frames() -> None:
    clips = clips_of()
    mixed = SkeletonMix().apply(clips, draws_of(RESIZE, parts=(0, 2))).xyz
    expected = clips.xyz.clone()
    expected[:, :, 4:12, joints_of(0, 2)] = clips.xyz.roll(-1, 0)[:, :, 0:16:2, joints_of(0, 2)]
    assert torch.equal(mixed, expected)


def test_resize_of_a_long_window_takes_all_frames_there_are() -> None:
    clips = clips_of(frames=20)
    mixed = SkeletonMix().apply(clips, draws_of(RESIZE, start=1, chunks=4)).xyz
    shown = [i * 20 // 16 for i in range(16)]
    expected = clips.xyz.roll(-1, 0)[:, :, shown][..., joints_of(1), :]
    assert torch.equal(mixed[:, :, 4:, joints_of(1)], expected)


def test_blend_is_everywhere() -> None:
    clips = clips_of()
    mixed = SkeletonMix().apply(clips, draws_of(BLEND)).xyz
    torch.testing.assert_close(mixed, 0.75 * clips.xyz + 0.25 * clips.xyz.roll(-1, 0))


def test_cells_say_what_is_whose() -> None:
    for branch in (CUT, BLEND):
        given, lost = mixed_cells(LAYOUT, 24, draws_of(branch))
        assert torch.equal(given, lost)
    given, lost = mixed_cells(LAYOUT, 24, draws_of(RESIZE))
    assert given[:, joints_of(1)].all()
    assert given.sum() == 24 * len(joints_of(1))
    assert lost.sum() == 8 * len(joints_of(1))


def test_bodies_of_the_partner_are_there_where_they_are_shown() -> None:
    clips = clips_of(absent=0.5)
    mixed = SkeletonMix().apply(clips, draws_of(CUT))
    partner = clips.present.roll(-1, 0)
    assert torch.equal(mixed.present[:, :, 4:12], (clips.present | partner)[:, :, 4:12])
    assert torch.equal(mixed.present[:, :, 12:], clips.present[:, :, 12:])


@pytest.mark.parametrize("frames", [1, 3, 9, 16, 50])
@pytest.mark.parametrize("layout", Layout.names())
def test_draws_fit_clips_of_any_length(frames: int, layout: str) -> None:
    clips, mix = clips_of(frames=frames, layout=layout), SkeletonMix()
    there = max(frames // CHUNK, 1)
    for seed in range(5):
        draws = mix.sample(clips, seeded(seed))
        assert draws["parts"].shape == (len(clips.layout.parts),)
        assert 2 <= draws["parts"].sum() <= 3
        assert min(3, there) <= draws["chunks"] <= min(5, there)
        assert 0 <= draws["start"] <= there - draws["chunks"]
        assert mix.apply(clips, draws).xyz.isfinite().all()


def test_every_extent_is_drawn() -> None:
    clips, mix, generator = clips_of(frames=24), SkeletonMix(parts=(1, 2), chunks=(1, 3)), seeded()
    drawn = [mix.sample(clips, generator) for _ in range(300)]
    assert {int(draws["parts"].sum()) for draws in drawn} == {1, 2}
    assert {int(draws["chunks"]) for draws in drawn} == {1, 2, 3}
    assert {int(draws["start"]) for draws in drawn if draws["chunks"] == 3} == {0, 1, 2, 3}
    assert {int(draws["start"]) for draws in drawn if draws["chunks"] == 1} == {0, 1, 2, 3, 4, 5}
    shares = torch.stack([draws["branch"] for draws in drawn])
    assert abs((shares > 0.5).float().mean() - 0.5) < 0.1
