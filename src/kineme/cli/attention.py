"""``kineme attention``: which joints of clips receive a network's attention, and when."""

from pathlib import Path
from typing import Annotated

import tyro

from kineme.cli.console import console

Run = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


def attention(
    run: Run,
    /,
    *,
    store: Path,
    out: Path = Path("attention.png"),
    clips: int = 2,
    ids: tuple[str, ...] = (),
    views: bool = False,
    turn: float = 0.0,
    device: str = "cpu",
) -> None:
    """Draw which joints of clips receive attention, and when: of any network whose encoder has attention.

    Args:
        run: folder of a run; or the name of a recipe, to see its attention before anything is trained.
        store: folder of the store.
        out: picture to write (png, pdf, svg), or animation (gif), as its ending says.
        clips: how many, from all classes in turn.
        ids: draw these clips instead.
        views: draw each clip as every camera saw it, one below the other.
        turn: degrees by which to go round the bodies, for motion towards the camera.
        device: where to compute: cpu, cuda or mps.
    """
    from kineme.cli.run_method import shown_method
    from kineme.viz.drawing_file import require_suffix
    from kineme.viz.relevance import all_cameras, relevance_views
    from kineme.viz.relevance_figure import draw_relevance

    require_suffix(out)
    shown = shown_method(run, store, clips, ids, 0, device)
    index = all_cameras(shown.store, shown.index) if views else shown.index
    found = relevance_views(shown.method, shown.config, shown.store, index, trained=shown.trained, device=device)
    console.print(str(draw_relevance(found, out, turn=turn)), soft_wrap=True)
