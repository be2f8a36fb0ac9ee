"""The small datasets that recipes are compared on, and how a compact recipe becomes one for each of them."""

from collections.abc import Callable
from dataclasses import dataclass

from kineme.recipes.base import Recipe, RunConfig, recipes

_UTD_MHAD_CLIPS = 431


@dataclass(frozen=True)
class SmallData:
    """A small dataset and its protocol.

    Args:
        name: in names of recipes.
        title: with the split in words.
        store: name of the dataset, and of its store.
        splits: recipes train on the first; where there are several, their mean is what papers report.
        few: training clips, about, where recipes have the settings found on UTD-MHAD; None where they have those
            of compact recipes, which were found on N-UCLA.
        sided: left and right tell classes apart, so clips are not mirrored.
        bodies: that take part.
    """

    name: str
    title: str
    store: str
    splits: tuple[str, ...]
    few: int | None = None
    sided: bool = False
    bodies: int = 1

    def epochs(self, of_utd_mhad: int) -> int:
        """Epochs in which as many clips are seen as of UTD-MHAD, in tens."""
        assert self.few is not None
        return round(of_utd_mhad * _UTD_MHAD_CLIPS / self.few / 10) * 10

    @property
    def queue(self) -> int:
        """Keys that a queue for so few clips holds: the next power of two."""
        assert self.few is not None
        return 1 << (self.few - 1).bit_length()


_HALVES = ("odd-even-subjects",)
NUCLA = SmallData("nucla", "N-UCLA, views 1 and 2 to view 3", "nucla", ("nucla-xview",))
SMALL_DATA = (
    NUCLA,
    SmallData("utd-mhad", "UTD-MHAD, odd to even subjects", "utd_mhad", _HALVES, few=_UTD_MHAD_CLIPS, sided=True),
    SmallData("msraction3d", "MSR Action3D, odd to even subjects", "msraction3d", _HALVES, few=292),
    SmallData("utkinect", "UTKinect-Action3D, odd to even subjects", "utkinect", _HALVES, few=100),
    SmallData("florence3d", "Florence 3D, actors 1 to 5 to the others", "florence3d", ("florence3d-half",), few=107),
    SmallData(
        "sbu",
        "SBU Kinect Interaction, five folds of pairs of people",
        "sbu",
        tuple(f"sbu-fold{fold}" for fold in range(1, 6)),
        few=227,
        bodies=2,
    ),
)
Adapt = Callable[[RunConfig, SmallData], RunConfig]


def on(config: RunConfig, data: SmallData) -> RunConfig:
    """A configuration on a dataset's split, with its bodies, and mirrored only where sides do not matter."""
    augment = tuple(view.with_changes(mirror=0.0) for view in config.augment) if data.sided else config.augment
    prepare = config.prepare.with_changes(bodies=data.bodies)
    return config.with_changes(split=data.splits[0], augment=augment, prepare=prepare)


def register_small(name: str, what: str, compact: Recipe, adapt: Adapt = on) -> None:
    """Register ``NAME-DATA`` for every small dataset.

    Args:
        name: of the method, in names of recipes.
        what: its first words of the recipes' descriptions.
        compact: its recipe for small stores.
        adapt: makes of it the recipe for a dataset.
    """
    for data in SMALL_DATA:
        _register(name, what, compact, adapt, data)


def _register(name: str, what: str, compact: Recipe, adapt: Adapt, data: SmallData) -> None:
    def recipe() -> RunConfig:
        return adapt(compact(), data)

    recipe.__doc__ = f"{what} on {data.title}."
    recipes.register(f"{name}-{data.name}")(recipe)
