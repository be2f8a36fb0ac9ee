"""Which augmentations of a view are active in an epoch (spec-contrastive §10.2)."""

import numpy as np

from kineme.transforms.settings import BASE, Augmentation, Phase


def at_epoch(augment: Augmentation, epoch: int, seed: int, view: int = 0) -> Augmentation:
    """The augmentations of a view that are active in an epoch; a function of its arguments alone.

    A phase draws from all augmentations that are on, but the crop and the shear; their order stays.

    Args:
        augment: the view, with its schedule.
        epoch: epochs that are done.
        seed: of the run.
        view: number of the view: views draw apart from each other.

    Returns:
        The view without a schedule; as it is where it has none.
    """
    if not augment.schedule:
        return augment
    phase = _phase(augment.schedule, epoch)
    known = augment.drawable
    count = len(known) if phase.choose is None else phase.choose
    drawn = np.random.default_rng((seed, view, epoch)).permutation(len(known))[:count]
    off = set(known) - {known[i] for i in drawn} | (set() if phase.base else set(BASE))
    return augment.with_changes(schedule=(), **{name: _off(augment, name) for name in off})


def _phase(schedule: tuple[Phase, ...], epoch: int) -> Phase:
    return next((phase for phase in schedule if epoch < phase.until_epoch), schedule[-1])


def _off(augment: Augmentation, name: str) -> object:
    strength = getattr(augment, name)
    return (0.0,) * len(strength) if isinstance(strength, tuple) else 0
