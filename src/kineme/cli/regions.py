"""``kineme regions``: which joints of clips a contrastive method looks at, and when."""

from pathlib import Path
from typing import Annotated

import tyro

from kineme.cli.console import console, require_device

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
    from kineme.cli.run_method import method_of
    from kineme.errors import ConfigError
    from kineme.store import SkeletonStore
    from kineme.viz.contact_sheet import by_id, in_turn
    from kineme.viz.masking_file import require_suffix
    from kineme.viz.regions import region_views
    from kineme.viz.regions_figure import draw_regions

    require_suffix(out)
    require_device(device)
    for name, value, least in (("clips", clips, 1), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"--{name} {value}: expected a whole number from {least}")
    opened = SkeletonStore.open(store)
    method, config, trained = method_of(run, opened)
    index = by_id(opened, ids) if ids else in_turn(opened.labels, clips)
    views = region_views(method, config, opened, index, trained=trained, seed=seed, device=device)
    console.print(str(draw_regions(views, out, turn=turn)), soft_wrap=True)
