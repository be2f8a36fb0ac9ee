"""What a masked method does to clips, drawn into a file whose suffix says how."""

from collections.abc import Sequence
from pathlib import Path

from kineme.viz.drawing_file import drawn
from kineme.viz.masking import MaskedView
from kineme.viz.masking_animation import masking_animation
from kineme.viz.masking_figure import masking_figure


def draw_masks(views: Sequence[MaskedView], file: str | Path, *, turn: float = 0.0) -> Path:
    """Draw views into a picture or an animation, as the suffix of the file says.

    Args:
        views: what `masked_views` returned.
        file: where to write: .png, .pdf or .svg for a picture, .gif for an animation.
        turn: degrees by which the viewer goes round the bodies.

    Returns:
        The file.

    Raises:
        ConfigError: another suffix, nothing to draw, or matplotlib is not installed.
    """
    return drawn(views, file, masking_figure, masking_animation, turn=turn)
