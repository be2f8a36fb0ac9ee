"""``kineme views``: what training shows a model of clips."""

from pathlib import Path
from typing import Annotated

import tyro

from kineme.cli.console import console

Run = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


def views(
    run: Run,
    /,
    *,
    store: Path,
    out: Path = Path("views.png"),
    clips: int = 1,
    ids: tuple[str, ...] = (),
    epoch: int = 0,
    seed: int = 0,
) -> None:
    """Draw clips as they are prepared, and the augmented views that training makes of them.

    Args:
        run: folder of a run, or the name of a recipe.
        store: folder of the store.
        out: picture to write (png, pdf, svg).
        clips: how many, from all classes in turn.
        ids: draw these clips instead.
        epoch: epochs that are done, for views that change as training goes on.
        seed: of the augmentation.
    """
    from kineme.errors import ConfigError
    from kineme.recipes.base import recipe_config, recipes
    from kineme.store import SkeletonStore
    from kineme.train.run_dir import RunDir
    from kineme.viz.contact_sheet import by_id, in_turn
    from kineme.viz.views_figure import drawn_views, views_figure

    for name, value, least in (("clips", clips, 1), ("epoch", epoch, 0), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"--{name} {value}: expected a whole number from {least}")
    is_recipe = run in recipes.names() and not (Path(run) / "run.json").exists()
    config = recipe_config(run) if is_recipe else RunDir.open(run).config
    opened = SkeletonStore.open(store)
    index = by_id(opened, ids) if ids else in_turn(opened.labels, clips)
    shown = drawn_views(
        opened, index, config.prepare, config.augment, share_crop=config.share_crop, epoch=epoch, seed=seed
    )
    console.print(str(views_figure(shown, out, names=opened.ids[index].tolist())), soft_wrap=True)
