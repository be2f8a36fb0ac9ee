"""Writes docs/reference/*.md from the registries: python docs/generate.py [--check]

With --check nothing is written, and the exit status is 1 where a page on disk is not what would be written.
"""

import argparse
import ast
import inspect
import sys
from collections.abc import Callable, Collection, Iterable
from itertools import groupby
from pathlib import Path
from textwrap import dedent
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from kineme.cli import COMMANDS
from kineme.config import Config
from kineme.datasets import datasets
from kineme.encoders import encoders
from kineme.evaluate.config import (
    ClassifyConfig,
    FeatureConfig,
    FineTuneConfig,
    LinearProbeConfig,
    NeighbourConfig,
    RefineConfig,
)
from kineme.evaluate.protocols import protocols
from kineme.exporters import exporters
from kineme.importers import importers
from kineme.layout import Layout
from kineme.methods import methods
from kineme.recipes.base import RunConfig, recipe_config, recipes
from kineme.recipes.ledger import Entry, disagreements, in_order, published_entries
from kineme.splits import FAMILIES, SPLITS, ListedSplit, Split
from kineme.train.config import Start, Subset, TrainConfig
from kineme.transforms import Augmentation, Preparation

DOCS = Path(__file__).parent
FOLDER = DOCS / "reference"
NOTE = "<!-- Written by docs/generate.py from the registries; edit the docstrings there, not this page. -->"


def recipes_page() -> str:
    """Every recipe with its sizes and published numbers."""
    configs = {name: recipe_config(name) for name, _ in recipes.items()}
    sources = list(dict.fromkeys(number.source for config in configs.values() for number in config.published))
    rows = [_recipe_row(name, config, sources) for name, config in configs.items()]
    head = ("recipe", "what", "split", "window", "encoder", "epochs", "batch", "published, %")
    notes = "\n".join(f"{i}. {source}" for i, source in enumerate(sources, start=1))
    return f"""\
# Recipes

A recipe is a function that returns a complete configuration. `kineme pretrain RECIPE --help` lists every setting of
one, `kineme pretrain RECIPE --dry-run` prints it as JSON.

{_table(head, rows)}

Encoder: width x depth, and frames per token; of ST-GCN and DANet, features of the first and the last block; of AgRNet,
of attention and of the recurrent part. Split "all clips": trains on the whole store, and evaluation asks for a split.

Published: top-1 accuracy as the papers report it, on the full dataset: of the linear probe, of `kineme finetune`, and
with a hundredth and a tenth of the labels (semi1, semi10). `fusion-linear` is of three frozen streams together,
`fused` of fine-tuned ones. What we measured is in [Benchmarks](../benchmarks.md).

Sources:

{notes}
"""


def methods_page() -> str:
    """Every method with its settings."""
    parts = [_method_part(name, kind.Config) for name, kind in methods.items()]
    return "# Methods\n\nSettings are given as `--method.NAME VALUE` on the command line.\n\n" + "\n".join(parts)


def settings_page() -> str:
    """Every other setting of a run."""
    groups: list[tuple[str, type[Config]]] = [
        *((f"encoder ({name})", kind.Config) for name, kind in encoders.items()),
        ("prepare", Preparation),
        ("augment", Augmentation),
        ("train", TrainConfig),
        ("start", Start),
        ("subset", Subset),
        ("features", FeatureConfig),
        ("probe", LinearProbeConfig),
        ("knn", NeighbourConfig),
        ("refine", RefineConfig),
        ("classify", ClassifyConfig),
        ("finetune", FineTuneConfig),
    ]
    parts = [f"## {title}\n\n{_summary(config)}\n\n{_settings_table(config)}\n" for title, config in groups]
    intro = """\
Settings of a run, next to those of its [method](methods.md). On the command line they are dotted names, as in
`--train.epochs 100`; in `run.json` they are nested objects. The defaults are those of MAMP on NTU RGB+D 60; a
[recipe](recipes.md) may have others. `augment` is a list with one entry per view that the method wants. `finetune` is
what `kineme finetune` makes of a run; there its `method` and `train` are set as those of the training.
"""
    return f"# Settings\n\n{intro}\n" + "\n".join(parts)


def datasets_page() -> str:
    """Every dataset that `kineme data prepare` reads."""
    rows = []
    for name, kind in datasets.items():
        dataset = kind()
        counts = (str(len(dataset.classes)), str(len(dataset.listed_missing) or ""))
        how = ", ".join(f"`{preparation}`" for preparation in dataset.preparations)
        rows.append(
            (_linked(name, "datasets"), _summary(kind), f"`{dataset.layout_name}`", f"`{kind.example}`", *counts, how)
        )
    head = ("name", "what", "layout", "raw files", "classes", "listed as missing", "preparations")
    return f"""\
# Datasets

What `kineme data check` and `kineme data prepare` read. Recordings of your own: [Formats](formats.md) and
[Your own data](../own-data.md).

{_table(head, rows)}
"""


def formats_page() -> str:
    """Every format that can be imported or exported."""
    imports = [
        (
            _linked(name, "importing"),
            f"`{kind.suffix}`",
            _summary(kind),
            f"`{kind.layout_name}`" if kind.layout_name else "",
        )
        for name, kind in importers.items()
    ]
    exports = [(f"`{name}`", _summary(exporter)) for name, exporter in exporters.items()]
    return f"""\
# Formats

## Import

`kineme data import PATH --out STORE`; see [Your own data](../own-data.md). A format without a layout of its own needs
`--layout`.

{_table(("format", "files", "what", "layout"), imports)}

## Export

`kineme data export STORE --format FORMAT --split SPLIT --out OUT`; see [Export](../export.md).

{_table(("format", "what"), exports)}
"""


def layouts_page() -> str:
    """Every built-in layout with its joints in order."""
    parts = []
    for name in Layout.names():
        layout = Layout.get(name)
        facts = (
            f"{layout.num_joints} joints, unit {layout.unit}, up {layout.up}, centred on {', '.join(layout.origin)}."
        )
        joints = " ".join(f"{v} {joint}," for v, joint in enumerate(layout.joints)).rstrip(",")
        rows = [(part, ", ".join(members)) for part, members in layout.parts]
        picture = f"![joints of {name}](../images/layouts/{name}.png)"
        parts.append(f"## {name}\n\n{facts}\n\n{joints}\n\n{picture}\n\n{_table(('part', 'joints'), rows)}\n")
    return (
        "# Built-in layouts\n\nWhat a layout is and how to write one: [Joint layouts](../layouts.md).\n\n"
        + "\n".join(parts)
    )


def protocols_page() -> str:
    """Every way to evaluate, and every split."""
    rows = [(f"`{name}`", f"`{name}@{kind.version}`", _description(kind)) for name, kind in protocols.items()]
    splits = [_split_row(name, split) for name, split in SPLITS.items()]
    families = [(f"`{name}`", ", ".join(f"`{split}`" for split in members)) for name, members in FAMILIES.items()]
    return f"""\
# Protocols and splits

`kineme eval linear RUN --store STORE`, and so for each protocol. How results are selected and controlled:
[Evaluation](../evaluation.md).

{_table(("protocol", "version", "what"), rows)}

## Splits

{_table(("split", "goes by", "train", "test", "unused"), splits)}

## Families of splits

`kineme folds RECIPE --family NAME` trains and measures on every one of them.

{_table(("family", "splits"), families)}
"""


def published_page() -> str:
    """The ledger: every published accuracy by dataset and split, and where sources disagree."""
    entries = in_order(published_entries())
    sources = list(dict.fromkeys(entry.source for entry in published_entries()))
    parts = []
    for split, numbers in groupby(entries, key=lambda entry: entry.split):
        rows = [_published_row(entry, sources) for entry in numbers]
        head = ("method", "protocol", "stream", "top-1, %", "source", "certainty", "epoch", "remarks")
        parts.append(f"## {split}\n\n{_table(head, rows)}\n")
    disputed = [_disputed_row(same, sources) for same in disagreements(entries)]
    notes = "\n".join(f"{i}. {source}" for i, source in enumerate(sources, start=1))
    tables = "\n".join(parts)
    return f"""\
# Published numbers

Top-1 accuracies as papers report them, on the full datasets; `kineme published METHOD` lists those of one method. Names
in `code` are [methods](methods.md) of kineme; the others are here to compare with.

Certainty: "read" is from the authors' own page, README, paper or log, "quoted" from another paper's table or a list,
"notes" from somebody's notes on the paper. Epoch: "best_test" where the authors' code keeps the best epoch on the test
clips, or a log tells so; "last" where a log tells so. `fusion-linear` is of several frozen streams together, `fused` of
fine-tuned ones; stream "multi" is one encoder that takes several inputs at once.

{tables}
## Where sources disagree

The same number, by more than rounding.

{_table(("method", "split", "protocol", "stream", "values, %", "remarks"), disputed)}

## Sources

{notes}
"""


def commands_page() -> str:
    """Every command."""
    rows = [(f"`kineme {name}`", what) for name, (_, what) in COMMANDS.items()]
    return f"# Commands\n\nHow they are used: [Command line](../cli.md).\n\n{_table(('command', 'what'), rows)}\n"


PAGES: dict[str, Callable[[], str]] = {
    "recipes": recipes_page,
    "methods": methods_page,
    "settings": settings_page,
    "datasets": datasets_page,
    "formats": formats_page,
    "layouts": layouts_page,
    "protocols": protocols_page,
    "published": published_page,
    "commands": commands_page,
}


def _published_row(entry: Entry, sources: list[str]) -> tuple[str, ...]:
    source = f"[{sources.index(entry.source) + 1}]"
    name, protocol = _published_name(entry), f"`{entry.protocol}`"
    sure = (entry.certainty, entry.selection, entry.remarks)
    return (name, protocol, entry.stream, str(entry.value), source, *sure)


def _disputed_row(same: tuple[Entry, ...], sources: list[str]) -> tuple[str, ...]:
    first = same[0]
    values = ", ".join(f"{entry.value} [{sources.index(entry.source) + 1}]" for entry in same)
    return (_published_name(first), first.split, f"`{first.protocol}`", first.stream, values, first.remarks)


def _published_name(entry: Entry) -> str:
    return f"{entry.method} ({entry.foreign})" if entry.foreign else f"`{entry.method}`"


def _split_row(name: str, split: Split | ListedSplit) -> tuple[str, ...]:
    if isinstance(split, Split):
        return (f"`{name}`", split.field, _numbers(split.train), _numbers(split.test), _numbers(split.unused))
    if split.rule is None:
        return (f"`{name}`", f"list in {split.file}", "", "", "")
    _, field, *sides = _split_row(name, split.rule)
    return (f"`{name}`", f"list in {split.file}, or else {field}", *sides)


def _recipe_row(name: str, config: RunConfig, sources: list[str]) -> tuple[str, ...]:
    train = config.train
    split = "all clips" if config.split is None else f"`{config.split}`"
    by_protocol: dict[str, list[str]] = {}
    for number in config.published:
        by_protocol.setdefault(number.protocol, []).append(f"{number.value} [{sources.index(number.source) + 1}]")
    numbers = "; ".join(f"{protocol} {', '.join(values)}" for protocol, values in by_protocol.items())
    what = _summary(recipes.get(name)).rstrip(".")
    sizes = (
        str(config.prepare.window),
        _encoder_size(config.encoder.model_dump()),
        str(train.epochs),
        str(train.batch_size),
    )
    return (f"`{name}`", what, split, *sizes, numbers)


def _encoder_size(encoder: dict[str, Any]) -> str:
    if "segment" in encoder:
        return f"{encoder['width']} x {encoder['depth']}, {encoder['segment']}"
    if "widths" in encoder:
        return f"{encoder['widths'][0]} to {encoder['widths'][-1]}"
    first = "hidden_channels" if "hidden_channels" in encoder else "width"
    last = "hidden" if "hidden" in encoder else "width"
    return f"{encoder[first]} to {encoder[last]}"


def _method_part(name: str, config: type[Config]) -> str:
    module = inspect.getmodule(methods.get(name))
    about = inspect.getdoc(module) or ""
    mine = [f"`{recipe}`" for recipe, _ in recipes.items() if recipe_config(recipe).method.name == name]
    recipe_names = ", ".join(mine) or "none"
    return f"## {_linked(name, 'methods')}\n\n{about}\n\nRecipes: {recipe_names}.\n\n{_settings_table(config)}\n"


def _linked(name: str, folder: str) -> str:
    """A name, linked to the page written about it; ``ntu.md`` is about ntu60 and ntu120."""
    pages = [page.stem for page in sorted((DOCS / folder).glob("*.md")) if name.startswith(page.stem)]
    return f"[{name}](../{folder}/{pages[0]}.md)" if pages else name


def _settings_table(config: type[Config]) -> str:
    texts = _field_texts(config)
    rows = [
        (f"`{name}`", f"`{field.default}`", _type_name(field.annotation), " ".join(texts.get(name, "").split()))
        for name, field in config.model_fields.items()
        if name != "name"
    ]
    return _table(("setting", "default", "type", "meaning"), rows)


def _field_texts(config: type[Config]) -> dict[str, str]:
    """Docstrings below the fields of a configuration and of its bases."""
    texts: dict[str, str] = {}
    for cls in reversed(config.__mro__):
        if not issubclass(cls, Config):
            continue
        body = ast.parse(dedent(inspect.getsource(cls))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                texts[ast.unparse(field.target)] = ast.literal_eval(text.value)
    return texts


def _type_name(annotation: Any) -> str:
    """A type as a reader would write it; bounds are left to the error messages."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(inner[0])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in inner)
    if origin is tuple:
        return " ".join("..." if part is ... else _type_name(part) for part in inner)
    if origin in (Union, UnionType):
        return " or ".join(_type_name(part) for part in inner)
    return "None" if annotation is NoneType else annotation.__name__


def _summary(thing: object) -> str:
    """First paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def _description(thing: object) -> str:
    """Whole docstring on one line."""
    return " ".join((inspect.getdoc(thing) or "").split())


def _numbers(values: Collection[int]) -> str:
    """Numbers with runs of three and more shortened to their ends."""
    if isinstance(values, range) and values.step == 2:
        return "odd" if values.start % 2 else "even"
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> int:
    """Write or compare every page; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        file, text = FOLDER / f"{name}.md", f"{NOTE}\n\n{page()}"
        if check and (not file.exists() or file.read_text(encoding="utf-8") != text):
            stale.append(file.name)
        elif not check:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
    if stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; write them again with: python docs/generate.py\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
