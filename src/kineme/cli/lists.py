"""``kineme recipes`` and ``kineme layouts``: what there is to choose from."""

from rich.table import Table

from kineme.cli.console import console


def recipes() -> None:
    """List every recipe: method, split and the published linear-probe accuracy, where there is one."""
    from kineme.recipes.base import recipe_config
    from kineme.recipes.base import recipes as registry

    table = Table("recipe", "what", "split", "published (linear, top-1 %)")
    for name, recipe in registry.items():
        config = recipe_config(name)
        numbers = ", ".join(f"{number.value} ({number.source})" for number in config.published)
        table.add_row(name, (recipe.__doc__ or "").splitlines()[0], config.split or "all clips", numbers)
    console.print(table)


def layouts() -> None:
    """List the built-in joint layouts."""
    from kineme.layout import Layout

    table = Table("layout", "joints", "unit", "up", "names")
    for name in Layout.names():
        layout = Layout.get(name)
        table.add_row(name, str(layout.num_joints), layout.unit, layout.up, " ".join(layout.joints))
    console.print(table)
