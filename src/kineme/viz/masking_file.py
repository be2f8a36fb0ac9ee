"""What a masked method does to clips, drawn into a file whose suffix says how."""

from collections.abc import Sequence
from pathlib import Path

from kineme.errors import ConfigError
from kineme.viz.masking import BodyView, MaskedView
from kineme.viz.masking_animation import masking_animation
from kineme.viz.masking_figure import masking_figure

PICTURES, ANIMATIONS = (".png", ".pdf", ".svg"), (".gif",)


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
    require_suffix(file)
    require_somebody(views)
    draw = masking_animation if Path(file).suffix in ANIMATIONS else masking_figure
    return draw(views, file, turn=turn)


def require_somebody(views: Sequence[BodyView]) -> None:
    """Check that there is something to draw.

    Raises:
        ConfigError: there is not.
    """
    if not views:
        raise ConfigError("nobody is in these clips; kineme data info STORE tells what is in a store")


def require_suffix(file: str | Path) -> None:
    """Check that something can be drawn into a file with such a name.

    Raises:
        ConfigError: it cannot.
    """
    if Path(file).suffix not in PICTURES + ANIMATIONS:
        raise ConfigError(
            f"{file}: cannot draw into such a file; a picture ends in {', '.join(PICTURES)}, "
            f"an animation in {', '.join(ANIMATIONS)}"
        )
