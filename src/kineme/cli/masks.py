"""``kineme masks``: what a masked method sees, hides and predicts of clips."""

from pathlib import Path
from typing import Annotated

import tyro

from kineme.cli.console import console

Run = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


def masks(
    run: Run,
    /,
    *,
    store: Path,
    out: Path = Path("masks.png"),
    clips: int = 2,
    ids: tuple[str, ...] = (),
    turn: float = 0.0,
    seed: int = 0,
    device: str = "cpu",
) -> None:
    """Draw what a masked method does to clips: what it goes by, what stays visible, and what it predicts of the rest.

    Args:
        run: folder of a run; or the name of a recipe, to see its masks before anything is trained.
        store: folder of the store.
        out: picture to write (png, pdf, svg), or animation (gif), as its ending says.
        clips: how many, from all classes in turn.
        ids: draw these clips instead.
        turn: degrees by which to go round the bodies, for motion towards the camera.
        seed: of the masks.
        device: where to compute: cpu, cuda or mps.
    """
    from kineme.cli.run_method import shown_method
    from kineme.viz.drawing_file import require_suffix
    from kineme.viz.masking import masked_views
    from kineme.viz.masking_file import draw_masks

    require_suffix(out)
    shown = shown_method(run, store, clips, ids, seed, device)
    views = masked_views(
        shown.method, shown.config, shown.store, shown.index, trained=shown.trained, seed=seed, device=device
    )
    console.print(str(draw_masks(views, out, turn=turn)), soft_wrap=True)
