"""Random changes of dense batches."""

import pytest
import torch

from kineme.clips import ClipBatch
from kineme.transforms import RandomMirror, RandomRotation, RandomScale, Transform
from kineme.transforms.augment import rotation_matrix
from ragged import ragged_store

ALL = [RandomRotation(), RandomMirror(), RandomScale()]


@pytest.fixture
def batch() -> ClipBatch:
    return ragged_store(0, [(2, 9), (1, 12), (3, 5), (1, 1)]).gather(range(4)).pad()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("transform", ALL, ids=lambda transform: type(transform).__name__)
def test_draws_decide_everything(transform: Transform[ClipBatch, ClipBatch], batch: ClipBatch) -> None:
    draws, again = (transform.sample(batch, seeded(4)) for _ in range(2))
    assert all(torch.equal(draws[key], again[key]) for key in draws)
    before = batch.xyz.clone()
    first, second = transform.apply(batch, draws), transform.apply(batch, draws)
    assert torch.equal(first.xyz, second.xyz)
    assert torch.equal(batch.xyz, before), "the input was changed in place"
    assert torch.equal(first.xyz, transform(batch, seeded(4)).xyz)
    assert not first.xyz[~batch.present].any()


def test_mirror_twice_is_the_identity(batch: ClipBatch) -> None:
    mirror = RandomMirror(1.0)
    draws = mirror.sample(batch, seeded(0))
    once = mirror.apply(batch, draws)
    assert not torch.equal(once.xyz, batch.xyz)
    assert torch.equal(mirror.apply(once, draws).xyz, batch.xyz)


def test_mirror_exchanges_left_and_right(batch: ClipBatch) -> None:
    once = RandomMirror().apply(batch, {"mirrored": torch.tensor([True, False, True, False])})
    left, right = batch.layout.index("left_hand"), batch.layout.index("right_hand")
    flip = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(once.xyz[0, ..., left, :], batch.xyz[0, ..., right, :] * flip)
    assert torch.equal(once.xyz[1], batch.xyz[1])


def test_rotation_keeps_distances(batch: ClipBatch) -> None:
    turned = RandomRotation((3.0, 3.0, 3.0))(batch, seeded(1))
    torch.testing.assert_close(turned.xyz.norm(dim=-1), batch.xyz.norm(dim=-1), rtol=1e-5, atol=1e-5)
    matrices = rotation_matrix(torch.rand(5, 3) * 6 - 3)
    torch.testing.assert_close(matrices @ matrices.mT, torch.eye(3).expand(5, 3, 3), rtol=0, atol=1e-6)
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(5))


def test_rotation_stays_within_its_angles(batch: ClipBatch) -> None:
    angles = RandomRotation((0.3, 0.0, 1.0)).sample(batch, seeded(2))["angles"]
    assert (angles.abs() <= torch.tensor([0.3, 0.0, 1.0])).all()


def test_scale(batch: ClipBatch) -> None:
    draws = RandomScale(0.1).sample(batch, seeded(3))
    assert ((draws["factor"] >= 0.9) & (draws["factor"] <= 1.1)).all()
    bigger = RandomScale().apply(batch, {"factor": torch.full((4,), 2.0)})
    assert torch.equal(bigger.xyz, batch.xyz * 2)
