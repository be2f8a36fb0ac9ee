"""``kineme regions``: which joints of clips a contrastive method looks at, and when."""

from pathlib import Path
from typing import Annotated

import tyro

from kineme.cli.console import console

Run = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


def regions(
    run: Run,
    /,
    *,
    store: Path,
    out: Path = Path("regions.png"),
    clips: int = 2,
    ids: tuple[str, ...] = (),
    turn: float = 0.0,
    seed: int = 0,
    device: str = "cpu",
) -> None:
    """Draw the actionlets of ActCLR or the prime joints of STJD-CL: which joints of clips count, and when.

    Args:
        run: folder of a run; or the name of a recipe, to see its regions before anything is trained.
        store: folder of the store.
        out: picture to write (png, pdf, svg), or animation (gif), as its ending says.
        clips: how many, from all classes in turn.
        ids: draw these clips instead.
        turn: degrees by which to go round the bodies, for motion towards the camera.
        seed: of the other clips of the store, with which ActCLR compares these.
        device: where to compute: cpu, cuda or mps.
    """
    from kineme.cli.run_method import shown_method
    from kineme.viz.drawing_file import require_suffix
    from kineme.viz.regions import region_views
    from kineme.viz.regions_figure import draw_regions

    require_suffix(out)
    shown = shown_method(run, store, clips, ids, seed, device)
    views = region_views(
        shown.method, shown.config, shown.store, shown.index, trained=shown.trained, seed=seed, device=device
    )
    console.print(str(draw_regions(views, out, turn=turn)), soft_wrap=True)
