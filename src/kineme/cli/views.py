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
    from kineme.cli.run_method import chosen_clips, recipe_of, require_numbers
    from kineme.store import SkeletonStore
    from kineme.train.run_dir import RunDir
    from kineme.viz.views_figure import drawn_views, views_figure

    require_numbers(clips=(clips, 1), epoch=(epoch, 0), seed=(seed, 0))
    config = recipe_of(run) or RunDir.open(run).config
    opened = SkeletonStore.open(store)
    index = chosen_clips(opened, clips, ids)
    shown = drawn_views(
        opened, index, config.prepare, config.augment, share_crop=config.share_crop, epoch=epoch, seed=seed
    )
    console.print(str(views_figure(shown, out, names=opened.ids[index].tolist())), soft_wrap=True)
