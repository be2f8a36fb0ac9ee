"""Which augmentations are active when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kineme.errors import ConfigError
from kineme.recipes.contrastive_views import BASE, NORMAL, STRONG, actclr_views, aimclr_views, two_views
from kineme.transforms import Augmentation, Phase, at_epoch


@given(st.integers(0, 400), st.integers(0, 9), st.integers(0, 3))
def test_a_function_of_epoch_seed_and_view_alone(epoch: int, seed: int, view: int) -> None:
    strong = actclr_views()[0]
    now = at_epoch(strong, epoch, seed, view)
    assert now == at_epoch(strong, epoch, seed, view)
    assert now.schedule == ()
    assert set(now.drawable) <= set(strong.drawable)
    assert at_epoch(now, epoch, seed, view) == now


@pytest.mark.parametrize(
    ("epoch", "strong", "normal", "base"),
    [
        *((epoch, 7, 5, True) for epoch in (0, 99)),
        *((epoch, 5, 3, True) for epoch in (100, 199)),
        *((epoch, 3, 1, True) for epoch in (200, 299)),
        *((epoch, 0, 0, False) for epoch in (300, 349, 1000)),
    ],
)
def test_actclr(epoch: int, strong: int, normal: int, base: bool) -> None:
    views = [at_epoch(augment, epoch, 0, view) for view, augment in enumerate(actclr_views())]
    assert [len(view.drawable) for view in views] == [strong, normal, 0, 0]
    assert all(bool(view.reflect) == bool(view.shear) == base for view in views)


def test_sets_are_drawn_anew_in_every_epoch_and_view() -> None:
    strong, normal, *_ = actclr_views()
    sets = [at_epoch(strong, epoch, 0).drawable for epoch in range(100, 200)]
    assert len(set(sets)) > 10
    assert all(list(drawn) == [name for name in strong.drawable if name in drawn] for drawn in sets), "order stays"
    counts = {name: sum(name in drawn for drawn in sets) for name in strong.drawable}
    assert all(55 < count < 88 for count in counts.values()), f"each is drawn 5 times of 7: {counts}"
    first, other_view, other_seed = (
        [at_epoch(normal, epoch, seed, view) for epoch in range(100, 110)] for seed, view in ((0, 1), (0, 2), (1, 1))
    )
    assert first != other_view
    assert first != other_seed


def test_strengths_of_what_is_on_stay() -> None:
    one = at_epoch(STRONG.with_changes(schedule=(Phase(until_epoch=10, choose=1),)), 3, 0)
    (name,) = one.drawable
    off = {other: at_zero(getattr(STRONG, other)) for other in STRONG.drawable if other != name}
    assert one == STRONG.with_changes(**off)


def at_zero(strength: object) -> object:
    return (0.0,) * len(strength) if isinstance(strength, tuple) else 0.0


def test_without_a_schedule_nothing_changes() -> None:
    assert at_epoch(Augmentation(), 5, 0) == Augmentation()
    everything = at_epoch(STRONG.with_changes(schedule=(Phase(until_epoch=10),)), 3, 0)
    assert everything == STRONG


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ((Phase(until_epoch=9, choose=6),), "chooses 6 augmentations, and 5 are on"),
        ((Phase(until_epoch=9), Phase(until_epoch=9)), "one after the other"),
        ((Phase(until_epoch=9), Phase(until_epoch=4)), "one after the other"),
    ],
)
def test_schedules_that_cannot_be(schedule: tuple[Phase, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NORMAL.with_changes(schedule=schedule)


def test_views_of_the_family() -> None:
    assert two_views() == (BASE, BASE)
    extreme, *plain = aimclr_views()
    assert extreme.drawable == ("swap", "main_rotation", "noise", "blur", "axis_mask")
    assert extreme.noise_std == 0.01
    assert plain == [BASE, BASE]
    strong, normal, *plain = actclr_views()
    assert strong.drawable == (*extreme.drawable, "stretch", "rescale")
    assert (strong.noise_std, normal.noise_std) == (0.05, 0.01)
    assert normal.drawable == extreme.drawable


def test_a_schedule_survives_json() -> None:
    strong = actclr_views()[0]
    assert Augmentation.model_validate_json(strong.model_dump_json()) == strong
