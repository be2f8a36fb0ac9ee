"""Tables that can be reproduced: what stands in them, and the experiments behind it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from kineme.errors import StoreError, UnknownNameError
from kineme.methods import ClassifierConfig
from kineme.recipes.base import Published, RunConfig, recipe_config, recipes
from kineme.recipes.small import NUCLA, SMALL_DATA, SmallData
from kineme.reproduce.experiments import Experiment
from kineme.train.config import Precision

SMALL, ABLATIONS = "small", "ablations"
FROZEN = ("linear", "common", "knn")
CONTRASTIVE = ("skeletonclr", "crosclr", "aimclr", "actclr", "stjd_cl")
MASKED = ("mae", "mamp", "stjd_mp", "hacm", "hacm-reference")
SUPERVISED = (
    "supervised-stgcn",
    "supervised-skeleton_transformer",
    "supervised-ball_transformer",
    "supervised-agrnet",
    "supervised-danet",
    "danet",
)
LARGER: Final = ("nucla", "utd-mhad")
"""Small datasets with enough clips for fine-tuning and several streams to tell more than chance."""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Args:
        name: what is measured: a recipe, and what was changed of it.
        data: the dataset or split, as columns and headings name it.
        about: what the dataset is, and how it is divided.
        experiments: one per split; where there are several, accuracies are over the test clips of all.
        protocols: by which it is measured.
        published: numbers to compare with.
    """

    name: str
    data: str
    about: str
    experiments: tuple[Experiment, ...]
    protocols: tuple[str, ...]
    published: tuple[Published, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table by name.

    Args:
        name: by which it is asked for.
        what: a line for those who ask what there is.
        rows: its lines.
    """

    name: str
    what: str
    rows: tuple[Row, ...]

    def only(self, names: Sequence[str], wanted: Sequence[str]) -> "Table":
        """The table's rows of some names, and of these some protocols; everything where none is given.

        Args:
            names: patterns such as ``mamp-*``, of rows.
            wanted: protocols.

        Raises:
            UnknownNameError: a pattern or a protocol that selects nothing.
        """
        for pattern in names:
            if not any(fnmatchcase(row.name, pattern) for row in self.rows):
                raise UnknownNameError(f"row of table {self.name}", pattern, [row.name for row in self.rows])
        there = {protocol for row in self.rows for protocol in row.protocols}
        for protocol in wanted:
            if protocol not in there:
                raise UnknownNameError(f"protocol of table {self.name}", protocol, there)
        chosen = [row for row in self.rows if not names or any(fnmatchcase(row.name, pattern) for pattern in names)]
        cut = [replace(row, protocols=tuple(p for p in row.protocols if not wanted or p in wanted)) for row in chosen]
        return replace(self, rows=tuple(row for row in cut if row.protocols))

    def at_precision(self, precision: Precision) -> "Table":
        """The table with everything trained in a precision."""
        rows = [
            replace(row, experiments=tuple(each.at_precision(precision) for each in row.experiments))
            for row in self.rows
        ]
        return replace(self, rows=tuple(rows))

    def require_stores(self) -> None:
        """Check that there is a store for every experiment.

        Raises:
            StoreError: some are missing, with the commands that make them.
        """
        needed = {one.store for row in self.rows for top in row.experiments for one in _with_sources(top)}
        missing = sorted(path for path in needed if not path.exists())
        if missing:
            how = "; ".join(f"kineme data prepare {path.stem} RAW_FOLDER --out {path}" for path in missing)
            raise StoreError(f"table {self.name} takes stores that are not there; make them with: {how}")


def table_names() -> list[str]:
    """Names of all tables: of small data, of ablations, and one for every method and split with published numbers."""
    configs = [(name, recipe_config(name)) for name in recipes.names()]
    found = {key: None for name, config in configs if config.published for key in _keys(name, config)}
    return [SMALL, ABLATIONS, *sorted(found)]


def get_table(name: str, stores: Path) -> Table:
    """A table.

    Args:
        name: one of `table_names`.
        stores: folder of stores, each named after its dataset: ``nucla.store``.

    Raises:
        UnknownNameError: no such table.
    """
    if name == SMALL:
        return Table(name, "every method on six small datasets, compact recipes", tuple(_small(stores)))
    if name == ABLATIONS:
        return Table(name, "DANet and AgRNet on N-UCLA, one part switched off at a time", tuple(_ablations(stores)))
    rows = tuple(_published(name, stores))
    if not rows:
        raise UnknownNameError("table", name, table_names())
    return Table(name, f"published numbers of {name}", rows)


def _with_sources(experiment: Experiment) -> Iterator[Experiment]:
    yield experiment
    if experiment.source is not None:
        yield from _with_sources(experiment.source)


def _of_recipe(recipe: str, stores: Path) -> Experiment:
    """A recipe on its dataset, from the run of the recipe that its weights are named after."""
    config = recipe_config(recipe)
    weights = config.start.weights
    source = None if weights is None else _of_recipe(Path(weights).name, stores)
    return Experiment(recipe, config, stores / f"{_dataset(recipe, config)}.store", source)


def _dataset(recipe: str, config: RunConfig) -> str:
    for data in SMALL_DATA:
        if recipe.endswith(f"-{data.name}"):
            return data.store
    assert config.split is not None
    return config.split.partition("-")[0]


def _small(stores: Path) -> Iterator[Row]:
    for data in SMALL_DATA:
        for methods, protocols in _families(data):
            for method in methods:
                recipe = f"{method}-{data.name}"
                experiment = _of_recipe(recipe, stores)
                folds = tuple(_on_split(experiment, split) for split in data.splits)
                yield Row(recipe, data.name, data.title, folds, protocols)


def _families(data: SmallData) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Methods, and the protocols that measure them."""
    more = data.name in LARGER
    yield MASKED, (*FROZEN, *(("finetune", "semi10") if more else ()))
    yield CONTRASTIVE, (*FROZEN, *(("fusion-linear", "fusion-knn") if more else ()))
    yield ("agrnet",), FROZEN
    yield SUPERVISED, ("classify",)


def _on_split(experiment: Experiment, split: str) -> Experiment:
    """The experiment on another split, under another name; itself where it is on this one."""
    if split == experiment.config.split:
        return experiment
    source = None if experiment.source is None else _on_split(experiment.source, split)
    config = experiment.config.with_changes(split=split)
    return replace(experiment, name=f"{experiment.name}-{split}", config=config, source=source)


def _keys(recipe: str, config: RunConfig) -> tuple[str, str]:
    """Tables that a recipe with published numbers stands in: its method's, and its split's."""
    assert config.split is not None
    return recipe.partition("-")[0], config.split


def _published(table: str, stores: Path) -> Iterator[Row]:
    for recipe in recipes.names():
        config = recipe_config(recipe)
        if config.published and table in _keys(recipe, config):
            protocols = tuple(dict.fromkeys(number.protocol for number in config.published))
            assert config.split is not None
            yield Row(recipe, config.split, config.split, (_of_recipe(recipe, stores),), protocols, config.published)


Change = Callable[[RunConfig], RunConfig]


def _encoder(**changes: object) -> Change:
    return lambda config: config.with_changes(encoder=config.encoder.with_changes(**changes))


def _method(**changes: object) -> Change:
    return lambda config: config.with_changes(method=config.method.with_changes(**changes))


PARTS: Final[Mapping[str, Mapping[str, Change]]] = {
    "danet-nucla": {
        "no cross-attention": _encoder(cross=False),
        "no consistency": _method(consistency=0.0),
        "neither": lambda config: _method(consistency=0.0)(_encoder(cross=False)(config)),
        "partners are the clips themselves": lambda config: config.with_changes(partner="itself"),
    },
    "agrnet-nucla": {
        "no AAGA": _encoder(aaga=False),
        "no ADGA": _encoder(adga=False),
        "no PFM": _encoder(pfm=False),
    },
}
"""Parts of recipes, and how they are switched off."""


def _ablations(stores: Path) -> Iterator[Row]:
    for recipe, parts in PARTS.items():
        whole = _of_recipe(recipe, stores)
        protocols = ("classify",) if isinstance(whole.config.method, ClassifierConfig) else FROZEN
        yield Row(recipe, "nucla", NUCLA.title, (whole,), protocols)
        for part, change in parts.items():
            name = f"{recipe}-{part.replace(' ', '-')}"
            without = replace(whole, name=name, config=change(whole.config))
            yield Row(f"{recipe}, {part}", "nucla", NUCLA.title, (without,), protocols)
