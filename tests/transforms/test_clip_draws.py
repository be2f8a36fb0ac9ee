"""Numbers that belong to a clip: uniform, normal, and the same in any company."""

import torch

from kineme.transforms.clip_draws import clip_normal, clip_uniform


def test_numbers_belong_to_the_clip() -> None:
    many = clip_uniform(torch.arange(50), (3, 4), "noise 0")
    assert many.shape == (50, 3, 4)
    some = torch.tensor([40, 7, 7])
    assert torch.equal(clip_uniform(some, (3, 4), "noise 0"), many[some])


def test_uniform_between_0_and_1_and_evenly() -> None:
    draws = clip_uniform(torch.arange(2000), (50,), "noise 0")
    assert 0 <= draws.min() < 1e-4
    assert 1 - 1e-4 < draws.max() < 1
    counts = draws.flatten().histc(10, 0, 1) / draws.numel()
    torch.testing.assert_close(counts, torch.full((10,), 0.1), atol=4e-3, rtol=0)


def test_clips_numbers_and_keys_know_nothing_of_each_other() -> None:
    first, other = (clip_uniform(torch.arange(1000), (20,), f"noise {seed}") for seed in (0, 1))
    columns = torch.cat([first, other], dim=1)
    assert (torch.corrcoef(columns.T) - torch.eye(40)).abs().max() < 0.15
    assert (torch.corrcoef(first[:, :].T) - torch.eye(20)).abs().max() < 0.15
    neighbours = torch.stack([first[:-1].flatten(), first[1:].flatten()])
    assert abs(torch.corrcoef(neighbours)[0, 1]) < 0.03
    assert len(first.unique()) > 0.99 * first.numel()


def test_normal() -> None:
    draws = clip_normal(torch.arange(1000), (100,), "noise 0").flatten()
    assert draws.isfinite().all()
    assert abs(draws.mean()) < 0.02
    assert abs(draws.std() - 1) < 0.02
    assert abs((draws.abs() < 1).float().mean() - 0.6827) < 0.01
