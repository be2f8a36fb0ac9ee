"""``kineme recipes``, ``layouts``, ``datasets`` and ``formats``: what there is to choose from."""

from rich.table import Table

from kineme.cli.console import console


def recipes() -> None:
    """List every recipe: method, split and the published accuracies, where there are any."""
    from kineme.recipes.base import recipe_config
    from kineme.recipes.base import recipes as registry

    table = Table("recipe", "what", "split", "published (top-1 %)")
    for name, recipe in registry.items():
        config = recipe_config(name)
        numbers = ", ".join(f"{number.protocol} {number.value} ({number.source})" for number in config.published)
        table.add_row(name, _first_line(recipe), config.split or "all clips", numbers)
    console.print(table)


def layouts() -> None:
    """List the built-in joint layouts."""
    from kineme.layout import Layout

    table = Table("layout", "joints", "unit", "up", "names")
    for name in Layout.names():
        layout = Layout.get(name)
        table.add_row(name, str(layout.num_joints), layout.unit, layout.up, " ".join(layout.joints))
    console.print(table)


def datasets() -> None:
    """List the datasets whose raw downloads kineme reads."""
    from kineme.datasets import datasets as registry

    table = Table("dataset", "classes", "layout", "what")
    for name, kind in registry.items():
        dataset = kind()
        table.add_row(name, str(len(dataset.classes)), dataset.layout_name, _first_line(kind))
    console.print(table)


def formats() -> None:
    """List the formats that can be imported and exported."""
    from kineme.exporters import exporters
    from kineme.importers import importers

    table = Table("import", "files", "layout", "what")
    for name, kind in importers.items():
        table.add_row(name, kind.suffix, kind.layout_name or "give --layout", _first_line(kind))
    console.print(table)
    table = Table("export", "what")
    for name, exporter in exporters.items():
        table.add_row(name, _first_line(exporter))
    console.print(table)


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").splitlines()[0]
