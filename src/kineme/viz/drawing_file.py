"""Views drawn into a file whose suffix says how: a picture or an animation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from kineme.errors import ConfigError
from kineme.viz.body_views import BodyView

PICTURES, ANIMATIONS = (".png", ".pdf", ".svg"), (".gif",)

View = TypeVar("View", bound=BodyView, contravariant=True)


class Draw(Protocol[View]):
    """Draws views into a file, seen from as many degrees round the bodies, and returns the file."""

    def __call__(self, views: Sequence[View], file: str | Path, *, turn: float) -> Path: ...


def drawn(views: Sequence[View], file: str | Path, picture: Draw[View], animation: Draw[View], *, turn: float) -> Path:
    """Draw views as the suffix of the file says; returns the file.

    Raises:
        ConfigError: another suffix, or nothing to draw.
    """
    require_suffix(file)
    if not views:
        raise ConfigError("nobody is in these clips; kineme data info STORE tells what is in a store")
    draw = animation if Path(file).suffix in ANIMATIONS else picture
    return draw(views, file, turn=turn)


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


def require_picture(file: str | Path) -> None:
    """Check that a picture can be drawn into a file with such a name.

    Raises:
        ConfigError: it cannot.
    """
    if Path(file).suffix not in PICTURES:
        raise ConfigError(f"{file}: cannot draw into such a file; a picture ends in {', '.join(PICTURES)}")
